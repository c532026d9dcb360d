"""Promises about people and machines: how they come in, how they are kept out, what is recorded."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from engraver.errors import InputError
from station_api import kept
from station_api.people import Keys, People, Role, Sessions, SignInError, TooManyError
from station_api.people.people import LOCK_OUT_US
from station_api.people.secrets import Hasher
from station_api.people.sessions import IDLE_S, LIFETIME_S, LockedError
from station_api.records import canonical, now_us
from station_api.service.service import Service
from tests.station_api.service.conftest import PASSWORD, QUICK, bearer, is_problem


class Hands:
    """A clock whose hands a test moves."""

    def __init__(self, at: float) -> None:
        self.at = at

    def __call__(self) -> float:
        return self.at


def events(service: Service) -> list[str]:
    """What the log says was done, oldest first."""
    found = []
    for position in range(service.records.size()):
        entry = service.records.entry(position)
        if entry.kind == "auth":
            found.append(canonical.decode(entry.record)["event"]["did"])
    return found


def test_the_first_start_makes_an_administrator_who_must_choose_a_password(
    client: TestClient, service: Service
) -> None:
    """The printed password opens one door: choosing another. It is given once."""
    password = service.people.welcome()
    assert password is not None
    assert service.people.welcome() is None
    first = client.post("/v1/session", json={"name": "administrator", "secret": password})
    token = first.json()["token"]
    assert is_problem(client.get("/v1/people", headers=bearer(token)), 403)
    changed = client.put(
        "/v1/session/secret", headers=bearer(token), json={"old": password, "new": PASSWORD}
    )
    assert changed.status_code == 200
    assert is_problem(client.get("/v1/people", headers=bearer(token)), 401)
    listed = client.get("/v1/people", headers=bearer(changed.json()["token"]))
    assert [person["name"] for person in listed.json()["people"]] == ["administrator"]
    assert events(service) == ["made at first start", "signed in", "signed in", "secret set"]


def test_no_secret_is_in_the_log(service: Service) -> None:
    """Neither a secret nor its argon2 hash stands in any entry."""
    service.people.add("A. Smith", Role.OPERATOR, "493817", "test")
    _, text = service.keys.make("mes", Role.STATION, "test")
    whole = b"".join(service.records.entry(n).record for n in range(service.records.size()))
    assert b"493817" not in whole
    assert b"argon2" not in whole
    assert text.encode() not in whole
    assert b"a. smith" in whole


def test_five_wrong_secrets_lock_out_even_the_right_one(service: Service) -> None:
    """For a quarter of an hour nothing is checked; that somebody went on trying is in the log."""
    clock = Hands(now_us())
    people = People(service.records, Hasher(QUICK), now=lambda: int(clock()))
    people.add("A. Smith", Role.OPERATOR, "493817", "test")
    for _ in range(5):
        with pytest.raises(SignInError):
            people.check("A. Smith", "493818")
    size = service.records.size()
    for _ in range(3):
        with pytest.raises(TooManyError) as refused:
            people.check("A. Smith", "493817")
        assert 0 < refused.value.retry_after_s <= LOCK_OUT_US // 1_000_000 + 1
    assert service.records.size() == size + 1  # whoever goes on guessing does not fill the log
    clock.at += LOCK_OUT_US
    assert people.check("a. smith", "493817").name == "a. smith"
    assert events(service)[-7:] == [*["refused"] * 5, "refused while locked out", "signed in"]


def test_a_wrong_name_and_a_wrong_secret_are_told_apart_by_nobody(
    client: TestClient, service: Service
) -> None:
    """The same answer, and the attempt is in the log."""
    service.people.add("A. Smith", Role.OPERATOR, "493817", "test")
    answers = [
        client.post("/v1/session", json={"name": name, "secret": secret})
        for name, secret in (("A. Smith", "000000"), ("Nobody", "493817"))
    ]
    assert all(is_problem(answer, 401) for answer in answers)
    assert answers[0].json() == answers[1].json()


@pytest.mark.parametrize(
    ("role", "secret", "good"),
    [
        (Role.OPERATOR, "493817", True),
        (Role.OPERATOR, "111111", False),
        (Role.OPERATOR, "123456", False),
        (Role.OPERATOR, "49381", False),
        (Role.SUPERVISOR, "493817", False),
        (Role.SUPERVISOR, "aaaaaaaaaaaaaaa", False),
        (Role.SUPERVISOR, PASSWORD, True),
        (Role.ENGINEER, "short", False),
        (Role.ENGINEER, "with\x00control character", False),
        (Role.ENGINEER, "lone \ud800 surrogate here", False),
        (Role.ENGINEER, "x" * 129, False),
        (Role.ENGINEER, "Grüße an die Werkstatt", True),
    ],
)
def test_what_may_guard_a_role(service: Service, role: Role, secret: str, good: bool) -> None:
    """PINs only for operators, and none that is easy; passwords by length."""
    if good:
        assert service.people.add("a. smith", role, secret, "test").role is role
    else:
        with pytest.raises(InputError):
            service.people.add("a. smith", role, secret, "test")


def test_one_spelling_of_a_name_and_of_a_secret(service: Service) -> None:
    """Case and spaces of a name do not matter; a composed and a decomposed secret are one."""
    service.people.add(" A.  Smith", Role.ENGINEER, "Gr\u00fc\u00dfe an die Werkstatt", "test")
    assert service.people.check("a. SMITH ", "Gru\u0308\u00dfe an die Werkstatt")
    with pytest.raises(InputError, match="known already"):
        service.people.add("a. smith", Role.ENGINEER, PASSWORD, "test")


def test_a_disabled_person_is_out_at_once(
    client: TestClient, service: Service, tokens: dict[Role, str]
) -> None:
    """Open sessions end with it, and the secret opens nothing."""
    admin = bearer(tokens[Role.ADMINISTRATOR])
    assert client.get("/v1/marks", headers=bearer(tokens[Role.OPERATOR])).status_code == 200
    assert client.post("/v1/people/operator one/disable", headers=admin).status_code == 200
    assert is_problem(client.get("/v1/marks", headers=bearer(tokens[Role.OPERATOR])), 401)
    with pytest.raises(SignInError):
        service.people.check("operator one", PASSWORD)
    last = client.post("/v1/people/administrator one/disable", headers=admin)
    assert is_problem(last, 422)
    assert "last administrator" in last.json()["detail"]


def test_an_idle_session_is_locked_and_an_old_one_ends() -> None:
    """Ten minutes lock, the secret unlocks; twelve hours end it whatever happens."""
    clock = Hands(0.0)
    sessions = Sessions(clock)
    from tests.station_api.service.conftest import ENGINEER

    token = sessions.open(ENGINEER)
    clock.at = IDLE_S
    assert sessions.find(token) == ENGINEER
    clock.at += IDLE_S + 1
    for _ in range(2):
        with pytest.raises(LockedError):
            sessions.find(token)
    assert sessions.owner(token) == ENGINEER
    sessions.unlock(token)
    assert sessions.find(token) == ENGINEER
    clock.at = LIFETIME_S + 1
    for use in (sessions.find, sessions.owner, sessions.unlock):
        with pytest.raises(SignInError, match="ended"):
            use(token)


def test_a_ninth_session_ends_the_first() -> None:
    """Sessions of one person do not pile up."""
    from tests.station_api.service.conftest import ENGINEER

    sessions = Sessions()
    opened = [sessions.open(ENGINEER) for _ in range(9)]
    with pytest.raises(SignInError):
        sessions.find(opened[0])
    assert all(sessions.find(token) == ENGINEER for token in opened[1:])


def test_locking_and_unlocking_over_http(client: TestClient, tokens: dict[Role, str]) -> None:
    """A locked session answers 401 session-locked until the secret is given again."""
    mine = bearer(tokens[Role.OPERATOR])
    assert client.post("/v1/session/lock", headers=mine).status_code == 204
    locked = client.get("/v1/marks", headers=mine)
    assert is_problem(locked, 401)
    assert locked.json()["type"].endswith("session-locked")
    wrong = client.post("/v1/session/unlock", headers=mine, json={"secret": "wrong"})
    assert is_problem(wrong, 401)
    assert (
        client.post("/v1/session/unlock", headers=mine, json={"secret": PASSWORD}).status_code
        == 204
    )
    assert client.get("/v1/marks", headers=mine).status_code == 200
    assert client.delete("/v1/session", headers=mine).status_code == 204
    assert is_problem(client.get("/v1/marks", headers=mine), 401)


def test_a_cookie_acts_only_for_pages_of_this_origin(
    client: TestClient, tokens: dict[Role, str]
) -> None:
    """Another site's page can make the browser send the cookie, and gets 401."""
    cookie = {"Cookie": f"pinmark_session={tokens[Role.SUPERVISOR]}"}
    own = {**cookie, "Sec-Fetch-Site": "same-origin"}
    assert client.post("/v1/claims", headers=own).status_code == 201
    for other in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}, {}):
        assert is_problem(client.post("/v1/claims", headers={**cookie, **other}), 401)


def test_a_machine_key_is_found_by_its_hmac_and_ends_when_revoked(
    service: Service, client: TestClient
) -> None:
    """The database does not hold the key; another pepper does not find it; revoked is out."""
    key, text = service.keys.make("MES", Role.STATION, "test")
    assert client.get("/v1/marks", headers=bearer(text)).status_code == 200
    assert service.keys.remembered(text) is not None
    assert text.encode() not in (service.home / "station.db").read_bytes()
    with pytest.raises(SignInError):
        Keys(service.records, b"another pepper, 32 bytes or more").find(text)
    service.keys.revoke(key.key_id, "test")
    assert is_problem(client.get("/v1/marks", headers=bearer(text)), 401)
    assert {"key made", "key used", "key revoked", "key refused"} <= set(events(service))


@pytest.mark.parametrize("role", ["operator", "supervisor", "engineer", "administrator"])
def test_a_machine_cannot_be_what_a_person_answers_for(service: Service, role: str) -> None:
    """No key decides, releases or manages people."""
    with pytest.raises(InputError, match="a machine cannot be"):
        service.keys.make("mes", Role(role), "test")


def test_a_changed_row_is_found(service: Service) -> None:
    """A role, a secret, a key changed behind the log's back is named; so is a deletion."""
    service.people.add("a. smith", Role.OPERATOR, "493817", "test")
    service.keys.make("mes", Role.AUDITOR, "test")
    assert kept.check(service.records) == []
    for table, column, value in (
        ("people", "role", "'engineer'"),
        ("people", "secret", "'x'"),
        ("people", "state", "'disabled'"),
        ("people", "must_change", "1"),
        ("people", "changed_at_us", "1"),
        ("machine_keys", "digest", "'y'"),
        ("machine_keys", "role", "'station'"),
        ("machine_keys", "expires_at_us", "1"),
    ):
        with service.records.database.writing.begin() as connection:
            before = connection.exec_driver_sql(f"SELECT {column} FROM {table}").scalar()
            connection.exec_driver_sql(f"UPDATE {table} SET {column} = {value}")
        assert column in {one.column for one in kept.check(service.records)}
        with service.records.database.writing.begin() as connection:
            connection.exec_driver_sql(f"UPDATE {table} SET {column} = ?", (before,))
    with service.records.database.writing.begin() as connection:
        connection.exec_driver_sql("DELETE FROM machine_keys")
    assert [one.problem.split(":")[0] for one in kept.check(service.records)] == ["is missing"]


def test_people_and_keys_from_the_console(pinmark, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """Added, listed, disabled, enabled; a secret comes from a file, never from the command line."""
    secret = tmp_path / "secret"
    secret.write_text("493817\n")
    made = pinmark(
        "people", "add", "A. Smith", "--role", "operator", "--secret-file", secret, "--json"
    )
    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout)["people"][0]["role"] == "operator"
    off = pinmark("people", "disable", "A. Smith", "--json")
    assert json.loads(off.stdout)["people"][0]["state"] == "disabled"
    assert pinmark("people", "enable", "A. Smith").returncode == 0
    assert "active" in pinmark("people", "list").stdout
    key = json.loads(pinmark("keys", "make", "mes", "--json").stdout)
    assert key["text"].startswith("pmk_")
    assert pinmark("keys", "revoke", key["key"]["key_id"]).returncode == 0
    assert json.loads(pinmark("log", "fsck", "--json").stdout)["sound"] is True
    assert pinmark("keys", "revoke", "nonsense").returncode == 2
    assert "revoked" in pinmark("keys", "list").stdout
