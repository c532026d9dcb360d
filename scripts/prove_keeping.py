"""The proof of the package, continued: the way back, the timer, a restore that marks on.

In: a station with marked pins. Out: an exception that says what was not as it should be.
The commands of the roll-back are those of the installed docs/operations.md, line by line.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from prove_station import (
    BACKUPS,
    HERE,
    HOME,
    active,
    engraver,
    mark,
    marks,
    pinmark,
    run,
    say,
    start,
    state_of,
    step,
    wait_until,
)

VARIABLES = HERE / "variables"


def without_room() -> None:
    """An upgrade whose backup cannot be made replaces nothing, and the older service goes on."""
    BACKUPS.chmod(0o500)
    run("chown", "root:root", str(BACKUPS))
    version = run("dpkg-query", "--show", "pinmark")
    words = ["dpkg", "--force-confdef", "--force-confold", "--install", str(HERE / "new.deb")]
    done = subprocess.run(words, capture_output=True, text=True)
    said = done.stdout + done.stderr
    assert done.returncode != 0 and "nothing is replaced" in said, said
    say(next(line for line in said.splitlines() if "nothing is replaced" in line))
    assert run("dpkg-query", "--show", "pinmark") == version, "it was replaced all the same"
    wait_until(lambda: active("pinmark.service"), "the older service does not go on")
    run("chown", "pinmark:pinmark", str(BACKUPS))
    BACKUPS.chmod(0o750)


def named_backup(told: str) -> Path:
    """Return the backup that an upgrade says it took."""
    line = next(one for one in told.splitlines() if "the backup before this upgrade" in one)
    found = Path("/" + line.split(": /", 1)[1].split(".db:")[0] + ".db")
    assert found.exists(), line
    return found


def timer() -> None:
    """The timer itself fires, and its unit takes a backup beside the running service."""
    step("the backup timer fires once")
    there = set(BACKUPS.glob("*.db"))
    drop_in = Path("/etc/systemd/system/pinmark-backup.timer.d/now.conf")
    drop_in.parent.mkdir()
    drop_in.write_text(
        "[Timer]\nOnCalendar=\nOnActiveSec=1s\nRandomizedDelaySec=0\nAccuracySec=1s\n"
    )
    run("systemctl", "daemon-reload")
    run("systemctl", "restart", "pinmark-backup.timer")
    wait_until(lambda: set(BACKUPS.glob("*.db")) > there, "the timer made no backup")
    unit = "pinmark-backup.service"
    wait_until(lambda: not active(unit) and state_of(unit, "Result") == "success", "it failed")
    fired = state_of("pinmark-backup.timer", "LastTriggerUSec")
    assert fired not in ("", "n/a", "0"), "it was not the timer"
    say(f"fired {fired}: {', '.join(one.name for one in set(BACKUPS.glob('*.db')) - there)}")
    drop_in.unlink()
    drop_in.parent.rmdir()
    run("systemctl", "daemon-reload")
    run("systemctl", "restart", "pinmark-backup.timer")


def marking_on(key: str) -> None:
    """The backup that the timer took is restored, and the station marks on."""
    step("restore what the timer took, and mark on")
    kept = marks()
    newest = max(BACKUPS.glob("*.db"), key=lambda one: one.stat().st_mtime_ns)
    run("systemctl", "stop", "pinmark.service")
    lost = Path("/var/tmp/lost")
    lost.mkdir()
    for path in HOME.glob("station.db*"):
        run("mv", str(path), str(lost))
    say(pinmark("restore", str(newest)))
    start()
    assert marks() == kept, (kept, marks())
    assert "a serial is never marked twice" in mark(key, "ZQ0043")
    engraver("max")
    assert mark(key, "ZQ0045") == "marked", "a pin after the restore"
    say(pinmark("log", "fsck"))


def roll_back(key: str, before: Path, marks_before: dict[str, str]) -> None:
    """The notes' own lines: back to the older version, and forward again, with nothing lost."""
    step("roll back as docs/operations.md says")
    newer = marks()
    blocks = notes("Roll back")
    places = {"old": HERE / "old.deb", "before": before, "new": HERE / "new.deb"}
    follow(blocks[0], places)
    held = records_digest()
    wait_until(
        lambda: state_of("pinmark.service", "ActiveState") == "failed", "it does not give up"
    )
    journal = run("journalctl", "--unit=pinmark.service", "--no-pager")
    refused = next(line for line in journal.splitlines() if "this pinmark knows up to" in line)
    say("the older version: " + refused.split("]: ", 1)[1])
    assert records_digest() == held, "the older version changed the newer records"
    follow(blocks[1], places)
    wait_until(lambda: active("pinmark.service"), "the older service does not start")
    assert marks() == marks_before, (marks_before, marks())
    refused = mark(key, "ZQ0043")
    assert "records are missing" in refused, f"ZQ0043 was not refused: {refused}"
    say(f"a pin that was marked since: {refused}")
    follow(blocks[2], places)
    assert "a serial is never marked twice" in mark(key, "ZQ0042")
    assert mark(key, "ZQ0046") == "marked", "the older version marks on"
    follow(blocks[3], places)
    wait_until(lambda: active("pinmark.service"), "the newer service does not start")
    assert marks() == newer, (newer, marks())
    say("forward again: " + " ".join(f"{k}={v}" for k, v in sorted(marks().items())))


def notes(section: str) -> list[str]:
    """Return the commands of a section of the installed document, a text a block."""
    page = Path("/usr/share/doc/pinmark/operations.md").read_text()
    text = page.split(f"## {section}\n", 1)[1].split("\n## ", 1)[0]
    blocks = [""]
    for line in text.splitlines():
        if line.startswith("    "):
            blocks[-1] += line.strip() + "\n"
        elif blocks[-1]:
            blocks.append("")
    return [block for block in blocks if block]


def follow(block: str, places: dict[str, Path]) -> None:
    """Run a block as it stands; only what its variables name is put in, and kept for the next."""
    lines = []
    for line in block.splitlines():
        name = line.partition("=")[0]
        lines.append(f"{name}={places[name]}" if name in places else line)
    words = "\n".join(lines)
    begin = f"touch {VARIABLES}; . {VARIABLES}; trap 'echo FAILED: \"$BASH_COMMAND\"' ERR\n"
    end = f"\nset | grep -E '^(old|before|aside|new)=' >{VARIABLES}"
    shown = run("bash", "-c", begin + words + end)
    say(words)
    failed = [line for line in shown.splitlines() if line.startswith("FAILED: ")]
    # the doctor says by its exit code that the records were set back
    assert all(line == "FAILED: pinmark doctor" for line in failed), shown


def records_digest() -> str:
    """Return a digest of the records' files."""
    return run("bash", "-c", f"cat {HOME}/station.db {HOME}/station.db-wal 2>/dev/null | sha256sum")
