"""Prompts that decide the outcome, as a program without the control plane meets them."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tests.conftest import KEY, MakeApp
from tests.driver import COST, Driver

OPENING = 1_000_000


@pytest.fixture
async def deaf(make_app: MakeApp) -> AsyncIterator[Driver]:
    """A user of a mock that obeys no directives."""
    app = await make_app(no_directives=True)
    async with aiohttp.ClientSession(app.url, headers={"X-API-Key": KEY}) as http:
        yield Driver(http)


async def plan_of(driver: Driver, job_id: str) -> dict[str, Any]:
    plan: dict[str, Any] = (await driver.pull("GET", f"jobs/{job_id}"))["plan"]
    return plan


@pytest.mark.parametrize(
    ("prompt", "error"),
    [
        ("[[fail]]", "Provider returned an error: content policy violation"),
        ("a fox [[fail]] in the snow", "Provider returned an error: content policy violation"),
        ("[[FAIL]]", "Provider returned an error: content policy violation"),
        ("[[ fail ]]", "Provider returned an error: content policy violation"),
        ("[[fail:]]", "Provider returned an error: content policy violation"),
        ("[[fail: No available capacity for model]]", "No available capacity for model"),
        ('[[fail: Provider returned 500: "x" é 🦊]]', 'Provider returned 500: "x" é 🦊'),
        ("[[fail: one]] [[fail: two]]", "two"),
        ("[[instant]] [[fail: now]]", "now"),
    ],
)
async def test_fail_ends_the_job_with_its_reason_and_gives_the_credits_back(
    driver: Driver, prompt: str, error: str
) -> None:
    job_id = await driver.submit(prompt)
    await driver.advance("1m")
    job = await driver.job(job_id)
    plan = await plan_of(driver, job_id)
    assert job == {
        "id": job_id,
        "status": "FAILED",
        "model": "flux-2-pro",
        "progress": 0,
        "result": None,
        "error": error,
        "creditCost": 0,
        "webhookStatus": None,
        "createdAt": "2026-01-01T00:00:00.000Z",
        "completedAt": plan["endsAt"],
        "expired": False,
        "input": {"prompt": prompt, "model": "flux-2-pro"},
    }
    assert await driver.balance() == OPENING


@pytest.mark.parametrize(("order", "status"), [("fail", "FAILED"), ("cancel", "CANCELLED")])
async def test_credits_come_back_at_the_instant_the_job_ends_and_not_before(
    driver: Driver, order: str, status: str
) -> None:
    job_id = await driver.submit(f"[[slow 60s]] [[{order}]]")
    assert (await driver.balance(), (await driver.job(job_id))["creditCost"]) == (OPENING - COST, COST)
    ends_at = (await plan_of(driver, job_id))["endsAt"]
    await driver.pull("POST", "clock", {"now": ends_at})
    await driver.advance(-0.0)
    seen = [(await driver.balance(), await driver.statuses(job_id))]
    await driver.advance("1ms")
    seen.append((await driver.balance(), await driver.statuses(job_id)))
    assert seen[-1] == (OPENING, [status])
    assert seen[0] in [(OPENING - COST, ["PROCESSING"]), (OPENING, [status])]  # the instant shown is cut to the ms
    await driver.advance("1h")
    assert await driver.balance() == OPENING


async def test_the_balance_and_the_status_never_disagree_about_a_refund(driver: Driver) -> None:
    job_id = await driver.submit("[[slow 8s]] [[fail]]")
    seen = set()
    for _ in range(100):
        seen.add(((await driver.statuses(job_id))[0], await driver.balance(), (await driver.job(job_id))["creditCost"]))
        await driver.advance("0.0625s")
    assert seen == {
        ("QUEUED", OPENING - COST, COST),
        ("PROCESSING", OPENING - COST, COST),
        ("FAILED", OPENING, 0),
    }


@pytest.mark.parametrize("speed", [1.0, 15.0, 1000.0, float("inf")])
async def test_slow_takes_so_long_whatever_the_speed(make_app: MakeApp, speed: float) -> None:
    app = await make_app(speed=speed)
    async with aiohttp.ClientSession(app.url, headers={"X-API-Key": KEY}) as http:
        driver = Driver(http)
        job_id = await driver.submit("[[slow 30s]]")
        plan = await plan_of(driver, job_id)
        await driver.pull("POST", "clock", {"now": plan["startsAt"]})
        await driver.advance("29.5s")
        assert await driver.statuses(job_id) == ["PROCESSING"]
        await driver.advance("501ms")
        assert await driver.statuses(job_id) == ["COMPLETED"]


@pytest.mark.parametrize(
    ("span", "ends"), [("500ms", 0.5), ("2m", 120), ("1h", 3600), ("90d", 90 * 86400), ("1.5s", 1.5)]
)
async def test_slow_reads_every_unit(driver: Driver, span: str, ends: float) -> None:
    job_id = await driver.submit(f"[[slow {span}]]")
    await driver.advance(ends / 2)
    assert (await driver.statuses(job_id))[0] != "COMPLETED"
    await driver.advance(ends / 2 + 10)
    assert await driver.statuses(job_id) == ["COMPLETED"]


async def test_a_stuck_job_never_ends_and_keeps_its_credits(driver: Driver) -> None:
    job_id = await driver.submit("[[stuck]]")
    await driver.advance("90d")
    job = await driver.job(job_id)
    assert (job["status"], job["result"], job["completedAt"]) == ("PROCESSING", None, None)
    assert 0 < job["progress"] < 100
    assert await driver.balance() == OPENING - COST


async def test_an_instant_job_is_completed_at_once(driver: Driver) -> None:
    job_id = await driver.submit("[[instant]]")
    job = await driver.job(job_id)
    assert (job["status"], job["progress"], job["completedAt"]) == ("COMPLETED", 100, job["createdAt"])


async def test_a_cancelled_job_has_no_error_and_costs_nothing(driver: Driver) -> None:
    job_id = await driver.submit("[[cancel]]")
    await driver.advance("1m")
    job = await driver.job(job_id)
    plan = await plan_of(driver, job_id)
    assert {**job, "progress": 0} == {
        "id": job_id,
        "status": "CANCELLED",
        "model": "flux-2-pro",
        "progress": 0,
        "result": None,
        "error": None,
        "creditCost": 0,
        "webhookStatus": None,
        "createdAt": "2026-01-01T00:00:00.000Z",
        "completedAt": plan["endsAt"],
        "expired": False,
        "input": {"prompt": "[[cancel]]", "model": "flux-2-pro"},
    }
    assert job["progress"] < 100
    assert await driver.balance() == OPENING


REFUSALS: dict[int, dict[str, Any]] = {
    400: {"error": "Validation error"},
    401: {"error": "Invalid API key"},
    402: {"error": "Insufficient credits", "creditsRequired": COST, "creditsAvailable": COST - 1},
    403: {"error": "API key is inactive"},
    404: {"error": "Job not found"},
    409: {"error": "Idempotency key was already used with a different request body"},
    429: {"error": "Rate limit exceeded"},
    500: {"error": "Internal server error"},
    503: {"error": "Service unavailable"},
}


@pytest.mark.parametrize("status", REFUSALS)
async def test_a_status_on_demand_has_the_apis_own_body_and_leaves_no_trace(driver: Driver, status: int) -> None:
    headers = {"Idempotency-Key": "again"}
    body = {"prompt": f"a fox [[status {status}]]", "model": "flux-2-pro"}
    async with driver.http.post("/v2/images/generate", json=body, headers=headers) as answer:
        shown = answer.headers.get("Retry-After")
        assert (answer.status, await answer.json(), shown) == (status, REFUSALS[status], "1" if status == 429 else None)
        assert answer.headers["x-request-id"]
    assert await driver.balance() == OPENING
    assert (await (await driver.http.get("/v2/jobs")).json())["jobs"] == []
    free = {"prompt": "another body", "model": "flux-2-pro"}
    async with driver.http.post("/v2/images/generate", json=free, headers=headers) as answer:
        assert answer.status == 202


@pytest.mark.parametrize(
    "prompt",
    [
        "[[status 418]]",
        "[[status 200]]",
        "[[status]]",
        "[[status: 503]]",
        "[[status 503 now]]",
        "[[status ٥٠٣]]",
        "[[explode]]",
        "[[]]",
        "[[ ]]",
        "[fail]",
        "[[fail]",
        "[ [fail] ]",
        "[[failure]]",
        "[[fail now]]",
        "[[slow]]",
        "[[slow soon]]",
        "[[slow -5s]]",
        "[[slow 30]]",
        "[[webhook]]",
        "[[webhook: explode]]",
        "[[webhook: late]]",
        "[[stuck: yes]]",
        "[[" * 400,
        "[[fail\u0000]]",
    ],
)
async def test_what_is_no_directive_is_a_plain_prompt(driver: Driver, prompt: str) -> None:
    job_id = await driver.submit(prompt)
    await driver.advance("1m")
    job = await driver.job(job_id)
    assert (job["status"], job["input"]["prompt"]) == ("COMPLETED", prompt)


@pytest.mark.parametrize(
    "prompt", ["[[fail]]", "[[slow 1h]]", "[[stuck]]", "[[cancel]]", "[[status 503]]", "[[webhook: drop]]"]
)
async def test_directives_are_plain_text_when_they_are_off(deaf: Driver, prompt: str) -> None:
    job_id = await deaf.submit(prompt)
    assert await deaf.statuses(job_id) == ["QUEUED"]
    await deaf.advance("1m")
    job = await deaf.job(job_id)
    assert (job["status"], job["input"]["prompt"]) == ("COMPLETED", prompt)


async def test_a_validation_error_comes_before_a_status_on_demand(driver: Driver) -> None:
    body = {"prompt": "[[status 503]]", "model": "flux-2-pro", "nonsense": 1}
    async with driver.http.post("/v2/images/generate", json=body) as answer:
        assert (answer.status, (await answer.json())["error"]) == (400, "Validation error")


@pytest.mark.parametrize("prompt", ["[[slow 999999999999d]]", "[[slow 999999999999d]] [[fail]]"])
async def test_the_longest_job_can_still_be_looked_at(driver: Driver, prompt: str) -> None:
    job_id = await driver.submit(prompt, webhookUrl="http://127.0.0.1:1/", webhookEvents=["progress", "completed"])
    await driver.advance("90d")
    assert await driver.statuses(job_id) == ["PROCESSING"]
    assert (await plan_of(driver, job_id))["endsAt"].startswith("9999-12-31")
    assert {each["status"] for each in await driver.deliveries(job_id)} <= {"pending"}


async def test_files_expire_after_the_retention_and_the_job_stays(driver: Driver) -> None:
    job_id = await driver.submit("[[instant]]")
    [address] = (await driver.job(job_id))["result"]["images"]
    await driver.advance("23.99h")
    assert (await driver.job(job_id))["expired"] is False
    await driver.advance("0.02h")
    job = await driver.job(job_id)
    assert (job["expired"], job["status"], job["result"]) == (True, "COMPLETED", {"images": [address]})
    async with driver.http.get(address) as answer:
        assert (answer.status, await answer.json()) == (404, {"error": "Not found"})


async def test_the_retention_is_a_setting(make_app: MakeApp) -> None:
    app = await make_app(retention=60.0)
    async with aiohttp.ClientSession(app.url, headers={"X-API-Key": KEY}) as http:
        driver = Driver(http)
        job_id = await driver.submit("[[instant]]")
        seen = []
        for span in (59.5, 0.5):
            await driver.advance(span)
            seen.append((await driver.job(job_id))["expired"])
    assert seen == [False, True]
