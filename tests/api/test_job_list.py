"""GET /v2/jobs: filters, scope, and paging that neither repeats nor skips."""

import base64
import json
from typing import Any

import aiohttp
import pytest

from mockserver.clock import Clock
from tests.api.conftest import Fits, TeamKeys
from tests.driver import Driver

NOBODYS = "00000000-0000-4000-8000-000000000000"
EMPTY: dict[str, Any] = {"jobs": [], "nextCursor": None, "hasMore": False}


async def listed(client: aiohttp.ClientSession, query: str = "", key: str = "afk_test") -> tuple[int, Any]:
    async with client.get(f"/v2/jobs?{query}", headers={"X-API-Key": key}) as answer:
        return answer.status, await answer.json()


async def ids(client: aiohttp.ClientSession, query: str = "", key: str = "afk_test") -> list[str]:
    status, page = await listed(client, query, key)
    assert status == 200
    return [job["id"] for job in page["jobs"]]


async def submit_as(client: aiohttp.ClientSession, key: str, model: str = "flux-2-pro") -> str:
    body, sent = {"prompt": "a fox", "model": model}, {"X-API-Key": key}
    async with client.post("/v2/images/generate", json=body, headers=sent) as answer:
        job_id: str = (await answer.json())["jobId"]
        return job_id


async def walked(client: aiohttp.ClientSession, query: str) -> list[list[str]]:
    pages, cursor = [], ""
    while True:
        status, page = await listed(client, query + (f"&cursor={cursor}" if cursor else ""))
        assert status == 200
        assert page["hasMore"] is (page["nextCursor"] is not None)
        pages.append([job["id"] for job in page["jobs"]])
        cursor = page["nextCursor"]
        if cursor is None:
            return pages


async def test_without_jobs_the_list_is_empty(client: aiohttp.ClientSession, fits: Fits) -> None:
    answer = await listed(client)
    fits(answer[1], "job-list")
    assert answer == (200, EMPTY)
    assert await listed(client, "include_models=true") == (200, {**EMPTY, "models": []})


async def test_entries_are_jobs_without_their_input(driver: Driver, clock: Clock, fits: Fits) -> None:
    first = await driver.submit()
    clock.advance(60)
    second = await driver.submit("[[fail]]")
    clock.advance(60)
    third = await driver.submit(webhookUrl="http://127.0.0.1:9/")
    jobs = [await driver.job(job_id) for job_id in (third, second, first)]
    for job in jobs:
        del job["input"]
    status, page = await listed(driver.http)
    fits(page, "job-list")
    assert (status, page) == (200, {"jobs": jobs, "nextCursor": None, "hasMore": False})
    assert [job["status"] for job in jobs] == ["QUEUED", "FAILED", "COMPLETED"]


async def test_jobs_come_newest_first_and_those_of_one_instant_by_id(driver: Driver, clock: Clock) -> None:
    batches = []
    for _ in range(3):
        batches.append(sorted([await driver.submit() for _ in range(4)], reverse=True))
        clock.advance(0.001)
    assert await ids(driver.http) == [job_id for batch in reversed(batches) for job_id in batch]


async def test_a_page_has_20_jobs_unless_asked_otherwise(driver: Driver) -> None:
    jobs = sorted([await driver.submit() for _ in range(21)], reverse=True)
    assert await ids(driver.http) == jobs[:20]
    assert await ids(driver.http, "limit=1") == jobs[:1]
    assert await ids(driver.http, "limit=100") == jobs
    assert [len(page) for page in await walked(driver.http, "limit=7")] == [7, 7, 7]
    assert [len(page) for page in await walked(driver.http, "limit=10")] == [10, 10, 1]


async def test_each_status_lists_the_jobs_that_show_it(driver: Driver, clock: Clock) -> None:
    done, failed = await driver.submit(), await driver.submit("[[fail]]")
    cancelled, stuck = await driver.submit("[[cancel]]"), await driver.submit("[[stuck]]")
    clock.advance(600)
    queued = await driver.submit()
    expected = {"QUEUED": queued, "PROCESSING": stuck, "COMPLETED": done, "FAILED": failed, "CANCELLED": cancelled}
    assert {status: await ids(driver.http, f"status={status}") for status in expected} == {
        status: [job_id] for status, job_id in expected.items()
    }
    assert await ids(driver.http, "status=FAILED&model=midjourney") == []


async def test_a_model_filters_and_an_unknown_one_finds_nothing(driver: Driver) -> None:
    flux, seed = await driver.submit(), await driver.submit(model="seedream-4")
    assert await ids(driver.http, "model=flux-2-pro") == [flux]
    assert await ids(driver.http, "model=seedream-4") == [seed]
    for model in ("nothing", "", "%00", "%F0%9F%A6%8A", "x" * 8000):
        assert await listed(driver.http, f"model={model}") == (200, EMPTY)


async def test_filtered_pages_are_full_and_end_with_the_last_match(driver: Driver, clock: Clock) -> None:
    wanted = []
    for number in range(30):
        job_id = await driver.submit(model="seedream-4" if number % 3 else "flux-2-pro")
        clock.advance(1)
        if number % 3 == 0:
            wanted.append(job_id)
    wanted.reverse()
    assert await walked(driver.http, "model=flux-2-pro&limit=5") == [wanted[:5], wanted[5:]]


async def test_search_finds_one_job_by_its_whole_id(driver: Driver) -> None:
    job_id, _ = await driver.submit(), await driver.submit()
    for query in (f"search={job_id}", f"search={job_id.upper()}", f"search={job_id}&model=flux-2-pro&limit=1"):
        assert await ids(driver.http, query) == [job_id]
    for query in (f"search={NOBODYS}", f"search={job_id}&model=midjourney", f"search={job_id}&status=FAILED"):
        assert await listed(driver.http, query) == (200, EMPTY)


async def test_models_are_those_of_all_the_callers_jobs_whatever_the_filters(driver: Driver) -> None:
    for model in ("seedream-4", "flux-2-pro", "midjourney", "flux-2-pro"):
        await driver.submit(model=model)
    await submit_as(driver.http, "afk_test_limited", "imagen-4")
    models = ["flux-2-pro", "midjourney", "seedream-4"]
    assert (await listed(driver.http, "include_models=true&model=midjourney&limit=1"))[1]["models"] == models
    assert (await listed(driver.http, "include_models=true&scope=team"))[1]["models"] == sorted([*models, "imagen-4"])
    assert "models" not in (await listed(driver.http, "include_models=false"))[1]


LIMIT_TYPE = "Invalid input: expected number, received string"
BAD_QUERIES = [
    ("limit=0", "limit", "Too small: expected number to be >=1"),
    ("limit=-1", "limit", "Too small: expected number to be >=1"),
    ("limit=101", "limit", "Too big: expected number to be <=100"),
    ("limit=99999999999999", "limit", "Too big: expected number to be <=100"),
    ("limit=1.5", "limit", "Invalid input: expected int, received number"),
    ("limit=x", "limit", LIMIT_TYPE),
    ("limit=", "limit", LIMIT_TYPE),
    ("limit=1e1", "limit", LIMIT_TYPE),
    ("limit=%2B1", "limit", LIMIT_TYPE),
    ("limit=%D9%A1", "limit", LIMIT_TYPE),
    ("limit=" + "9" * 5000, "limit", LIMIT_TYPE),
    ("limit=NaN", "limit", LIMIT_TYPE),
    ("limit=5&limit=5", "limit", "Invalid input: expected string, received array"),
    (
        "status=DONE",
        "status",
        'Invalid option: expected one of "QUEUED"|"PROCESSING"|"COMPLETED"|"FAILED"|"CANCELLED"',
    ),
    (
        "status=completed",
        "status",
        'Invalid option: expected one of "QUEUED"|"PROCESSING"|"COMPLETED"|"FAILED"|"CANCELLED"',
    ),
    ("scope=all", "scope", 'Invalid option: expected one of "user"|"team"'),
    ("search=fox", "search", "Invalid UUID"),
    ("search=", "search", "Invalid UUID"),
    ("include_models=1", "include_models", 'Invalid option: expected one of "true"|"false"'),
    ("include_models=True", "include_models", 'Invalid option: expected one of "true"|"false"'),
    ("model=%ff", "query", "Invalid query string"),
    ("cursor=", "cursor", "Invalid cursor"),
    ("cursor=x", "cursor", "Invalid cursor"),
    ("cursor=%00", "cursor", "Invalid cursor"),
    ("cursor=%F0%9F%A6%8A", "cursor", "Invalid cursor"),
]


@pytest.mark.parametrize(("query", "field", "message"), BAD_QUERIES)
async def test_a_bad_parameter_is_400_under_its_name(
    query: str, field: str, message: str, client: aiohttp.ClientSession, fits: Fits
) -> None:
    status, answer = await listed(client, query)
    assert (status, answer) == (400, {"error": "Validation error", "details": {field: [message]}})
    fits(answer, "validation-error")


async def test_all_bad_parameters_are_told_at_once(client: aiohttp.ClientSession) -> None:
    status, answer = await listed(client, "limit=0&status=x&scope=x&search=x&include_models=x")
    assert (status, sorted(answer["details"])) == (400, ["include_models", "limit", "scope", "search", "status"])


@pytest.mark.parametrize("query", ["limit=20.0", "limit=0020", "foo=bar", "", "&&="])
async def test_what_javascript_reads_as_a_number_and_unknown_parameters_are_taken(
    query: str, client: aiohttp.ClientSession
) -> None:
    assert await listed(client, query) == (200, EMPTY)


def coded(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


STRANGE: list[Any] = [[], "x", 1, None, {}, [[[]]]]


async def test_a_cursor_that_was_not_given_to_the_caller_is_400(driver: Driver, team_keys: TeamKeys) -> None:
    for _ in range(3):
        await driver.submit()
        await submit_as(driver.http, team_keys.admin)
    good = (await listed(driver.http, "limit=1"))[1]["nextCursor"]
    fields = json.loads(base64.urlsafe_b64decode(good + "=" * (-len(good) % 4)))
    team = (await listed(driver.http, "limit=1&scope=team"))[1]["nextCursor"]
    others = (await listed(driver.http, "limit=1", team_keys.admin))[1]["nextCursor"]
    forged: list[str] = [
        *(good[:size] for size in range(1, len(good), 7)),
        good + "A",
        good + good,
        good.swapcase(),
        team,
        others,
        coded({**fields, "id": NOBODYS}),
        coded({**fields, "createdAt": fields["createdAt"] + 1}),
        coded({**fields, "check": "0" * len(fields["check"])}),
        coded({**fields, "check": "\ud800"}),
        coded({**fields, "check": None}),
        coded({**fields, "id": "\ud800"}),
        coded({**fields, "createdAt": "NaN"}),
        coded({**fields, "createdAt": 10**400}),
        coded({"id": fields["id"]}),
        *map(coded, STRANGE),
        coded("[" * 5000),
        base64.urlsafe_b64encode(b"[" * 5000).decode(),
        base64.urlsafe_b64encode(b'{"id":"' + b"\xff" * 9).decode(),
    ]
    refused = (400, {"error": "Validation error", "details": {"cursor": ["Invalid cursor"]}})
    assert [each for each in forged if await listed(driver.http, f"limit=1&cursor={each}") != refused] == []
    assert (await listed(driver.http, f"limit=1&cursor={good}"))[0] == 200


async def test_a_walk_neither_repeats_nor_skips_while_jobs_are_added(driver: Driver, clock: Clock) -> None:
    old = []
    for _ in range(15):
        old.append(await driver.submit())
        clock.advance(0.5)
    seen: list[str] = []
    cursor = ""
    while True:
        _, page = await listed(driver.http, "limit=4" + (f"&cursor={cursor}" if cursor else ""))
        seen += [job["id"] for job in page["jobs"]]
        cursor = page["nextCursor"]
        if cursor is None:
            break
        for _ in range(5):
            await driver.submit()
        clock.advance(0.5)
    assert seen == old[::-1]


async def test_the_same_cursor_gives_the_same_page_again(driver: Driver, clock: Clock) -> None:
    for _ in range(5):
        await driver.submit("[[stuck]]")
        clock.advance(1)
    cursor = (await listed(driver.http, "limit=2"))[1]["nextCursor"]
    pages = [await ids(driver.http, f"limit=2&cursor={cursor}") for _ in range(2)]
    assert pages[0] == pages[1]
    assert await ids(driver.http, f"limit=100&cursor={cursor}") == (await ids(driver.http, "limit=100"))[2:]


async def test_an_admin_may_list_the_whole_team_and_a_member_only_what_is_his_own(
    driver: Driver, team_keys: TeamKeys, clock: Clock
) -> None:
    http = driver.http
    jobs = []
    for key in team_keys:
        jobs.append(await submit_as(http, key))
        clock.advance(1)
    mine, mates, strangers = jobs
    refused = (403, {"error": "Only team admins can list team jobs"})
    assert await ids(http, "scope=team", team_keys.admin) == [mates, mine]
    assert await ids(http, f"scope=team&search={mates}", team_keys.admin) == [mates]
    assert await listed(http, f"scope=team&search={strangers}", team_keys.admin) == (200, EMPTY)
    assert await listed(http, f"search={mates}", team_keys.admin) == (200, EMPTY)
    assert await ids(http, "scope=user", team_keys.admin) == [mine]
    assert await ids(http, "", team_keys.member) == [mates]
    assert await listed(http, "scope=team", team_keys.member) == refused
    assert await listed(http, f"scope=team&search={mates}", team_keys.member) == refused
    await driver.pull("PATCH", f"keys/{team_keys.member}", {"role": "OWNER"})
    assert await ids(http, "scope=team", team_keys.member) == [mates, mine]
