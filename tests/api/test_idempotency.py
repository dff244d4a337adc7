"""Idempotency-Key over HTTP: one key, one job, one charge."""

import asyncio
import json
from typing import Any

import aiohttp
import pytest

from mockserver.app import App
from mockserver.clock import Clock
from tests.api.conftest import Look, TeamKeys
from tests.api.wire import PATIENCE_S, asked, post
from tests.driver import COST, Driver

BODY = {"prompt": "a fox", "model": "flux-2-pro", "fluxParams": {"seed": 1, "aspect_ratio": "1:1"}}
CLASH = (409, {"error": "Idempotency key was already used with a different request body"})


async def submit(client: aiohttp.ClientSession, key: str, body: Any = BODY, **headers: str) -> tuple[int, Any]:
    async with client.post("/v2/images/generate", json=body, headers={"Idempotency-Key": key, **headers}) as answer:
        return answer.status, await answer.json()


async def test_a_replay_gives_the_same_job_with_the_status_of_now(driver: Driver, clock: Clock) -> None:
    status, first = await submit(driver.http, "k")
    assert (status, first["status"]) == (202, "QUEUED")
    job_id = first["jobId"]
    await driver.pull("POST", f"jobs/{job_id}", {"progress": 10})
    assert await submit(driver.http, "k") == (202, {"jobId": job_id, "status": "PROCESSING"})
    clock.advance(60)
    assert await submit(driver.http, "k") == (202, {"jobId": job_id, "status": "COMPLETED"})
    assert await driver.balance() == 1_000_000 - COST


@pytest.mark.parametrize("ending", [{"fail": "no luck"}, {"cancel": True}])
async def test_a_replay_of_a_job_that_ended_badly_shows_failed_and_makes_no_new_one(
    ending: dict[str, Any], driver: Driver
) -> None:
    _, first = await submit(driver.http, "k")
    await driver.pull("POST", f"jobs/{first['jobId']}", ending)
    assert await submit(driver.http, "k") == (202, {"jobId": first["jobId"], "status": "FAILED"})
    assert await driver.balance() == 1_000_000


@pytest.mark.parametrize(
    "other",
    [
        {**BODY, "prompt": "a fox "},
        {**BODY, "model": "flux-2-dev"},
        {**BODY, "fluxParams": {"seed": 2, "aspect_ratio": "1:1"}},
        {**BODY, "fluxParams": {"seed": 1}},
        {**BODY, "webhookUrl": "http://127.0.0.1:9/"},
    ],
)
async def test_another_body_is_409_and_changes_nothing(other: Any, driver: Driver, kept: Look) -> None:
    first = await submit(driver.http, "k")
    before = await kept()
    assert await submit(driver.http, "k", other) == CLASH
    assert await kept() == before
    assert await submit(driver.http, "k") == first


async def test_bodies_are_compared_as_values_and_not_as_text(app: App) -> None:
    key = b"Idempotency-Key: k"
    first = await asked(app.url, post(json.dumps(BODY).encode(), key))
    texts = [
        json.dumps(BODY, indent=2),
        json.dumps(BODY, sort_keys=True),
        json.dumps(BODY).replace('"seed": 1', '"seed": 1.0'),
        json.dumps(BODY).replace("fox", "f\\u006fx"),
        json.dumps(BODY).replace('"prompt"', '"prompt": "another", "prompt"'),
    ]
    for text in texts:
        again = await asked(app.url, post(text.encode(), key, kind=b"application/json; charset=UTF-8"))
        assert (again.status, again.json) == (202, first.json), text


@pytest.mark.parametrize("name", ["idempotency-key", "IDEMPOTENCY-KEY", "Idempotency-Key"])
async def test_the_headers_name_may_be_spelled_in_any_case(name: str, app: App, kept: Look) -> None:
    first = await asked(app.url, post(json.dumps(BODY).encode(), b"Idempotency-Key: k"))
    before = await kept()
    again = await asked(app.url, post(json.dumps(BODY).encode(), name.encode() + b":   k  "))
    assert (again.status, again.json) == (202, first.json)
    assert await kept() == before


async def test_keys_are_told_apart_to_the_letter(client: aiohttp.ClientSession) -> None:
    keys = ["k", "K", "k k", "k%20k", '"k"', "ключ", "🦊"]
    jobs = [(await submit(client, key))[1]["jobId"] for key in keys]
    assert len(set(jobs)) == len(keys)
    assert [(await submit(client, key))[1]["jobId"] for key in keys] == jobs


async def test_fifty_simultaneous_connections_with_one_key_make_one_job_and_one_charge(
    app: App, driver: Driver
) -> None:
    request = post(json.dumps(BODY).encode(), b"Idempotency-Key: k", b"Connection: close")
    pairs = [await asyncio.open_connection("127.0.0.1", int(app.url.rpartition(":")[2])) for _ in range(50)]
    for _, writer in pairs:
        writer.write(request[:-1])
        await writer.drain()
    for _, writer in pairs:
        writer.write(request[-1:])
    async with asyncio.timeout(PATIENCE_S):
        answers = await asyncio.gather(*(reader.read() for reader, _ in pairs))
    for _, writer in pairs:
        writer.close()
    assert {answer.partition(b"\r\n")[0] for answer in answers} == {b"HTTP/1.1 202 Accepted"}
    assert len({answer.rpartition(b"\r\n\r\n")[2] for answer in answers}) == 1
    assert await driver.balance() == 1_000_000 - COST
    async with driver.http.get("/v2/jobs") as answer:
        assert len((await answer.json())["jobs"]) == 1


async def test_fifty_simultaneous_requests_with_keys_of_their_own_make_fifty_jobs(driver: Driver) -> None:
    answers = await asyncio.gather(*(submit(driver.http, f"k{number}") for number in range(50)))
    assert len({answer["jobId"] for _, answer in answers}) == 50
    assert await driver.balance() == 1_000_000 - 50 * COST


async def test_a_key_may_have_255_characters_and_not_256(client: aiohttp.ClientSession, kept: Look) -> None:
    assert (await submit(client, "k" * 255))[0] == 202
    assert (await submit(client, "ключ " * 51))[0] == 202
    before = await kept()
    for key in ("k" * 256, "k" * 10_000):
        message = "Too big: expected string to have <=255 characters"
        refused = {"error": "Validation error", "details": {"Idempotency-Key": [message]}}
        assert await submit(client, key) == (400, refused)
    assert await kept() == before


async def test_an_empty_key_counts_as_none(client: aiohttp.ClientSession) -> None:
    jobs = {(await submit(client, key))[1]["jobId"] for key in ("", "", "  ")}
    assert len(jobs) == 3


async def test_a_key_on_a_get_means_nothing(driver: Driver) -> None:
    long = {"Idempotency-Key": "k" * 300}
    job_id = await driver.submit()
    for path in ("/v2/me", "/v2/jobs", f"/v2/jobs/{job_id}", "/v2/models"):
        async with driver.http.get(path, headers=long) as answer:
            assert answer.status == 200
    async with driver.http.get("/v2/me", headers={"Idempotency-Key": "k"}) as answer:
        assert answer.status == 200
    assert (await submit(driver.http, "k"))[1]["jobId"] != job_id


async def test_a_key_is_its_users_own_and_lives_24_hours(driver: Driver, team_keys: TeamKeys, clock: Clock) -> None:
    jobs = [(await submit(driver.http, "k", **{"X-API-Key": key}))[1]["jobId"] for key in team_keys]
    assert len(set(jobs)) == 3
    admin = {"X-API-Key": team_keys.admin}
    clock.advance(24 * 3600 - 0.001)
    assert (await submit(driver.http, "k", **admin))[1]["jobId"] == jobs[0]
    clock.advance(0.001)
    status, fresh = await submit(driver.http, "k", {**BODY, "prompt": "another"}, **admin)
    assert (status, fresh["status"]) == (202, "QUEUED")
    assert fresh["jobId"] not in jobs


FOX = json.dumps(BODY).encode()
MENDED = b'{"prompt":"another","model":"flux-2-pro"}'
REFUSED: list[tuple[int, str, bytes, tuple[str, dict[str, Any]] | None]] = [
    (400, "afk_test", b"{", None),
    (400, "afk_test", b"{}", None),
    (400, "afk_test", b'{"prompt":"x","model":"x"}', None),
    (413, "afk_test", b" " * 16_000_000, None),
    (403, "afk_test_inactive", FOX, ("keys/afk_test_inactive", {"active": True})),
    (503, "afk_test_down", FOX, ("keys/afk_test_down", {"queueDown": False})),
    (402, "afk_test_poor", FOX, ("teams/{poor}", {"credits": 100})),
]


@pytest.mark.parametrize(("status", "api_key", "body", "mending"), REFUSED)
async def test_a_refused_request_leaves_its_key_free(
    status: int,
    api_key: str,
    body: bytes,
    mending: tuple[str, dict[str, Any]] | None,
    app: App,
    driver: Driver,
    kept: Look,
) -> None:
    before = await kept()
    head = f"Host: mock\r\nX-API-Key: {api_key}\r\n".encode()
    assert (await asked(app.url, post(body, b"Idempotency-Key: k", head=head))).status == status
    assert await kept() == before
    if mending is not None:
        poor = (await driver.pull("GET", "teams"))["teams"][1]["id"]
        await driver.pull("PATCH", mending[0].format(poor=poor), mending[1])
    assert (await asked(app.url, post(MENDED, b"Idempotency-Key: k", head=head))).status == 202
