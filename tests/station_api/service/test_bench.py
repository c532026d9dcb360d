"""Promises of the bench: a process of its own with bounds, and the engineer's routes on it."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

import hardware
from engraver import ablation, codes, coupons, gcode, layout, relief, toolpath
from engraver.errors import DesignError, InputError
from engraver.heightmap import write_x3p
from station_api.people import Role
from station_api.service.bench import Bench, BenchBusyError
from station_api.service.service import Service
from tests.conftest import wait_until
from tests.station_api.quality.test_charts import detail, keep
from tests.station_api.quality.test_closed_loop import scanned
from tests.station_api.quality.test_releases import study
from tests.station_api.service.conftest import bearer, is_problem

SETUP = hardware.load_setup("default")
JOBS = "tests.station_api.service.slow_jobs"
CODE = codes.encode_index(0, SETUP.recipe.code_format).text


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench(JOBS, waiting=1)
    yield made
    made.close()


def test_jobs_run_in_a_niced_process_that_is_kept(bench: Bench) -> None:
    """Another process than this one, nicer, the same for the next job; errors come back typed."""
    import os

    first = bench.run("whoami").split()
    assert int(first[0]) != os.getpid()
    assert int(first[1]) > os.nice(0)
    with pytest.raises(DesignError, match="too large for this tip"):
        bench.run("refuse")
    bench._replies.clear()
    assert bench.run("whoami").split()[0] == first[0]


def test_a_job_beyond_its_time_is_killed_and_the_next_one_works(tmp_path: Path) -> None:
    """A job that never ends, one that dies, one that takes all memory: told, and then go on."""
    bench = Bench(JOBS, longest_s=1.0, memory_bytes=1 << 30)
    try:
        with pytest.raises(InputError, match="longer than 1 s"):
            bench.run("wait_for", tmp_path / "never")
        bench._longest_s = 60.0
        with pytest.raises(InputError, match="its process ended"):
            bench.run("die")
        with pytest.raises(InputError, match="more memory"):
            bench.run("eat", 1 << 31)
        assert bench.run("whoami")
    finally:
        bench.close()


def test_a_worker_that_nobody_asks_ends_and_the_next_job_has_a_new_one() -> None:
    """Its memory goes back to the machine; a job sent to one that was just ending is not lost."""
    bench = Bench(JOBS, idle_s=0.1, remembered=0)
    try:
        first = bench.run("whoami").split()[0]
        worker, pipe = bench._process, bench._pipe
        wait_until(lambda: not worker.is_alive(), 60.0)
        assert (worker.exitcode, bench.pid) == (0, None)
        second = bench.run("whoami").split()[0]
        assert second != first
        wait_until(lambda: not bench._process.is_alive(), 60.0)
        asked: list[object] = []

        def stale() -> Any:
            asked.append(None)
            return pipe if len(asked) == 1 else Bench._worker(bench)

        bench._worker = stale  # type: ignore[method-assign]
        assert bench.run("whoami").split()[0] not in (first, second)
    finally:
        bench.close()


def test_a_full_bench_refuses(bench: Bench, tmp_path: Path) -> None:
    """One at work, one waiting; the third is told to come again, and those two are done."""
    done: list[bytes] = []

    def ask(name: str) -> None:
        done.append(bench.run("wait_for", tmp_path / name))

    threads = [threading.Thread(target=ask, args=(name,)) for name in ("one", "two")]
    threads[0].start()
    wait_until((tmp_path / "one.begun").exists, 60.0)
    threads[1].start()
    wait_until(lambda: not bench._places.acquire(blocking=False) or bench._places.release(), 60.0)  # type: ignore[func-returns-value]
    with pytest.raises(BenchBusyError, match="jobs waiting"):
        bench.run("whoami")
    (tmp_path / "one").touch()
    (tmp_path / "two").touch()
    for thread in threads:
        thread.join()
    assert done == [b"done", b"done"]


def test_the_service_serves_while_the_bench_works(
    client: TestClient, service: Service, tokens: dict[Role, str], tmp_path: Path
) -> None:
    """A job that waits for this very test to end does not keep anybody else waiting."""
    service.bench.close()
    service.bench = Bench(JOBS)
    thread = threading.Thread(target=service.bench.run, args=("wait_for", tmp_path / "go"))
    thread.start()
    wait_until((tmp_path / "go.begun").exists, 60.0)
    assert client.get("/v1/health").status_code == 200
    marks = client.get("/v1/marks", headers=bearer(tokens[Role.ENGINEER]))
    assert marks.status_code == 200
    (tmp_path / "go").touch()
    thread.join()


def ask(client: TestClient, token: str, path: str, body: Any, status: int = 200) -> Any:
    reply = client.post(f"/v1/{path}", json=body, headers=bearer(token))
    assert reply.status_code == status, reply.text
    return reply.json()


def ints(text: str, kind: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), kind).astype(float)


def upload(client: TestClient, token: str, data: bytes) -> str:
    reply = client.post("/v1/scans", content=data, headers=bearer(token))
    assert reply.status_code == 201, reply.text
    return str(reply.json()["scan_id"])


def test_a_plan_is_the_plan_that_would_be_burned(
    client: TestClient, tokens: dict[Role, str]
) -> None:
    """The strokes are those of the program; lengths by pass and seconds by bottleneck add up."""
    token = tokens[Role.ENGINEER]
    found = ask(client, token, "plans", {"code": CODE.lower()})
    code = codes.encode_index(0, SETUP.recipe.code_format)
    path = toolpath.plan(relief.design(layout.arrange(code, SETUP), SETUP), SETUP)
    assert found["program_sha256"] == gcode.render(path, SETUP).sha256
    start = ints(found["start"], "<i4").reshape(-1, 2) * found["step_um"]
    end = ints(found["end"], "<i4").reshape(-1, 2) * found["step_um"]
    kind = ints(found["kind"], "u1")
    burned_mm = np.linalg.norm(end - start, axis=1)[kind == 0].sum() * 1e-3
    assert burned_mm == pytest.approx(path.burn_length_um * 1e-3, rel=1e-3)
    assert sum(one["burn_mm"] for one in found["by_pass"]) == pytest.approx(burned_mm, rel=1e-3)
    assert max(found["seconds"].values()) == pytest.approx(found["machine_s"], abs=0.01)
    assert ask(client, token, "plans", {"coupon": "focus"})["coupon"] == "focus"
    program = client.post("/v1/coupons", json={"coupon": "focus"}, headers=bearer(token))
    assert program.content == gcode.render(coupons.plan("focus", SETUP), SETUP).data
    both = {"code": CODE, "order_id": "WO-1"}
    assert is_problem(client.post("/v1/plans", json=both, headers=bearer(token)), 422)
    assert is_problem(client.post("/v1/plans", json={}, headers=bearer(token)), 422)
    short = client.post("/v1/plans", json={"code": "ABCDEFGHJ"}, headers=bearer(token))
    assert is_problem(short, 422)
    absent = {"code": CODE, "recipe": "nobodys"}
    assert is_problem(client.post("/v1/plans", json=absent, headers=bearer(token)), 404)


def test_a_scan_is_shown_as_heights_and_deviation(
    client: TestClient, tokens: dict[Role, str]
) -> None:
    """Grids of at most so many points, symbols with figures, a report of the same bytes twice."""
    token = tokens[Role.ENGINEER]
    code = codes.encode_index(0, SETUP.recipe.code_format)
    path = toolpath.plan(relief.design(layout.arrange(code, SETUP), SETUP), SETUP)
    scan_id = upload(client, token, write_x3p(ablation.predict(path, SETUP, pitch_um=2.0)))
    found = ask(client, token, f"scans/{scan_id}/maps", {"code": CODE, "side": 100})
    assert found["inspection"]["read_back"] == CODE
    assert len(found["inspection"]["symbols"]) == 12
    heights = found["heights"]
    assert max(heights["rows"], heights["columns"]) <= 100
    z = ints(heights["z"], "<i2").reshape(heights["rows"], heights["columns"])
    z = np.where(z == heights["not_measured"], np.nan, z * heights["step_um"])
    assert np.nanpercentile(z, 5) == pytest.approx(-22, abs=1.5)
    assert np.nanpercentile(z, 95) == pytest.approx(0, abs=1.0)
    assert found["deviation"]["rows"] <= 100
    alone = ask(client, token, f"scans/{scan_id}/maps", {"side": 50})
    assert "inspection" not in alone
    reports = [
        client.post(f"/v1/scans/{scan_id}/report", json={"code": CODE}, headers=bearer(token))
        for _ in range(2)
    ]
    assert reports[0].content[:5] == b"%PDF-"
    assert reports[0].content == reports[1].content
    absent = client.post(f"/v1/scans/{'0' * 64}/maps", json={}, headers=bearer(token))
    assert is_problem(absent, 404)


def test_charts_are_over_the_records(
    client: TestClient, service: Service, tokens: dict[Role, str]
) -> None:
    """The same figures as `pinmark quality chart --records`; too few marks are told."""
    token = tokens[Role.ENGINEER]
    assert is_problem(client.get("/v1/charts", headers=bearer(token)), 422)
    for n in range(12):
        keep(service.records, n, detail(22_000 + 100 * (n % 2)))
    chart = client.get("/v1/charts?figure=relief&subgroup=2", headers=bearer(token)).json()
    assert (chart["kind"], len(chart["points"])) == ("Xbar-R", 6)
    assert chart["marks"][-1] == "M000012"
    able = client.get("/v1/capability", headers=bearer(token)).json()
    assert able["marks"] == 12
    assert {row["figure"] for row in able["figures"]} >= {"relief", "width", "position"}


def test_a_gauge_study_and_a_prediction(client: TestClient, tokens: dict[Role, str]) -> None:
    """The manual's example gives its figures; a prediction says that it is a simulation."""
    from tests.engraver.test_capability import aiag

    token = tokens[Role.ENGINEER]
    rows = [f"{p},{o},{t},{v}" for (p, o, t), v in np.ndenumerate(aiag())]
    table = "part,operator,trial,value\n" + "\n".join(rows)
    found = ask(client, token, "gauge-studies", {"table": table})
    assert (found["ndc"], found["acceptable"]) == (4, False)
    assert found["grr_share"] == pytest.approx(0.279, abs=5e-4)
    doubled = {"table": table + "\n0,0,0,1.0"}
    assert is_problem(client.post("/v1/gauge-studies", json=doubled, headers=bearer(token)), 422)
    asked = {"code": CODE, "conditions": "good", "rounds": [0], "firearms": 2}
    told = ask(client, token, "predictions", asked)
    assert told["stated_as"].startswith("simulation")
    assert len(told["by_position"][0]) == 12


def test_a_coupon_becomes_profiles_and_a_release(
    client: TestClient, service: Service, tokens: dict[Role, str], tmp_path: Path
) -> None:
    """Fit, draft and release the material, draft the recipe, judge it, release it, change it."""
    token = tokens[Role.ENGINEER]
    scan_id = upload(client, token, write_x3p(scanned()))
    fit = ask(client, token, "coupon-fits", {"scan_id": scan_id, "save_as": "lot-7"})
    for kind, key in (("materials", "material"), ("recipes", "recipe")):
        drafted = ask(client, token, f"profiles/{kind}/lot-7", {"text": fit[key]}, 201)
        assert drafted["version"] == 1
        ask(client, token, f"profiles/{kind}/lot-7/1/release", None)
    differ = client.get(
        "/v1/profiles/recipes/lot-7/1/difference?other=default", headers=bearer(token)
    ).json()
    assert {row["key"] for row in differ["figures"]} >= {"material", "passes"}
    setup = hardware.load_setup("lot-7", service.shelf.folder)
    rng = np.random.default_rng(9)
    for n in range(26):
        found = detail(22_000 + round(rng.normal(0, 200)))
        keep(service.records, n, found, setup_sha256=gcode.setup_sha256(setup))
    body = {"recipe": "lot-7", "coupon_scan_id": scan_id, "coupon_recipe": "default"}
    told = ask(client, token, "releases", body | {"check": True})
    assert [reason.split(":")[0] for reason in told["reasons"]] == ["gauge", "prediction"]
    refused = client.post("/v1/releases", json=body, headers=bearer(token))
    assert is_problem(refused, 409)
    assert "gauge: no evidence was given" in refused.json()["detail"]
    body |= {"gauge_table": study(tmp_path / "g.csv", 0.1).read_text(), "conditions": "good"}
    headers = bearer(token, Idempotency_Key="r1")
    done = client.post("/v1/releases", json=body, headers=headers)
    assert done.status_code == 201, done.text
    assert done.json()["release"]["released_by"] == "engineer one"
    size = service.records.size()
    assert client.post("/v1/releases", json=body, headers=headers).status_code == 201
    assert service.records.size() == size
    assert standing(client, token)["lot-7"] == "released"
    changed = fit["material"].replace("value = 2", "value = 3")
    assert changed != fit["material"]
    ask(client, token, "profiles/materials/lot-7", {"text": changed}, 201)
    ask(client, token, "profiles/materials/lot-7/2/release", None)
    assert standing(client, token)["lot-7"] == "changed"


def standing(client: TestClient, token: str) -> dict[str, str]:
    found = client.get("/v1/releases", headers=bearer(token)).json()
    assert found["limits"]["cpk_ppm"] == {"least": 1_330_000}
    return {one["recipe"]: one["state"] for one in found["recipes"]}


def test_the_engraver_starts_no_unreleased_recipe(
    client: TestClient, service: Service, tokens: dict[Role, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a registry of the station's own: 409 not-released before anything is recorded."""
    from tests.station_api.quality.test_releases import OURS

    service.runner.port = "/dev/null"
    monkeypatch.setattr(service.runner, "_registry", OURS)
    order = {"order": "WO-9", "make": "OUR ARMS", "model": "P1", "serial": "A0001"}
    reply = client.post("/v1/marks", json={"order": order}, headers=bearer(tokens[Role.ENGINEER]))
    assert is_problem(reply, 409)
    assert reply.json()["type"].endswith("not-released")
    assert service.records.all_marks() == []
