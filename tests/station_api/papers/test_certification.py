"""Promises of the certification pack: drawn by the log, whole or said not to be, signed."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import hardware
from engraver import codes, layout, relief
from engraver.heightmap import write_x3p
from engraver.impressions import CONDITIONS, Firearm, Shot, strike
from engraver.impressions.legibility import ideal_pin
from engraver.profiles import Setup
from engraver.relief import ReliefDesign
from station_api.records import Records
from tests.station_api.records.houses import COMPLETE, INTENT

Run = Callable[..., subprocess.CompletedProcess[str]]
SERIALS = {"ZQ0000": 32768, "ZQ0001": 32769}
ROUNDS = 2
MICROSCOPE = "areal microscope 1"
LICENCE = """[licence]
licensee = "Example Arms Inc."
number = "1-54-000-07-8A-12345"
premises = "1 Works Road"
"""


def design_of(index: int, setup: Setup) -> ReliefDesign:
    return relief.design(layout.arrange(codes.encode_index(index, "pin32-12"), setup), setup)


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a laboratory would hand in: two pins and the cases of two rounds of each.

    The cases are computed; that their files name an instrument lets a pack be complete here.
    """
    folder, rows = tmp_path_factory.mktemp("laboratory"), []
    setup = hardware.load_setup("default")
    for serial, index in SERIALS.items():
        rng = np.random.default_rng(index)
        firearm, design = Firearm.draw(CONDITIONS["good"], rng), design_of(index, setup)
        pin = ideal_pin(design)
        shots = [Shot.draw(CONDITIONS["good"], firearm, n, rng) for n in range(ROUNDS)]
        maps = [ideal_pin(design, 2.0)]
        maps += [strike(pin, CONDITIONS["good"], firearm, shot, dent=True) for shot in shots]
        for n, one in enumerate(maps):
            name = f"{serial}-{n}.x3p"
            (folder / name).write_bytes(write_x3p(one, instrument=MICROSCOPE))
            rows.append({"serial": serial, "round": str(n), "scan": name, "fired_by": "L. Ab"})
    write_table(folder / "cases.csv", rows)
    return folder


def write_table(path: Path, rows: list[dict[str, str]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def lab(scans: Path, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A station with two verified pistols, a configured licence, and the laboratory's files."""
    home.mkdir()
    (tmp_path / "pinmark.toml").write_text(LICENCE)
    monkeypatch.setenv("PINMARK_CONFIG", str(tmp_path / "pinmark.toml"))
    records = Records(home / "station.db")
    for serial, index in SERIALS.items():
        code = codes.encode_index(index, "pin32-12").text
        intent = replace(INTENT, serial=serial, code=code, code_index=index, order_id=serial)
        mark_id = records.intend(intent).mark_id
        records.begin(mark_id)
        records.conclude_run(mark_id, COMPLETE)
        records.conclude_inspection(mark_id, True, {"grade": "A"})
    records.close()
    return shutil.copytree(scans, tmp_path / "lab")


@pytest.fixture
def certify(lab: Path, pinmark: Run) -> Run:
    """A function that makes a pack of a table, of the plan that was drawn first."""
    drawn = pinmark(
        "papers", "sample-plan", "--make", INTENT.make, "--model", INTENT.model,
        "--save", str(lab / "plan.json"),
    )  # fmt: skip
    assert drawn.returncode == 0, drawn.stdout

    def run(out: str, table: str = "cases.csv", *more: str) -> subprocess.CompletedProcess[str]:
        return pinmark(
            "papers", "certify", str(lab / out), "--plan", str(lab / "plan.json"),
            "--cases", str(lab / table), "--rounds", str(ROUNDS), "--by", "A. Smith",
            "--title", "Compliance Officer", "--date", "2027-01-15", *more,
        )  # fmt: skip

    return run


def test_a_whole_pack_is_complete_and_signed(
    certify: Run, lab: Path, home: Path, pinmark: Run
) -> None:
    """Every part is there; it verifies by public keys alone, and not once a byte was changed."""
    made = pinmark("papers", "key", str(lab / "officer.key"), "--name", "example.com/officer")
    assert made.returncode == 0
    done = certify("pack", "cases.csv", "--sign-with", str(lab / "officer.key"))
    assert done.returncode == 0, done.stdout
    assert "reliability 0.9 is shown" in done.stdout
    folder = lab / "pack"
    said = json.loads((folder / "certification.json").read_text())
    assert (said["complete"], said["shown"], said["gaps"]) == (True, True, [])
    assert [(c["serial"], c["round"]) for c in said["cases"]] == [
        (serial, fired) for serial in SERIALS for fired in range(1, ROUNDS + 1)
    ]
    assert {c["result"] for c in said["cases"]} == {"legible"}
    assert len(list((folder / "inspections").glob("*.pdf"))) == 2
    assert len(list((folder / "scans").iterdir())) == 6
    assert len(list((folder / "proofs").iterdir())) == 2
    keys = ("--key", str(home / "log.pub"), "--key", str(lab / "officer.pub"))
    good = pinmark("papers", "verify", str(folder), *keys)
    assert good.returncode == 0 and "stated by A. Smith, Compliance Officer" in good.stdout
    alone = pinmark("papers", "verify", str(folder), *keys[:2])
    assert alone.returncode == 1 and "key of who signed the statement" in alone.stderr
    table = folder / "cases.csv"
    table.write_bytes(table.read_bytes().replace(b"ZQ0001", b"ZQ0002"))
    spoiled = pinmark("papers", "verify", str(folder), *keys)
    assert spoiled.returncode != 0 and "cases.csv" in spoiled.stderr


def test_what_is_lacking_is_listed_and_never_complete(
    certify: Run, lab: Path, pinmark: Run, home: Path
) -> None:
    """A case of another firearm, a missing last round, a pin that was not scanned."""
    rows = rows_of(lab / "cases.csv")
    first = next(r for r in rows if r["scan"] == "ZQ0000-1.x3p")
    swapped = {**first, "serial": "ZQ0001", "scan": "ZQ0000-2.x3p"}
    write_table(lab / "less.csv", [first, swapped])
    records = Records(home / "station.db")
    records.authorise_remark("M000002", "A. Smith", "B. Jones", "worn")
    records.close()
    done = certify("pack", "less.csv")
    assert done.returncode == 1
    said = json.loads((lab / "pack" / "certification.json").read_text())
    assert not said["complete"] and not said["shown"] and "incomplete" in said["verdict"]
    gaps = "\n".join(said["gaps"])
    assert "ZQ0000: no case of round 2 of 2" in gaps
    assert "ZQ0001: no scan of the pin" in gaps
    assert "ZQ0001: its mark M000002 is re-mark since it was drawn" in gaps
    code = codes.encode_index(32768, "pin32-12").text
    assert f"ZQ0001, round 1: reads as {code}, of serial ZQ0000" in gaps
    good = pinmark("papers", "verify", str(lab / "pack"), "--key", str(home / "log.pub"))
    assert good.returncode == 0 and "incomplete" in good.stdout


def test_too_few_firearms_and_simulated_cases_certify_nothing(
    certify: Run, lab: Path, pinmark: Run, home: Path
) -> None:
    """Both stand among what is lacking; the same pack as a zip holds the same bytes."""
    key = str(home / "log.pub")
    (one,) = [r for r in rows_of(lab / "cases.csv") if r["scan"] == "ZQ0000-1.x3p"]
    write_table(lab / "one.csv", [{**one, "simulated": "yes"}])
    assert certify("pack", "one.csv").returncode == 1
    assert certify("pack.zip", "one.csv").returncode == 1
    gaps = json.loads((lab / "pack" / "certification.json").read_text())["gaps"]
    assert "cases of 1 firearms, the plan takes 2; none of ZQ0001" in gaps
    assert "1 of 1 scans are simulated: a simulation certifies nothing" in gaps
    shutil.unpack_archive(lab / "pack.zip", lab / "again")
    for path in sorted(one for one in (lab / "pack").rglob("*") if one.is_file()):
        again = lab / "again" / path.relative_to(lab / "pack")
        assert again.read_bytes() == path.read_bytes(), path
    assert pinmark("papers", "verify", str(lab / "pack.zip"), "--key", key).returncode == 0


def test_a_scan_of_a_simulation_says_so_itself(lab: Path) -> None:
    """A virtual instrument in the file counts, whatever the table says."""
    from station_api.papers.certification.series import read_table
    from station_api.scans import read_scan

    data = write_x3p(read_scan(lab / "ZQ0000-1.x3p"))
    (lab / "virtual.x3p").write_bytes(data)
    rows = [{"serial": "ZQ0000", "round": "1", "scan": "virtual.x3p", "simulated": "no"}]
    write_table(lab / "cases2.csv", rows)
    (shown,) = read_table(lab / "cases2.csv")
    assert shown.simulated


LINE = {"serial": "ZQ0000", "round": "1", "scan": "ZQ0000-1.x3p"}
BAD = [
    ([{"serial": "ZQ0000", "scan": "ZQ0000-1.x3p"}], "no column round"),
    ([{**LINE, "colour": "red"}], "column 'colour'"),
    ([{**LINE, "round": "first"}], "line 2: round 'first' is no number"),
    ([{**LINE, "scan": "nowhere.x3p"}], "nowhere.x3p cannot be read"),
    ([{**LINE, "scan": "cases.csv"}], "cases.csv"),
    ([{**LINE, "simulated": "perhaps"}], "neither yes nor no"),
    ([{**LINE, "serial": "ZQ0777"}], "serial ZQ0777 is not in the sample"),
    ([LINE, LINE], "lines 2 and 3 are both of ZQ0000, round 1"),
    ([LINE, {**LINE, "round": "2"}], "one case cannot stand for two"),
]


@pytest.mark.parametrize(("rows", "said"), BAD, ids=[said for _, said in BAD])
def test_a_table_that_cannot_be_one_is_refused(
    certify: Run, lab: Path, rows: list[dict[str, str]], said: str
) -> None:
    """One line with the line of the table; nothing is written."""
    write_table(lab / "bad.csv", rows)
    done = certify("pack", "bad.csv")
    assert done.returncode == 2 and said in " ".join(done.stderr.split())
    assert not (lab / "pack").exists() or not list((lab / "pack").iterdir())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"drawn": ["ZQ0001"]}, "was changed since it was drawn (drawn)"),
        ({"sample": 1}, "was changed since it was drawn (sample)"),
        ({"note": "no note"}, "not signed by this log"),
        ({"make": None}, "no verified mark of None"),
    ],
    ids=["another draw", "a smaller sample", "unsigned", "another make"],
)
def test_a_plan_is_drawn_again_before_it_is_believed(
    certify: Run, lab: Path, change: dict[str, object], said: str
) -> None:
    """Whoever picks the firearms by hand is found out."""
    plan = json.loads((lab / "plan.json").read_text())
    (lab / "plan.json").write_text(json.dumps(plan | change))
    done = certify("pack")
    assert done.returncode == 2 and said in " ".join(done.stderr.split())
