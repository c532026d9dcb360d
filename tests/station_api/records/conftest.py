"""Databases to test on: SQLite in a folder, and a real PostgreSQL started for the tests."""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from station_api.records import Records
from station_api.records.database import open_database

NewDatabase = Callable[[], Path | str]
_numbers = itertools.count()


def postgres_folder() -> Path | None:
    """Return where initdb and postgres are: on the path, or where Debian puts them."""
    for name in ("initdb", "postgres"):
        if found := shutil.which(name):
            folder = Path(found).resolve().parent
            if (folder / "initdb").exists() and (folder / "postgres").exists():
                return folder
    found_all = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found_all[-1].parent if found_all else None


def install_postgres() -> Path | None:
    """Install Debian's package where that is possible without asking anybody."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return None
    settings = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for words in (["update", "-qq"], ["install", "-y", "-qq", "postgresql"]):
        subprocess.run(["apt-get", *words], env=settings, capture_output=True, check=False)
    return postgres_folder()


def unprivileged() -> pwd.struct_passwd | None:
    """Return whom PostgreSQL may run as; it refuses to run as root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    return None


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A PostgreSQL server in a temporary folder, on a free port of this machine alone."""
    binaries = postgres_folder() or install_postgres()
    if binaries is None:
        pytest.skip("no PostgreSQL: install Debian's package `postgresql` or put initdb on PATH")
    folder = Path(tempfile.mkdtemp(prefix="pinmark-postgres-"))
    who = unprivileged()
    if who is not None:
        os.chown(folder, who.pw_uid, who.pw_gid)
    user = who.pw_name if who is not None else None
    data, port = folder / "data", free_port()
    subprocess.run(
        [
            binaries / "initdb",
            "-D",
            data,
            "-U",
            "pinmark",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--no-sync",
        ],
        user=user,
        cwd=folder,
        capture_output=True,
        check=True,
    )
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} "
    control = [binaries / "pg_ctl", "-D", data, "-l", folder / "log", "-w"]
    subprocess.run(
        [*control, "-o", options + "-c fsync=off", "start"],
        user=user,
        cwd=folder,
        stdout=subprocess.DEVNULL,
        check=True,
    )
    try:
        yield f"postgresql://pinmark@127.0.0.1:{port}"
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], user=user, cwd=folder, check=False)
        shutil.rmtree(folder, ignore_errors=True)


def administer(server: str, statement: str) -> None:
    url = sa.make_url(f"{server}/postgres").set(drivername="postgresql+psycopg")
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.pool.NullPool)
    with engine.connect() as connection:
        connection.exec_driver_sql(statement)


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str) -> str:
    """A database with the tables, from which each test's own is copied."""
    administer(postgres_server, "CREATE DATABASE pinmark_template")
    open_database(f"{postgres_server}/pinmark_template").close()
    return postgres_server


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the tables, from which each test's own is copied."""
    path = tmp_path_factory.mktemp("template") / "template.db"
    open_database(path).close()
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def new_database(
    request: pytest.FixtureRequest, tmp_path: Path, sqlite_template: Path
) -> NewDatabase:
    """Return a function that makes an empty database; each test runs on both engines."""
    if request.param == "sqlite":

        def new_file() -> Path:
            path = tmp_path / f"records{next(_numbers)}.db"
            shutil.copy(sqlite_template, path)
            return path

        return new_file
    server: str = request.getfixturevalue("postgres_template")

    def new_name() -> str:
        name = f"test{next(_numbers)}"
        administer(server, f"CREATE DATABASE {name} TEMPLATE pinmark_template")
        return f"{server}/{name}"

    return new_name


@pytest.fixture
def records(new_database: NewDatabase) -> Iterator[Records]:
    """Records of one station in a database of their own."""
    opened = Records(new_database())
    yield opened
    opened.close()
