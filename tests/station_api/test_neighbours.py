"""`[witnesses]` in the configuration: what will do, and a line for everything that will not."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from engraver.errors import InputError
from station_api.configuration.load import read
from station_api.neighbours import read_neighbour, read_neighbours
from station_api.transparency.note import Algorithm, generate_key
from tests.station_api.records.conftest import free_port

Run = Callable[..., subprocess.CompletedProcess[str]]
URL = "https://s2.example:8080/v1/log"


def key(name: str = "log.example/S2/witness", kind: Algorithm = Algorithm.COSIGNATURE) -> str:
    """Return the public key of a witness."""
    return generate_key(name, lambda n: bytes(range(n)), kind).verifier().text()


WRONG = {
    "no key": (URL, "`pinmark log key --witness`"),
    "half a key": (f"{URL} {key()[:-6]}", "cannot be read"),
    "another name": (f"{URL} {key().replace('S2', 'S3', 1)}", "cannot be read"),
    "key of a log": (f"{URL} {key(kind=Algorithm.ED25519)}", "key of a log and not of a witness"),
    "no address": (f"s2.example {key()}", "http(s)://HOST:PORT/v1/log"),
    "another protocol": (f"ftp://s2.example {key()}", "http(s)://HOST:PORT/v1/log"),
    "port 0": (f"http://s2.example:0/v1/log {key()}", "http(s)://HOST:PORT/v1/log"),
    "port beyond": (f"http://s2.example:70000/v1/log {key()}", "http(s)://HOST:PORT/v1/log"),
    "a query": (f"{URL}?a=b {key()}", "http(s)://HOST:PORT/v1/log"),
    "a password": (f"http://me:secret@s2.example/v1/log {key()}", "takes no password"),
    "a Cyrillic letter": (f"https://s2.\u0435xample/v1/log {key()}", "http(s)://HOST:PORT/v1/log"),
    "empty": ("", "http(s)://HOST:PORT/v1/log"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_witness_is_refused_with_what_to_write(name: str) -> None:
    """One line, without the secret of an address that had one."""
    line, said = WRONG[name]
    with pytest.raises(InputError) as refused:
        read_neighbour(line)
    assert said in str(refused.value) and "secret" not in str(refused.value)


def test_no_witness_is_named_twice_and_there_are_at_most_eight() -> None:
    """Two of one name could not be told apart in the log; each costs an entry a checkpoint."""
    with pytest.raises(InputError, match="two witnesses have the name"):
        read_neighbours([f"{URL} {key()}", f"http://10.0.0.2/v1/log {key()}"])
    with pytest.raises(InputError, match="two witnesses have the address"):
        read_neighbours([f"{URL} {key()}", f"{URL}/ {key('log.example/S3')}"])
    many = [f"http://10.0.0.{n}/v1/log {key(f'log.example/S{n}')}" for n in range(9)]
    with pytest.raises(InputError, match="9 witnesses, at most 8"):
        read_neighbours(many)
    assert len(read_neighbours(many[:8])) == 8


def test_the_file_takes_a_list_and_config_check_names_what_is_wrong(
    tmp_path: Path, pinmark: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A text in place of a list, a bad line, a CA that is not there: exit 2, key and remedy."""
    file = tmp_path / "pinmark.toml"
    monkeypatch.setenv("PINMARK_CONFIG", str(file))
    file.write_text(f'[witnesses]\nneighbours = ["{URL} {key()}"]\nevery_s = 30\n')
    found = read(file, {})
    assert found.faults == () and found.settings.witnesses.neighbours == (f"{URL} {key()}",)
    assert pinmark("config", "check").returncode == 0
    shown = pinmark("config", "show", "--json")
    assert shown.returncode == 0 and "log.example/S2/witness" in shown.stdout
    for text, said in (
        (f'neighbours = "{URL} {key()}"', "it takes a list of texts"),
        ('neighbours = ["https://s2.example/v1/log"]', "cannot be read"),
        ("neighbours = [8080]", "it takes a list of texts"),
        (f'ca_file = "{tmp_path}/none.crt"', "No such file"),
        ("every_s = 0", "greater than or equal to 1"),
    ):
        file.write_text(f"[witnesses]\n{text}\n")
        done = pinmark("config", "check")
        told = " ".join(done.stdout.split())
        assert done.returncode == 2 and said in told and "[witnesses]" in told, told


def test_a_station_is_not_its_own_witness_and_one_that_is_away_is_exit_3(
    tmp_path: Path, pinmark: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key copied on the wrong machine is named; asking by hand tells that nobody cosigned."""
    file = tmp_path / "pinmark.toml"
    monkeypatch.setenv("PINMARK_CONFIG", str(file))
    own = key("pinmark.local/S1/witness")
    file.write_text(f'[witnesses]\nneighbours = ["{URL} {own}"]\n')
    done = pinmark("config", "check")
    assert done.returncode == 2 and "is this station itself" in " ".join(done.stdout.split())
    gone = f"http://127.0.0.1:{free_port()}/v1/log"
    file.write_text(f'[witnesses]\nneighbours = ["{gone} {key()}"]\n')
    assert pinmark("log", "witness").returncode == 0
    done = pinmark("log", "witness", "--ask")
    assert done.returncode == 3 and "Connection refused" in done.stdout
