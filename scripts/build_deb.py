"""Build the Debian package: pinmark with a virtual environment of its own inside.

In: this repository, hash-pinned wheels. Out: ``dist/pinmark_VERSION_ARCH.deb``, which needs nothing
but Debian's python3 and installs without a network. The environment is written for the target, not
copied from one: wheels of its Python and processor are unpacked into it, so a package for a small
board is built here too (``--arch arm64``). Called by `make deb`.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import os
import shutil
import subprocess
import sys
import textwrap
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGING = ROOT / "packaging"
LIB = Path("usr/lib/pinmark")
VENV = LIB / "venv"
MAINTAINER = "pinmark <pinmark@example.invalid>"
PLATFORMS = {"amd64": "x86_64", "arm64": "aarch64"}
GLIBC = ((2, 28), (2, 27), (2, 26), (2, 17), (2, 5))
"""Tags of manylinux wheels that run on Debian 12 (glibc 2.36) and later."""


def main() -> None:
    """Build one package and print where it is."""
    asked = arguments()
    version = asked.version or version_of(asked.source)
    tree = ROOT / "build" / "deb" / f"pinmark_{version}_{asked.arch}"
    shutil.rmtree(tree, ignore_errors=True)
    site = tree / VENV / "lib" / f"python{asked.python}" / "site-packages"
    install(asked, site)
    write_environment(tree, asked.python)
    write_files(tree, asked.source, version)
    write_control(tree, version, asked)
    out = ROOT / "dist" / f"{tree.name}.deb"
    out.parent.mkdir(exist_ok=True)
    fix_modes(tree)
    run(
        [
            "dpkg-deb",
            "--root-owner-group",
            f"-Z{asked.compress}",
            "-z1",
            "--build",
            str(tree),
            str(out),
        ]
    )
    shutil.rmtree(tree)
    print(out)


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--arch", choices=PLATFORMS, default="amd64")
    parser.add_argument("--python", default="3.11", help="Python of the target Debian: 12 has 3.11")
    parser.add_argument("--version", help="version of the package; the project's, if left out")
    parser.add_argument("--compress", choices=("xz", "gzip", "none"), default="xz")
    parser.add_argument("--source", type=Path, default=ROOT, help="another checkout to package")
    return parser.parse_args()


def version_of(source: Path) -> str:
    """Return the project's version and, of a checkout, how many commits it has: it always grows."""
    version = project(source)["version"]
    count = subprocess.run(
        ["git", "-C", str(source), "rev-list", "--count", "HEAD"], capture_output=True, text=True
    )
    return version if count.returncode else f"{version}+{count.stdout.strip()}"


def packaging_of(source: Path) -> Path:
    """Return the folder with a checkout's packaging; ours for one that is older than it."""
    theirs = source / "packaging"
    return theirs if (theirs / "debian" / "postinst").exists() else PACKAGING


def project(source: Path) -> dict[str, str]:
    """Return the project's own description."""
    with (source / "pyproject.toml").open("rb") as file:
        found: dict[str, str] = tomllib.load(file)["project"]
    return found


def install(asked: argparse.Namespace, site: Path) -> None:
    """Put the pinned wheels and pinmark itself into a site-packages folder."""
    shutil.copytree(libraries(asked), site, copy_function=os.link)
    wheels = ROOT / "build" / "deb" / "wheels"
    shutil.rmtree(wheels, ignore_errors=True)
    own = ["--no-deps", "--no-build-isolation", "--wheel-dir", str(wheels), str(asked.source)]
    run([*PIP, "wheel", *own])
    (wheel,) = wheels.glob("pinmark-*.whl")
    run([*PIP, "install", "--no-compile", "--no-deps", "--target", str(site), str(wheel)])
    shutil.rmtree(site / "bin", ignore_errors=True)  # scripts with this build's paths


def libraries(asked: argparse.Namespace) -> Path:
    """Return a folder with the pinned wheels unpacked, kept as long as the pins stand."""
    python, arch = asked.python, asked.arch
    pins = asked.source / "requirements" / "package.txt"
    pins = pins if pins.exists() else ROOT / "requirements" / "package.txt"
    digest = hashlib.sha256(pins.read_bytes()).hexdigest()[:16]
    kept = ROOT / "build" / "deb" / f"libraries-{python}-{arch}-{digest}"
    if kept.exists():
        return kept
    fresh = kept.with_name(kept.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    print(f"unpacking wheels for Python {python} on {arch} ...", file=sys.stderr)
    words = [*PIP, "install", "--no-compile", "--require-hashes", "--only-binary=:all:"]
    words += ["--no-deps", "--python-version", python, "--implementation", "cp"]
    words += ["--target", str(fresh), "-r", str(pins)]
    run([*words, *(word for tag in platform_tags(arch) for word in ("--platform", tag))])
    shutil.rmtree(fresh / "bin", ignore_errors=True)
    return fresh.rename(kept)


def platform_tags(arch: str) -> list[str]:
    """Return the wheel tags that run on Debian 12 and later of this processor."""
    machine = PLATFORMS[arch]
    tags = [f"manylinux_{major}_{minor}_{machine}" for major, minor in GLIBC]
    return [*tags, f"manylinux2014_{machine}", f"linux_{machine}"]


def write_environment(tree: Path, python: str) -> None:
    """Make a virtual environment of it, as venv would on the target."""
    programs = tree / VENV / "bin"
    programs.mkdir(parents=True)
    home = f"home = /usr/bin\ninclude-system-site-packages = false\nversion = {python}\n"
    (tree / VENV / "pyvenv.cfg").write_text(home)
    (programs / f"python{python}").symlink_to(f"../../../../bin/python{python}")
    (programs / "python3").symlink_to(f"python{python}")
    (programs / "python").symlink_to(f"python{python}")
    write(programs / "pinmark", PROGRAM, 0o755)


PROGRAM = f"""\
#!/{VENV}/bin/python
import sys

from station_api.cli import main

if __name__ == "__main__":  # the bench's process imports this file anew
    sys.exit(main())
"""


def write_files(tree: Path, source: Path, version: str) -> None:
    """Put everything that is not Python in its place."""
    packaging = packaging_of(source)
    debian = packaging / "debian"
    write(tree / "usr/bin/pinmark", (debian / "pinmark.sh").read_text(), 0o755)
    folders = {
        "systemd": "lib/systemd/system",
        "udev": "lib/udev/rules.d",
        "prometheus": "usr/share/pinmark/prometheus",
        "grafana": "usr/share/pinmark/grafana",
    }
    for name, place in folders.items():
        for file in sorted((packaging / name).iterdir()):
            write(tree / place / file.name, file.read_text())
    write(tree / "etc/default/pinmark", (debian / "default").read_text())
    write(tree / "etc/pinmark/pinmark.toml", (debian / "pinmark.toml").read_text())
    write(tree / "usr/share/lintian/overrides/pinmark", (debian / "lintian-overrides").read_text())
    docs = tree / "usr/share/doc/pinmark"
    write(docs / "copyright", (debian / "copyright").read_text())
    docs.joinpath("changelog.gz").write_bytes(gzip.compress(changelog(version, source), 9, mtime=0))
    pages = [source / name for name in ("README.md", "SAFETY.md", "CHANGELOG.md")]
    for page in (*pages, *sorted((source / "docs").glob("*.md"))):
        write(docs / page.name, page.read_text())
    man = gzip.compress((debian / "pinmark.1").read_bytes(), 9, mtime=0)
    (tree / "usr/share/man/man1").mkdir(parents=True)
    (tree / "usr/share/man/man1/pinmark.1.gz").write_bytes(man)


def changelog(version: str, source: Path) -> bytes:
    """Return a changelog as Debian reads one; what changed is in CHANGELOG.md beside it."""
    words = ["git", "-C", str(source), "log", "-1", "--format=%cD"]
    date = subprocess.run(words, capture_output=True, text=True).stdout.strip()
    who = MAINTAINER + "  " + (date or "Thu, 01 Jan 1970 00:00:00 +0000")
    head = f"pinmark ({version}) unstable; urgency=medium"
    return f"{head}\n\n  * See CHANGELOG.md in this folder.\n\n -- {who}\n".encode()


def write_control(tree: Path, version: str, asked: argparse.Namespace) -> None:
    """Write DEBIAN/: what dpkg has to know and do."""
    size_kb = sum(p.lstat().st_size for p in tree.rglob("*") if not p.is_dir()) // 1024
    about = "\n ".join(textwrap.wrap(project(asked.source)["description"], 76))
    debian = packaging_of(asked.source) / "debian"
    control = (debian / "control.in").read_text()
    filled = control.format(
        version=version,
        arch=asked.arch,
        python=asked.python,
        size_kb=size_kb,
        about=about,
        maintainer=MAINTAINER,
    )
    folder = tree / "DEBIAN"
    write(folder / "control", filled)
    write(folder / "conffiles", "/etc/default/pinmark\n/etc/pinmark/pinmark.toml\n")
    for name in ("preinst", "postinst", "prerm", "postrm"):
        if (debian / name).exists():  # an older checkout has no preinst
            write(folder / name, (debian / name).read_text(), 0o755)
    sums = [
        f"{hashlib.md5(path.read_bytes()).hexdigest()}  {path.relative_to(tree)}\n"
        for path in sorted(tree.rglob("*"))
        if path.is_file() and not path.is_symlink() and folder not in path.parents
        and not path.is_relative_to(tree / "etc")
    ]  # fmt: skip
    write(folder / "md5sums", "".join(sums))


def write(path: Path, text: str, mode: int = 0o644) -> None:
    """Write one file with its mode, and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    path.chmod(mode)


def fix_modes(tree: Path) -> None:
    """Give folders 755 and files what they need, whatever the umask of the builder was."""
    for folder, _, files in os.walk(tree):
        Path(folder).chmod(0o755)
        for name in files:
            path = Path(folder) / name
            if not path.is_symlink():
                path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)


def run(words: list[str]) -> None:
    """Run a command; on failure end with its name."""
    done = subprocess.run(words, stdout=sys.stderr)
    if done.returncode:
        sys.exit(f"`{' '.join(words[:6])} ...` failed with exit code {done.returncode}")


PIP = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]

if __name__ == "__main__":
    main()
