"""GET /v2/me: the user, the team and the key behind a request."""

import re

import pytest

from mockserver.clock import Clock
from tests.api.conftest import Fits
from tests.conftest import MakeApp
from tests.driver import COST, Driver

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


async def test_me_shows_user_team_and_key(driver: Driver, fits: Fits) -> None:
    async with driver.http.get("/v2/me") as answer:
        me = await answer.json()
        assert (answer.status, answer.content_type) == (200, "application/json")
    fits(me, "me")
    ids = {part: me[part].pop("id") for part in ("user", "team", "apiKey")}
    assert [part for part, each in ids.items() if not UUID.fullmatch(each)] == []
    assert len(set(ids.values())) == 3
    assert me == {
        "user": {"email": "test.key@example.com", "role": "ADMIN"},
        "team": {
            "name": "Test Team",
            "credits": 1_000_000,
            "plan": "pro",
            "customerId": None,
            "maxConcurrentJobs": 10,
        },
        "apiKey": {"name": "Test Key", "prefix": "afk_"},
    }


async def test_a_made_key_shows_its_first_eight_characters(driver: Driver) -> None:
    key = "afk_0000000000000000000000000000000000000000"
    await driver.pull(
        "POST", "keys", {"key": key, "name": "Mine", "user": "me@example.com", "role": "OWNER"}, status=201
    )
    async with driver.http.get("/v2/me", headers={"X-API-Key": key}) as answer:
        me = await answer.json()
    assert (me["apiKey"]["name"], me["apiKey"]["prefix"]) == ("Mine", "afk_0000")
    assert (me["user"]["email"], me["user"]["role"]) == ("me@example.com", "OWNER")


async def test_credits_fall_when_a_job_is_accepted_and_come_back_at_the_instant_it_fails(
    driver: Driver, clock: Clock
) -> None:
    job_id = await driver.submit("[[slow 10s]] [[fail]]")
    assert await driver.balance() == 1_000_000 - COST
    ends_at = (await driver.pull("GET", f"jobs/{job_id}"))["plan"]["endsAt"]
    await driver.pull("POST", "clock", {"now": ends_at})
    clock.advance(0.001)
    assert (await driver.balance(), await driver.statuses(job_id)) == (1_000_000, ["FAILED"])
    clock.advance(3600)
    assert await driver.balance() == 1_000_000


@pytest.mark.parametrize(("prompt", "left"), [("[[fail]]", 0), ("[[cancel]]", 0), ("[[stuck]]", COST), ("a fox", COST)])
async def test_the_balance_and_the_status_never_disagree(prompt: str, left: int, driver: Driver, clock: Clock) -> None:
    job_id = await driver.submit(prompt)
    for _ in range(60):
        job = await driver.job(job_id)
        assert 1_000_000 - await driver.balance() == job["creditCost"]
        assert job["creditCost"] == (0 if job["status"] in {"FAILED", "CANCELLED"} else COST)
        clock.advance(0.1)
    assert (await driver.job(job_id))["creditCost"] == left


async def test_a_configured_concurrency_limit_is_shown(make_app: MakeApp, driver: Driver) -> None:
    app = await make_app(max_concurrent_jobs=3)
    async with driver.http.get(f"{app.url}/v2/me") as answer:
        assert (await answer.json())["team"]["maxConcurrentJobs"] == 3
