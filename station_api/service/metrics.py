"""What a monitoring system asks: Prometheus text, counted when it is asked for.

In: records, sessions, streams, the engraver. Out: exposition format 0.0.4. No serials, no names,
no codes: metrics leave the house.
"""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa
from prometheus_client import CollectorRegistry, Counter, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric

from station_api.people.sessions import Sessions
from station_api.records import Records
from station_api.records.tables import marks
from station_api.service.live import Live
from station_api.service.runner import Runner


class Metrics:
    """The figures of one service."""

    def __init__(self, records: Records, sessions: Sessions, live: Live, runner: Runner) -> None:
        self._sources = (records, sessions, live, runner)
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "pinmark_requests", "HTTP requests", ["method", "status"], registry=self.registry
        )
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

    def text(self) -> bytes:
        """Return the exposition."""
        return bytes(generate_latest(self.registry))
