"""Idempotency keys that stand for more than one job, and fields in wrong places."""

from typing import Any

import aiohttp
import pytest

from mockserver.app import App
from mockserver.clock import Clock
from tests.driver import MODEL, Driver
from tests.findings.conftest import Found

GENERATE = "/v2/images/generate"
BODY = {"prompt": "a fox", "model": MODEL}


async def submit(driver: Driver, key: str, **more: Any) -> tuple[int, str]:
    async with driver.http.post(GENERATE, json={**BODY, **more}, headers={"Idempotency-Key": key}) as answer:
        return answer.status, (await answer.json()).get("jobId", "")


async def test_one_key_with_two_bodies_is_found(driver: Driver, found: Found) -> None:
    assert (await submit(driver, "k"))[0] == 202
    assert (await submit(driver, "k", prompt="a hare"))[0] == 409
    assert await found() == {"KEY-WITH-OTHER-BODY": [[1, 2]]}
    told = (await driver.pull("GET", "findings"))["findings"][0]["occurrences"][0]["evidence"]
    assert told == (
        'request 1 made a job with the Idempotency-Key "k"; request 2 sent it with another body and was answered 409'
    )


async def test_a_409_that_was_ordered_is_none(driver: Driver, found: Found) -> None:
    assert (await submit(driver, "k", prompt="[[status 409]]"))[0] == 409
    await driver.pull("POST", "faults", {"times": 1, "respond": {"status": 409}}, status=201)
    assert (await submit(driver, "l"))[0] == 409
    assert (await submit(driver, "l"))[0] == 202
    await driver.pull("POST", "faults", {"times": 1, "respond": {"status": 409}}, status=201)
    assert (await submit(driver, "l"))[0] == 409
    assert await found() == {}


async def test_a_key_whose_job_was_seen_to_its_end_and_that_is_used_again_is_found(
    driver: Driver, clock: Clock, found: Found
) -> None:
    status, job_id = await submit(driver, "k")
    clock.advance(60)
    assert await driver.statuses(job_id) == ["COMPLETED"]
    assert await submit(driver, "k") == (status, job_id)
    assert await found() == {"KEY-REUSED": [[1, 2, 3]]}


async def test_a_key_whose_picture_was_taken_and_that_is_used_again_is_found(
    app: App, driver: Driver, clock: Clock, found: Found
) -> None:
    _, job_id = await submit(driver, "k")
    clock.advance(60)
    async with aiohttp.request("GET", f"{app.url}/images/{job_id}-1.png") as answer:
        assert answer.status == 200
    assert (await submit(driver, "k"))[1] == job_id
    assert await found() == {"KEY-REUSED": [[1, 2, 3]]}


async def test_a_retry_with_its_key_is_none_before_the_end_was_seen(driver: Driver, clock: Clock, found: Found) -> None:
    _, job_id = await submit(driver, "k")
    assert (await submit(driver, "k"))[1] == job_id
    assert await driver.statuses(job_id) == ["QUEUED"]
    assert (await submit(driver, "k"))[1] == job_id
    clock.advance(60)
    assert (await submit(driver, "k"))[1] == job_id
    assert await found() == {}


async def test_a_retry_of_an_answer_that_a_fault_touched_is_none(driver: Driver, clock: Clock, found: Found) -> None:
    await driver.pull("POST", "faults", {"times": 1, "malformed": True}, status=201)
    async with driver.http.post(GENERATE, json=BODY, headers={"Idempotency-Key": "k"}) as answer:
        assert answer.status == 202
    clock.advance(60)
    async with driver.http.get("/v2/jobs") as answer:
        job_id = (await answer.json())["jobs"][0]["id"]
    assert await driver.statuses(job_id) == ["COMPLETED"]
    assert (await submit(driver, "k"))[1] == job_id
    assert await found() == {}


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"seed": 1, "aspect_ratio": "1:1"}, '"seed", "aspect_ratio" beside fluxParams instead of in it'),
        ({"params": {"seed": 1}}, '"seed" in "params" instead of fluxParams'),
        ({"imagenParams": {"aspect_ratio": "1:1"}}, '"aspect_ratio" in "imagenParams" instead of fluxParams'),
        (
            {"fluxParams": {"seed": 1, "webhookUrl": "http://127.0.0.1:9/"}},
            '"webhookUrl" in fluxParams instead of beside it',
        ),
    ],
)
async def test_a_field_in_a_wrong_place_is_found(
    wrong: dict[str, Any], told: str, driver: Driver, found: Found
) -> None:
    assert (await submit(driver, "k", **wrong))[0] == 400
    assert await found() == {"OPTIONS-FLAT": [[1]]}
    shown = (await driver.pull("GET", "findings"))["findings"][0]["occurrences"][0]
    assert shown["evidence"] == f'request 1 for "{MODEL}" was refused: {told}'


@pytest.mark.parametrize(
    ("path", "body", "told"),
    [
        (
            "images/edit",
            {"model": "flux-fill-pro", "prompt": "a fox", "fluxFillParams": {"mode": "outpaint"}},
            '"prompt" beside fluxFillParams instead of in it',
        ),
        ("images/edit", {"model": "flux-fill-pro", "mode": "inpaint"}, '"mode" beside fluxFillParams instead of in it'),
        (
            "images/upscale",
            {"model": "topaz-image-upscale", "image": "http://a.b/c.png"},
            '"image" beside topazUpscaleParams instead of in it',
        ),
        ("music/generate", {"model": "suno", "sunoParams": {"prompt": "a fox"}}, '"prompt" in sunoParams instead of'),
        ("images/midjourney/action", {"action": "pan", "model": "pan", "index": 1}, None),
        ("music/udio/action", {"action": "extend", "model": "extend"}, None),
        ("music/udio/lyrics", {"model": "lyrics"}, None),
    ],
)
async def test_every_operation_with_parameter_objects_knows_where_fields_stand(
    path: str, body: dict[str, Any], told: str | None, driver: Driver
) -> None:
    async with driver.http.post(f"/v2/{path}", json=body) as answer:
        assert answer.status == 400
    shown = (await driver.pull("GET", "findings"))["findings"]
    evidence = [each["evidence"] for kind in shown for each in kind["occurrences"]]
    assert [text.partition(" was refused: ")[2][: len(told or "")] for text in evidence] == ([told] if told else [])


@pytest.mark.parametrize(
    "wrong",
    [
        {"tempo": 1},
        {"model": "no-such-model", "seed": 1},
        {"fluxParams": {"seed": "one"}},
        {"imagenParams": {"tempo": 1}},
        {"fluxParams": {"tempo": 1}},
        {"params": {}},
        {"fluxParams": 1},
        {"model": 1},
    ],
)
async def test_a_field_that_the_model_knows_nowhere_is_none(
    wrong: dict[str, Any], driver: Driver, found: Found
) -> None:
    assert (await submit(driver, "k", **wrong))[0] == 400
    assert await found() == {}


@pytest.mark.parametrize("raw", [b"", b"[1]", b"{", b'{"model": "flux-2-pro"', b'"\xff"'])
async def test_a_body_that_is_no_object_is_none(raw: bytes, driver: Driver, found: Found) -> None:
    async with driver.http.post(GENERATE, data=raw, headers={"Content-Type": "application/json"}) as answer:
        assert answer.status == 400
    assert await found() == {}
