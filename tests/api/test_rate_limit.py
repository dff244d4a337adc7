"""429: when, for how long, and that nothing else happens."""

from typing import Any

import aiohttp

from mockserver.clock import Clock
from mockserver.core.accounts import RateLimit
from tests.api.conftest import Fits, Look
from tests.conftest import MakeApp
from tests.driver import Driver

LIMITED = {"X-API-Key": "afk_test_limited"}
REFUSED = {"error": "Rate limit exceeded"}
BODY = {"prompt": "a fox", "model": "flux-2-pro"}


async def me(client: aiohttp.ClientSession, **headers: str) -> tuple[int, str | None]:
    async with client.get("/v2/me", headers=headers) as answer:
        return answer.status, answer.headers.get("Retry-After")


async def submit(client: aiohttp.ClientSession, **headers: str) -> tuple[int, Any]:
    async with client.post("/v2/images/generate", json=BODY, headers=headers) as answer:
        return answer.status, await answer.json()


async def test_the_limited_key_may_ask_once_a_second(client: aiohttp.ClientSession, clock: Clock, fits: Fits) -> None:
    assert await me(client, **LIMITED) == (200, None)
    async with client.get("/v2/me", headers=LIMITED) as answer:
        refused = await answer.json()
        assert (answer.status, answer.headers["Retry-After"], refused) == (429, "1", REFUSED)
    fits(refused, "error")
    clock.advance(1)
    assert await me(client, **LIMITED) == (200, None)


async def test_a_client_that_waits_as_told_gets_through(make_app: MakeApp, clock: Clock) -> None:
    app = await make_app(rate_limit=RateLimit(3, 7.5))
    async with aiohttp.ClientSession(app.url, headers={"X-API-Key": "afk_test"}) as client:
        waits = []
        for _ in range(20):
            status, wait = await me(client)
            if status == 200:
                clock.advance(0.4)
                continue
            waits.append(int(wait or ""))
            clock.advance(waits[-1])
            assert await me(client) == (200, None)
        assert waits
        assert all(1 <= wait <= 8 for wait in waits)


async def test_at_most_so_many_requests_pass_in_any_span(make_app: MakeApp, clock: Clock) -> None:
    app = await make_app(rate_limit=RateLimit(5, 60.0))
    async with aiohttp.ClientSession(app.url, headers={"X-API-Key": "afk_test"}) as client:
        passed = []
        for second in range(200):
            if (await me(client))[0] == 200:
                passed.append(second)
            clock.advance(1)
    assert passed == [start + each for start in (0, 60, 120, 180) for each in range(5)]


async def test_each_key_has_a_limit_of_its_own_and_its_own_setting_wins(make_app: MakeApp) -> None:
    app = await make_app(rate_limit=RateLimit(2, 60.0))
    async with aiohttp.ClientSession(app.url) as client:
        rich = [(await me(client, **{"X-API-Key": "afk_test"}))[0] for _ in range(3)]
        poor = [(await me(client, **{"X-API-Key": "afk_test_poor"}))[0] for _ in range(3)]
        limited = [(await me(client, **LIMITED))[0] for _ in range(2)]
    assert (rich, poor, limited) == ([200, 200, 429], [200, 200, 429], [200, 429])


async def test_without_the_setting_there_is_no_limit(client: aiohttp.ClientSession) -> None:
    assert {await me(client) for _ in range(600)} == {(200, None)}


async def test_a_limited_submission_changes_nothing(driver: Driver, clock: Clock, kept: Look) -> None:
    headers = {**LIMITED, "Idempotency-Key": "k"}
    await me(driver.http, **LIMITED)
    before = await kept()
    assert await submit(driver.http, **headers) == (429, REFUSED)
    assert await kept() == before
    clock.advance(1)
    status, first = await submit(driver.http, **headers)
    assert status == 202
    clock.advance(1)
    assert await submit(driver.http, **headers) == (202, {**first, "status": "COMPLETED"})


async def test_the_catalogue_has_no_limit_and_counts_for_none(client: aiohttp.ClientSession) -> None:
    for _ in range(3):
        async with client.get("/v2/models", headers=LIMITED) as answer:
            assert answer.status == 200
    assert await me(client, **LIMITED) == (200, None)


async def test_a_limit_comes_before_the_body_is_looked_at(client: aiohttp.ClientSession) -> None:
    await me(client, **LIMITED)
    async with client.post("/v2/images/generate", data=b"{", headers=LIMITED) as answer:
        assert (answer.status, await answer.json()) == (429, REFUSED)


async def test_the_limit_of_a_key_can_be_set_and_lifted(driver: Driver) -> None:
    await driver.pull("PATCH", "keys/afk_test", {"rateLimit": "1/1h"})
    assert [await me(driver.http) for _ in range(2)] == [(200, None), (429, "3600")]
    await driver.pull("PATCH", "keys/afk_test", {"rateLimit": None})
    assert await me(driver.http) == (200, None)
