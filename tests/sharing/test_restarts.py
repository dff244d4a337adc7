"""What is kept outlives the process, and a store that goes away for a while costs nothing but 503s."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest

from mockserver.app import App
from mockserver.settings import Settings, SettingsError
from tests.conftest import KEY, Inbox
from tests.driver import COST, PNG, Driver
from tests.sharing.conftest import OpenServer, Server
from tests.sharing.test_two_servers import form_of
from tests.stores import redisserver


async def test_a_server_that_ends_and_starts_again_goes_on_where_it_was(open_server: OpenServer) -> None:
    before: Server = await open_server()
    one = before.driver
    await one.pull("POST", "clock", {"freeze": True})
    await one.advance("2h")
    done, waiting = await one.submit("[[instant]]"), await one.submit()
    async with one.http.post("/v2/uploads", data=form_of(PNG + b"rest")) as answer:
        upload = (await answer.json())["url"].rpartition("/")[2]
    async with one.http.post("/v2/assets/create", json={"url": "https://a.example/x", "type": "image"}) as answer:
        asset_id = (await answer.json())["assetId"]
    outage = {"match": {"path": "/v2/models"}, "respond": {"status": 502}, "times": 2}
    rule = await one.pull("POST", "faults", outage, status=201)
    async with one.http.get("/v2/models") as answer:
        assert answer.status == 502
    key = (await one.pull("POST", "keys", {"credits": 7}, status=201))["key"]
    await one.pull("POST", "scenario", {"scenario": {"about": "x", "settings": {"speed": 3}}})
    clock, balance = await one.pull("GET", "clock"), await one.balance()
    last = (await one.pull("GET", "requests"))["last"]
    await before.app.close()

    again: Driver = (await open_server()).driver
    assert await again.pull("GET", "clock") == clock
    assert await again.statuses(done, waiting) == ["COMPLETED", "QUEUED"]
    assert await again.balance() == balance == 1_000_000 - 2 * COST
    async with again.http.get(f"/uploads/{upload}") as answer:
        assert await answer.read() == PNG + b"rest"
    async with again.http.get(f"/v2/assets/{asset_id}") as answer:
        assert answer.status == 200
    async with again.http.get("/v2/models") as answer:
        assert answer.status == 502
    (seen,) = (await again.pull("GET", "faults"))["faults"]
    assert (seen["id"], seen["left"]) == (rule["id"], 0)
    async with again.http.get("/v2/me", headers={"X-API-Key": key}) as answer:
        assert (await answer.json())["team"]["credits"] == 7
    assert (await again.pull("GET", "scenario"))["scenario"]["name"] == "inline"
    assert (await again.pull("GET", "requests"))["requests"][0]["number"] == 1
    assert (await again.pull("GET", "requests"))["last"] > last
    assert await again.submit() not in (done, waiting)
    await again.pull("POST", "scenario", {"name": None})
    assert (await again.pull("GET", "clock"))["jobSpeed"] == 15


async def test_a_picture_that_was_drawn_lies_beside_the_file(open_server: OpenServer, place: str) -> None:
    if not place.startswith("sqlite:"):
        pytest.skip("only a file has a beside")
    server: Server = await open_server()
    job_id = await server.driver.submit("[[instant]]")
    await server.driver.advance("1s")
    path = f"/images/{job_id}-1.png"
    async with server.driver.http.get(path) as answer:
        drawn = await answer.read()
    folder = server.app.store.folder
    assert folder is not None
    assert [file.read_bytes() for file in (folder / "drawn").iterdir()] == [drawn]
    await server.app.close()
    again: Driver = (await open_server()).driver
    async with again.http.get(path) as answer:
        assert await answer.read() == drawn
    await again.pull("POST", "reset")
    assert list((folder / "drawn").iterdir()) == []


async def test_webhooks_that_are_due_after_a_restart_are_sent(open_server: OpenServer, inbox: Inbox) -> None:
    before: Server = await open_server()
    await before.driver.pull("POST", "clock", {"freeze": True})
    job_id = await before.driver.submit(webhookUrl=inbox.url)
    await before.app.close()
    again: Driver = (await open_server()).driver
    await again.advance("1h")
    assert [json.loads(delivered.body)["jobId"] for delivered in inbox.received] == [job_id]


async def test_rules_and_scenario_of_the_settings_are_not_begun_anew_by_a_restart(open_server: OpenServer) -> None:
    twice = {"id": "twice", "respond": {"status": 503}, "times": 2}
    settings: dict[str, Any] = {"faults": (twice,), "scenario": "happy"}
    before: Server = await open_server(**settings)
    async with before.driver.http.get("/v2/me") as answer:
        assert answer.status == 503
    await before.driver.pull("DELETE", "scenario", status=204)
    await before.app.close()
    again: Server = await open_server(**settings)
    (rule,) = (await again.driver.pull("GET", "faults"))["faults"]
    assert rule["fired"] == 1
    assert (await again.driver.pull("GET", "scenario"))["scenario"] is None
    await again.app.close()
    other: Server = await open_server(faults=({"id": "once", "respond": {"status": 503}, "times": 1},))
    assert [rule["id"] for rule in (await other.driver.pull("GET", "faults"))["faults"]] == ["once"]


# A Redis that goes away


@pytest.fixture
async def lonely() -> AsyncIterator[redisserver.Server]:
    redisserver.need_program()
    server = redisserver.Server()
    yield server
    server.kill()


async def until(holds: Callable[[], Any]) -> None:
    async with asyncio.timeout(20):
        while not await holds():  # noqa: ASYNC110 - nothing rings when a server comes back
            await asyncio.sleep(0.01)


async def test_while_redis_is_away_requests_get_the_apis_503_and_then_all_goes_on(
    lonely: redisserver.Server, inbox: Inbox, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        App(Settings(port=0, store=lonely.url, speed=1000)) as app,
        aiohttp.ClientSession(app.url, headers={"X-API-Key": KEY}) as http,
    ):
        driver = Driver(http)
        await driver.submit()
        lonely.kill()
        for method, path, body in (
            ("POST", "/v2/images/generate", {"prompt": "a fox", "model": "flux-2-pro"}),
            ("GET", "/v2/jobs", None),
            ("GET", "/v2/models", None),
            ("GET", "/v2/me", None),
        ):
            async with http.request(method, path, json=body) as answer:
                assert (answer.status, await answer.json()) == (503, {"error": "Service unavailable"}), path
        problem = await driver.pull("GET", "clock", status=503)
        assert (problem["title"], problem["detail"]) == ("Store down", f'the store "{lonely.url}" cannot be reached')
        lonely.start()

        async def is_back() -> bool:
            async with http.get("/v2/models") as answer:
                return answer.status == 200

        await until(is_back)
        assert await driver.balance() == 1_000_000  # it came back empty, and all begins anew
        assert "had forgotten everything" in caplog.text
        job_id = await driver.submit(webhookUrl=inbox.url)

        async def is_sent() -> bool:
            return [json.loads(each.body)["jobId"] for each in inbox.received] == [job_id]

        await until(is_sent)
    assert "Traceback" not in caplog.text


async def test_a_redis_that_is_not_there_at_the_start_is_one_clear_error() -> None:
    with pytest.raises(SettingsError, match=r'store "redis://127.0.0.1:1/0": cannot reach the server'):
        await App(Settings(port=0, store="redis://127.0.0.1:1/0")).start()
