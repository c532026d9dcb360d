"""The configuration: one file, one door, and a clear line for everything that is wrong with it."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from engraver.errors import InputError
from station_api.configuration import settings
from station_api.configuration.load import read, require
from station_api.configuration.model import SECTIONS, Settings, environment
from station_api.configuration.writing import render_document, render_file
from tests.conftest import REPOSITORY


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: Path) -> Path:
    path = tmp_path / "pinmark.toml"
    monkeypatch.setenv("PINMARK_CONFIG", str(path))
    return path


WRONG = [
    ("[service]\nprt = 1", "[service] prt is not known; did you mean [service] port?"),
    ("[servce]\nport = 1", "[servce] is not known; did you mean [service]?"),
    (
        "[service]\nport = 99999",
        "[service] port is 99999: it should be less than or equal to 65535",
    ),
    ('[service]\nport = "80"', "[service] port is '80': it should be a valid integer"),
    ("[service]\nplain = 1", "[service] plain is 1: it should be a valid boolean"),
    (
        '[service]\ntls_cert = "/c.pem"',
        "[service] tls_cert stands alone; give tls_cert and tls_key",
    ),
    ('[station]\nhome = "data"', "it takes a whole path, beginning with /"),
    ('[station]\nname = "a b"', "[station] name is 'a b'"),
    ('[licence]\nnumber = "9-77"', "a federal firearms licence reads R-DD-CCC-TT-YM-NNNNN"),
    ('[logging]\nformat = "xml"', "it should be 'text' or 'json'"),
    ('[records]\ndatabase_url = "postgresql://u:secret@h/d"', "holds a password"),
    ('[records]\ndatabase_url = "a b://"', "is no database URL"),
    ("service = 3", "service is 3 and no section"),
    ("[service", "is no TOML"),
]


@pytest.mark.parametrize(("text", "said"), WRONG, ids=[said[:24] for _, said in WRONG])
def test_what_is_wrong_is_said_with_a_remedy(
    pinmark: Any, file: Path, text: str, said: str
) -> None:
    """Each fault is one line with file, key, value, limit, remedy; every command refuses it."""
    file.write_text(text)
    checked = pinmark("config", "check")
    assert checked.returncode == 2
    line = checked.stdout.splitlines()[0]
    assert line.startswith(f"{file}: ") and said in line and "; " in line
    assert "secret" not in checked.stdout
    refused = pinmark("records")
    assert refused.returncode == 2 and said in refused.stderr


NAMED = [
    ('[engraver]\nrecipe = "nothing"', "[engraver] recipe will not do: ", "nothing"),
    ('[engraver]\npanel = "nothing"', "[engraver] panel will not do: ", "nothing"),
    (
        '[service]\ntls_cert = "/nowhere.crt"\ntls_key = "/nowhere.key"',
        "[service] tls_cert will not do: ",
        "cannot be read: No such file or directory; name another",
    ),
    ('[service]\nhost = "0.0.0.0"', "[service] host will not do: ", "in the clear"),
]


@pytest.mark.parametrize(("text", "key", "said"), NAMED, ids=[key for _, key, _ in NAMED])
def test_what_the_file_names_must_be_there(
    pinmark: Any, file: Path, text: str, key: str, said: str
) -> None:
    """`check` says before a restart what `serve` would say after it, one line a fault."""
    file.write_text(text)
    checked = pinmark("config", "check")
    assert checked.returncode == 2
    *lines, last = checked.stdout.splitlines()
    [line] = [line for line in lines if line.startswith(f"{file}: {key}")]
    assert said in line
    assert last == f"{file}: {len(lines)} fault{'s' * (len(lines) > 1)}"


def test_all_faults_are_named_at_once(pinmark: Any, file: Path) -> None:
    """`check` does not stop at the first."""
    file.write_text("[service]\nport = -1\nhots = 1\n[backup]\nkeep_days = 0\n")
    found = json.loads(pinmark("config", "check", "--json").stdout)
    assert [fault["key"] for fault in found["faults"]] == [
        "[service] port",
        "[service] hots",
        "[backup] keep_days",
    ]
    assert "(and 2 more: `pinmark config check`)" in pinmark("records").stderr


def test_the_environment_goes_before_the_file(file: Path, monkeypatch: Any) -> None:
    """A variable wins; one that is empty counts as not set; one that is unknown is named."""
    file.write_text('[service]\nport = 81\nhost = "::1"\n')
    assert settings().service.port == 81
    monkeypatch.setenv("PINMARK_PORT", "82")
    monkeypatch.setenv("PINMARK_HOST", "")
    assert (settings().service.port, settings().service.host) == (82, "::1")
    monkeypatch.setenv("PINMARK_PROT", "83")
    with pytest.raises(InputError, match="PINMARK_PROT is not known; did you mean PINMARK_PORT"):
        settings()


def test_a_missing_file_that_was_named_is_refused(pinmark: Any, file: Path) -> None:
    """A name with a slip in it does not silently mean the defaults."""
    assert "cannot be read (No such file" in pinmark("records").stderr


def test_a_file_from_another_editor(pinmark: Any, file: Path) -> None:
    """A byte order mark is passed over; another encoding, a folder and a long value are said."""
    file.write_bytes(b"\xef\xbb\xbf[service]\nport = 8081\n")
    assert pinmark("config", "check").returncode == 0
    file.write_bytes('[licence]\nlicensee = "Ha\xdfler"\n'.encode("cp1252"))
    assert "is no UTF-8 (byte 24 is 0xdf); save it as UTF-8" in pinmark("config", "check").stdout
    file.write_text(f'[station]\nname = "{"x" * 4000}"\n')
    said = pinmark("config", "check").stdout
    assert "1 to 32 letters" in said and len(said) < 500
    file.unlink()
    file.mkdir()
    assert "let this user read it" in pinmark("config", "check").stdout


def test_a_secret_file_that_others_can_read_is_refused(
    pinmark: Any, file: Path, tmp_path: Path
) -> None:
    """Mode 644 is a fault with the command that mends it; the secret is not shown."""
    url = tmp_path / "url"
    url.write_text("postgresql://u:hush@127.0.0.1:1/d\n")
    url.chmod(0o644)
    file.write_text(f'[records]\ndatabase_url_file = "{url}"\n')
    for words in (("config", "check"), ("records",)):
        done = pinmark(*words)
        assert done.returncode == 2
        assert f"chmod 600 {url}" in done.stdout + done.stderr
    url.chmod(0o600)
    assert pinmark("config", "check").returncode == 0
    assert "hush" not in pinmark("config", "show").stdout
    url.unlink()
    assert "does not exist" in pinmark("config", "check").stdout


def test_show_says_where_each_value_came_from(
    pinmark: Any, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Default, file or variable."""
    monkeypatch.setenv("PINMARK_PORT", "99")
    file.write_text('[station]\nname = "S7"\n')
    shown = pinmark("config", "show").stdout
    row = {
        line.split("│")[1].strip(): line.split("│") for line in shown.splitlines() if "│" in line
    }
    assert row["[service] port"][2].strip() == "99"
    assert "PINMARK_PORT" in row["[service] port"][3]
    assert row["[backup] keep_days"][3].strip() == "default"
    assert row["[station] name"][2].strip() == "S7"


def test_the_example_is_the_defaults_and_names_every_key() -> None:
    """The file to begin with is read without a fault, commented in or not."""
    text = render_file()
    assert set(tomllib.loads(text)) == set(SECTIONS)
    opened = "\n".join(
        line[1:] if line.startswith("#") and not line.startswith("# ") else line
        for line in text.splitlines()
    )
    values = tomllib.loads(opened)
    for name, section in SECTIONS.items():
        assert set(values[name]) == set(section.model_fields)
        section(**values[name])


def test_a_written_file_is_read_back_as_it_was(tmp_path: Path) -> None:
    """What the wizard writes says what was meant, quotes and backslashes included."""
    told = {
        "station": {"name": "S9", "home": Path("/x")},
        "licence": {"licensee": 'A "B" \\ C', "number": "9-77-067-07-6A-12345"},
        "service": {"port": 0, "docs": True},
    }
    wanted = Settings(**{name: SECTIONS[name](**values) for name, values in told.items()})
    path = tmp_path / "pinmark.toml"
    path.write_text(render_file(wanted))
    assert require(read(path, {})) == wanted


def test_the_document_is_written_from_the_models() -> None:
    """docs/configuration.md is what `pinmark config document` prints."""
    document = (REPOSITORY / "docs/configuration.md").read_text()
    assert document == render_document(), "run: pinmark config document > docs/configuration.md"
    assert all(f"`{name}`" in document for name in environment())


def test_nothing_else_reads_the_environment() -> None:
    """One door: outside it only secrets themselves and what systemd sets are read.

    `bench.py` and `serve.py` only write: threads of their own process, the sample station's folder.
    """
    allowed = {"log_key.py", "keys.py", "link.py", "demo.py", "load.py", "logs.py", "notify.py"}
    allowed |= {"bench.py", "serve.py"}
    rooms = [REPOSITORY / name for name in ("station_api", "firmware_bridge", "hardware")]
    for path in (path for room in rooms for path in room.rglob("*.py")):
        text = path.read_text()
        assert path.name in allowed or ("os.environ" not in text and "getenv" not in text), path
