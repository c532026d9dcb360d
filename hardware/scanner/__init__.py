"""A station's own scanners of bar codes: serial lines and HID devices behind one protocol.

In: a device. Out: a `Scanner` that gives one text a scan. What the text means is not known here.
"""

from hardware.scanner.hid import HidScanner
from hardware.scanner.reading import Scanner
from hardware.scanner.serial_line import SerialScanner

__all__ = ["HidScanner", "Scanner", "SerialScanner"]
