"""Results and uploads that are asked for too late, or with the key."""

import io
from collections.abc import AsyncIterator
from typing import Any

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


async def uploaded(driver: Driver) -> str:
    """The address of an upload."""
    form = aiohttp.FormData()
    form.add_field("file", io.BytesIO(b"\x89PNG\r\n\x1a\n"), filename="a.png")
    async with driver.http.post("/v2/uploads", data=form) as answer:
        assert answer.status == 201
        address: str = (await answer.json())["url"]
        return address


@pytest.mark.parametrize(
    ("path", "body", "ending"),
    [
        ("videos", {"model": "kling-2.5-turbo-pro", "prompt": "a fox"}, ".mp4"),
        ("music", {"model": "suno", "prompt": "a fox"}, "-0.mp3"),
    ],
    ids=["video", "track"],
)
async def test_videos_and_tracks_that_are_asked_for_after_their_time_are_found(
    path: str,
    body: dict[str, Any],
    ending: str,
    driver: Driver,
    clock: Clock,
    anyone: aiohttp.ClientSession,
    found: Found,
) -> None:
    async with driver.http.post(f"/v2/{path}/generate", json=body) as answer:
        job_id = (await answer.json())["jobId"]
    clock.advance(25 * 3600)
    async with anyone.get(f"/{path if path == 'videos' else 'audio'}/{job_id}{ending}") as answer:
        assert answer.status == 404
    assert await found() == {"RESULT-AFTER-EXPIRY": [[2]]}


async def test_an_upload_is_told_by_whose_it_is_when_it_is_asked_for_too_late_or_with_the_key(
    driver: Driver, clock: Clock, anyone: aiohttp.ClientSession
) -> None:
    address = await uploaded(driver)
    async with anyone.get(address) as answer, driver.http.get(address) as with_key:
        assert (answer.status, with_key.status) == (200, 200)
    clock.advance(2 * 3600)
    for place in (address, address.replace(".png", ".gif"), "/uploads/nobody.png"):
        async with anyone.get(place) as answer:
            assert answer.status == 404
    shown = (await driver.pull("GET", "findings?key=afk_test"))["findings"]
    path = address.partition("/uploads/")[2]
    assert {each["id"]: [told["evidence"] for told in each["occurrences"]] for each in shown} == {
        "KEY-SENT-TO-FILES": [f"request 3, GET /uploads/{path}, carried x-api-key"],
        "RESULT-AFTER-EXPIRY": [f"request 4, GET /uploads/{path}, came after the upload had expired"],
    }


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
