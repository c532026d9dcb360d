"""Prove the Debian package in a clean Debian that boots: `make prove-deb`.

In: this checkout and an older commit of it. Out: exit code 0 if `prove_in_tree.py` did not object
to installing, marking, upgrading, crashing, restoring, rolling back, removing and purging under a
systemd of its own. Needs root, Debian's ``debootstrap`` and ``systemd-container``, and a Debian
mirror to make the tree from; the proof itself has no network.

    scripts/prove_deb.py                          both packages built, a fresh bookworm
    scripts/prove_deb.py --previous COMMIT        the version to upgrade from
    scripts/prove_deb.py --packages OLD NEW       built before
    scripts/prove_deb.py --tree FOLDER            a tree made before; it is copied, never changed
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
INSIDE = "python3,adduser,udev,systemd-sysv,dbus"
UNIT = """\
[Unit]
Description=the proof
After=multi-user.target
SuccessAction=poweroff-force
FailureAction=poweroff-force

[Service]
Type=oneshot
ExecStart=/usr/bin/python3 -u /proof/prove_in_tree.py
StandardOutput=append:/proof/log
StandardError=append:/proof/log
TimeoutStartSec=30min

[Install]
WantedBy=default.target
"""


def main() -> None:
    """Build, boot, look at what the proof left."""
    asked = arguments()
    if os.geteuid() != 0:
        sys.exit("this needs root, for a system of its own")
    need("debootstrap", "debootstrap")
    need("systemd-nspawn", "systemd-container")
    with tempfile.TemporaryDirectory(prefix="pinmark-prove-", dir="/var/tmp") as work:
        previous = asked.previous or before_newest_migration()
        old, new = asked.packages or packages(previous, asked.python, Path(work))
        tree = Path(work) / "tree"
        make_tree(asked, tree)
        proof = tree / "proof"
        proof.mkdir()
        shutil.copy(old, proof / "old.deb")
        shutil.copy(new, proof / "new.deb")
        for name in ("prove_in_tree.py", "prove_keeping.py", "prove_station.py"):
            shutil.copy(ROOT / "scripts" / name, proof)
        (tree / "etc/systemd/system/proof.service").write_text(UNIT)
        run("systemctl", "--root", str(tree), "enable", "--quiet", "proof.service")
        boot(tree)
        sys.exit(0 if (proof / "proved").exists() else "NOT PROVED")


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--suite", default="bookworm")
    parser.add_argument("--python", default="3.11", help="Python of that suite")
    parser.add_argument("--tree", type=Path, help="a tree that debootstrap made before")
    parser.add_argument("--packages", nargs=2, metavar=("OLD", "NEW"), help="built before")
    parser.add_argument("--previous", help="commit to upgrade from")
    return parser.parse_args()


def need(program: str, package: str) -> None:
    """Install a program's package where it is missing."""
    if shutil.which(program) is None:
        run("apt-get", "install", "-y", "-qq", "--no-install-recommends", package)


def before_newest_migration() -> str:
    """Return the last commit whose database has to be brought to this one's schema."""
    steps = "station_api/migrations/versions/[0-9]*.py"
    words = ["git", "log", "--diff-filter=A", "--format=%H", "-1", "--", steps]
    newest = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    if not newest.stdout.strip():
        sys.exit("this checkout has no history; name a commit with --previous")
    return newest.stdout.strip() + "^"


def packages(previous: str, python: str, work: Path) -> tuple[str, str]:
    """Build both packages; return their paths, the older one first."""
    older = work / "previous"
    run("git", "worktree", "add", "-q", "--detach", str(older), previous)
    try:
        build = [sys.executable, "scripts/build_deb.py", "--compress", "none"]
        build += ["--python", python]
        old = output(*build, "--source", str(older))
        new = output(*build)
    finally:
        run("git", "worktree", "remove", "--force", str(older))
    versions = [output("dpkg-deb", "--field", path, "Version") for path in (old, new)]
    print(
        f"from {versions[0]} to {versions[1]}, {Path(new).stat().st_size / 1e6:.0f} MB", flush=True
    )
    run("dpkg", "--compare-versions", versions[0], "lt", versions[1])
    return old, new


def make_tree(asked: argparse.Namespace, tree: Path) -> None:
    """Make a clean Debian, or copy one."""
    if asked.tree is not None:
        run("cp", "-a", str(asked.tree), str(tree))
        return
    words = ["debootstrap", "--variant=minbase", f"--include={INSIDE}", asked.suite, str(tree)]
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"debootstrap failed:\n{done.stdout[-800:]}{done.stderr[-800:]}")


def boot(tree: Path) -> None:
    """Boot the tree until it switches itself off; show what the proof says meanwhile."""
    log = tree / "proof" / "log"
    log.touch()
    words = ["systemd-nspawn", "--quiet", "--directory", str(tree), "--boot", "--private-network"]
    words += ["--register=no", "--keep-unit", "--console=pipe"]
    with (tree / "proof" / "console").open("w") as console, log.open() as said:
        machine = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=console, stderr=console)
        while True:
            ended = machine.poll() is not None
            sys.stdout.write(said.read())
            sys.stdout.flush()
            if ended:
                break
            try:
                machine.wait(0.5)
            except subprocess.TimeoutExpired:
                continue


def output(*words: str) -> str:
    """Return what a command prints; end with its name if it fails."""
    done = subprocess.run(words, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"`{' '.join(words[:4])}` failed with exit code {done.returncode}")
    return done.stdout.strip()


def run(*words: str) -> None:
    """Run a command, or end."""
    print(output(*words), end="")


if __name__ == "__main__":
    main()
