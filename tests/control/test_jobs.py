"""Levers on a job: complete, fail, progress, cancel, expire; and jobs that wait for a slot."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tests.conftest import KEY, MakeApp
from tests.driver import COST, Driver

OPENING = 1_000_000
NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
async def narrow(make_app: MakeApp) -> AsyncIterator[Driver]:
    """A user of a mock that runs ten jobs of a team at once."""
    app = await make_app(max_concurrent_jobs=10)
    async with aiohttp.ClientSession(app.url, headers={"X-API-Key": KEY}) as http:
        yield Driver(http)


async def facts(driver: Driver, job_id: str) -> tuple[Any, ...]:
    job = await driver.job(job_id)
    return job["status"], job["error"], job["creditCost"], job["completedAt"], await driver.balance()


@pytest.mark.parametrize("prompt", ["[[stuck]]", "[[slow 1h]]", "[[slow 1h]] [[fail]]"])
@pytest.mark.parametrize("waited", [0, 20], ids=["queued", "processing"])
@pytest.mark.parametrize(
    ("action", "status", "error"),
    [
        ({"complete": True}, "COMPLETED", None),
        ({"cancel": True}, "CANCELLED", None),
        ({"fail": "no capacity é"}, "FAILED", "no capacity é"),
        ({"fail": True}, "FAILED", "Provider returned an error: content policy violation"),
        ({"fail": ""}, "FAILED", "Provider returned an error: content policy violation"),
        ({"fail": "x", "wait": False}, "FAILED", "x"),
    ],
)
async def test_a_lever_ends_a_job_at_this_instant(
    driver: Driver, prompt: str, waited: int, action: dict[str, Any], status: str, error: str | None
) -> None:
    job_id = await driver.submit(prompt)
    await driver.advance(waited)
    shown = await driver.pull("POST", f"jobs/{job_id}", action)
    cost = COST if status == "COMPLETED" else 0
    now = f"2026-01-01T00:00:{waited:02}.000Z"
    expected = (status, error, cost, now, OPENING - cost)
    assert await facts(driver, job_id) == expected
    assert (shown["status"], shown["plan"]["endsAt"], shown["plan"]["outcome"]) == (status, now, status)
    await driver.advance("2h")
    assert await facts(driver, job_id) == expected


async def test_progress_is_shown_from_now_on_and_never_falls(driver: Driver) -> None:
    job_id = await driver.submit("[[slow 100s]]")
    shown = await driver.pull("POST", f"jobs/{job_id}", {"progress": 40})
    assert (shown["status"], shown["progress"]) == ("PROCESSING", 40)
    seen = []
    for _ in range(120):
        seen.append((await driver.job(job_id))["progress"])
        await driver.advance(1)
    assert (seen[0], seen) == (40, sorted(seen))
    assert (await driver.job(job_id))["progress"] == 100


async def test_progress_below_what_is_shown_is_a_409(driver: Driver) -> None:
    job_id = await driver.submit("[[stuck]]")
    await driver.pull("POST", f"jobs/{job_id}", {"progress": 40})
    problem = await driver.pull("POST", f"jobs/{job_id}", {"progress": 39}, status=409)
    assert problem == {
        "type": "about:blank",
        "title": "Progress never falls",
        "status": 409,
        "detail": "the job is at 40",
    }
    assert (await driver.job(job_id))["progress"] == 40


async def test_an_expired_job_stays_and_its_files_are_gone(driver: Driver) -> None:
    job_id = await driver.submit("[[instant]]")
    before = await driver.job(job_id)
    shown = await driver.pull("POST", f"jobs/{job_id}", {"expire": True})
    assert (shown["expired"], shown["plan"]["expiresAt"]) == (True, "2026-01-01T00:00:00.000Z")
    assert await driver.job(job_id) == {**before, "expired": True}
    async with driver.http.get(before["result"]["images"][0]) as answer:
        assert answer.status == 404
    assert (await driver.pull("POST", f"jobs/{job_id}", {"expire": True}))["expired"] is True


@pytest.mark.parametrize("end", [{"complete": True}, {"fail": True}, {"cancel": True}])
@pytest.mark.parametrize("action", [{"complete": True}, {"fail": "x"}, {"cancel": True}, {"progress": 99}])
async def test_a_job_that_has_ended_is_a_409_and_keeps_its_end(
    driver: Driver, end: dict[str, Any], action: dict[str, Any]
) -> None:
    job_id = await driver.submit("[[stuck]]")
    await driver.pull("POST", f"jobs/{job_id}", end)
    before = await facts(driver, job_id)
    problem = await driver.pull("POST", f"jobs/{job_id}", action, status=409)
    assert problem == {
        "type": "about:blank",
        "title": "Job has ended",
        "status": 409,
        "detail": f"the job is {before[0]}, and that is final",
    }
    assert await facts(driver, job_id) == before


@pytest.mark.parametrize("prompt", ["[[stuck]]", "[[fail]]", "[[cancel]]"])
async def test_only_a_completed_job_expires(driver: Driver, prompt: str) -> None:
    job_id = await driver.submit(prompt)
    await driver.advance("1m")
    problem = await driver.pull("POST", f"jobs/{job_id}", {"expire": True}, status=409)
    assert problem["title"] == "Not completed"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"wait": True},
        {"complete": True, "cancel": True},
        {"fail": "x", "progress": 4},
        {"complete": False},
        {"fail": False},
        {"fail": None},
        {"fail": 1},
        {"cancel": "yes"},
        {"expire": False},
        {"progress": 100},
        {"progress": -1},
        {"progress": 1.5},
        {"progress": True},
        {"explode": True},
    ],
)
async def test_anything_but_one_action_is_a_400_and_changes_nothing(driver: Driver, body: dict[str, Any]) -> None:
    job_id = await driver.submit("[[stuck]]")
    before = await driver.pull("GET", f"jobs/{job_id}")
    problem = await driver.pull("POST", f"jobs/{job_id}", body, status=400)
    assert (problem["title"], problem["status"]) == ("Invalid body", 400)
    assert await driver.pull("GET", f"jobs/{job_id}") == before


@pytest.mark.parametrize("job_id", [NOBODY, "nothing", "x" * 5000, "%00", "..", "%2e%2e%2fclock"])
async def test_a_job_that_does_not_exist_is_a_404(driver: Driver, job_id: str) -> None:
    for method, body in (("GET", None), ("POST", {"complete": True})):
        problem = await driver.pull(method, f"jobs/{job_id}" if job_id != ".." else "jobs/%2e%2e", body, status=404)
        assert problem["status"] == 404
        assert len(problem["detail"]) < 300


async def test_the_plan_of_a_job_is_shown_whole(driver: Driver) -> None:
    job_id = await driver.submit("[[slow 100s]]")
    shown = await driver.pull("GET", f"jobs/{job_id.upper()}")
    plan = shown.pop("plan")
    marks = plan.pop("marks")
    assert shown == {
        "id": job_id,
        "status": "QUEUED",
        "progress": 0,
        "expired": False,
        "operation": "images.generate",
        "model": "flux-2-pro",
        "webhookStatus": None,
    }
    assert sorted(plan) == ["endsAt", "error", "expiresAt", "outcome", "startsAt"]
    assert (plan["outcome"], plan["error"]) == ("COMPLETED", None)
    for mark in marks:
        await driver.pull("POST", "clock", {"now": mark["at"]})
        await driver.advance("1ms")  # the instant shown is cut to the millisecond
        assert (await driver.job(job_id))["progress"] == mark["progress"]


async def test_a_stuck_job_has_no_end_in_its_plan(driver: Driver) -> None:
    job_id = await driver.submit("[[stuck]]")
    plan = (await driver.pull("GET", f"jobs/{job_id}"))["plan"]
    assert (plan["endsAt"], plan["outcome"], plan["expiresAt"]) == (None, None, None)


async def test_ten_jobs_run_and_the_others_wait_in_order(narrow: Driver) -> None:
    job_ids = [await narrow.submit(f"[[slow {100 + n}s]]") for n in range(13)]
    await narrow.advance(50)
    assert await narrow.statuses(*job_ids) == ["PROCESSING"] * 10 + ["QUEUED"] * 3
    await narrow.pull("POST", f"jobs/{job_ids[7]}", {"complete": True})
    assert await narrow.statuses(*job_ids[7:]) == ["COMPLETED", *["PROCESSING"] * 3, "QUEUED", "QUEUED"]
    await narrow.pull("POST", f"jobs/{job_ids[3]}", {"fail": True})
    await narrow.pull("POST", f"jobs/{job_ids[4]}", {"cancel": True})
    expected = ["FAILED", "CANCELLED", "PROCESSING", "PROCESSING", "COMPLETED", *["PROCESSING"] * 5]
    assert await narrow.statuses(*job_ids[3:]) == expected


async def test_jobs_that_wait_start_by_themselves_when_a_slot_frees(narrow: Driver) -> None:
    job_ids = [await narrow.submit(f"[[slow {100 + n}s]]") for n in range(12)]
    shown = [(await narrow.pull("GET", f"jobs/{job_id}"))["plan"] for job_id in job_ids]
    ends = sorted(plan["endsAt"] for plan in shown[:10])
    assert [plan["startsAt"] for plan in shown[10:]] == ends[:2]
    await narrow.advance("1h")
    assert await narrow.statuses(*job_ids) == ["COMPLETED"] * 12


async def test_behind_stuck_jobs_a_job_waits_until_one_is_ended(narrow: Driver) -> None:
    stuck = [await narrow.submit("[[stuck]]") for _ in range(10)]
    waiting = await narrow.submit("[[slow 10s]]")
    await narrow.advance("90d")
    assert await narrow.statuses(waiting) == ["QUEUED"]
    await narrow.pull("POST", f"jobs/{stuck[0]}", {"cancel": True})
    await narrow.advance(20)
    assert await narrow.statuses(waiting) == ["COMPLETED"]


async def test_the_end_of_a_job_that_waits_leaves_the_order_of_the_others(narrow: Driver) -> None:
    running = [await narrow.submit("[[stuck]]") for _ in range(10)]
    first, second = [await narrow.submit("[[slow 10s]]") for _ in range(2)]
    await narrow.advance(60)
    await narrow.pull("POST", f"jobs/{first}", {"cancel": True})
    assert await narrow.statuses(second) == ["QUEUED"]
    await narrow.pull("POST", f"jobs/{running[9]}", {"fail": True})
    assert await narrow.statuses(first, second) == ["CANCELLED", "PROCESSING"]


async def test_every_accepted_job_counts_against_the_limit_whatever_its_key(narrow: Driver) -> None:
    team = (await (await narrow.http.get("/v2/me")).json())["team"]
    await narrow.pull("POST", "keys", {"key": "afk_mate", "team": team["id"], "user": "Mate"}, status=201)
    for _ in range(10):
        await narrow.submit("[[stuck]]")
    body = {"prompt": "[[slow 1s]]", "model": "flux-2-pro"}
    async with narrow.http.post("/v2/images/generate", json=body, headers={"X-API-Key": "afk_mate"}) as answer:
        waiting = (await answer.json())["jobId"]
    await narrow.advance(60)
    assert (team["maxConcurrentJobs"], (await narrow.job(waiting))["status"]) == (10, "QUEUED")


async def test_a_job_that_moves_up_sends_its_webhooks_by_its_new_plan(narrow: Driver) -> None:
    stuck = [await narrow.submit("[[stuck]]") for _ in range(10)]
    events = ["progress", "completed"]
    waiting = await narrow.submit("[[slow 10s]]", webhookUrl="http://127.0.0.1:1/", webhookEvents=events)
    assert await narrow.deliveries(waiting) == []
    await narrow.pull("POST", f"jobs/{stuck[0]}", {"complete": True})
    plan = (await narrow.pull("GET", f"jobs/{waiting}"))["plan"]
    instants = [*(mark["at"] for mark in plan["marks"]), plan["endsAt"]]
    assert [delivery["eventAt"] for delivery in await narrow.deliveries(waiting)] == instants


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        (12, ["PROCESSING", "PROCESSING", "QUEUED"]),
        (13, ["PROCESSING", "PROCESSING", "PROCESSING"]),
        (None, ["PROCESSING", "PROCESSING", "PROCESSING"]),
        (1, ["QUEUED", "QUEUED", "QUEUED"]),
    ],
)
async def test_a_changed_limit_holds_for_jobs_that_wait(narrow: Driver, limit: int | None, expected: list[str]) -> None:
    running = [await narrow.submit("[[stuck]]") for _ in range(10)]
    waiting = [await narrow.submit("[[stuck]]") for _ in range(3)]
    await narrow.advance(60)
    team = (await narrow.pull("GET", "teams"))["teams"][0]["id"]
    await narrow.pull("PATCH", f"teams/{team}", {"maxConcurrentJobs": limit})
    assert await narrow.statuses(*running, *waiting) == ["PROCESSING"] * 10 + expected
