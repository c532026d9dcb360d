"""One process of a station writes its records; commands beside it ask that process to write.

In: what a command wants recorded, by name and fields (`deeds`). Out: what recording it returned.
Who holds the station's lock to stay (the service, ``pinmark mark``) answers on a Unix socket in the
station's folder (`answering`); a command asks there, or holds the lock while it writes (`asking`).

Theory of operation
-------------------
Stock SQLite 3.7.0 to 3.51.2 can corrupt a WAL file that two connections write or checkpoint at
once. So a connection that writes is opened under the station's lock and nowhere else
(`records.database.Database.may_write`), and every deed goes one of two ways::

    lock free: take it, open the connection, do the deed, close the connection, let it go
    lock held: send the deed to the holder, who does it in a transaction of its own writer

Both run the same function on the same fields. A deed bears a random key that is kept with what it
returned, in its transaction: if the holder dies before its answer arrives, the command does the
deed itself with the same key, and what was already recorded is not recorded twice.
"""

from station_api.one_writer.answering import taking_deeds
from station_api.one_writer.asking import put

__all__ = ["put", "taking_deeds"]
