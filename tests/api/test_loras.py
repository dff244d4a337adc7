"""LoRAs: created with a form, trained on the clock, paid in two parts, listed and archived for the team."""

import io
import json
from collections.abc import Mapping
from typing import Any

import aiohttp
import pytest
from jsonschema import Draft202012Validator

from mockserver.app import App
from mockserver.core.errors import LoraNotFound, LoraNotReady, Refusal
from mockserver.core.signing import key_digest, signature
from mockserver.loras import Loras
from tests.api.conftest import Fits, Look, TeamKeys
from tests.conftest import START, Inbox, MakeApp
from tests.driver import Driver

JPEG, PNG, WEBP = b"\xff\xd8\xff\xe0\0\x10JFIF", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"RIFF\x24\0\0\0WEBPVP8 "
GIF = b"GIF89a\1\0\1\0"
PERSON = {"gender": "female", "ethnicity": "Nordic"}
NOBODY = "00000000-0000-4000-8000-000000000000"
MB = 1024 * 1024
TYPES = "Unsupported file type: expected JPEG, PNG or WebP"


def form(count: int = 15, name: str | None = "Ann", pictures: tuple[bytes, ...] = (PNG,), **fields: Any) -> Any:
    """A person's form with *count* pictures, those given in turns; a field of None is left out."""
    data = aiohttp.FormData(default_to_multipart=True)
    for field, value in ({"name": name} | PERSON | fields).items():
        if value is not None:
            data.add_field(field, value)
    for number in range(count):
        picture = io.BytesIO(pictures[number % len(pictures)])
        data.add_field("images", picture, filename=f"{number}.txt", content_type="text/nonsense")
    return data


async def created(http: aiohttp.ClientSession, key: str = "afk_test", count: int = 15, **fields: Any) -> str:
    """The id of a new LoRA."""
    async with http.post("/v2/loras", data=form(count, **fields), headers={"X-API-Key": key}) as answer:
        told = await answer.json()
        assert (answer.status, told) == (202, {"id": told.get("id"), "status": "PENDING", "imageCount": count}), told
        return str(told["id"])


async def asked(
    http: aiohttp.ClientSession, path: str, key: str = "afk_test", *, method: str = "GET", **more: Any
) -> tuple[int, Any]:
    """Status and JSON of an answer; no JSON for none."""
    async with http.request(method, f"/v2/{path}", headers={"X-API-Key": key}, **more) as answer:
        raw = await answer.read()
        return answer.status, json.loads(raw) if raw else None


async def looked(http: aiohttp.ClientSession, lora_id: str, *names: str) -> Any:
    """The LoRA as it is shown now, or some of its fields."""
    status, lora = await asked(http, f"loras/{lora_id}")
    assert status == 200, lora
    return tuple(lora[name] for name in names) if names else lora


async def plan_of(driver: Driver, lora_id: str) -> dict[str, Any]:
    plan: dict[str, Any] = (await driver.pull("GET", f"jobs/{lora_id}"))["plan"]
    return plan


# Life


async def test_a_lora_is_pending_uploading_training_and_ready(driver: Driver, fits: Fits) -> None:
    lora_id = await created(driver.http, count=18, age="34", steps="2000", loraRank="64")
    seen: list[dict[str, Any]] = []
    for number in range(60):
        lora = await looked(driver.http, lora_id)
        fits(lora, "lora")
        if not seen or lora != seen[-1]:
            seen.append(lora)
        await driver.advance(0.5 if number < 20 else 5)
    plan = await plan_of(driver, lora_id)
    me = (await asked(driver.http, "me"))[1]
    first = {
        "id": lora_id,
        "userId": me["user"]["id"],
        "teamId": me["team"]["id"],
        "name": "Ann",
        "subjectKind": "person",
        **PERSON,
        "age": "34",
        "status": "PENDING",
        "imageCount": 18,
        "steps": 2000,
        "loraRank": 64,
        "isReady": False,
        "error": None,
        "createdAt": "2026-01-01T00:00:00.000Z",
        "startedAt": None,
        "completedAt": None,
        "hasWeights": False,
        "triggerWord": None,
    }
    training = first | {"status": "TRAINING", "startedAt": plan["startsAt"]}
    word = seen[-1]["triggerWord"]
    done = {"status": "READY", "isReady": True, "hasWeights": True, "triggerWord": word, "completedAt": plan["endsAt"]}
    assert seen == [first, first | {"status": "UPLOADING"}, training, training | done]
    assert len(word) == 6
    assert word == word.upper()
    assert word.isalnum()


async def test_a_training_takes_from_fifteen_to_twenty_five_minutes(make_app: MakeApp) -> None:
    app = await make_app(speed=1.0)
    async with aiohttp.ClientSession(app.url) as http:
        plans = [await app.store.job(await created(http)) for _ in range(10)]
    spans_s = [lora.plan.ended_at - START for lora in plans if lora is not None]
    assert all(900 <= span_s <= 1500 for span_s in spans_s)
    assert len(set(spans_s)) == len(spans_s) == 10


async def test_what_a_form_leaves_out_has_its_default(driver: Driver) -> None:
    names = ("subjectKind", "gender", "ethnicity", "age", "steps", "loraRank")
    person = await created(driver.http)
    style = await created(driver.http, subjectKind="style", gender=None, ethnicity=None)
    assert await looked(driver.http, person, *names) == ("person", "female", "Nordic", None, 1000, 32)
    assert await looked(driver.http, style, *names) == ("style", None, None, None, 1000, 32)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("[[instant]]", ("READY", None, True)),
        ("[[fail: too dark]]", ("FAILED", "too dark", False)),
        ("[[instant]][[fail]]", ("FAILED", "Provider returned an error: content policy violation", False)),
        ("[[stuck]]", ("TRAINING", None, False)),
        ("[[slow 2m]]", ("READY", None, True)),
        ("[[cancel]]", ("ARCHIVED", None, False)),
    ],
)
async def test_the_name_can_order_what_becomes_of_it(driver: Driver, name: str, expected: tuple[Any, ...]) -> None:
    lora_id = await created(driver.http, name=name)
    await driver.advance("1h")
    assert await looked(driver.http, lora_id, "status", "error", "isReady") == expected


async def test_a_fault_rule_for_jobs_orders_trainings_too(driver: Driver) -> None:
    await driver.pull("POST", "faults", {"match": {"body": {"name": "Bo"}}, "job": {"fail": "by rule"}}, status=201)
    ids = [await created(driver.http, name=name) for name in ("Ann", "Bo")]
    await driver.advance("1h")
    seen = [await looked(driver.http, lora_id, "status", "error") for lora_id in ids]
    assert seen == [("READY", None), ("FAILED", "by rule")]


async def test_levers_end_a_training_as_they_end_a_job(driver: Driver) -> None:
    orders: list[Mapping[str, Any]] = [{"complete": True}, {"fail": "no capacity"}, {"cancel": True}]
    ids = [await created(driver.http, name="[[stuck]]") for _ in orders]
    before = await driver.balance()
    for lora_id, order in zip(ids, orders, strict=True):
        await driver.pull("POST", f"jobs/{lora_id}", order)
    seen = [await looked(driver.http, lora_id, "status", "error", "startedAt") for lora_id in ids]
    assert seen == [
        ("READY", None, "2026-01-01T00:00:00.000Z"),
        ("FAILED", "no capacity", None),
        ("ARCHIVED", None, None),
    ]
    assert await driver.balance() == before - 255 + 2 + 2


# Credits


async def test_two_credits_are_taken_at_once_and_the_rest_when_the_training_starts(driver: Driver) -> None:
    opening = await driver.balance()
    lora_id = await created(driver.http, name="[[fail]]")
    after_creation = await driver.balance()
    await driver.pull("POST", "clock", {"now": (await plan_of(driver, lora_id))["startsAt"]})
    await driver.advance("1ms")
    at_start = await driver.balance()
    await driver.advance("1h")
    assert (opening - after_creation, opening - at_start, await driver.balance()) == (2, 257, opening)


async def test_a_summary_counts_both_parts_and_what_came_back(driver: Driver) -> None:
    await created(driver.http)
    await created(driver.http, name="[[fail]]")
    spent = [(await driver.pull("GET", "summary"))["creditsSpent"]]
    await driver.advance("1h")
    spent.append((await driver.pull("GET", "summary?key=afk_test"))["creditsSpent"])
    assert spent == [4, 257]


async def test_two_credits_are_enough_and_the_team_owes_the_rest(driver: Driver, team_keys: TeamKeys) -> None:
    team_id = (await asked(driver.http, "me", team_keys.stranger))[1]["team"]["id"]
    await driver.pull("PATCH", f"teams/{team_id}", {"credits": 2})
    await created(driver.http, team_keys.stranger)
    await driver.advance("1h")
    poor = {"error": "Insufficient credits", "creditsRequired": 2, "creditsAvailable": 0}
    assert await asked(driver.http, "loras", team_keys.stranger, method="POST", data=form()) == (402, poor)


# Refusals


PERSONS = 'Invalid option: expected one of "female"|"male"|"non-binary"'
TEXT = "Invalid input: expected string, received undefined"
WRONG: dict[str, tuple[dict[str, Any], dict[str, list[str]]]] = {
    "fourteen pictures": ({"count": 14}, {"images": ["Too small: expected array to have >=15 items"]}),
    "thirty-one pictures": ({"count": 31}, {"images": ["Too big: expected array to have <=30 items"]}),
    "no pictures": ({"count": 0}, {"images": ["Invalid input: expected array, received undefined"]}),
    "text for pictures": (
        {"count": 0, "images": "x"},
        {"images": ["Invalid input: expected file, received string"]},
    ),
    "animations": (
        {"count": 16, "pictures": (PNG, JPEG, WEBP, GIF)},
        {f"images.{number}": [TYPES] for number in (3, 7, 11, 15)},
    ),
    "an empty and a cut picture": (
        {"pictures": (*[PNG] * 13, b"", JPEG[:2])},
        {"images.13": [TYPES], "images.14": [TYPES]},
    ),
    "a large picture": (
        {"pictures": (*[PNG] * 14, PNG + bytes(10 * MB + 1 - len(PNG)))},
        {"images.14": ["Too big: expected file to have <=10485760 bytes"]},
    ),
    "no name": ({"name": None}, {"name": [TEXT]}),
    "an empty name": ({"name": ""}, {"name": ["Too small: expected string to have >=1 characters"]}),
    "a long name": ({"name": "🦊" * 31}, {"name": ["Too big: expected string to have <=60 characters"]}),
    "a person of no kind": ({"gender": None, "ethnicity": None}, {"gender": [PERSONS], "ethnicity": [TEXT]}),
    "a person of a wrong kind": (
        {"gender": "cat", "ethnicity": "", "age": "x" * 41, "subjectKind": "person"},
        {
            "gender": [PERSONS],
            "ethnicity": ["Too small: expected string to have >=1 characters"],
            "age": ["Too big: expected string to have <=40 characters"],
        },
    ),
    "an unknown subject": (
        {"subjectKind": "dog"},
        {"subjectKind": ['Invalid option: expected one of "person"|"style"|"object"']},
    ),
    "low numbers": (
        {"steps": "499", "loraRank": "7"},
        {"steps": ["Too small: expected number to be >=500"], "loraRank": ["Too small: expected number to be >=8"]},
    ),
    "high numbers": (
        {"steps": "3001", "loraRank": "65"},
        {"steps": ["Too big: expected number to be <=3000"], "loraRank": ["Too big: expected number to be <=64"]},
    ),
    "no numbers": (
        {"steps": "many", "loraRank": "8.5"},
        {
            "steps": ["Invalid input: expected number, received string"],
            "loraRank": ["Invalid input: expected int, received number"],
        },
    ),
    "a wrong webhook": (
        {"webhookUrl": "here", "webhookEvents": "completed,progress"},
        {"webhookUrl": ["Invalid URL"], "webhookEvents": ['Invalid option: expected one of "completed"|"failed"']},
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
async def test_a_form_that_breaks_a_rule_is_refused_with_details(
    client: aiohttp.ClientSession, kept: Look, wrong: str
) -> None:
    fields, details = WRONG[wrong]
    before = await kept()
    expected = (400, {"error": "Validation error", "details": details})
    assert await asked(client, "loras", method="POST", data=form(**fields)) == expected
    assert await kept() == before


async def test_pictures_of_over_a_hundred_megabytes_together_are_refused(client: aiohttp.ClientSession) -> None:
    large = PNG + bytes(7 * MB - len(PNG))
    at_the_limit = (*[large] * 14, PNG + bytes(2 * MB - len(PNG)))
    over_it = (*[large] * 14, PNG + bytes(2 * MB + 1 - len(PNG)))
    status, _ = await asked(client, "loras", method="POST", data=form(pictures=at_the_limit))
    refused = await asked(client, "loras", method="POST", data=form(pictures=over_it))
    details = {"images": ["Too big: expected file to have <=104857600 bytes together"]}
    assert (status, refused) == (202, (400, {"error": "Validation error", "details": details}))


async def test_forms_at_both_ends_of_every_limit_are_taken(driver: Driver) -> None:
    edges: list[dict[str, Any]] = [
        {"count": 15, "name": "x", "ethnicity": "x", "age": "x", "steps": "500", "loraRank": "8"},
        {"count": 30, "name": "🦊" * 30, "ethnicity": "x" * 40, "age": "x" * 40, "steps": "3000", "loraRank": "64"},
    ]
    for fields in edges:
        lora_id = await created(driver.http, **fields)
        names = ("imageCount", "name", "ethnicity", "age")
        assert await looked(driver.http, lora_id, *names) == tuple(
            fields[name] for name in ("count", "name", "ethnicity", "age")
        )


async def test_fields_that_are_not_known_and_an_idempotency_key_are_ignored(client: aiohttp.ClientSession) -> None:
    headers = {"Idempotency-Key": "k" * 300}
    ids = set()
    for _ in range(2):
        async with client.post("/v2/loras", data=form(extra="x"), headers=headers) as answer:
            assert answer.status == 202
            ids.add((await answer.json())["id"])
    assert len(ids) == 2


async def test_a_field_that_stands_twice_or_comes_as_a_file_is_refused(client: aiohttp.ClientSession) -> None:
    data = form(name=None)
    data.add_field("name", io.BytesIO(b"Ann"), filename="name")
    data.add_field("gender", "male")
    details = {"name": ["Invalid input: expected string, received file"], "gender": [PERSONS]}
    expected = (400, {"error": "Validation error", "details": details})
    assert await asked(client, "loras", method="POST", data=data) == expected


async def test_the_checks_run_in_their_order_and_refusals_change_nothing(driver: Driver, kept: Look) -> None:
    http, team_id = driver.http, (await asked(driver.http, "me"))[1]["team"]["id"]
    await driver.pull("POST", "keys", {"key": "afk_team_down", "user": "dan", "team": team_id}, status=201)

    async def refused(key: str = "afk_test_down", data: Any = None) -> tuple[int, str]:
        before = await kept()
        status, told = await asked(http, "loras", key, method="POST", data=data or form())
        assert await kept() == before
        return status, told["error"]

    await driver.pull("PATCH", f"teams/{team_id}", {"modalities": ["video"], "credits": 1})
    seen = [await refused(data=form(3)), await refused()]
    await driver.pull("PATCH", f"teams/{team_id}", {"modalities": ["image"]})
    seen.append(await refused())
    await driver.pull("PATCH", f"teams/{team_id}", {"credits": 1000})
    for _ in range(10):
        await created(http, name="[[stuck]]")
    seen.append(await refused())
    await driver.pull("POST", f"jobs/{await newest(http)}", {"fail": True})
    seen += [await refused(), await refused("afk_test", form(name="[[status 404]]"))]
    assert seen == [
        (400, "Validation error"),
        (403, "Image generation is not enabled for your team"),
        (402, "Insufficient credits"),
        (429, "Too many LoRA trainings at once"),
        (503, "Service unavailable"),
        (404, "Job not found"),
    ]


async def newest(http: aiohttp.ClientSession) -> str:
    return str((await asked(http, "loras?limit=1"))[1]["items"][0]["id"])


async def test_a_team_trains_ten_at_once_and_is_told_when_to_come_again(driver: Driver, team_keys: TeamKeys) -> None:
    spans = (f"[[slow {40 - number}s]]" for number in range(10))
    for number, name in enumerate(spans):
        await created(driver.http, (team_keys.admin, team_keys.member)[number % 2], name=name)
    await created(driver.http, team_keys.stranger)
    await driver.pull("POST", "faults", {"id": "never", "job": {"stuck": True}}, status=201)
    headers = {"X-API-Key": team_keys.admin}
    async with driver.http.post("/v2/loras", data=form(), headers=headers) as answer:
        assert (answer.status, await answer.json()) == (429, {"error": "Too many LoRA trainings at once"})
        wait_s = int(answer.headers["Retry-After"])
    assert (await driver.pull("GET", "faults"))["faults"][0]["matched"] == 0
    await driver.pull("DELETE", "faults", status=204)
    await driver.advance(wait_s - 1)
    assert (await asked(driver.http, "loras", team_keys.admin, method="POST", data=form()))[0] == 429
    await driver.advance(1)
    await created(driver.http, team_keys.admin)


# Whose


async def test_a_teams_loras_are_seen_and_archived_by_every_member_and_nobody_else(
    driver: Driver, team_keys: TeamKeys
) -> None:
    http, lora_id = driver.http, await created(driver.http, team_keys.admin)
    missing = (404, {"error": "LoRA not found"})
    path = f"loras/{lora_id}"
    assert await asked(http, path, team_keys.stranger) == missing
    assert await asked(http, path, team_keys.stranger, method="DELETE") == missing
    assert await asked(http, f"loras/{NOBODY}", team_keys.admin) == missing
    assert (await asked(http, path.upper().replace("LORAS", "loras"), team_keys.member))[0] == 200
    gone = [await asked(http, path, team_keys.member, method="DELETE") for _ in range(2)]
    assert gone == [(204, None)] * 2
    assert (await asked(http, path, team_keys.admin))[1]["status"] == "ARCHIVED"


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_an_id_that_is_no_uuid_is_refused(client: aiohttp.ClientSession, method: str) -> None:
    expected = (400, {"error": "Validation error", "details": {"id": ["Invalid UUID"]}})
    assert await asked(client, "loras/x", method=method) == expected


async def test_a_lora_is_no_job(driver: Driver, inbox: Inbox) -> None:
    lora_id = await created(driver.http, name="[[instant]]", webhookUrl=inbox.url)
    listed = [await asked(driver.http, f"jobs?{query}") for query in ("include_models=true", f"search={lora_id}")]
    assert listed == [
        (200, {"jobs": [], "nextCursor": None, "hasMore": False, "models": []}),
        (200, {"jobs": [], "nextCursor": None, "hasMore": False}),
    ]
    assert await asked(driver.http, f"jobs/{lora_id}") == (404, {"error": "Job not found"})


async def test_the_operation_of_a_request_and_its_lora_are_in_the_journal(driver: Driver) -> None:
    lora_id = await created(driver.http)
    await looked(driver.http, lora_id)
    entries = (await driver.pull("GET", "requests"))["requests"]
    seen = [(each["operation"], each["jobId"], each["credits"]) for each in entries]
    assert seen == [("loras.create", lora_id, 2), ("loras.get", lora_id, 0)]


# List


async def test_the_list_is_walked_by_the_id_of_the_last_one(driver: Driver, fits: Fits) -> None:
    ids = []
    for _ in range(5):
        ids.append(await created(driver.http))
        await driver.advance(0.5)
    await asked(driver.http, f"loras/{ids[1]}", method="DELETE")
    walks = []
    for query in ("limit=2", "limit=2&includeArchived=true", "includeArchived=false"):
        pages, cursor = [], ""
        while True:
            status, page = await asked(driver.http, f"loras?{query}{cursor}")
            assert status == 200
            fits(page, "lora-list")
            pages.append([ids.index(item["id"]) for item in page["items"]])
            if page["nextCursor"] is None:
                break
            cursor = f"&cursor={page['nextCursor']}"
        walks.append(pages)
    assert walks == [[[4, 3], [2, 0]], [[4, 3], [2, 1], [0]], [[4, 3, 2, 0]]]
    assert [item["id"] for item in (await asked(driver.http, f"loras?cursor={ids[1].upper()}"))[1]["items"]] == [ids[0]]


@pytest.mark.parametrize(
    ("query", "details"),
    [
        ("limit=0", {"limit": ["Too small: expected number to be >=1"]}),
        ("limit=101", {"limit": ["Too big: expected number to be <=100"]}),
        ("includeArchived=1", {"includeArchived": ['Invalid option: expected one of "true"|"false"']}),
        ("cursor=x", {"cursor": ["Invalid UUID"]}),
        (f"cursor={NOBODY}", {"cursor": ["Invalid cursor"]}),
    ],
)
async def test_a_wrong_query_is_refused(client: aiohttp.ClientSession, query: str, details: dict[str, Any]) -> None:
    assert await asked(client, f"loras?{query}") == (400, {"error": "Validation error", "details": details})


async def test_another_teams_lora_and_a_job_are_no_cursors(driver: Driver, team_keys: TeamKeys) -> None:
    ids = [await created(driver.http, team_keys.stranger), await driver.submit()]
    assert [(await asked(driver.http, f"loras?cursor={each}"))[0] for each in ids] == [400, 400]


# Archive


async def test_archiving_a_training_cancels_it_and_gives_its_credits_back(driver: Driver, inbox: Inbox) -> None:
    opening = await driver.balance()
    lora_id = await created(driver.http, webhookUrl=inbox.url)
    await driver.advance(30)
    assert await driver.balance() == opening - 257
    await asked(driver.http, f"loras/{lora_id}", method="DELETE")
    await driver.advance("1h")
    shown = await looked(driver.http, lora_id, "status", "completedAt", "triggerWord")
    assert shown == ("ARCHIVED", "2026-01-01T00:00:30.000Z", None)
    assert (await driver.balance(), inbox.received) == (opening, [])


async def test_an_archived_lora_keeps_what_it_was_and_gives_nothing_back(driver: Driver) -> None:
    opening = await driver.balance()
    lora_id = await created(driver.http, name="[[instant]]")
    ready = await looked(driver.http, lora_id)
    await driver.advance(60)
    await asked(driver.http, f"loras/{lora_id}", method="DELETE")
    archived = {"status": "ARCHIVED", "isReady": False, "hasWeights": False}
    assert (await looked(driver.http, lora_id), await driver.balance()) == (ready | archived, opening - 257)


async def test_only_a_ready_lora_of_the_team_can_be_used(app: App, driver: Driver, team_keys: TeamKeys) -> None:
    names = ("[[instant]]", "Ann", "[[instant]][[fail]]", "[[instant]]")
    ready, training, failed, archived = [await created(driver.http, team_keys.admin, name=name) for name in names]
    await asked(driver.http, f"loras/{archived}", team_keys.member, method="DELETE")
    loras = Loras(app.store, app.clock)

    async def used(key: str, lora_id: str) -> str:
        caller = await app.store.caller(key_digest(key))
        assert caller is not None
        try:
            return (await loras.ready(caller, lora_id)).id
        except Refusal as refusal:
            return type(refusal).__name__

    asked_for = [ready.upper(), training, failed, archived, NOBODY]
    missing, unready = LoraNotFound.__name__, LoraNotReady.__name__
    assert [await used(team_keys.member, each) for each in asked_for] == [ready, unready, unready, missing, missing]
    assert await used(team_keys.stranger, ready) == missing


# Webhooks


@pytest.mark.parametrize(
    ("name", "events", "expected"),
    [
        ("[[instant]]", None, {"event": "completed", "status": "READY", "error": None}),
        ("[[fail: too dark]]", None, {"event": "failed", "status": "FAILED", "error": "too dark"}),
        ("[[instant]]", "failed , completed", {"event": "completed", "status": "READY", "error": None}),
        ("[[instant]]", "failed", None),
    ],
)
async def test_the_end_of_a_training_is_sent_and_signed(
    app: App, driver: Driver, inbox: Inbox, name: str, events: str | None, expected: Any
) -> None:
    lora_id = await created(driver.http, name=name, webhookUrl=inbox.url, webhookEvents=events)
    await driver.advance("1h")
    bodies = [json.loads(each.body) for each in inbox.received]
    assert bodies == ([] if expected is None else [{**expected, "id": lora_id}])
    for each, body in zip(inbox.received, bodies, strict=True):
        Draft202012Validator(app.service.catalog.schemas[f"webhooks/lora-{body['event']}.json"]).validate(body)
        assert each.headers["X-Webhook-Event"] == body["event"]
        assert each.headers["X-Webhook-Signature"] == signature(key_digest("afk_test"), each.body, "hex")
