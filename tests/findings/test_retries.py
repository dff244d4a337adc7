"""Retries: too early, without a key, or of what was refused."""

from typing import Any

import aiohttp
import pytest

from mockserver.app import App
from mockserver.clock import Clock
from mockserver.findings.findings import Findings
from tests.driver import MODEL, Driver
from tests.findings.conftest import Found, Lend

GENERATE = "/v2/images/generate"
BODY = {"prompt": "a fox", "model": MODEL}
OTHER = {"prompt": "a cow", "model": MODEL}
DROPPED = 0


async def submit(client: aiohttp.ClientSession, key: str = "", body: Any = BODY) -> int:
    """The status of a submission; 0 where the connection was dropped."""
    try:
        async with client.post(GENERATE, json=body, headers={"Idempotency-Key": key} if key else {}) as answer:
            return answer.status
    except aiohttp.ClientError:
        return DROPPED


async def order(driver: Driver, **rule: Any) -> None:
    await driver.pull("POST", "faults", {"match": {"path": "/v2/*"}, **rule}, status=201)


def findings_had_the_second_come_later(app: App, later_s: float) -> dict[str, int]:
    """What would be found in the two requests of the journal, were the second begun so many real seconds later."""
    first, second = app.journal.entries()
    findings = Findings(app.service, app.journal, "hex")
    findings.on_entry(first)
    findings.on_entry(second._replace(began_s=first.began_s + first.took_s + later_s))
    return findings.counts()


# Retry-After


async def test_a_retry_before_retry_after_is_over_is_found(driver: Driver, found: Found) -> None:
    await order(driver, schedule=[503, "pass"])
    assert [await submit(driver.http, "k") for _ in range(2)] == [503, 202]
    assert await found() == {"RETRY-AFTER-IGNORED": [[1, 2]]}


@pytest.mark.parametrize("status", [429, 503])
async def test_each_retry_that_comes_too_early_is_found(status: int, driver: Driver, found: Found) -> None:
    await order(driver, schedule=[status, status, status, "pass"])
    assert [await submit(driver.http, "k") for _ in range(4)] == [status, status, status, 202]
    assert await found() == {"RETRY-AFTER-IGNORED": [[1, 2], [2, 3], [3, 4]]}


async def test_a_retry_after_the_wait_is_none_and_the_clock_may_do_the_waiting(
    driver: Driver, clock: Clock, found: Found
) -> None:
    await order(driver, schedule=[503, 429, "pass"])
    for status in (503, 429, 202):
        assert await submit(driver.http, "k") == status
        clock.advance(1)
    assert await found() == {}


@pytest.mark.parametrize(("later_s", "names"), [(0.8, {"RETRY-AFTER-IGNORED": 1}), (0.95, {}), (30.0, {}), (-0.01, {})])
async def test_a_retry_after_the_wait_in_real_time_is_none_and_so_is_what_was_under_way_before(
    later_s: float, names: dict[str, int], app: App, driver: Driver
) -> None:
    await order(driver, schedule=[503, "pass"])
    assert [await submit(driver.http, "k") for _ in range(2)] == [503, 202]
    assert findings_had_the_second_come_later(app, later_s) == names


@pytest.mark.parametrize("value", ["Wed, 21 Oct 2045 07:28:00 GMT", "soon", "0"])
async def test_a_retry_after_without_seconds_is_not_judged(value: str, driver: Driver, found: Found) -> None:
    await order(driver, times=1, respond={"status": 503, "headers": {"Retry-After": value}})
    assert [await submit(driver.http, "k") for _ in range(2)] == [503, 202]
    assert await found() == {}


async def test_a_limited_key_that_does_not_wait_is_found(driver: Driver, found: Found, lend: Lend) -> None:
    limited = lend("afk_test_limited")
    for status in (200, 429, 429):
        async with limited.get("/v2/me") as answer:
            assert answer.status == status
    assert await found() == {"RETRY-AFTER-IGNORED": [[2, 3]]}
    assert await driver.pull("GET", "findings?key=afk_test") == {"findings": [], "dropped": 0}
    shown = await driver.pull("GET", "findings?key=afk_test_limited")
    assert [(each["id"], each["occurrences"][0]["key"]) for each in shown["findings"]] == [
        ("RETRY-AFTER-IGNORED", "afk_test")
    ]


async def test_other_requests_that_were_on_their_way_are_none(driver: Driver, found: Found) -> None:
    await order(driver, schedule=[429, "pass", "pass"])
    assert await submit(driver.http, "k") == 429
    assert await submit(driver.http, "l") == 202
    assert await submit(driver.http, "m", OTHER) == 202
    assert await found() == {}


@pytest.mark.parametrize(
    ("status", "later_s", "names"),
    [(429, 0.9, {}), (429, 1.1, {"RETRY-AFTER-IGNORED": 1}), (429, 60.0, {}), (503, 1.1, {})],
)
async def test_another_request_after_a_429_is_found_unless_it_was_on_its_way(
    status: int, later_s: float, names: dict[str, int], app: App, driver: Driver
) -> None:
    await order(driver, schedule=[{"status": status, "headers": {"Retry-After": "60"}}, "pass"])
    assert await submit(driver.http, "k") == status
    assert await submit(driver.http, "l", OTHER) == 202
    assert findings_had_the_second_come_later(app, later_s) == names


async def test_another_key_need_not_wait(driver: Driver, found: Found, lend: Lend) -> None:
    refusal = {"status": 429, "headers": {"Retry-After": "60"}}
    await order(driver, match={"path": "/v2/*", "key": "afk_test"}, times=1, respond=refusal)
    assert await submit(driver.http, "k") == 429
    assert await submit(lend("afk_test_poor"), "k") == 402
    assert await found() == {}


async def test_another_operation_need_not_wait(driver: Driver, app: App) -> None:
    await order(driver, times=1, respond={"status": 429, "headers": {"Retry-After": "60"}})
    assert await submit(driver.http, "k") == 429
    assert await driver.balance() == 1_000_000
    assert findings_had_the_second_come_later(app, 5) == {}


# Submissions without a key


@pytest.mark.parametrize(
    "fault", [{"gateway": 502}, {"respond": {"status": 500}}, {"drop": "before"}, {"drop": "after"}]
)
async def test_a_submission_sent_again_after_a_failure_without_a_key_is_found(
    fault: dict[str, Any], driver: Driver, found: Found
) -> None:
    await order(driver, times=1, **fault)
    assert await submit(driver.http) in (DROPPED, 500, 502)
    assert await submit(driver.http) == 202
    assert await found() == {"RETRY-WITHOUT-KEY": [[1, 2]]}


@pytest.mark.parametrize("fault", [{"gateway": 502}, {"drop": "after"}])
async def test_a_submission_sent_again_with_its_key_is_none(
    fault: dict[str, Any], driver: Driver, found: Found
) -> None:
    await order(driver, times=2, **fault)
    for status in (fault.get("gateway", DROPPED), fault.get("gateway", DROPPED), 202, 202):
        assert await submit(driver.http, "k") == status
    assert await found() == {}


async def test_a_failure_that_is_followed_by_other_work_is_none(driver: Driver, found: Found) -> None:
    await order(driver, times=1, gateway=504)
    assert await submit(driver.http) == 504
    assert await submit(driver.http, body=OTHER) == 202
    assert await submit(driver.http) == 202
    assert await found() == {}


async def test_equal_work_long_after_a_failure_is_none(driver: Driver, clock: Clock, found: Found) -> None:
    await order(driver, times=1, gateway=504)
    assert await submit(driver.http) == 504
    clock.advance(61)
    assert await submit(driver.http) == 202
    assert await found() == {}


async def test_equal_work_after_an_answer_is_none(driver: Driver, found: Found) -> None:
    assert [await submit(driver.http) for _ in range(3)] == [202, 202, 202]
    assert await found() == {}


async def test_a_poll_that_is_sent_again_after_a_failure_is_none(driver: Driver, found: Found) -> None:
    job_id = await driver.submit()
    await order(driver, times=1, gateway=502)
    async with driver.http.get(f"/v2/jobs/{job_id}") as answer:
        assert answer.status == 502
    assert await driver.statuses(job_id) == ["QUEUED"]
    assert await found() == {}


# Refusals


@pytest.mark.parametrize(
    ("body", "key", "status"),
    [
        ({"prompt": "a fox"}, "afk_test", 400),
        (BODY, "afk_wrong_key", 401),
        (BODY, "", 401),
        (BODY, "afk_test_poor", 402),
        (BODY, "afk_test_inactive", 403),
    ],
)
async def test_a_refused_submission_that_is_sent_again_is_found(
    body: Any, key: str, status: int, found: Found, lend: Lend
) -> None:
    client = lend(key)
    assert [await submit(client, "k", body) for _ in range(3)] == [status] * 3
    assert await found() == {"REFUSAL-RETRIED": [[1, 2], [2, 3]]}


@pytest.mark.parametrize("path", ["/v2/jobs/a1b2c3d4-e5f6-7890-abcd-ef1234567890", "/v2/jobs/17", "/v1/imagine"])
async def test_any_refused_request_that_is_sent_again_is_found(path: str, driver: Driver, found: Found) -> None:
    for _ in range(2):
        async with driver.http.get(path) as answer:
            assert answer.status in (400, 404)
    assert await found() == {"REFUSAL-RETRIED": [[1, 2]]}


async def test_requests_for_different_things_that_are_refused_alike_are_none(driver: Driver, found: Found) -> None:
    for number in range(3):
        async with driver.http.get(f"/v2/jobs/{number}") as answer:
            assert answer.status == 400
    assert await found() == {}


async def test_a_refusal_that_was_ordered_and_is_retried_is_found_though_it_helps(driver: Driver, found: Found) -> None:
    await order(driver, schedule=[400, "pass"])
    assert [await submit(driver.http, "k") for _ in range(2)] == [400, 202]
    assert await found() == {"REFUSAL-RETRIED": [[1, 2]]}


async def test_a_refused_request_that_was_mended_is_none(driver: Driver, found: Found) -> None:
    assert await submit(driver.http, "k", {"prompt": "a fox"}) == 400
    assert await submit(driver.http, "k", BODY) == 202
    assert await found() == {}


async def test_trying_again_once_there_are_credits_is_none(driver: Driver, found: Found, lend: Lend) -> None:
    poor = lend("afk_test_poor")
    assert await submit(poor, "k") == 402
    team = next(each for each in (await driver.pull("GET", "teams"))["teams"] if each["name"] == "Poor Team")
    await driver.pull("PATCH", f"teams/{team['id']}", {"credits": 100})
    assert await submit(poor, "k") == 202
    assert await found() == {}


async def test_the_same_refusal_is_none_when_other_work_came_between_or_time_went_by(
    driver: Driver, clock: Clock, found: Found
) -> None:
    wrong = {"prompt": "a fox"}
    assert await submit(driver.http, "k", wrong) == 400
    assert await submit(driver.http, "l", OTHER) == 202
    assert await submit(driver.http, "k", wrong) == 400
    clock.advance(31)
    assert await submit(driver.http, "k", wrong) == 400
    assert await found() == {}


@pytest.mark.parametrize("status", [408, 425])
async def test_refusals_that_time_may_heal_are_none(status: int, driver: Driver, found: Found) -> None:
    await order(driver, times=1, respond={"status": status})
    assert [await submit(driver.http, "k") for _ in range(2)] == [status, 202]
    assert await found() == {}


async def test_two_keys_that_are_refused_alike_are_none(found: Found, lend: Lend) -> None:
    assert await submit(lend("afk_wrong_key"), "k") == 401
    assert await submit(lend("afk_other_wrong_key"), "k") == 401
    assert await found() == {}
