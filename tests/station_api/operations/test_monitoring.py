"""Alert rules and dashboard: what they ask for exists, and they fire when they should."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from station_api.configuration.model import WitnessesKeys, extra
from station_api.people import Role
from station_api.service.circulation import Circulation
from station_api.service.service import Service
from tests.conftest import REPOSITORY
from tests.station_api.service.conftest import client, service, tokens

__all__ = ["client", "service", "tokens"]

RULES = REPOSITORY / "packaging/prometheus/pinmark-alerts.yml"
BOARD = REPOSITORY / "packaging/grafana/pinmark.json"
OURS = re.compile(r"\b(?:pinmark|process)_[a-z_]+\b")


@pytest.fixture(scope="session")
def promtool() -> str:
    """Debian's promtool, installed where that needs nobody's leave."""
    if (found := shutil.which("promtool")) is None and os.geteuid() == 0:
        settings = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for words in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends",
                                          "prometheus"]):  # fmt: skip
            subprocess.run(["apt-get", *words], env=settings, capture_output=True, check=False)
        found = shutil.which("promtool")
    if found is None:
        pytest.skip("no promtool: install Debian's package `prometheus`")
    return found


def exposed(service: Service) -> set[str]:
    """The names that a service gives to Prometheus, once it has something to say."""
    service.metrics.requests.labels("GET", "200").inc()
    text = service.metrics.text().decode()
    return {line.split("{")[0].split(" ")[0] for line in text.splitlines() if line[0] != "#"}


def test_promtool_accepts_rules_and_their_tests(promtool: str) -> None:
    """The rules parse; promtool's own unit tests say what fires and what does not."""
    for words in (["check", "rules", RULES.name], ["test", "rules", "pinmark-alerts.test.yml"]):
        done = subprocess.run([promtool, *words], cwd=RULES.parent, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def test_what_is_exposed_is_accepted_by_promtool(promtool: str, service: Service) -> None:
    """The exposition is well formed; promtool's advice on names is not an error."""
    words = [promtool, "check", "metrics"]
    done = subprocess.run(words, input=service.metrics.text(), capture_output=True)
    assert b"error" not in done.stderr.lower().replace(b"non-histogram", b""), done.stderr


def test_every_metric_that_is_asked_for_exists(
    service: Service, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No alert and no panel waits for a figure that nobody counts."""
    (tmp_path / "pinmark-S1-0000000042-20270115T080000Z.db").touch()
    monkeypatch.setenv("PINMARK_BACKUP_FOLDER", str(tmp_path))
    from tests.station_api.records.houses import mark

    mark(service.records, 1)
    witness = extra(WitnessesKeys.model_fields["neighbours"])["example"]
    keys = WitnessesKeys(neighbours=witness)
    monkeypatch.setattr(service.metrics, "_circulation", Circulation(service.records, keys, str))
    there = exposed(service)
    alerts = re.findall(r"^\s+expr: (.+)$", RULES.read_text(), re.M)
    panels = [t["expr"] for p in json.loads(BOARD.read_text())["panels"] for t in p["targets"]]
    assert len(alerts) == 16 and len(panels) == 14
    for expression in [*alerts, *panels]:
        missing = set(OURS.findall(expression)) - there
        assert missing == set(), (expression, sorted(missing))


def test_the_dashboard_is_as_its_script_writes_it(tmp_path: Path) -> None:
    """packaging/grafana/pinmark.json comes from scripts/write_dashboard.py."""
    from scripts import write_dashboard

    kept = BOARD.read_text()
    target = tmp_path / "pinmark.json"
    write_dashboard.TARGET, before = target, write_dashboard.TARGET
    try:
        write_dashboard.main()
    finally:
        write_dashboard.TARGET = before
    assert target.read_text() == kept, "run: python3 scripts/write_dashboard.py"


def test_metrics_name_no_firearm_and_nobody(service: Service, tokens: dict[Role, str]) -> None:
    """Metrics leave the house: no serial, code, order, name or token is in them."""
    from tests.station_api.records.houses import mark

    mark_id = mark(service.records, 1)
    held = service.records.get(mark_id)
    text = service.metrics.text().decode()
    for word in (held.serial, held.code, held.order_id, "supervisor one", *tokens.values()):
        assert word not in text
