"""Who is calling: keys and where they are sent, and that no key ever comes back."""

import json
from typing import Any

import aiohttp
import pytest

from mockserver.app import App
from tests.api.conftest import Fits, Look
from tests.api.wire import GOOD, Reply, asked, assert_is_ours, assert_is_refusal, get, post
from tests.driver import Driver

PATHS = ("/v2/me", "/v2/jobs", "/v2/jobs?limit=0", "/v2/jobs/x", "/v2/jobs/00000000-0000-4000-8000-000000000000")
NO_KEY = (401, {"error": "API key is required"})
BAD_KEY = (401, {"error": "Invalid API key"})
INACTIVE = (403, {"error": "API key is inactive"})
READY_MADE = ("afk_test", "afk_test_poor", "afk_test_inactive", "afk_test_limited", "afk_test_down")


async def every_answer(client: aiohttp.ClientSession, **headers: str) -> list[tuple[int, Any]]:
    """What each endpoint that wants a key answers; the submission is broken, so that a 400 would show."""
    answers = []
    for path in PATHS:
        async with client.get(path, headers=headers) as answer:
            answers.append((answer.status, await answer.json()))
    async with client.post("/v2/images/generate", data=b"{", headers=headers) as answer:
        answers.append((answer.status, await answer.json()))
    return answers


HEADERS: list[tuple[dict[str, str], tuple[int, Any]]] = [
    ({}, NO_KEY),
    ({"X-API-Key": ""}, NO_KEY),
    ({"X-API-Key": "  "}, NO_KEY),
    ({"Authorization": "Bearer"}, NO_KEY),
    ({"Authorization": "Bearer "}, NO_KEY),
    ({"Authorization": "afk_test"}, NO_KEY),
    ({"Authorization": "Basic YWZrX3Rlc3Q6"}, NO_KEY),
    ({"X-API-Key": "afk_nobody"}, BAD_KEY),
    ({"X-API-Key": "afk_tes"}, BAD_KEY),
    ({"X-API-Key": "afk_test_"}, BAD_KEY),
    ({"X-API-Key": "AFK_TEST"}, BAD_KEY),
    ({"X-API-Key": "afk_test afk_test"}, BAD_KEY),
    ({"X-API-Key": "Bearer afk_test"}, BAD_KEY),
    ({"X-API-Key": '"afk_test"'}, BAD_KEY),
    ({"X-API-Key": "k" * 10_000}, BAD_KEY),
    ({"X-API-Key": "ключ 🦊"}, BAD_KEY),
    ({"Authorization": "Bearer afk_nobody"}, BAD_KEY),
    ({"X-API-Key": "afk_nobody", "Authorization": "Bearer afk_test"}, BAD_KEY),
    ({"X-API-Key": "afk_test_inactive"}, INACTIVE),
    ({"Authorization": "Bearer afk_test_inactive"}, INACTIVE),
    ({"X-API-Key": "afk_test_inactive", "Authorization": "Bearer afk_test"}, INACTIVE),
]


@pytest.mark.parametrize(("headers", "refused"), HEADERS)
async def test_without_a_good_key_every_endpoint_refuses_before_it_looks_at_the_request(
    headers: dict[str, str], refused: tuple[int, Any], anyone: aiohttp.ClientSession, fits: Fits, kept: Look
) -> None:
    before = await kept()
    answers = await every_answer(anyone, **headers)
    assert answers == [refused] * (len(PATHS) + 1)
    fits(answers[0][1], "error")
    assert await kept() == before


@pytest.mark.parametrize(
    "headers",
    [
        {"X-API-Key": "afk_test"},
        {"x-api-key": "afk_test"},
        {"X-API-KEY": " afk_test "},
        {"Authorization": "Bearer afk_test"},
        {"authorization": "bearer afk_test"},
        {"Authorization": "BEARER   afk_test"},
        {"X-API-Key": "", "Authorization": "Bearer afk_test"},
        {"X-API-Key": "afk_test", "Authorization": "Bearer afk_nobody"},
    ],
)
async def test_a_good_key_is_taken_from_either_header_and_x_api_key_goes_first(
    headers: dict[str, str], anyone: aiohttp.ClientSession
) -> None:
    async with anyone.get("/v2/me", headers=headers) as answer:
        assert (answer.status, (await answer.json())["apiKey"]["name"]) == (200, "Test Key")


async def test_a_key_works_from_when_it_is_made_until_it_is_revoked(driver: Driver) -> None:
    key = {"X-API-Key": "afk_short_lived_key"}
    assert set(map(str, await every_answer(driver.http, **key))) == {str(BAD_KEY)}
    await driver.pull("POST", "keys", {"key": key["X-API-Key"]}, status=201)
    assert [status for status, _ in await every_answer(driver.http, **key)] == [200, 200, 400, 400, 404, 400]
    await driver.pull("PATCH", f"keys/{key['X-API-Key']}", {"active": False})
    assert set(map(str, await every_answer(driver.http, **key))) == {str(INACTIVE)}
    await driver.pull("PATCH", f"keys/{key['X-API-Key']}", {"active": True})
    async with driver.http.get("/v2/me", headers=key) as answer:
        assert answer.status == 200
    async with driver.http.delete(f"/_mock/keys/{key['X-API-Key']}") as answer:
        assert answer.status == 204
    assert set(map(str, await every_answer(driver.http, **key))) == {str(BAD_KEY)}


async def test_a_revoked_keys_jobs_stay_with_their_user(driver: Driver) -> None:
    made = await driver.pull("POST", "keys", {"key": "afk_old_key_of_eve", "user": "eve"}, status=201)
    body, old = {"prompt": "a fox", "model": "flux-2-pro"}, {"X-API-Key": "afk_old_key_of_eve"}
    async with driver.http.post("/v2/images/generate", json=body, headers=old) as answer:
        job_id = (await answer.json())["jobId"]
    async with driver.http.delete("/_mock/keys/afk_old_key_of_eve") as answer:
        assert answer.status == 204
    new = {"key": "afk_new_key_of_eve", "user": "eve", "team": made["team"]["id"]}
    await driver.pull("POST", "keys", new, status=201)
    async with driver.http.get(f"/v2/jobs/{job_id}", headers={"X-API-Key": "afk_new_key_of_eve"}) as answer:
        assert answer.status == 200


@pytest.mark.parametrize("key", READY_MADE)
async def test_no_answer_repeats_the_key(key: str, app: App) -> None:
    head = f"Host: mock\r\nX-API-Key: {key}\r\n".encode()
    requests = [
        *(get(path, head) for path in (b"/v2/me", b"/v2/jobs", b"/v2/jobs/x", b"/v2/jobs?limit=0", b"/nowhere")),
        post(GOOD, head=head),
        post(b"{}", head=head),
        post(b"{", head=head, kind=b"text/plain"),
        get(b"/v2/me", head).replace(b"GET", b"PATCH"),
        get(b"/v2/me", head + b"Content-Length: x\r\n"),
    ]
    for request in requests:
        reply = await asked(app.url, request)
        app.clock.advance(5)
        assert_is_ours(reply)
        shown = json.loads(reply.body)
        names = [key, f'"{key}"', key[4:]] if key != "afk_test" else [f'"{key}"', "_test"]
        assert [name for name in names if name.encode() in reply.raw] == [], shown


async def test_a_key_of_raw_bytes_is_unknown(app: App) -> None:
    for key in (b"\xff\xfe", b"afk_test\xff", b"\xe2\x82", "ключ".encode()):
        reply: Reply = await asked(app.url, get(b"/v2/me", b"Host: mock\r\nX-API-Key: %b\r\n" % key))
        assert_is_refusal(reply)
        assert (reply.status, reply.json) == BAD_KEY
