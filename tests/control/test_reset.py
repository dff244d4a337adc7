"""POST /_mock/reset: everything back to the configured start."""

from typing import Any

from tests.conftest import Inbox
from tests.driver import COST, Driver


async def everything(driver: Driver) -> dict[str, Any]:
    """All that the mock shows of itself."""
    return {
        "health": await driver.pull("GET", "health"),
        "clock": await driver.pull("GET", "clock"),
        "teams": await driver.pull("GET", "teams"),
        "keys": await driver.pull("GET", "keys"),
        "webhooks": await driver.pull("GET", "webhooks"),
        "jobs": await (await driver.http.get("/v2/jobs?scope=team&include_models=true")).json(),
        "me": await (await driver.http.get("/v2/me")).json(),
    }


async def use(driver: Driver, inbox: Inbox) -> list[dict[str, Any]]:
    """Do a bit of all, and give the jobs that came of it."""
    headers = {"Idempotency-Key": "one"}
    body = {"prompt": "a fox", "model": "midjourney"}
    first = await (await driver.http.post("/v2/images/generate", json=body, headers=headers)).json()
    ids = [first["jobId"], *[await driver.submit(f"{n}", webhookUrl=inbox.url) for n in range(5)]]
    ids.append(await driver.submit("[[fail]] é"))
    await driver.advance("1m")
    return [await driver.job(job_id) for job_id in ids]


async def test_everything_is_back_at_its_start(driver: Driver, inbox: Inbox) -> None:
    start = await everything(driver)
    await use(driver, inbox)
    team = start["teams"]["teams"][0]["id"]
    await driver.pull("PATCH", f"teams/{team}", {"credits": 0, "name": "Other", "maxConcurrentJobs": 3})
    await driver.pull("POST", "keys", {"key": "afk_mine"}, status=201)
    await driver.pull("PATCH", "keys/afk_test_poor", {"active": False})
    await driver.pull("DELETE", "keys/afk_test_down", status=204)
    await driver.pull("POST", "clock", {"freeze": True, "speed": 60})
    assert await everything(driver) != start
    assert await driver.pull("POST", "reset") == {"status": "ok"}
    assert await everything(driver) == start


async def test_the_same_requests_give_the_same_jobs_again(driver: Driver, inbox: Inbox) -> None:
    first = await use(driver, inbox)
    await driver.pull("POST", "reset")
    assert await use(driver, inbox) == first
    assert len({job["id"] for job in first}) == len(first)


async def test_an_idempotency_key_is_free_again(driver: Driver) -> None:
    headers = {"Idempotency-Key": "one"}
    for prompt in ("a fox", "a hen"):
        body = {"prompt": prompt, "model": "flux-2-pro"}
        async with driver.http.post("/v2/images/generate", json=body, headers=headers) as answer:
            assert answer.status == 202
        assert await driver.balance() == 1_000_000 - COST
        await driver.pull("POST", "reset")


async def test_rate_limits_start_anew(driver: Driver) -> None:
    limited = {"X-API-Key": "afk_test_limited"}
    for expected in (200, 429):
        assert (await driver.http.get("/v2/me", headers=limited)).status == expected
    await driver.pull("POST", "reset")
    assert (await driver.http.get("/v2/me", headers=limited)).status == 200


async def test_what_was_due_before_is_not_sent_after(driver: Driver, inbox: Inbox) -> None:
    await driver.submit("[[slow 10s]]", webhookUrl=inbox.url)
    await driver.pull("POST", "reset")
    await driver.advance("1h")
    assert inbox.received == []
