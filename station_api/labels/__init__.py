"""Labels: what scanners read off paper and parts, and the symbol of a work order.

In: the content of a bar code, as any scanner sends it. Out: what it names, a work order or a
serial, or one clear line. Pure but for the printing: no scanner and no database is known here.
"""

from station_api.labels.contents import Kind, Label, read_label
from station_api.labels.order_symbol import write_symbol

__all__ = ["Kind", "Label", "read_label", "write_symbol"]
