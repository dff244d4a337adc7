"""Results that are asked for too late, or with the key."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from mockserver.app import App
from mockserver.clock import Clock
from tests.driver import Driver
from tests.findings.conftest import Found


@pytest.fixture
async def anyone(app: App) -> AsyncIterator[aiohttp.ClientSession]:
    """A client of `app` that sends no key."""
    async with aiohttp.ClientSession(app.url) as session:
        yield session


async def done(driver: Driver, clock: Clock) -> str:
    """The path of a picture of a job that is done."""
    job_id = await driver.submit()
    clock.advance(60)
    return f"/images/{job_id}-1.png"


async def test_a_result_that_is_asked_for_after_its_time_is_found_for_the_key_of_its_job(
    driver: Driver, clock: Clock, anyone: aiohttp.ClientSession, found: Found
) -> None:
    path = await done(driver, clock)
    clock.advance(24 * 3600)
    async with anyone.get(path) as answer:
        assert answer.status == 404
    assert await found() == {"RESULT-AFTER-EXPIRY": [[2]]}
    assert (await driver.pull("GET", "findings?key=afk_test"))["findings"][0]["count"] == 1
    assert (await driver.pull("GET", "findings?key=afk_test_poor"))["findings"] == []


async def test_a_result_in_time_and_an_address_that_never_was_are_none(
    driver: Driver, clock: Clock, anyone: aiohttp.ClientSession, found: Found
) -> None:
    path = await done(driver, clock)
    for address, status in [(path, 200), (path, 200), (path.replace("-1.", "-9."), 404), ("/images/x", 404)] * 2:
        async with anyone.get(address) as answer:
            assert answer.status == status
    assert await found() == {}


@pytest.mark.parametrize(
    ("header", "value"),
    [("X-API-Key", "afk_test"), ("Authorization", "Bearer afk_test"), ("Authorization", "Basic eDp5")],
)
async def test_a_key_that_is_sent_to_a_file_is_found(
    header: str, value: str, driver: Driver, clock: Clock, anyone: aiohttp.ClientSession, found: Found
) -> None:
    path = await done(driver, clock)
    async with anyone.get(path, headers={header: value}) as answer:
        assert answer.status == 200
    assert await found() == {"KEY-SENT-TO-FILES": [[2]]}
    shown = (await driver.pull("GET", "findings?key=afk_test"))["findings"][0]["occurrences"]
    assert [each["evidence"] for each in shown] == [f"request 2, GET {path}, carried {header.lower()}"]


async def test_a_key_that_is_sent_to_the_file_of_another_is_found_for_the_key_that_was_sent(
    driver: Driver, clock: Clock, anyone: aiohttp.ClientSession
) -> None:
    path = await done(driver, clock)
    async with anyone.get(path, headers={"X-API-Key": "afk_test_poor"}) as answer:
        assert answer.status == 200
    assert (await driver.pull("GET", "findings?key=afk_test"))["findings"] == []
    assert (await driver.pull("GET", "findings?key=afk_test_poor"))["findings"][0]["id"] == "KEY-SENT-TO-FILES"
