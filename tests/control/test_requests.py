"""The journal: what it keeps, how one waits for it, and what it says of requests that did not come."""

import asyncio
import json
from typing import Any

import aiohttp
import pytest

from tests.conftest import KEY, Inbox, MakeApp
from tests.driver import COST, MODEL, Driver


async def requests(driver: Driver, query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await driver.pull("GET", f"requests?{query}"))["requests"]
    return found


async def test_an_idempotency_key_is_shown_where_it_stood_among_the_headers(driver: Driver) -> None:
    body = {"model": MODEL, "prompt": "x"}
    for key in ("first", "second"):
        headers = {"X-Before": "1", "idempotency-key": key, "X-Behind": "2"}
        async with driver.http.post("/v2/images/generate", json=body, headers=headers) as answer:
            assert answer.status == 202
    for entry, key in zip(await requests(driver), ("first", "second"), strict=True):
        assert [pair for pair in entry["request"]["headers"].items() if pair[0][0] in "Xi"][-3:] == [
            ("X-Before", "1"),
            ("idempotency-key", key),
            ("X-Behind", "2"),
        ]
    wanted = json.dumps({"Idempotency-Key": "first"})
    assert await requests(driver, f"headers={wanted}") == [(await requests(driver))[0]]


async def test_an_entry_tells_request_answer_job_and_time(driver: Driver) -> None:
    job_id = await driver.submit()
    [entry] = await requests(driver)
    for name in ("seconds", "id"):
        assert entry.pop(name)
    headers = entry["request"].pop("headers")
    assert headers["X-API-Key"] == "afk_…"
    answer_headers = entry["answer"].pop("headers")
    assert answer_headers["Content-Type"] == "application/json; charset=utf-8"
    team = (await driver.pull("GET", "teams"))["teams"][0]
    answer = {"jobId": job_id, "status": "QUEUED"}
    assert entry == {
        "number": 1,
        "at": "2026-01-01T00:00:00.000Z",
        "method": "POST",
        "path": "/v2/images/generate",
        "operation": "images.generate",
        "key": {"prefix": "afk_", "name": "Test Key", "teamId": team["id"]},
        "request": {
            "body": {"prompt": "a fox", "model": MODEL},
            "bytes": len(json.dumps({"prompt": "a fox", "model": MODEL})),
        },
        "answer": {"status": 202, "body": answer, "bytes": len(json.dumps(answer, separators=(",", ":")))},
        "jobId": job_id,
        "replayed": False,
        "credits": COST,
        "faults": [],
        "findings": [],
    }


async def test_no_key_stands_in_the_journal(driver: Driver) -> None:
    secret = "afk_0123456789abcdef0123"
    headers = {"X-API-Key": secret, "Authorization": f"Bearer {secret}", "Cookie": secret}
    body = {"prompt": secret, "model": MODEL}
    async with driver.http.post(f"/v2/images/generate?k={secret}", json=body, headers=headers) as answer:
        assert answer.status == 401
    told = json.dumps(await driver.pull("GET", "requests")) + json.dumps(await driver.pull("GET", "requests.har"))
    assert "89abcdef" not in told
    [entry] = await requests(driver)
    assert entry["request"]["headers"]["Authorization"] == "Bearer afk_0123…"
    assert entry["key"] is None


async def test_what_is_no_json_is_told_as_text_and_pictures_are_left_out(driver: Driver) -> None:
    async with driver.http.post("/v2/images/generate", data=b'{"a":1e999}', headers=JSON) as answer:
        assert answer.status == 400
    async with driver.http.post("/v2/images/generate", data=b"[" * 500 + b"]" * 500, headers=JSON) as answer:
        assert answer.status == 400
    async with driver.http.post("/v2/images/generate", data=b"\xff{", headers=JSON) as answer:
        assert answer.status == 400
    bodies = [entry["request"]["body"] for entry in await requests(driver)]
    assert bodies[0] == '{"a":1e999}'
    assert bodies[2] == "\ufffd{"
    job_id = await driver.submit("[[instant]]")
    await driver.advance("1s")
    async with driver.http.get((await driver.job(job_id))["result"]["images"][0]) as answer:
        size = len(await answer.read())
    [picture] = await requests(driver, "path=/images/*")
    assert (picture["answer"]["body"], picture["answer"]["bytes"]) == (None, size)
    assert (picture["operation"], picture["jobId"]) == ("files", job_id)


JSON = {"Content-Type": "application/json"}


async def test_filters_are_those_of_a_match(driver: Driver) -> None:
    job_id = await driver.submit("a red fox")
    await driver.job(job_id)
    async with driver.http.post("/v2/images/generate", json={"prompt": "a bear", "model": "none"}) as answer:
        assert answer.status == 400
    for query, numbers in {
        "method=get": [2],
        "path=/v2/images/*": [1, 3],
        "operation=jobs.*": [2],
        "model=flux-*": [1],
        "prompt=RED": [1],
        f"key={KEY}": [1, 2, 3],
        "key=afk_other": [],
        "status=4xx": [3],
        "status=202": [1],
        f"job={job_id}": [1, 2],
        'body={"model":"none"}': [3],
        'headers={"x-api-key":"afk_*","content-type":"application/json"}': [1, 3],
        "since=1": [2, 3],
        "limit=1": [3],
        "since=1&limit=1": [2],
        "status=none": [],
        "": [1, 2, 3],
    }.items():
        assert [entry["number"] for entry in await requests(driver, query)] == numbers, query


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("methd=GET", 'there is no "methd"; there are method, path'),
        ("status=600x", 'status: "600x" will not do'),
        ("since=-1", 'since: "-1" will not do: want a whole number from 0'),
        ("wait=soon", 'wait: "soon" will not do: want a span, as in "5s"'),
        ("method=GET&method=POST", "method: want it once"),
        ("body={", "body: want JSON"),
        ("count=0", "count"),
    ],
)
async def test_a_filter_that_will_not_do_says_what_would(driver: Driver, query: str, said: str) -> None:
    problem = await driver.pull("GET", f"requests?{query}", status=400)
    assert said in problem["detail"]


async def test_waiting_ends_with_the_request_that_was_waited_for(driver: Driver) -> None:
    waiting = asyncio.create_task(driver.pull("GET", "requests?method=POST&wait=20s&count=2"))
    await driver.submit()
    await driver.balance()
    assert not waiting.done()
    await driver.submit()
    found = await waiting
    assert [entry["number"] for entry in found["requests"]] == [1, 3]
    assert found["timedOut"] is False


async def test_waiting_ends_in_time_with_what_there_is(driver: Driver) -> None:
    await driver.submit()
    found = await driver.pull("GET", "requests?count=2&wait=10ms")
    assert (len(found["requests"]), found["total"], found["timedOut"]) == (1, 1, True)


async def test_waiting_does_not_keep_a_server_from_closing(make_app: MakeApp) -> None:
    app = await make_app()
    async with aiohttp.ClientSession(app.url) as http:
        async with http.get("/_mock/requests?limit=0") as answer:
            assert (await answer.json())["requests"] == []
        waiting = asyncio.create_task(http.get("/_mock/requests?wait=10m"))
        while app.server.under_way == 0:  # noqa: ASYNC110 - its request has no event of its own
            await asyncio.sleep(0)
        await app.close()
        answer = await waiting
        assert (await answer.json())["timedOut"] is True


async def test_the_oldest_entries_leave_and_are_counted(make_app: MakeApp) -> None:
    app = await make_app(journal_requests=3)
    async with aiohttp.ClientSession(app.url, headers={"X-API-Key": KEY}) as http:
        driver = Driver(http)
        for _ in range(5):
            await driver.balance()
        kept = await driver.pull("GET", "requests")
        assert [entry["number"] for entry in kept["requests"]] == [3, 4, 5]
        assert (kept["dropped"], kept["last"], kept["total"]) == (2, 5, 3)
        assert [entry["number"] for entry in await requests(driver, "since=4")] == [5]
        await driver.pull("DELETE", "requests", status=204)
        assert await requests(driver) == []
        await driver.balance()
        assert [entry["number"] for entry in await requests(driver)] == [6]


async def test_memory_is_a_bound_as_well_and_one_body_takes_only_so_much_of_it(make_app: MakeApp) -> None:
    app = await make_app(journal_mb=0.5)
    async with aiohttp.ClientSession(app.url, headers={"X-API-Key": KEY}) as http:
        driver = Driver(http)
        for size in (10, 1_000_000, 400_000):
            body = json.dumps({"prompt": "x" * size, "model": MODEL})
            async with http.post("/v2/images/generate", data=body, headers=JSON) as answer:
                assert answer.status in (202, 400)
        kept = await driver.pull("GET", "requests")
        assert kept["dropped"] == 2
        [entry] = kept["requests"]
        assert entry["request"]["bytes"] > 400_000
        assert len(entry["request"]["body"]) == 256 * 1024


async def test_long_header_lines_count_as_memory_of_their_own(make_app: MakeApp) -> None:
    app = await make_app(journal_mb=0.1)
    async with aiohttp.ClientSession(app.url, headers={"X-API-Key": KEY}) as http:
        for number in range(20):
            async with http.get("/v2/me", headers={"X-Note": f"{number} {'x' * 8000}"}) as answer:
                assert answer.status == 200
        kept = await Driver(http).pull("GET", "requests")
        assert 8 <= kept["dropped"] <= 15
        assert len(kept["requests"]) == 20 - kept["dropped"]


async def test_a_har_has_what_browsers_tools_read(driver: Driver) -> None:
    await driver.submit()
    log = (await driver.pull("GET", "requests.har?method=POST"))["log"]
    assert (log["version"], log["creator"]["name"]) == ("1.2", "apiframe-mockserver")
    [entry] = log["entries"]
    assert set(entry) == {"startedDateTime", "time", "request", "response", "cache", "timings", "comment"}
    request, response = entry["request"], entry["response"]
    assert request["url"].endswith("/v2/images/generate")
    assert request["url"].startswith("http://127.0.0.1:")
    assert request["postData"] == {
        "mimeType": "application/json",
        "text": json.dumps({"prompt": "a fox", "model": MODEL}),
    }
    assert (response["status"], json.loads(response["content"]["text"])["status"]) == (202, "QUEUED")


async def verified(driver: Driver, status: int = 200, **body: Any) -> dict[str, Any]:
    answer: dict[str, Any] = await driver.pull("POST", "requests/verify", body, status=status)
    return answer


async def test_counts_are_verified(driver: Driver) -> None:
    for _ in range(3):
        await driver.submit()
    await driver.balance()
    posts = {"method": "POST"}
    assert await verified(driver, match=posts) == {"count": 3, "requests": [1, 2, 3]}
    assert (await verified(driver, match=posts, count=3))["count"] == 3
    assert (await verified(driver, match=posts, count={"min": 2, "max": 3}))["count"] == 3
    assert (await verified(driver, match={"method": "DELETE"}, count=0))["count"] == 0
    problem = await verified(driver, 409, match=posts, count={"max": 2})
    assert (problem["count"], problem["wanted"], problem["nearest"]) == (3, "at most 2", [])
    assert "found 3 among 4" in problem["detail"]
    assert "#1 POST /v2/images/generate -> 202" in problem["detail"]


async def test_near_misses_are_explained_field_by_field(driver: Driver) -> None:
    await driver.balance()
    await driver.submit("a red fox")
    match = {"method": "POST", "model": "midjourney", "body": {"prompt": "a red fox", "fluxParams": {"seed": 1}}}
    problem = await verified(driver, 409, match=match)
    assert problem["nearest"][0] == {
        "number": 2,
        "request": "POST /v2/images/generate -> 202",
        "differences": [
            {"field": "model", "wanted": "midjourney", "got": MODEL},
            {"field": "body.fluxParams", "wanted": '{"seed":1}', "got": "nothing"},
        ],
    }
    missing = 'body.fluxParams is nothing, wanted {"seed":1}'
    assert problem["detail"].split("\n")[1:3] == [
        "nearest:",
        f"  #2 POST /v2/images/generate -> 202: model is {MODEL}, wanted midjourney; {missing}",
    ]


async def test_an_empty_journal_says_so(driver: Driver) -> None:
    problem = await verified(driver, 409, match={})
    assert problem["detail"] == "wanted at least 1 of the requests that fit {}, found 0 among 0\nno request has come"


async def test_order_is_verified(driver: Driver) -> None:
    await driver.balance()
    job_id = await driver.submit()
    await driver.job(job_id)
    me, submit, poll = {"path": "/v2/me"}, {"method": "POST"}, {"operation": "jobs.get"}
    assert await verified(driver, order=[me, submit, poll]) == {"count": 3, "requests": [1, 2, 3]}
    problem = await verified(driver, 409, order=[submit, me])
    assert (problem["count"], problem["requests"]) == (1, [2])
    assert "none after #2 fits the one at [1]" in problem["detail"]
    assert "#1, which came before, does" in problem["detail"]


async def test_verification_looks_at_one_key_s_requests_from_a_number_on(driver: Driver) -> None:
    for key in (KEY, "afk_test_poor", KEY, "afk_unknown"):
        async with driver.http.get("/v2/me", headers={"X-API-Key": key}) as answer:
            await answer.read()
    me = {"path": "/v2/me"}
    assert await verified(driver, key=KEY, match=me, count=2) == {"count": 2, "requests": [1, 3]}
    assert await verified(driver, key=KEY, match=me, since=1) == {"count": 1, "requests": [3]}
    assert await verified(driver, key=KEY, order=[me], since=1) == {"count": 1, "requests": [3]}
    problem = await verified(driver, 409, key=KEY, match=me, since=2, count=2)
    assert problem["detail"].split("\n") == [
        'wanted exactly 2 of the requests that fit {"path":"/v2/me"}, found 1 among 2',
        "found:",
        "  #3 GET /v2/me -> 200",
        "nearest:",
        "  #4 GET /v2/me -> 401: key is no known key, wanted afk_…",
    ]


async def test_verification_can_wait(driver: Driver) -> None:
    waiting = asyncio.create_task(verified(driver, match={"method": "POST"}, wait="20s"))
    await driver.submit()
    assert (await waiting)["count"] == 1


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"match": {"modle": "x"}}, 'there is no "modle"; did you mean "model"?'),
        ({"match": {"call": 1}}, 'there is no "call"'),
        ({"count": {"min": 2, "max": 1}}, "min 2 is more than max 1"),
        ({"count": "two"}, "count"),
        ({"order": [], "match": {}}, "order"),
        ({"order": [{}], "match": {}}, "order stands without match and count"),
        ({"order": [{"status": 1}]}, "order[0].status: 1 will not do"),
    ],
)
async def test_a_verification_that_will_not_do_is_refused(driver: Driver, body: dict[str, Any], said: str) -> None:
    assert said in (await verified(driver, 400, **body))["detail"]


async def test_webhooks_are_waited_for_and_filtered(driver: Driver, inbox: Inbox) -> None:
    waiting = asyncio.create_task(driver.pull("GET", "webhooks?event=completed&wait=20s"))
    job_id = await driver.submit(webhookUrl=inbox.url, webhookEvents=["progress", "completed"])
    await driver.advance("1m")
    found = await waiting
    assert (found["timedOut"], [each["jobId"] for each in found["deliveries"]]) == (False, [job_id])
    for query, count in {
        f"key={KEY}&event=completed": 1,
        "key=afk_other": 0,
        "status=failed": 0,
        "event=completed&status=delivered": 1,
        "event=failed&wait=1ms": 0,
    }.items():
        assert len((await driver.pull("GET", f"webhooks?{query}"))["deliveries"]) == count, query
    assert "pending, delivered, failed" in (await driver.pull("GET", "webhooks?status=lost", status=400))["detail"]


async def test_a_summary_counts_what_came_of_a_run(driver: Driver, inbox: Inbox) -> None:
    await driver.pull(
        "POST", "faults", {"match": {"path": "/v2/me"}, "respond": {"status": 503}, "times": 1}, status=201
    )
    async with driver.http.get("/v2/me") as answer:
        assert answer.status == 503
    await driver.submit(webhookUrl=inbox.url)
    await driver.submit("[[fail]]", webhookUrl="http://127.0.0.1:1/none")
    async with driver.http.get("/v2/me", headers={"X-API-Key": "afk_test_poor"}) as answer:
        assert answer.status == 200
    assert (await driver.pull("GET", "summary"))["creditsSpent"] == 2 * COST
    await driver.advance("1m")
    whole = await driver.pull("GET", "summary")
    rest = {"jobs": 2, "operations": {"images.generate": 2}, "creditsSpent": COST, "faults": 1}
    rest["webhooks"] = {"pending": 0, "delivered": 1, "failed": 1}
    assert whole == {**whole, "requests": 4, **rest}
    mine = await driver.pull("GET", f"summary?key={KEY}")
    assert mine == {**mine, "requests": 3, **rest}
    poor = await driver.pull("GET", "summary?key=afk_test_poor")
    nothing = {"webhooks": {"pending": 0, "delivered": 0, "failed": 0}, "jobs": 0, "creditsSpent": 0, "faults": 0}
    assert poor == {**poor, "requests": 1, **nothing}


async def test_jobs_are_listed_by_key(driver: Driver) -> None:
    job_id = await driver.submit()
    for query, ids in {"": [job_id], f"?key={KEY}": [job_id], "?key=afk_other": [], "?key=afk_test_poor": []}.items():
        assert [job["id"] for job in (await driver.pull("GET", f"jobs{query}"))["jobs"]] == ids
