"""The pack as a folder: print, table, reports, proofs, statement, manifest; the same from the same.

In: plan, findings, scans, who states. Out: a folder that is closed by a signed manifest, or a zip
of it. Nothing in it depends on the clock or on where it is made.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from engraver.acceptance import Acceptance
from engraver.errors import StorageError
from engraver.inspection import form_of, inspect
from engraver.profiles import Setup
from engraver.relief import ReliefDesign
from station_api.log import prove
from station_api.papers.certification import judging
from station_api.papers.certification.judging import CaseFound, Findings
from station_api.papers.certification.plan import Piece, SamplePlan
from station_api.papers.certification.series import PIN, Shown
from station_api.papers.certification.statement import OVER, STATEMENT, Stated, statement
from station_api.papers.licensee import Licensee
from station_api.papers.manifest import close_folder
from station_api.papers.prints import csv_row
from station_api.quality.fields import inspection_fields
from station_api.records import Records
from station_api.reports.certification import certification_report
from station_api.reports.inspection import inspection_report
from station_api.scan_files import open_scan
from station_api.transparency.note import SignerKey

WHAT = "certification pack, Cal. Penal Code 27531-27532"
COLUMNS = (
    "serial", "round", "result", "text", "right", "wrong", "symbols", "quality", "decoded",
    "simulated", "fired_on", "fired_by", "ammunition", "scan", "sha256",
)  # fmt: skip

README = """Certification pack for a microstamping component (Cal. Penal Code 27531-27532).

certification.pdf    the print: verdict, gaps, sample plan, results, pictures, statement
certification.json   everything it says, as fields
cases.csv            a line a case: what was read on it, and the SHA-256 of its scan
sample-plan.json     the plan as it was drawn, with the signed checkpoint that drew it
inspections/         the inspection report of each pin before it was fired
scans/               the scans themselves, by SHA-256
proofs/              for each firearm of the sample the proof that its mark stands in the log
statement.note       the signed statement; its last lines are the SHA-256 of the files it is over
manifest.json        every file with its length and SHA-256; manifest.note: its signature

To check it: pinmark papers verify FOLDER --key log.pub (and --key of who signed the statement).
A case counts as legible if what was read on it decodes to its own code by its check symbols alone;
the text of California's performance standards was not at hand when this criterion was set.
"""


@dataclass(frozen=True, slots=True, eq=False)
class Pack:
    """What a pack is made of."""

    plan: SamplePlan
    lot: Mapping[str, Piece]
    found: Findings
    shown: Sequence[Shown]
    stated: Stated
    licensee: Licensee


def write_pack(
    folder: Path,
    pack: Pack,
    records: Records,
    signer: SignerKey,
    by: SignerKey,
    setup_of: Any,
    limits: Acceptance,
) -> dict[str, Any]:
    """Write a pack into an empty folder; return its manifest.

    Parameters
    ----------
    signer, by
        The log's key, which closes the folder; the key of who states.

    Raises
    ------
    StorageError
        If the disk refuses.
    """
    try:
        return _write(folder, pack, records, signer, by, setup_of, limits)
    except OSError as error:
        raise StorageError(f"{folder} cannot be written: {error.strerror}") from error


def _write(
    folder: Path,
    pack: Pack,
    records: Records,
    signer: SignerKey,
    by: SignerKey,
    setup_of: Any,
    limits: Acceptance,
) -> dict[str, Any]:
    for name in ("scans", "inspections", "proofs"):
        (folder / name).mkdir()
    for one in pack.shown:
        (folder / "scans" / f"{one.sha256}{one.file.suffix.lower()}").write_bytes(
            one.file.read_bytes()
        )
    _write_inspections(folder / "inspections", pack, setup_of, limits)
    for serial in pack.plan.drawn:
        piece = pack.lot[serial]
        proof = prove(records, piece.verified_entry, pack.plan.checkpoint)
        (folder / "proofs" / f"{piece.mark_id}.tlog-proof").write_text(proof.text(), "utf-8")
    said = {**judging.fields(pack.plan, pack.found), "licensee": asdict(pack.licensee)}
    said["stated"] = asdict(pack.stated)
    over = {
        "certification.json": _json(said),
        "cases.csv": table(pack.found.cases).encode(),
        "sample-plan.json": _json(pack.plan.fields()),
    }
    for name, data in over.items():
        (folder / name).write_bytes(data)
    assert set(over) == set(OVER)
    of = f"{pack.plan.make} {pack.plan.model}"
    verdict = pack.found.verdict(pack.plan)
    note = statement(pack.stated, of, verdict, over, by)
    (folder / STATEMENT).write_text(note, "utf-8")
    keys = sorted({signer.verifier().text(), by.verifier().text()})
    (folder / "keys.pub").write_text("\n".join(keys) + "\n", "utf-8")
    (folder / "README.txt").write_text(README, "utf-8")
    files = {one.sha256: one.file for one in pack.shown}
    (folder / "certification.pdf").write_bytes(certification_report(said, files, note))
    facts = {name: said[name] for name in ("verdict", "complete", "shown", "gaps")}
    return close_folder(folder, WHAT, facts, signer, pack.plan.checkpoint)


def _write_inspections(folder: Path, pack: Pack, setup_of: Any, limits: Acceptance) -> None:
    for one in pack.shown:
        if one.round != PIN:
            continue
        piece = pack.lot[one.serial]
        setup: Setup = setup_of(piece.recipe)
        design: ReliefDesign = judging.design_of(piece, setup_of)
        scan = open_scan(one.file)
        seen = inspect(design, scan.height_map, limits, form_kind=form_of(setup.part))
        fields = inspection_fields(seen)
        made = inspection_report(
            seen,
            fields,
            design,
            scan,
            limits,
            name=one.file.name,
            scan_sha256=one.sha256,
            recipe=piece.recipe,
        )
        name = hashlib.sha256(one.serial.encode()).hexdigest()[:8]
        safe = "".join(c if c.isalnum() or c in "-_" else "-" for c in one.serial)
        (folder / f"{safe}-{name}.pdf").write_bytes(made)
        (folder / f"{safe}-{name}.json").write_bytes(_json({"serial": one.serial, **fields}))


def table(cases: Iterable[CaseFound]) -> str:
    """Return the table of cases as CSV."""
    lines = [csv_row(COLUMNS)]
    for one in cases:
        said = asdict(one)
        lines.append(csv_row(said[name] for name in COLUMNS))
    return "".join(lines)


def zip_folder(folder: Path, target: Path) -> None:
    """Write a folder as a zip that is the same bytes whenever it is made.

    Raises
    ------
    StorageError
        If the disk refuses.
    """
    try:
        with zipfile.ZipFile(target, "x", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
            for path in sorted(one for one in folder.rglob("*") if one.is_file()):
                info = zipfile.ZipInfo(path.relative_to(folder).as_posix(), (1980, 1, 1, 0, 0, 0))
                info.compress_type, info.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
                archive.writestr(info, path.read_bytes())
    except FileExistsError:
        raise StorageError(f"{target} is there already; name a new file") from None
    except OSError as error:
        raise StorageError(f"{target} cannot be written: {error.strerror}") from error


def _json(said: Any) -> bytes:
    return (json.dumps(said, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()
