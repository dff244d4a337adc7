"""Each fault of an answer, over real sockets: what the client sees, and what it left behind."""

import json
from typing import Any

import aiohttp
import pytest

from tests.api.wire import GOOD, HEAD, Wire, asked, connected, get, post
from tests.conftest import MakeApp
from tests.driver import COST, Driver

OPENING = 1_000_000


@pytest.fixture
def url(driver: Driver) -> str:
    base = driver.http._base_url  # noqa: SLF001 - aiohttp shows it nowhere else
    assert base is not None
    return str(base).rstrip("/")


async def add(driver: Driver, **rule: Any) -> dict[str, Any]:
    added: dict[str, Any] = await driver.pull("POST", "faults", rule, status=201)
    return added


async def kept(driver: Driver) -> tuple[int, int]:
    """Credits and jobs, as the API shows them; they are asked for under no fault."""
    jobs = (await driver.pull("GET", "jobs"))["jobs"]
    teams = (await driver.pull("GET", "teams"))["teams"]
    return teams[0]["credits"], len(jobs)


async def test_a_status_alone_gives_the_apis_own_body_of_that_status(driver: Driver, url: str) -> None:
    own: dict[int, dict[str, Any]] = {
        402: {"error": "Insufficient credits", "creditsRequired": 1, "creditsAvailable": 0},
        503: {"error": "Queue unavailable. Please try again later."},
    }
    for status in (400, 401, 402, 403, 404, 409, 429, 500, 503):
        await add(driver, id="f", match={"method": "POST"}, respond={"status": status})
        reply = await asked(url, post(GOOD))
        assert reply.status == status
        assert isinstance(reply.json["error"], str)
        assert set(own.get(status, {})) <= set(reply.json)
        assert ("retry-after" in reply.headers) == (status in (429, 503))
        assert reply.headers["content-type"] == "application/json; charset=utf-8"
    await driver.pull("DELETE", "faults", status=204)
    assert await kept(driver) == (OPENING, 0)
    assert (await asked(url, post(GOOD))).status == 202


async def test_an_action_is_a_request_for_the_model_of_its_job(driver: Driver) -> None:
    async with driver.http.post("/v2/music/generate", json={"model": "suno", "prompt": "a fox"}) as answer:
        song = (await answer.json())["jobId"]
    await driver.advance("1h")
    await add(driver, match={"model": "suno"}, schedule=[503, "pass"])
    statuses = []
    for path, body in (
        ("suno", {"action": "stems", "index": 1}),
        ("suno", {"action": "stems", "index": 1}),
        ("udio", {}),
    ):
        async with driver.http.post(f"/v2/music/{path}/action", json={**body, "parentJobId": song}) as answer:
            statuses.append(answer.status)
    assert statuses == [503, 202, 400]
    assert (await driver.pull("GET", "faults"))["faults"][0]["matched"] == 2
    made = (await driver.pull("GET", "requests?model=suno&status=202"))["requests"]
    assert [entry["operation"] for entry in made] == ["music.generate", "music.suno-action"]


async def test_status_headers_and_body_can_all_be_given(driver: Driver, url: str) -> None:
    respond = {"status": 418, "headers": {"X-Pot": "tea", "Retry-After": "7"}, "body": {"error": "short", "n": [1]}}
    await add(driver, respond=respond)
    reply = await asked(url, get(b"/v2/me"))
    assert (reply.status, reply.json) == (418, {"error": "short", "n": [1]})
    assert (reply.headers["x-pot"], reply.headers["retry-after"]) == ("tea", "7")
    assert reply.headers["x-request-id"].startswith("req_")


async def test_a_text_is_sent_as_it_is_with_the_type_that_is_wanted(driver: Driver, url: str) -> None:
    await add(driver, respond={"status": 200, "body": "<xml/>", "headers": {"content-type": "text/xml"}})
    reply = await asked(url, get(b"/v2/me"))
    assert (reply.status, reply.body, reply.headers["content-type"]) == (200, b"<xml/>", "text/xml")


@pytest.mark.parametrize("status", [502, 503, 504])
async def test_a_gateways_page_is_html_and_not_the_apis_json(driver: Driver, url: str, status: int) -> None:
    await add(driver, gateway=status)
    reply = await asked(url, post(GOOD))
    assert reply.status == status
    assert reply.headers["content-type"].startswith("text/html")
    assert b"<html>" in reply.body
    assert str(status).encode() in reply.body
    assert await kept(driver) == (OPENING, 0)


async def dropped(wire: Wire, request: bytes) -> bool:
    """Whether the connection ends without a byte."""
    await wire.send(request)
    return await wire.rest() == b""


async def test_a_connection_dropped_before_the_work_leaves_nothing(driver: Driver, url: str) -> None:
    await add(driver, match={"method": "POST"}, drop="before")
    async with connected(url) as wire:
        assert await dropped(wire, post(GOOD))
    assert await kept(driver) == (OPENING, 0)


async def test_a_connection_dropped_after_the_work_leaves_a_job_that_a_retry_with_its_key_finds(
    driver: Driver, url: str
) -> None:
    await add(driver, match={"method": "POST"}, drop="after", times=1)
    async with connected(url) as wire:
        assert await dropped(wire, post(GOOD, b"Idempotency-Key: once"))
    assert await kept(driver) == (OPENING - COST, 1)
    again = await asked(url, post(GOOD, b"Idempotency-Key: once"))
    assert again.status == 202
    [job] = (await driver.pull("GET", "jobs"))["jobs"]
    assert again.json["jobId"] == job["id"]
    assert await kept(driver) == (OPENING - COST, 1)


async def test_work_can_be_committed_behind_an_error(driver: Driver, url: str) -> None:
    await add(driver, match={"method": "POST"}, gateway=504, commit=True)
    assert (await asked(url, post(GOOD))).status == 504
    assert await kept(driver) == (OPENING - COST, 1)


@pytest.mark.parametrize("size", [0, 1, 20])
async def test_a_truncated_body_ends_before_its_length(driver: Driver, url: str, size: int) -> None:
    whole = (await asked(url, get(b"/v2/me"))).body
    await add(driver, truncate=size)
    async with connected(url) as wire:
        await wire.send(get(b"/v2/me"))
        head, _, body = (await wire.rest()).partition(b"\r\n\r\n")
    assert b"Content-Length: %d" % len(whole) in head
    assert body == whole[:size]


async def test_a_slow_drip_arrives_whole_and_in_pieces(driver: Driver, url: str) -> None:
    whole = (await asked(url, get(b"/v2/me"))).body
    await add(driver, drip="50ms")
    async with connected(url) as wire:
        await wire.send(get(b"/v2/me"))
        head = await wire.reader.readuntil(b"\r\n\r\n")
        pieces = [await wire.reader.read(10_000)]
        while len(b"".join(pieces)) < len(whole):
            pieces.append(await wire.reader.read(10_000))
    assert b"".join(pieces) == whole
    assert b"200" in head
    assert len(pieces) > 3


async def test_malformed_json_has_the_status_and_cannot_be_parsed(driver: Driver, url: str) -> None:
    await add(driver, malformed=True)
    for request in (get(b"/v2/me"), get(b"/v2/jobs"), post(GOOD), get(b"/v2/models")):
        reply = await asked(url, request)
        assert reply.status in (200, 202)
        assert reply.headers["content-type"] == "application/json; charset=utf-8"
        with pytest.raises(json.JSONDecodeError):
            json.loads(reply.body)


async def test_a_wrong_content_type_leaves_the_body_as_it_is(driver: Driver, url: str) -> None:
    right = await asked(url, get(b"/v2/me"))
    await add(driver, contentType="text/plain")
    wrong = await asked(url, get(b"/v2/me"))
    assert (wrong.status, wrong.body, wrong.headers["content-type"]) == (200, right.body, "text/plain")


async def test_a_delay_holds_the_answer_up(driver: Driver, url: str) -> None:
    await add(driver, match={"path": "/v2/me"}, delay="150ms")
    async with connected(url) as slow, connected(url) as quick:
        await slow.send(get(b"/v2/me"))
        assert (await quick.ask(get(b"/v2/jobs"))).status == 200
        reply = await slow.reply()
    assert reply.status == 200
    entry = (await driver.pull("GET", "requests?path=/v2/me"))["requests"][0]
    assert entry["seconds"] >= 0.15


async def test_delays_are_drawn_from_a_seeded_distribution(make_app: MakeApp) -> None:
    drawn = []
    for _ in range(2):
        app = await make_app(seed=3)
        [rule] = app.faults.read([{"id": "d", "delay": {"mean": "1s", "deviation": "200ms"}}])
        from mockserver.core.faults import answer_at  # noqa: PLC0415 - beside the one use

        faults = [answer_at(rule, call, 3) for call in range(1, 200)]
        drawn.append([fault.delay_s for fault in faults if fault is not None])
    assert drawn[0] == drawn[1]
    assert len(set(drawn[0])) == 199
    assert 0.9 < sum(drawn[0]) / 199 < 1.1
    assert min(drawn[0]) >= 0


async def test_a_key_comes_before_faults_and_everything_else_after_them(driver: Driver, url: str) -> None:
    await add(driver, respond={"status": 503})
    unknown = HEAD.replace(b"afk_test", b"afk_nobody")
    assert (await asked(url, get(b"/v2/me", unknown))).status == 401
    assert (await asked(url, post(b"{"))).status == 503
    assert (await asked(url, get(b"/v2/jobs/nothing"))).status == 503
    assert (await asked(url, get(b"/v2/models"))).status == 503
    rule = (await driver.pull("GET", "faults"))["faults"][0]
    assert (rule["matched"], rule["fired"]) == (3, 3)


async def test_faults_do_not_touch_the_control_plane(driver: Driver) -> None:
    await add(driver, drop="before")
    assert (await driver.pull("GET", "health"))["status"] == "ok"


async def test_a_fault_that_replaced_nothing_leaves_a_refusal_its_own(driver: Driver, url: str) -> None:
    await add(driver, delay="1ms")
    reply = await asked(url, post(b"{"))
    assert (reply.status, reply.json) == (400, {"error": "Invalid JSON"})


async def test_pictures_can_be_cut_as_well(driver: Driver, url: str) -> None:
    job_id = await driver.submit("[[instant]]")
    await driver.advance("1s")
    address = (await driver.job(job_id))["result"]["images"][0]
    path = "/" + address.split("/", 3)[3]
    await add(driver, match={"path": "/images/*"}, truncate=100)
    async with connected(url) as wire:
        await wire.send(get(path.encode()))
        body = (await wire.rest()).partition(b"\r\n\r\n")[2]
    assert (len(body), body[:4]) == (100, b"\x89PNG")


async def test_every_rule_that_fired_is_in_the_journal(driver: Driver, url: str) -> None:
    await add(driver, id="slow", delay="1ms")
    await add(driver, id="gone", match={"method": "POST"}, drop="before")
    async with connected(url) as wire:
        assert await dropped(wire, post(GOOD))
    await asked(url, get(b"/v2/me"))
    entries = (await driver.pull("GET", "requests"))["requests"]
    assert [(entry["faults"], entry["answer"] and entry["answer"]["status"]) for entry in entries] == [
        (["slow", "gone"], None),
        (["slow"], 200),
    ]


async def test_an_ordinary_client_sees_the_disconnect(driver: Driver, url: str) -> None:
    await add(driver, match={"path": "/v2/me"}, drop="before")
    async with aiohttp.ClientSession(url, headers={"X-API-Key": "afk_test"}) as http:
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await http.get("/v2/me")


async def test_a_fault_meets_paths_that_do_not_exist_as_well(driver: Driver, url: str) -> None:
    await add(driver, match={"path": "/v2/nothing*"}, gateway=502)
    assert (await asked(url, get(b"/v2/nothing/here"))).status == 502
    assert (await asked(url, get(b"/v2/none"))).status == 404
    assert (await asked(url, get(b"/v2/images/generate"))).status == 405


async def test_the_journal_knows_the_body_of_a_request_that_a_fault_kept_from_its_handler(
    driver: Driver, url: str
) -> None:
    await add(driver, gateway=503)
    await asked(url, post(GOOD))
    await asked(url, post(GOOD, head=HEAD.replace(b"afk_test", b"afk_nobody")))
    entries = (await driver.pull("GET", "requests"))["requests"]
    answered = [(entry["answer"]["status"], entry["request"]["body"]) for entry in entries]
    assert answered == [(503, json.loads(GOOD)), (401, json.loads(GOOD))]
