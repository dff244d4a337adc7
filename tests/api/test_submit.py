"""Submissions: what is accepted and charged, and every way in which they are refused."""

import json
import random
from typing import Any

import aiohttp
import pytest

from mockserver.app import App
from mockserver.clock import Clock
from mockserver.core.catalog import Model
from mockserver.core.samples import sample_body
from mockserver.schemas import catalog
from tests.api.conftest import Fits, Look
from tests.api.test_loras import created
from tests.conftest import MakeApp
from tests.driver import COST, Driver

PATH = "/v2/images/generate"
BODY = {"prompt": "a fox", "model": "flux-2-pro"}
MODELS = {model.id: model for model in catalog().all_models()}
DEAR = {"prompt": "a fox", "model": "midjourney"}


async def submitted(client: aiohttp.ClientSession, body: Any, path: str = PATH, **headers: str) -> tuple[int, Any]:
    sent = {"Content-Type": "application/json", **headers}
    async with client.post(path, data=json.dumps(body), headers=sent) as answer:
        return answer.status, await answer.json()


async def test_an_accepted_job_is_answered_202_with_its_id_and_status(driver: Driver, fits: Fits) -> None:
    async with driver.http.post(PATH, json=BODY) as answer:
        accepted = await answer.json()
        assert (answer.status, answer.content_type) == (202, "application/json")
    fits(accepted, "accepted")
    assert accepted == {"jobId": (await driver.job(accepted["jobId"]))["id"], "status": "QUEUED"}


async def test_an_instant_job_is_accepted_as_queued_and_complete_at_once(driver: Driver) -> None:
    status, accepted = await submitted(driver.http, {**BODY, "prompt": "a fox [[instant]]"})
    assert (status, accepted["status"]) == (202, "QUEUED")
    assert await driver.statuses(accepted["jobId"]) == ["COMPLETED"]


def asked_outputs(model: Model, body: dict[str, Any]) -> int:
    """How many pictures a request is for: a number of the table, or a parameter that the table names."""
    rule = model.outputs
    if isinstance(rule, int):
        return rule
    name, _, parameter = rule["param"].partition(".")
    count: int = body.get(name, {}).get(parameter, rule["default"])
    return count


def expected_result(app: App, model: Model, job: dict[str, Any], outputs: int) -> Any:
    """The result but for what is drawn: ids, titles, tags and lengths of tracks."""
    at = f"{app.url}/{{}}/{job['id']}"
    images = [f"{at}-{number}.png".format("images") for number in range(1, outputs + 1)]
    match model.modality, outputs:
        case "image", _:
            grid = {"gridUrl": f"{at}-grid.png".format("images")} if model.id == "midjourney" else {}
            return {"images": images, **grid}
        case "video", 1:
            return {"videoUrl": f"{at}.mp4".format("videos")}
        case "video", _:
            return {"videos": [f"{at}-{number}.mp4".format("videos") for number in range(1, outputs + 1)]}
        case _:
            return {"tracks": [f"{at}-{number}.mp3".format("audio") for number in range(outputs)]}


@pytest.mark.parametrize("model_id", MODELS)
async def test_every_model_takes_its_smallest_and_its_largest_request_to_a_result(
    model_id: str, driver: Driver, clock: Clock, app: App, fits: Fits
) -> None:
    model = MODELS[model_id]
    chance = random.Random(model_id).random
    required = sample_body(model, "a fox", every=False, chance=chance)
    if model.parameters_name not in model.body_schema["required"]:
        required.pop(model.parameters_name, None)
    full = sample_body(model, "two foxes", every=True, chance=chance)
    path = catalog().operations[model.operation].path
    for body in (required, full) if model.lora else ():
        name, _, field = model.lora.partition(".")
        body[name][field] = await created(driver.http, name="Ann [[instant]]")
    hook = {"webhookUrl": "http://127.0.0.1:9/hook?a=b", "webhookEvents": ["completed"]}
    for body in (required, full):
        before = await driver.balance()
        status, accepted = await submitted(driver.http, {**body, **hook}, path)
        assert (status, accepted) == (202, {"jobId": accepted["jobId"], "status": "QUEUED"})
        queued = await driver.job(accepted["jobId"])
        fits(queued, "job")
        assert (queued["input"], queued["model"], queued["creditCost"]) == (
            body,
            model_id,
            before - await driver.balance(),
        )
        clock.advance(600)
        job = await driver.job(accepted["jobId"])
        fits(job, "job")
        result = job["result"]
        if "tracks" in result:
            assert {len(track) for track in result["tracks"]} == {6}
            result = {"tracks": [track["audioUrl"] for track in result["tracks"]]}
        assert (job["status"], job["progress"], job["error"]) == ("COMPLETED", 100, None)
        assert result == expected_result(app, model, job, asked_outputs(model, body))


async def test_the_input_is_shown_as_sent_without_the_webhook_fields(driver: Driver) -> None:
    body: dict[str, Any] = {
        "prompt": "ein Füchslein 🦊 \u2028 \ud800",
        "model": "flux-2-pro",
        "fluxParams": {"seed": 7},
    }
    job = await driver.job(await driver.submit(**body, webhookUrl="http://127.0.0.1:9/", webhookEvents=["failed"]))
    assert job["input"] == body
    assert list(job["input"]) == list(body)


async def test_a_submission_without_a_webhook_shows_null_and_one_with_it_pending(driver: Driver) -> None:
    plain, hooked = await driver.submit(), await driver.submit(webhookUrl="http://127.0.0.1:9/")
    assert [(await driver.job(job))["webhookStatus"] for job in (plain, hooked)] == [None, "pending"]


STRING_MISSING = "Invalid input: expected string, received undefined"
REFUSED: list[tuple[Any, dict[str, list[str]]]] = [
    ({}, {"model": ["Invalid input"], "prompt": [STRING_MISSING]}),
    ({"model": "flux-2-pro"}, {"prompt": [STRING_MISSING]}),
    ({"prompt": "a fox"}, {"model": ["Invalid input"]}),
    ({"prompt": "a fox", "model": "flux-9"}, {"model": ["Invalid input"]}),
    ({"prompt": "a fox", "model": "FLUX-2-PRO"}, {"model": ["Invalid input"]}),
    ({"prompt": "a fox", "model": None}, {"model": ["Invalid input"]}),
    ({"prompt": "a fox", "model": ["flux-2-pro"]}, {"model": ["Invalid input"]}),
    ({**BODY, "prompt": ""}, {"prompt": ["Too small: expected string to have >=1 characters"]}),
    ({**BODY, "prompt": "x" * 2001}, {"prompt": ["Too big: expected string to have <=2000 characters"]}),
    ({**BODY, "prompt": "🦊" * 1001}, {"prompt": ["Too big: expected string to have <=2000 characters"]}),
    (
        {"prompt": "x" * 5001, "model": "wan-image-2.7"},
        {"prompt": ["Too big: expected string to have <=5000 characters"]},
    ),
    ({**BODY, "prompt": 7}, {"prompt": ["Invalid input: expected string, received number"]}),
    ({**BODY, "prompt": None}, {"prompt": ["Invalid input: expected string, received null"]}),
    ({**BODY, "foo": 1}, {"foo": ['Unrecognized key: "foo"']}),
    ({**BODY, "midjourneyParams": {}}, {"midjourneyParams": ['Unrecognized key: "midjourneyParams"']}),
    ({**BODY, "fluxParams": {"foo": 1, "bar": 2}}, {"fluxParams": ['Unrecognized keys: "foo", "bar"']}),
    ({**BODY, "fluxParams": []}, {"fluxParams": ["Invalid input: expected object, received array"]}),
    (
        {**BODY, "fluxParams": {"aspect_ratio": "wide"}},
        {"fluxParams.aspect_ratio": [r"Invalid string: must match pattern /^\d+:\d+$/"]},
    ),
    ({**BODY, "webhookUrl": "nowhere"}, {"webhookUrl": ["Invalid URL"]}),
    ({**BODY, "webhookEvents": []}, {"webhookEvents": ["Too small: expected array to have >=1 items"]}),
    (
        {**BODY, "webhookEvents": ["done"]},
        {"webhookEvents.0": ['Invalid option: expected one of "progress"|"completed"|"failed"']},
    ),
    (
        {"prompt": "a fox", "model": "flux-lora"},
        {"fluxLoraParams": ["Invalid input: expected object, received undefined"]},
    ),
    ([], {"body": ["Invalid input: expected object, received array"]}),
    ("x", {"body": ["Invalid input: expected object, received string"]}),
    (None, {"body": ["Invalid input: expected object, received null"]}),
    (
        {"prompt": 1, "model": "flux-2-pro", "webhookUrl": "x", "foo": 1, "fluxParams": {"bar": 1}},
        {
            "prompt": ["Invalid input: expected string, received number"],
            "webhookUrl": ["Invalid URL"],
            "foo": ['Unrecognized key: "foo"'],
            "fluxParams": ['Unrecognized key: "bar"'],
        },
    ),
]


@pytest.mark.parametrize(("body", "details"), REFUSED)
async def test_a_body_that_breaks_its_schema_is_400_with_every_problem_by_path(
    body: Any, details: dict[str, list[str]], client: aiohttp.ClientSession, fits: Fits, kept: Look
) -> None:
    before = await kept()
    status, answer = await submitted(client, body, **{"Idempotency-Key": "k"})
    assert (status, answer) == (400, {"error": "Validation error", "details": details})
    fits(answer, "validation-error")
    assert await kept() == before


async def test_a_prompt_may_have_as_many_utf_16_units_as_the_limit_says(driver: Driver) -> None:
    for prompt in ("x" * 2000, "🦊" * 1000):
        assert (await driver.job(await driver.submit(prompt)))["input"]["prompt"] == prompt


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/a?b=c", "mailto:a@b", "foo:bar", " http://127.0.0.1:9 "])
async def test_a_webhook_address_is_any_url_that_javascript_takes(url: str, driver: Driver) -> None:
    assert (await driver.job(await driver.submit(webhookUrl=url)))["input"] == BODY


async def test_too_few_credits_are_402_with_both_numbers(client: aiohttp.ClientSession, fits: Fits, kept: Look) -> None:
    before = await kept()
    status, answer = await submitted(client, DEAR, **{"X-API-Key": "afk_test_poor"})
    assert (status, answer) == (402, {"error": "Insufficient credits", "creditsRequired": 16, "creditsAvailable": 1})
    fits(answer, "insufficient-credits")
    assert await kept() == before


async def test_the_last_credit_can_be_spent_and_then_no_more(driver: Driver) -> None:
    made = await driver.pull("POST", "keys", {"key": "afk_of_twelve", "credits": 2 * COST}, status=201)
    answers = [await submitted(driver.http, BODY, **{"X-API-Key": made["key"]}) for _ in range(3)]
    assert [status for status, _ in answers] == [202, 202, 402]
    assert answers[2][1] == {"error": "Insufficient credits", "creditsRequired": COST, "creditsAvailable": 0}


async def test_a_team_without_images_is_403(driver: Driver, fits: Fits, kept: Look) -> None:
    team = (await driver.pull("GET", "teams"))["teams"][0]
    await driver.pull("PATCH", f"teams/{team['id']}", {"modalities": ["video", "music"]})
    before = await kept()
    status, answer = await submitted(driver.http, BODY)
    assert (status, answer) == (403, {"error": "Image generation is not enabled for your team"})
    fits(answer, "error")
    assert await kept() == before


async def test_a_queue_that_is_down_is_503_and_charges_nothing(
    client: aiohttp.ClientSession, fits: Fits, kept: Look
) -> None:
    before = await kept()
    status, answer = await submitted(client, BODY, **{"X-API-Key": "afk_test_down", "Idempotency-Key": "k"})
    assert (status, answer) == (503, {"error": "Service unavailable"})
    fits(answer, "error")
    assert await kept() == before


ON_DEMAND = [
    (400, {"error": "Validation error"}),
    (401, {"error": "Invalid API key"}),
    (402, {"error": "Insufficient credits", "creditsRequired": COST, "creditsAvailable": COST - 1}),
    (403, {"error": "API key is inactive"}),
    (404, {"error": "Job not found"}),
    (409, {"error": "Idempotency key was already used with a different request body"}),
    (429, {"error": "Rate limit exceeded"}),
    (500, {"error": "Internal server error"}),
    (503, {"error": "Service unavailable"}),
]


@pytest.mark.parametrize(("wanted", "expected"), ON_DEMAND)
async def test_a_prompt_can_ask_for_any_refusal_and_nothing_is_charged(
    wanted: int, expected: dict[str, Any], driver: Driver, kept: Look
) -> None:
    before = await kept()
    key = {"Idempotency-Key": "on-demand"}
    assert await submitted(driver.http, {**BODY, "prompt": f"a fox [[status {wanted}]]"}, **key) == (wanted, expected)
    assert await kept() == before
    assert (await submitted(driver.http, BODY, **key))[0] == 202


async def test_without_directives_a_prompt_orders_nothing(make_app: MakeApp) -> None:
    app = await make_app(no_directives=True)
    async with aiohttp.ClientSession(app.url, headers={"X-API-Key": "afk_test"}) as client:
        assert (await submitted(client, {**BODY, "prompt": "[[status 503]]"}))[0] == 202


async def test_the_checks_come_in_their_documented_order(driver: Driver, client: aiohttp.ClientSession) -> None:
    """Each key or body breaks everything that comes later too."""
    dear = {**DEAR, "prompt": "a fox [[status 404]]"}
    assert (await submitted(client, {}, **{"X-API-Key": "afk_nobody"}))[0] == 401
    assert (await submitted(client, {}, **{"X-API-Key": "afk_test_inactive"}))[0] == 403
    first = {"key": "afk_of_trouble", "credits": COST, "queueDown": True, "rateLimit": "1/60s"}
    made = await driver.pull("POST", "keys", first, status=201)
    key = {"X-API-Key": made["key"], "Idempotency-Key": "order"}
    assert (await submitted(client, {}, **key))[0] == 400
    assert (await submitted(client, {}, **key))[0] == 429
    await driver.pull("PATCH", "keys/afk_of_trouble", {"rateLimit": None, "queueDown": False})
    assert (await submitted(client, BODY, **key))[0] == 202
    await driver.pull("PATCH", "keys/afk_of_trouble", {"queueDown": True})
    await driver.pull("PATCH", f"teams/{made['team']['id']}", {"modalities": []})
    assert (await submitted(client, BODY, **key))[0] == 202
    assert (await submitted(client, DEAR, **key))[0] == 409
    key["Idempotency-Key"] = "another"
    assert (await submitted(client, dear, **key))[0] == 403
    await driver.pull("PATCH", f"teams/{made['team']['id']}", {"modalities": ["image"]})
    assert (await submitted(client, dear, **key))[0] == 402
    await driver.pull("PATCH", f"teams/{made['team']['id']}", {"credits": 100})
    assert (await submitted(client, DEAR, **key))[0] == 503
