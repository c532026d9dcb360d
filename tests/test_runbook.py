"""The runbook has a paragraph for everything that can call for one."""

from __future__ import annotations

import re
from pathlib import Path

from firmware_bridge.codes import ALARMS

ROOT = Path(__file__).parent.parent
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")


def paragraphs() -> dict[str, str]:
    """Return each third-level heading of the runbook with the text below it."""
    parts = re.split(r"^#+ (.+)$", RUNBOOK, flags=re.MULTILINE)
    return {name: text.strip() for name, text in zip(parts[1::2], parts[2::2], strict=True)}


def test_every_alarm_has_its_paragraph() -> None:
    """Whoever reads ALARM:n on a screen finds n."""
    said = paragraphs()
    assert len(ALARMS) == 10
    assert [n for n in ALARMS if not said.get(f"alarm {n}")] == []


def test_every_alert_has_its_paragraph() -> None:
    """The alert rules and the runbook name the same alerts."""
    rules = (ROOT / "packaging" / "prometheus" / "pinmark-alerts.yml").read_text(encoding="utf-8")
    alerts = set(re.findall(r"alert: (\w+)", rules))
    assert len(alerts) > 10
    said = paragraphs()
    assert {name for name in alerts if not said.get(name)} == set()
    assert {name for name in said if name.startswith("Pinmark")} == alerts


def test_every_remedy_that_names_the_runbook_finds_its_heading() -> None:
    """A check that sends somebody to a heading of the runbook names one that exists."""
    named = {
        name
        for path in (ROOT / "station_api").rglob("*.py")
        for name in re.findall(r"runbook\.md, `([^`]+)`", path.read_text(encoding="utf-8"))
    }
    assert named
    assert named - set(paragraphs()) == set()
