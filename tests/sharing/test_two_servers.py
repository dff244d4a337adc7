"""Servers on one store act as one: what somebody does at one of them holds at the other with its next request."""

import asyncio
import io
import json
from typing import Any

import aiohttp
import pytest

from mockserver import sharedjournal
from mockserver.sharedjournal import OWN_BYTES, REQUESTS
from tests.conftest import Inbox
from tests.driver import COST, MODEL, PNG, Driver
from tests.sharing.conftest import OpenServer

pytestmark = pytest.mark.filterwarnings("error")


async def statuses(*drivers: Driver, path: str = "/v2/me") -> list[int]:
    found = []
    for driver in drivers:
        async with driver.http.get(path) as answer:
            found.append(answer.status)
    return found


async def test_a_job_is_seen_paid_and_listed_at_both(one: Driver, other: Driver) -> None:
    before = await one.balance()
    ids = [await one.submit(), await other.submit()]
    assert len(set(ids)) == 2
    assert await other.balance() == before - 2 * COST
    assert [(await each.job(job_id))["id"] for each in (one, other) for job_id in ids] == ids * 2
    async with other.http.get("/v2/jobs") as answer:
        assert {job["id"] for job in (await answer.json())["jobs"]} == set(ids)


async def test_one_idempotency_key_makes_one_job_wherever_it_is_sent(one: Driver, other: Driver) -> None:
    async def sent(driver: Driver) -> tuple[int, str]:
        body, headers = {"prompt": "a fox", "model": MODEL}, {"Idempotency-Key": "k"}
        async with driver.http.post("/v2/images/generate", json=body, headers=headers) as answer:
            return answer.status, (await answer.json())["jobId"]

    answers = await asyncio.gather(*[sent(driver) for driver in (one, other) * 10])
    assert len(set(answers)) == 1
    assert answers[0][0] == 202
    assert (await one.pull("GET", "health"))["jobs"] == 1


async def test_the_clock_moves_stands_still_and_runs_faster_for_both(one: Driver, other: Driver) -> None:
    job_id = await one.submit()
    await other.pull("POST", "clock", {"freeze": True})
    await other.advance("1h")
    assert await one.statuses(job_id) == ["COMPLETED"]
    shown = [await driver.pull("GET", "clock") for driver in (one, other)]
    assert shown[0] == shown[1]
    assert shown[0]["frozen"]
    await one.pull("POST", "clock", {"freeze": False, "speed": 60})
    assert (await other.pull("GET", "clock"))["speed"] == 60


async def test_a_rule_that_fires_twice_fires_twice_in_all(one: Driver, other: Driver) -> None:
    added = await one.pull("POST", "faults", {"respond": {"status": 503}, "times": 2}, status=201)
    assert await statuses(other, one, other, one) == [503, 503, 200, 200]
    (rule,) = (await other.pull("GET", "faults"))["faults"]
    assert (rule["matched"], rule["fired"], rule["left"]) == (4, 2, 0)
    await other.pull("DELETE", f"faults/{added['id']}", status=204)
    assert (await one.pull("GET", "faults"))["faults"] == []


async def test_rules_added_at_once_are_all_there_with_names_of_their_own(one: Driver, other: Driver) -> None:
    await asyncio.gather(*[d.pull("POST", "faults", {"delay": "0s"}, status=201) for d in (one, other) * 5])
    ids = [rule["id"] for rule in (await one.pull("GET", "faults"))["faults"]]
    assert sorted(ids) == sorted(f"fault-{number}" for number in range(1, 11))


async def test_a_rule_for_a_key_is_for_this_key_at_both_and_the_key_is_not_in_the_store(
    one: Driver, other: Driver
) -> None:
    rule = {"match": {"key": "afk_test_poor"}, "respond": {"status": 418}}
    added = await one.pull("POST", "faults", rule, status=201)
    assert await statuses(other) == [200]
    async with other.http.get("/v2/me", headers={"X-API-Key": "afk_test_poor"}) as answer:
        assert answer.status == 418
    (seen,) = (await other.pull("GET", "faults"))["faults"]
    assert {**seen, "matched": 0, "fired": 0} == added


async def test_a_scenario_begun_at_one_is_ended_at_the_other_with_all_that_it_changed(
    one: Driver, other: Driver
) -> None:
    before = await one.balance()
    scenario = {
        "about": "x",
        "credits": 3,
        "settings": {"speed": "instant", "rate-limit": "1000/1s"},
        "keys": [{"key": "afk_guest"}],
        "faults": [{"match": {"path": "/v2/models"}, "respond": {"status": 502}}],
    }
    await one.pull("POST", "scenario", {"scenario": scenario})
    assert (await other.balance(), await statuses(other, path="/v2/models")) == (3, [502])
    assert (await other.pull("GET", "clock"))["jobSpeed"] is None
    shown = (await other.pull("GET", "scenario"))["scenario"]
    assert (shown["name"], shown["faults"]) == ("inline", ["inline-1"])
    await other.pull("DELETE", "scenario", status=204)
    assert (await one.balance(), await statuses(one, path="/v2/models")) == (before, [200])
    assert (await one.pull("GET", "clock"))["jobSpeed"] == 15
    async with one.http.get("/v2/me", headers={"X-API-Key": "afk_guest"}) as answer:
        assert answer.status == 401


async def test_a_scenario_for_one_key_is_known_at_both(one: Driver, other: Driver) -> None:
    scenario: dict[str, Any] = {"about": "x", "settings": {"speed": "instant", "rate-limit": "1/60s"}}
    await one.pull("POST", "scenario", {"scenario": scenario, "key": "afk_test_poor"})
    assert (await other.pull("GET", "scenario?key=afk_test_poor"))["scenario"]["key"] == "afk_test"
    teams = (await other.pull("GET", "teams"))["teams"]
    assert [team["speed"] for team in teams if team["name"] == "Poor Team"] == ["instant"]
    await other.pull("DELETE", "scenario?key=afk_test_poor", status=204)
    assert (await one.pull("GET", "scenario?key=afk_test_poor"))["scenario"] is None
    headers = {"X-API-Key": "afk_test_poor"}
    for driver in (one, other):
        async with driver.http.get("/v2/me", headers=headers) as answer:
            assert answer.status == 200


async def test_a_reset_is_everybodys(one: Driver, other: Driver) -> None:
    first = await one.submit()
    await other.pull("POST", "clock", {"freeze": True})
    await one.pull("POST", "faults", {"respond": {"status": 503}}, status=201)
    await one.pull("POST", "reset")
    assert await statuses(other, one) == [200, 200]
    assert await statuses(other, path=f"/v2/jobs/{first}") == [404]
    assert not (await other.pull("GET", "clock"))["frozen"]
    assert (await other.pull("GET", "requests"))["requests"][0]["path"] == "/v2/me"
    ids = {await other.submit(), await one.submit()}
    assert len(ids) == 2
    assert first in ids  # the seed draws the same again


async def test_requests_are_recorded_for_both_and_forgotten_by_both(one: Driver, other: Driver) -> None:
    await one.submit()
    await other.balance()
    for driver in (one, other):
        told = await driver.pull("GET", "requests")
        assert [(each["number"], each["path"]) for each in told["requests"]] == [
            (1, "/v2/images/generate"),
            (2, "/v2/me"),
        ]
    await other.pull("DELETE", "requests", status=204)
    assert (await one.pull("GET", "requests"))["requests"] == []
    await one.balance()
    assert [each["number"] for each in (await other.pull("GET", "requests"))["requests"]] == [3]


@pytest.mark.parametrize("room", [OWN_BYTES, 0])
async def test_what_a_server_recorded_itself_is_not_fetched_and_shown_like_all_else(
    monkeypatch: pytest.MonkeyPatch, open_server: OpenServer, room: int
) -> None:
    monkeypatch.setattr(sharedjournal, "OWN_BYTES", room)
    one, other = await open_server(), await open_server()
    store, fetched = one.app.store, set[int]()
    rows_after = store.rows_after

    async def watched(stream: str, number: int, limit: int) -> list[tuple[int, bytes]]:
        rows: list[tuple[int, bytes]] = await rows_after(stream, number, limit)
        fetched.update(number for number, _ in rows if stream == REQUESTS)
        return rows

    for number, server in enumerate((one, one, other, one), 1):
        await server.driver.submit()
        while len(await rows_after(REQUESTS, 0, number)) < number:  # noqa: ASYNC110 - a store has no event for it
            await asyncio.sleep(0)
    monkeypatch.setattr(store, "rows_after", watched)
    shown = (await one.driver.pull("GET", "requests"))["requests"]
    assert not one.app.journal._own  # noqa: SLF001 - nothing is held that has been read
    assert fetched - {4} == ({3} if room else {1, 2, 3})
    assert shown == (await other.driver.pull("GET", "requests"))["requests"]
    assert [each["number"] for each in shown] == [1, 2, 3, 4]


async def test_who_waits_for_a_request_hears_of_one_that_comes_to_the_other(one: Driver, other: Driver) -> None:
    waiting = asyncio.create_task(one.pull("GET", "requests?path=/v2/me&wait=30s"))
    await other.balance()
    assert not (await waiting)["timedOut"]
    verified = await other.pull("POST", "requests/verify", {"match": {"path": "/v2/me"}, "count": 1})
    assert verified["count"] == 1


async def test_findings_and_counts_are_of_all_servers(one: Driver, other: Driver) -> None:
    bad = {"prompt": 7, "model": MODEL}
    for driver in (one, other, one):
        async with driver.http.post("/v2/images/generate", json=bad) as answer:
            assert answer.status == 400
    await other.submit()
    told = [(await driver.pull("GET", "findings"))["findings"] for driver in (one, other)]
    assert [[(each["id"], each["count"]) for each in kinds] for kinds in told] == [[("REFUSAL-RETRIED", 2)]] * 2
    summaries = [await driver.pull("GET", "summary") for driver in (one, other)]
    assert summaries[0] == summaries[1]
    assert (summaries[0]["requests"], summaries[0]["jobs"], summaries[0]["creditsSpent"]) == (4, 1, COST)
    await one.pull("DELETE", "findings", status=204)
    assert (await other.pull("GET", "findings"))["findings"] == []


async def test_an_upload_can_be_loaded_from_the_other(one: Driver, other: Driver) -> None:
    content = PNG + bytes(range(256)) * 10_000
    async with one.http.post("/v2/uploads", data=form_of(content)) as answer:
        assert answer.status == 201
        upload = await answer.json()
    path = "/uploads/" + upload["url"].rpartition("/")[2]
    for driver in (other, one):
        async with driver.http.get(path) as answer:
            assert (answer.status, await answer.read()) == (200, content)
    async with other.http.get(path, headers={"Range": "bytes=8-11"}) as answer:
        assert (answer.status, await answer.read()) == (206, content[8:12])
    await other.advance("3h")
    assert await statuses(one, other, path=path) == [404, 404]


def form_of(content: bytes) -> aiohttp.FormData:
    form = aiohttp.FormData()
    form.add_field("file", io.BytesIO(content), filename="a.png")
    return form


async def test_an_asset_is_known_at_both_to_its_team_alone(one: Driver, other: Driver) -> None:
    async with one.http.post("/v2/assets/create", json={"url": "https://a.example/x.png", "type": "image"}) as answer:
        asset_id = (await answer.json())["assetId"]
    async with other.http.get(f"/v2/assets/{asset_id}") as answer:
        assert (await answer.json())["url"] == "https://a.example/x.png"
    async with other.http.get(f"/v2/assets/{asset_id}", headers={"X-API-Key": "afk_test_poor"}) as answer:
        assert answer.status == 404


async def test_each_event_is_sent_once_by_one_of_them(one: Driver, other: Driver, inbox: Inbox) -> None:
    hook: dict[str, Any] = {"webhookUrl": inbox.url, "webhookEvents": ["completed"]}
    ids = [await driver.submit(**hook) for driver in (one, other) * 15]
    await one.advance("1h")
    assert sorted(json.loads(delivered.body)["jobId"] for delivered in inbox.received) == sorted(ids)
    for driver in (one, other):
        shown = (await driver.pull("GET", "webhooks"))["deliveries"]
        assert [each["status"] for each in shown] == ["delivered"] * 30
    assert (await other.pull("GET", "summary"))["webhooks"]["delivered"] == 30


async def test_pages_of_a_list_may_come_from_both(one: Driver, other: Driver) -> None:
    ids = [await one.submit() for _ in range(5)]
    async with one.http.get("/v2/jobs?limit=2") as answer:
        first = await answer.json()
    async with other.http.get("/v2/jobs", params={"limit": 3, "cursor": first["nextCursor"]}) as answer:
        rest = await answer.json()
    assert {job["id"] for page in (first, rest) for job in page["jobs"]} == set(ids)


async def test_a_limited_key_has_one_limit(one: Driver, other: Driver) -> None:
    key = {"X-API-Key": "afk_test_limited"}
    found = []
    for driver in (one, other):
        async with driver.http.get("/v2/me", headers=key) as answer:
            found.append(answer.status)
    assert found == [200, 429]


async def test_a_server_that_comes_later_has_all_that_was_set(one: Driver, open_server: OpenServer) -> None:
    await one.pull("POST", "clock", {"freeze": True})
    await one.pull("POST", "faults", {"respond": {"status": 503}, "times": 1}, status=201)
    later = (await open_server()).driver
    assert await one.pull("GET", "clock") == await later.pull("GET", "clock")
    assert await statuses(later, one) == [503, 200]
