"""Write packaging/grafana/pinmark.json: a dashboard of one panel a question.

In: nothing. Out: the file. Run it after a change of the table below.
"""

from __future__ import annotations

import json
from pathlib import Path

TARGET = Path(__file__).resolve().parent.parent / "packaging" / "grafana" / "pinmark.json"
PANELS = (
    ("Marks verified today", "stat", 'delta(pinmark_marks{state="verified"}[1d])', "short"),
    ("Marks in doubt", "stat", 'pinmark_marks{state="unknown"}', "short"),
    ("Rejected in an hour", "stat", 'delta(pinmark_marks{state="rejected"}[1h])', "short"),
    ("Age of the newest backup", "stat", "pinmark_backup_age_seconds", "s"),
    ("Marks by state", "timeseries", "pinmark_marks", "short"),
    ("Engraver busy", "timeseries", "avg_over_time(pinmark_engraver_busy[10m])", "percentunit"),
    ("Requests a second", "timeseries",
     "sum by (status) (rate(pinmark_requests_total[5m]))", "reqps"),
    ("Durable commits a second", "timeseries", "rate(pinmark_commits[5m])", "ops"),
    ("Memory", "timeseries", 'process_resident_memory_bytes{job="pinmark"}', "bytes"),
    ("Processor", "timeseries",
     'rate(process_cpu_seconds_total{job="pinmark"}[5m])', "percentunit"),
    ("Room on the disk", "timeseries", "pinmark_disk_free_bytes", "bytes"),
    ("Clock behind the newest record", "timeseries", "pinmark_clock_behind_seconds", "s"),
    ("People signed in", "timeseries", "pinmark_sessions", "short"),
    ("Screens open", "timeseries", "pinmark_streams", "short"),
)  # fmt: skip


def main() -> None:
    """Write the file."""
    panels = [_panel(number, *panel) for number, panel in enumerate(PANELS)]
    board = {
        "title": "pinmark",
        "uid": "pinmark",
        "schemaVersion": 39,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-12h", "to": "now"},
        "templating": {"list": [{"name": "source", "type": "datasource", "query": "prometheus"}]},
        "panels": panels,
    }
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(json.dumps(board, indent=1) + "\n", "utf-8")


def _panel(number: int, title: str, kind: str, expression: str, unit: str) -> dict[str, object]:
    source = {"type": "prometheus", "uid": "${source}"}
    wide = 6 if kind == "stat" else 12
    below = (4 + (number - 4) // 2 * 8, number % 2 * 12)
    row, column = (0, number * 6) if kind == "stat" else below
    return {
        "id": number + 1,
        "title": title,
        "type": kind,
        "datasource": source,
        "gridPos": {"x": column, "y": row, "w": wide, "h": 4 if kind == "stat" else 8},
        "fieldConfig": {"defaults": {"unit": unit}, "overrides": []},
        "targets": [{"refId": "A", "datasource": source, "expr": expression}],
    }


if __name__ == "__main__":
    main()
