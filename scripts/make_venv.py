"""Make the project's one virtual environment from hash-pinned requirements.

In: the folder to make and a requirements file with hashes. Out: the folder, with pinmark
installed in it (editable). Needs nothing but the standard library; called by `make setup`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

OLDEST = (3, 11)


def main(folder: str, requirements: str) -> None:
    """Make ``folder`` and install ``requirements`` and this project into it."""
    if sys.version_info < OLDEST:
        sys.exit(
            f"pinmark needs Python {OLDEST[0]}.{OLDEST[1]} or newer; this is "
            f"{sys.version.split()[0]}. Name another one: make PYTHON=python3.12 ..."
        )
    venv = Path(folder)
    if not (venv / "bin" / "pip").exists():
        make_venv(venv)
    python = str(venv / "bin" / "python")
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    print(f"installing {requirements} into {folder} ...", file=sys.stderr)
    run([*pip, "--require-hashes", "-r", requirements])
    run([*pip, "--no-deps", "--no-build-isolation", "-e", "."])


def make_venv(venv: Path) -> None:
    """Make an empty environment; on Debian, fetch python3-venv if it is missing."""
    command = [sys.executable, "-m", "venv", str(venv)]
    if subprocess.run(command, capture_output=True).returncode == 0:
        return
    shutil.rmtree(venv, ignore_errors=True)
    if shutil.which("apt-get") and os.geteuid() == 0:
        run(["apt-get", "update", "-qq"])
        run(["apt-get", "install", "-y", "-qq", "python3-venv"])
    run(command)


def run(command: list[str]) -> None:
    """Run ``command``; on failure end with its exit code and its name."""
    code = subprocess.run(command).returncode
    if code != 0:
        sys.exit(f"`{' '.join(command)}` failed with exit code {code}")


if __name__ == "__main__":
    main(*sys.argv[1:])
