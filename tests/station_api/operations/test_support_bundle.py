"""A support bundle names no firearm, nobody, and no secret."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

from station_api.discretion import make_discretion
from station_api.people import Keys, People, Role
from station_api.people.keys import load_pepper
from station_api.records import Records
from station_api.records.orders import Orders
from tests.station_api.records.houses import INTENT, mark, order

PIN, PASSWORD = "493817", "correct horse battery"
PERSON, MACHINE = "Quintessa Zyx", "mes-line-four"


def plant(home: Path) -> list[str]:
    """Fill a station with everything that must not leave it; return those words."""
    home.mkdir(parents=True, exist_ok=True)
    records = Records(home / "station.db")
    mark(records, 1)
    Orders(records).offer(order(2))
    people = People(records)
    people.add(PERSON, Role.OPERATOR, PIN, "test")
    people.add("Boss Zyx", Role.SUPERVISOR, PASSWORD, "test")
    keys = Keys(records, load_pepper(home))
    _, text = keys.make(MACHINE, Role.STATION, "test")
    held = records.all_marks()[0]
    with records.database.reading.connect() as connection:
        stored = connection.exec_driver_sql("SELECT secret FROM people").scalar()
        digest = connection.exec_driver_sql("SELECT digest FROM machine_keys").scalar()
    records.close()
    pepper = (home / "keys.pepper").read_text().strip()
    marked = [held.serial, held.code, held.order_id, "ZQ0002", "WO-2", PERSON, MACHINE]
    return [*marked, PIN, PASSWORD, text, str(stored), str(digest), pepper]


def test_nothing_planted_is_in_the_bundle(
    pinmark: Any, home: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    """Serials, codes, orders, names, PINs, keys, the licence, a password in a URL: none of them."""
    planted = plant(home)
    pinmark("log", "checkpoint")
    planted.append((home / "log.key").read_text().strip())
    log = tmp_path / "pinmark.log"
    log.write_text("\n".join(f"a careless line with {word.lower()}" for word in planted))
    file = tmp_path / "pinmark.toml"
    file.write_text(
        f'[licence]\nlicensee = "Secret Arms"\nnumber = "9-77-067-07-6A-12345"\n'
        f'[logging]\nfile = "{log}"\n'
    )
    monkeypatch.setenv("PINMARK_CONFIG", str(file))
    done = pinmark("support-bundle", "--out", tmp_path / "b.zip", "--json")
    assert done.returncode == 0, done.stderr
    bundle = zipfile.ZipFile(tmp_path / "b.zip")
    texts = {name: bundle.read(name).decode() for name in bundle.namelist()}
    assert "masked" in texts["log.txt"] and texts["log.txt"].count("a careless line") == len(
        planted
    )
    for word in [*planted, "Secret Arms", "9-77-067"]:
        if word in (PIN, PASSWORD):
            continue  # no one can mask a secret that was never kept: see the next test
        for name, text in texts.items():
            assert word.casefold() not in text.casefold(), (name, word)


def test_secrets_that_are_kept_nowhere_cannot_get_in(
    home: Path, tmp_path: Path, pinmark: Any
) -> None:
    """PINs and passwords are stored as Argon2 alone; no file of the bundle reads anything else."""
    plant(home)
    pinmark("support-bundle", "--out", tmp_path / "b.zip")
    content = zipfile.ZipFile(tmp_path / "b.zip")
    for name in content.namelist():
        for secret in (PIN, PASSWORD):
            assert secret not in content.read(name).decode(), name


def test_the_bundle_says_what_is_needed(pinmark: Any, home: Path, tmp_path: Path) -> None:
    """Doctor, configuration, versions, counts are there, and a person can read them."""
    plant(home)
    pinmark("support-bundle", "--out", tmp_path / "b.zip")
    bundle = zipfile.ZipFile(io.BytesIO((tmp_path / "b.zip").read_bytes()))
    counts = json.loads(bundle.read("counts.json"))
    assert counts["rows"]["marks"] == 1 and counts["marks_by_state"] == {"verified": 1}
    assert json.loads(bundle.read("doctor.json"))["checks"]
    assert "pinmark 0." in bundle.read("versions.txt").decode()
    assert json.loads(bundle.read("configuration.json"))["licence"] == "left out"


def test_words_are_masked_as_words() -> None:
    """A serial inside another word stays, its lower case and its compounds do not."""
    veil = make_discretion([INTENT.serial, INTENT.code, "WO-1001", "7"])
    text = veil.mask(
        "zq0042 XZQ0042Y serial=ZQ0042, /v1/orders/wo-1001/x old-WO-1001.txt 7 R8RPE1GVR8L1-old"
    )
    first, second = text.split(", ")
    assert first == "[masked] XZQ0042Y serial=[masked]"
    assert second == "/v1/orders/[masked]/x old-[masked].txt 7 [masked]-old"
    url = veil.mask("postgresql://u:hush@h/d pmk_" + "A" * 43 + " " + "ab" * 32)
    assert url == "postgresql://[masked]@h/d [masked] [masked]"
    hook = veil.mask(
        "whsec_ig3U5z4t8J/2IEYGhW8WPOwVLtuAYies password=hush Secret: hush2 token = x9"
    )
    assert hook == "[masked] password[masked] Secret[masked] token[masked]"
    harmless = "password_file=/etc/pinmark/pw secret: /etc/x the token that is none"
    assert veil.mask(harmless) == harmless
