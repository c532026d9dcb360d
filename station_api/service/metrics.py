"""What a monitoring system asks: Prometheus text, counted when it is asked for.

In: records, sessions, streams, the engraver, the machine. Out: exposition format 0.0.4. No serials,
no names, no codes: metrics leave the house. packaging/prometheus has alert rules for them.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import sqlalchemy as sa
from prometheus_client import CollectorRegistry, Counter, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric

from station_api.configuration import read_here
from station_api.doctor.kept import newest_backup_us, newest_record_us
from station_api.key_backup import noted_backup
from station_api.people.sessions import Sessions
from station_api.records import Records, now_us
from station_api.records.clock import wall_source
from station_api.records.tables import marks
from station_api.service.circulation import Circulation
from station_api.service.live import Live
from station_api.service.runner import Runner


class Metrics:
    """The figures of one service."""

    def __init__(
        self,
        records: Records,
        sessions: Sessions,
        live: Live,
        runner: Runner,
        home: Path,
        circulation: Circulation,
    ) -> None:
        self._sources = (records, sessions, live, runner)
        self._home = home
        self._circulation = circulation
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "pinmark_requests", "HTTP requests", ["method", "status"], registry=self.registry
        )
        ProcessCollector(registry=self.registry)
        self.registry.register(self)

    def collect(self) -> Iterator[Metric]:
        """Yield the figures that are read when asked for."""
        records, sessions, live, runner = self._sources
        yield GaugeMetricFamily("pinmark_log_entries", "entries of the log", records.size())
        yield GaugeMetricFamily("pinmark_commits", "durable commits", records.writer.commits)
        yield GaugeMetricFamily("pinmark_sessions", "people signed in", sessions.count())
        yield GaugeMetricFamily("pinmark_streams", "event streams open", live.listeners())
        yield GaugeMetricFamily("pinmark_engraver_busy", "1 while a pin is marked", runner.busy())
        states = GaugeMetricFamily("pinmark_marks", "marks by state", labels=["state"])
        query = sa.select(marks.c.state, sa.func.count()).group_by(marks.c.state)
        with records.database.reading.connect() as connection:
            for state, count in connection.execute(query):
                states.add_metric([state], count)
        yield states
        yield from self._machine(records)
        yield from self._witnesses()

    def _machine(self, records: Records) -> Iterator[Metric]:
        """What the station rests on: the figures behind the doctor's findings that change."""
        named = ["version", "database"]
        build = GaugeMetricFamily("pinmark_build", "1, with what runs here", labels=named)
        engine = records.database.version().partition(";")[0]
        build.add_metric([version("pinmark"), engine], 1)
        yield build
        free = shutil.disk_usage(self._home).free
        yield GaugeMetricFamily("pinmark_disk_free_bytes", "room where the records are", free)
        synchronised = wall_source() == "system/synchronised"
        yield GaugeMetricFamily(
            "pinmark_clock_synchronised", "1 if the kernel knows of a time source", synchronised
        )
        now, newest = now_us(), newest_record_us(records)
        behind_s = 0.0 if newest is None else max(0.0, (newest - now) / 1e6)
        told = "how far the clock stands before the newest record"
        yield GaugeMetricFamily("pinmark_clock_behind_seconds", told, behind_s)
        noted = noted_backup(self._home) is not None
        yield GaugeMetricFamily("pinmark_key_backup_noted", "1 if the log key was copied", noted)
        keys = read_here().settings.backup
        taken = newest_backup_us(keys.folder, records.station) if keys.folder else None
        if taken is not None:
            age_s = (now - taken) / 1e6
            yield GaugeMetricFamily("pinmark_backup_age_seconds", "age of the newest backup", age_s)

    def _witnesses(self) -> Iterator[Metric]:
        """How far each witness cosigned, when, and whether it says that the log is false."""
        size = GaugeMetricFamily(
            "pinmark_witness_size", "entries that a witness cosigned", labels=["witness"]
        )
        age = GaugeMetricFamily(
            "pinmark_witness_cosigned_seconds",
            "when a witness cosigned last, s since 1970",
            labels=["witness"],
        )
        trouble = GaugeMetricFamily(
            "pinmark_witness_state", "1 for how a witness answered", labels=["witness", "state"]
        )
        for one in self._circulation.states():
            size.add_metric([one["witness"]], one["size"])
            age.add_metric([one["witness"]], one["at_s"])
            trouble.add_metric([one["witness"], one["state"]], 1)
        yield from (size, age, trouble)

    def text(self) -> bytes:
        """Return the exposition."""
        return bytes(generate_latest(self.registry))
