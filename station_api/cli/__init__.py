"""The `pinmark` command: one file a group of commands, `shell` for what they share.

Exit codes: 0 done; 1 the mark is bad; 2 the input is bad; 3 the state is unknown.
"""

from station_api.cli.app import main

__all__ = ["main"]
