"""The station looked after from a page: the doctor, backups, a bundle for support.

In: the running service's records, key and engraver. Out: checks, backups, a zip. One at a time; the
controller is asked only while no pin is being marked, and no pin is begun meanwhile.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from station_api.backups import Kept, Taken, back_up, backup_folder, list_backups
from station_api.configuration import read_here
from station_api.doctor import Check, Place, examine
from station_api.log import issue_checkpoint
from station_api.records import Records
from station_api.service.problems import BusyError
from station_api.service.runner import Runner
from station_api.support_bundle import make_bundle
from station_api.tidying import tidy_at_start
from station_api.transparency.note import SignerKey

Around = Callable[[], dict[str, Any]]
"""How the service sees what only it may have open: ``panel``, ``scanners``, ``witnesses``."""

MARKING = "not asked: a pin is being marked"
NOT_ASKED = "not asked this time"


class Upkeep:
    """What an administrator asks of a running station."""

    def __init__(
        self,
        home: Path,
        records: Records,
        runner: Runner,
        signer: SignerKey,
        around: Around = dict,
    ) -> None:
        self._home, self._records, self._runner, self._signer = home, records, runner, signer
        self._around = around
        self._turn = threading.Lock()
        self._looked: dict[bool, tuple[float, list[Check]]] = {}

    def checks(self, *, ask_controller: bool = True) -> list[Check]:
        """Look at everything the station rests on.

        Whoever waited while another looked gets what was found by the first look begun since, so
        that many screens cost no more than two looks.
        """
        asked_s = time.monotonic()
        with self._turn:
            begun_s, found = self._looked.get(ask_controller, (-math.inf, []))
            if begun_s < asked_s:
                begun_s, found = time.monotonic(), self._look(ask_controller)
                self._looked[ask_controller] = begun_s, found
            return found

    def _look(self, ask_controller: bool) -> list[Check]:
        if not ask_controller:
            return examine(self._place(NOT_ASKED))
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
            note = issue_checkpoint(self._records, [self._signer], self._home)
            return back_up(self._records, self._home, note, [self._signer.verifier()], folder)

    def tidy(self) -> None:
        """Put away what a crash left; nothing that may be evidence is deleted."""
        tidy_at_start(self._home, self._records, read_here().settings)

    def bundle(self) -> bytes:
        """Return a support bundle, a zip without secrets or serials."""
        place = self._place(MARKING if self._runner.busy() else "not asked for a bundle")
        with self._turn:
            return make_bundle(place, examine(place))

    def _place(self, port_taken: str) -> Place:
        return Place(
            self._home, read_here(), self._records,
            signer=self._signer, port=self._runner.port, port_taken=port_taken, **self._around(),
        )  # fmt: skip
