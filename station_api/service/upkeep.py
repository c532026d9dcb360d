"""The station looked after from a page: the doctor, backups, a bundle for support.

In: the running service's records, key and engraver. Out: checks, backups, a zip. One at a time; the
controller is asked only while no pin is being marked, and no pin is begun meanwhile.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

from station_api.backups import Kept, Taken, back_up, backup_folder, list_backups
from station_api.configuration import read_here
from station_api.doctor import Check, Place, examine
from station_api.records import Records
from station_api.service.problems import BusyError
from station_api.service.runner import Runner
from station_api.support_bundle import make_bundle
from station_api.transparency.note import SignerKey

MARKING = "not asked: a pin is being marked"


class Upkeep:
    """What an administrator asks of a running station."""

    def __init__(self, home: Path, records: Records, runner: Runner, signer: SignerKey) -> None:
        self._home, self._records, self._runner, self._signer = home, records, runner, signer
        self._turn = threading.Lock()

    def checks(self) -> list[Check]:
        """Look at everything the station rests on."""
        with self._turn:
            try:
                return self._runner.while_idle(lambda: examine(self._place("")))
            except BusyError:
                return examine(self._place(MARKING))

    def backups(self) -> Sequence[Kept]:
        """Return the backups there are, newest first; none where no folder is configured."""
        folder = read_here().settings.backup.folder
        return [] if folder is None else list_backups(folder, self._records.station)

    def back_up(self) -> Taken:
        """Take a backup now, into the configured folder.

        Raises
        ------
        InputError
            If no folder is configured.
        StorageError
            If the disk refuses.
        """
        folder = backup_folder()
        with self._turn:
            return back_up(self._records, self._home, self._signer, folder)

    def bundle(self) -> bytes:
        """Return a support bundle, a zip without secrets or serials."""
        place = self._place(MARKING if self._runner.busy() else "not asked for a bundle")
        with self._turn:
            return make_bundle(place, examine(place))

    def _place(self, port_taken: str) -> Place:
        return Place(
            self._home, read_here(), self._records,
            signer=self._signer, port=self._runner.port, port_taken=port_taken,
        )  # fmt: skip
