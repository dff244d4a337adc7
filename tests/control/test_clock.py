"""The clock under /_mock: moved, stopped, sped up, and never turned back."""

from typing import Any

import aiohttp
import pytest

from mockserver.app import App
from mockserver.clock import Clock
from mockserver.settings import Settings
from tests.conftest import KEY
from tests.driver import Driver

AT_START = {"now": "2026-01-01T00:00:00.000Z", "frozen": True, "speed": 1.0, "jobSpeed": 15.0}


class Seconds:
    """A count of real seconds that a test moves by hand."""

    def __init__(self) -> None:
        self.passed = 0.0

    def __call__(self) -> float:
        return self.passed


@pytest.mark.parametrize(
    ("body", "now"),
    [
        ({}, "2026-01-01T00:00:00.000Z"),
        ({"advance": 0}, "2026-01-01T00:00:00.000Z"),
        ({"advance": "0s"}, "2026-01-01T00:00:00.000Z"),
        ({"advance": 30}, "2026-01-01T00:00:30.000Z"),
        ({"advance": 0.25}, "2026-01-01T00:00:00.250Z"),
        ({"advance": "30s"}, "2026-01-01T00:00:30.000Z"),
        ({"advance": "500ms"}, "2026-01-01T00:00:00.500Z"),
        ({"advance": " 2 M "}, "2026-01-01T00:02:00.000Z"),
        ({"advance": "24h"}, "2026-01-02T00:00:00.000Z"),
        ({"advance": "90d"}, "2026-04-01T00:00:00.000Z"),
        ({"advance": 100 * 365 * 86400}, "2125-12-08T00:00:00.000Z"),
        ({"now": "2026-03-15T10:00:32Z"}, "2026-03-15T10:00:32.000Z"),
        ({"now": "2026-03-15T10:00:32.125+02:00"}, "2026-03-15T08:00:32.125Z"),
        ({"now": "2026-03-15"}, "2026-03-15T00:00:00.000Z"),
        ({"now": "2026-01-01T00:00:00Z"}, "2026-01-01T00:00:00.000Z"),
        ({"now": "2026-01-01T00:00:10Z", "advance": "1s"}, "2026-01-01T00:00:11.000Z"),
        ({"advance": "1s", "wait": False}, "2026-01-01T00:00:01.000Z"),
    ],
)
async def test_the_clock_moves_forward(driver: Driver, body: dict[str, Any], now: str) -> None:
    assert await driver.pull("POST", "clock", body) == {**AT_START, "now": now}
    assert await driver.pull("GET", "clock") == {**AT_START, "now": now}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"advance": "soon"}, "advance"),
        ({"advance": "-5s"}, "advance"),
        ({"advance": "٣s"}, "advance"),
        ({"advance": ""}, "advance"),
        ({"advance": -1}, "advance"),
        ({"advance": None}, "advance"),
        ({"advance": True}, "advance"),
        ({"advance": ["1s"]}, "advance"),
        ({"advance": "9" * 5000 + "s"}, "advance"),
        ({"now": "yesterday"}, "now"),
        ({"now": ""}, "now"),
        ({"now": "2026-02-30T00:00:00Z"}, "now"),
        ({"now": 1767225600}, "now"),
        ({"freeze": 1}, "freeze"),
        ({"freeze": "yes"}, "freeze"),
        ({"speed": 0}, "speed"),
        ({"speed": -1}, "speed"),
        ({"speed": 1e9}, "speed"),
        ({"speed": "fast"}, "speed"),
        ({"wait": "no"}, "wait"),
        ({"jump": "1s"}, "jump"),
        ({"advance": 1e300}, "100 years"),
        ({"advance": "999999999999d"}, "100 years"),
        ({"now": "9999-12-31T23:59:59Z"}, "100 years"),
    ],
)
async def test_nonsense_moves_nothing_and_is_named(driver: Driver, body: dict[str, Any], field: str) -> None:
    problem = await driver.pull("POST", "clock", body, status=400)
    assert field in problem["detail"]
    assert len(problem["detail"]) < 500
    assert {**problem, "detail": "", "errors": {}} == {
        "type": "about:blank",
        "title": "Invalid body",
        "status": 400,
        "detail": "",
        "errors": {},
    }
    assert await driver.pull("GET", "clock") == AT_START


@pytest.mark.parametrize("body", [b"{", b"\xff", b"[]", b"null", b'"1s"', b"[" * 100_000, b'{"advance":1e999}', b"NaN"])
async def test_a_body_that_is_no_json_object_is_a_400(driver: Driver, body: bytes) -> None:
    async with driver.http.post("/_mock/clock", data=body) as answer:
        problem = await answer.json(content_type="application/problem+json")
        assert (answer.status, problem["status"], problem["type"]) == (400, 400, "about:blank")
    assert await driver.pull("GET", "clock") == AT_START


async def test_the_past_is_a_409(driver: Driver) -> None:
    problem = await driver.pull("POST", "clock", {"now": "2025-12-31T23:59:59Z"}, status=409)
    assert problem == {
        "type": "about:blank",
        "title": "Time only moves forward",
        "status": 409,
        "detail": "it is 2026-01-01T00:00:00.000Z; POST /_mock/reset starts over",
    }


async def test_the_end_of_the_calendar_is_no_end_of_the_server(driver: Driver) -> None:
    job_id = await driver.submit("[[stuck]]", webhookUrl="http://127.0.0.1:1/", webhookEvents=["progress"])
    for _ in range(81):
        await driver.advance(100 * 365 * 86400, wait=False)
    assert (await driver.pull("GET", "clock"))["now"] == "9999-12-31T23:59:59.999Z"
    assert await driver.statuses(await driver.submit(), job_id) == ["QUEUED", "PROCESSING"]


async def test_a_frozen_clock_stands_and_a_running_one_goes_at_its_speed() -> None:
    real = Seconds()
    async with (
        App(Settings(port=0, seed=7), Clock(1_767_225_600.0, source=real)) as app,
        aiohttp.ClientSession(app.url, headers={"X-API-Key": KEY}) as http,
    ):
        driver = Driver(http)
        shown = []
        for body in ({}, {"freeze": True}, {}, {"speed": 60}, {"freeze": False}, {}, {"speed": 0.5}, {}):
            real.passed += 2
            shown.append(await driver.pull("POST", "clock", body))
    assert [(each["now"][14:19], each["frozen"], each["speed"]) for each in shown] == [
        ("00:02", False, 1.0),
        ("00:04", True, 1.0),
        ("00:04", True, 1.0),
        ("00:04", True, 60.0),
        ("00:04", False, 60.0),
        ("02:04", False, 60.0),
        ("04:04", False, 0.5),
        ("04:05", False, 0.5),
    ]


async def test_a_running_clock_moves_too_and_tells_instant_jobs_by_null() -> None:
    async with (
        App(Settings(port=0, seed=7, speed=float("inf")), Clock(1_767_225_600.0, source=Seconds())) as app,
        aiohttp.ClientSession(app.url, headers={"X-API-Key": KEY}) as http,
    ):
        driver = Driver(http)
        await driver.advance("1h")
        assert await driver.pull("GET", "clock") == {
            "now": "2026-01-01T01:00:00.000Z",
            "frozen": False,
            "speed": 1.0,
            "jobSpeed": None,
        }
        assert await driver.statuses(await driver.submit()) == ["COMPLETED"]
