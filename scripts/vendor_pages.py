"""Fetch the rendering library of the pages from npm into `station_api/pages/static/vendor`.

In: names, versions and digests below. Out: three modules and their licences. Run by hand when a
version changes; what it wrote is in the repository, so that a station never needs a network.
"""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

VENDOR = Path(__file__).resolve().parent.parent / "station_api" / "pages" / "static" / "vendor"
PACKAGES = {
    "preact@11.2.0": (
        "3c4456766bd32b6b534d52bf4e9c2a29b33e7eedf6e96ed479300ba1a7888ebf",
        {"dist/preact.mjs": "preact.js", "hooks/dist/hooks.mjs": "hooks.js"},
    ),
    "htm@3.1.1": (
        "2425b9bee11409177bcabc7f32e319926fc6690c1701c0b257c88bdff2d5ba90",
        {"dist/htm.mjs": "htm.js"},
    ),
}
"""Package and version -> SHA-256 of npm's archive, files taken from it."""


def main() -> int:
    """Fetch, check and unpack."""
    for package, (sha256, files) in PACKAGES.items():
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(["npm", "pack", "--silent", package], cwd=folder, check=True)
            data = next(Path(folder).glob("*.tgz")).read_bytes()
        if (found := hashlib.sha256(data).hexdigest()) != sha256:
            print(f"{package} has SHA-256 {found}, not {sha256}: nothing was written")
            return 1
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            for name, target in files.items():
                (VENDOR / target).write_text(module(package, text(archive, name)), "utf-8")
            name = package.partition("@")[0]
            (VENDOR / f"{name}.LICENSE.txt").write_text(text(archive, "LICENSE"), "utf-8")
    return 0


def text(archive: tarfile.TarFile, name: str) -> str:
    """Return one file of an npm archive."""
    file = archive.extractfile(f"package/{name}")
    assert file is not None
    return file.read().decode()


def module(package: str, source: str) -> str:
    """Say where a module is from; name its neighbour by path, as there is no bundler."""
    lines = [line for line in source.splitlines() if not line.startswith("//# sourceMappingURL")]
    return (
        f"/* {package}, unchanged but for import paths */\n"
        + "\n".join(lines).replace('from"preact"', 'from"./preact.js"')
        + "\n"
    )


if __name__ == "__main__":
    sys.exit(main())
