"""The Debian package, without building it: what dpkg, systemd and udev are told.

The whole of it, in a Debian that boots, is `make prove-deb`.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

from tests.conftest import REPOSITORY

PACKAGING = REPOSITORY / "packaging"
UNITS = sorted((PACKAGING / "systemd").iterdir())
PROGRAM = "/usr/lib/pinmark/venv/bin/pinmark"
EXPOSURE_TENTHS = 30
"""`systemd-analyze security` says 1.x to 2.x "OK" for these units; 10 is a unit without bounds."""


@pytest.fixture(scope="module")
def build_deb() -> ModuleType:
    """The script that builds the package."""
    where = REPOSITORY / "scripts" / "build_deb.py"
    spec = importlib.util.spec_from_file_location("build_deb", where)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def tree(build_deb: ModuleType, tmp_path: Path) -> Path:
    """The package's tree, without the libraries."""
    asked = argparse.Namespace(arch="arm64", python="3.11", source=REPOSITORY)
    build_deb.write_environment(tmp_path, asked.python)
    build_deb.write_files(tmp_path, REPOSITORY, "0.1.0+7")
    build_deb.write_control(tmp_path, "0.1.0+7", asked)
    return tmp_path


def control(tree: Path) -> dict[str, str]:
    """The fields of the control file."""
    text = (tree / "DEBIAN/control").read_text()
    return dict(re.findall(r"^([A-Z][A-Za-z-]+): (.+)$", text, re.M))


def test_control_says_what_it_is(tree: Path) -> None:
    """Name, version, processor, Python of its own minor version, and nothing left to fill in."""
    fields = control(tree)
    assert (fields["Package"], fields["Version"]) == ("pinmark", "0.1.0+7")
    assert fields["Architecture"] == "arm64"
    assert "python3.11" in fields["Depends"].split(", ")
    assert int(fields["Installed-Size"]) > 0
    assert "{" not in (tree / "DEBIAN/control").read_text()


def test_configuration_survives_an_upgrade(tree: Path) -> None:
    """Both files under /etc are conffiles: dpkg never replaces what a person changed in them."""
    told = (tree / "DEBIAN/conffiles").read_text().split()
    there = sorted(f"/{p.relative_to(tree)}" for p in (tree / "etc").rglob("*") if p.is_file())
    assert sorted(told) == there == ["/etc/default/pinmark", "/etc/pinmark/pinmark.toml"]


def test_the_shipped_configuration_is_accepted(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Records and backups lie where the units may write."""
    from station_api.configuration import read_here

    for name in ("PINMARK_HOME", "PINMARK_BACKUP_FOLDER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PINMARK_CONFIG", str(tree / "etc/pinmark/pinmark.toml"))
    reading = read_here()
    assert not reading.faults
    assert str(reading.settings.station.home) == "/var/lib/pinmark"
    assert str(reading.settings.backup.folder) == "/var/backups/pinmark"


def test_every_file_has_its_sum(tree: Path) -> None:
    """`dpkg --verify` finds a changed file."""
    lines = (tree / "DEBIAN/md5sums").read_text().splitlines()
    sums = {path: digest for digest, path in (line.split("  ") for line in lines)}
    assert "usr/bin/pinmark" in sums and not any(path.startswith("etc/") for path in sums)
    for path, digest in sums.items():
        assert hashlib.md5((tree / path).read_bytes()).hexdigest() == digest, path


def test_the_environment_runs_debians_python(tree: Path) -> None:
    """Its python is the system's, its program starts it, and both alert rules are there."""
    programs = tree / "usr/lib/pinmark/venv/bin"
    target = programs.relative_to(tree) / (programs / "python3.11").readlink()
    assert os.path.normpath(target) == "usr/bin/python3.11"
    assert (programs / "pinmark").read_text().startswith("#!/usr/lib/pinmark/venv/bin/python\n")
    # multiprocessing imports it anew in each process it spawns, and must not start a service there
    assert '\nif __name__ == "__main__":' in (programs / "pinmark").read_text()
    assert (tree / "usr/share/pinmark/prometheus/pinmark-alerts.yml").exists()
    assert (tree / "usr/share/doc/pinmark/runbook.md").exists()


def test_lintian_finds_no_error(
    build_deb: ModuleType, tree: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """In what is ours; the libraries' own files are theirs. Warnings change with its version."""
    if (lintian := shutil.which("lintian")) is None or shutil.which("dpkg-deb") is None:
        pytest.skip("no lintian on this machine")
    out = tmp_path_factory.mktemp("deb") / "pinmark_0.1.0+7_arm64.deb"
    build_deb.fix_modes(tree)
    words = ["dpkg-deb", "--root-owner-group", "-Zxz", "-z1", "--build", str(tree), str(out)]
    subprocess.run(words, check=True, capture_output=True)
    words = [lintian, "--allow-root", "--fail-on", "error", str(out)]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["preinst", "postinst", "prerm", "postrm", "pinmark.sh"])
def test_the_shell_can_read_it(name: str) -> None:
    """No maintainer script has a syntax error; each stops at the first failure."""
    script = PACKAGING / "debian" / name
    done = subprocess.run(["sh", "-n", str(script)], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "\nset -e\n" in script.read_text()


def test_records_outlive_the_package() -> None:
    """Only a purge that says so deletes records, and nothing ever deletes backups."""
    lines = (PACKAGING / "debian/postrm").read_text().splitlines()
    [at] = [n for n, line in enumerate(lines) if "rm -rf /var/lib/pinmark" in line]
    assert '"${PINMARK_PURGE:-}" = records' in lines[at - 1]
    assert not any("rm -rf" in line and "/var/backups" in line for line in lines)


def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    """`systemd-analyze verify` has nothing to say; the service is well confined."""
    if (analyze := shutil.which("systemd-analyze")) is None:
        pytest.skip("no systemd-analyze on this machine")
    for unit in UNITS:
        text = unit.read_text().replace(PROGRAM, "/bin/true")
        (tmp_path / unit.name).write_text(re.sub(r"^(User|Group)=.*\n", "", text, flags=re.M))
    paths = [str(tmp_path / unit.name) for unit in UNITS]
    done = subprocess.run([analyze, "verify", "--man=no", *paths], capture_output=True, text=True)
    ours = [line for line in done.stderr.splitlines() if "pinmark" in line]
    assert (done.returncode, ours) == (0, []), done.stderr
    words = ["security", "--offline=true", f"--threshold={EXPOSURE_TENTHS}", "--no-pager"]
    for name in ("pinmark.service", "pinmark-backup.service"):
        done = subprocess.run(
            [analyze, *words, str(PACKAGING / "systemd" / name)], capture_output=True, text=True
        )
        if "unrecognized option" not in done.stderr:
            assert done.returncode == 0, done.stdout[-200:] + done.stderr


def test_a_restart_arms_nothing_and_a_stop_finishes_the_pin() -> None:
    """The unit hands the service no order; it waits for systemd's READY and longer than a pin."""
    text = (PACKAGING / "systemd/pinmark.service").read_text()
    [command] = re.findall(r"^ExecStart=(.*)$", text, re.M)
    assert command == f"{PROGRAM} serve"
    for line in ("Type=notify", "WatchdogSec=30", "Restart=on-failure", "KillMode=process",
                 "TimeoutStopSec=15min", "User=pinmark", "NoNewPrivileges=yes"):  # fmt: skip
        assert f"\n{line}\n" in text, line


def test_the_rules_name_the_ports(tmp_path: Path) -> None:
    """Each rule gives a stable name, keeps ModemManager away, and is for one vendor and product."""
    text = (PACKAGING / "udev/60-pinmark.rules").read_text()
    rules = [line for line in text.splitlines() if line.startswith("ATTRS")]
    assert len(rules) == 5
    for rule in rules:
        pairs = dict(re.findall(r'([A-Z]+(?:\{[A-Za-z_]+\})?)\s*\+?==?"([^"]*)"', rule))
        assert re.fullmatch(r"[0-9a-f]{4}", pairs["ATTRS{idVendor}"])
        assert re.fullmatch(r"[0-9a-f]{4}", pairs["ATTRS{idProduct}"])
        assert pairs["SYMLINK"] == "pinmark-controller"
        assert pairs["ENV{ID_MM_DEVICE_IGNORE}"] == "1"


def test_what_is_packaged_is_what_is_tested() -> None:
    """The package's pins are the tests' pins, version for version."""
    pin = re.compile(r"^([a-z0-9._-]+)(?:\[[^\]]*\])?==([^ ;\\]+)", re.M | re.I)
    package = dict(pin.findall((REPOSITORY / "requirements/package.txt").read_text()))
    tested = dict(pin.findall((REPOSITORY / "requirements/dev.txt").read_text()))
    runtime = (REPOSITORY / "requirements/runtime.in").read_text()
    wanted = {name.lower() for name in re.findall(r"^([a-z0-9._-]+)", runtime, re.M | re.I)}
    assert wanted - set(package) == set(), "`make lock`"
    assert {name: v for name, v in package.items() if tested.get(name, v) != v} == {}
    assert set(package) - set(tested) <= set()
