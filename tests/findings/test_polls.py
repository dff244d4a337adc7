"""Polls without a pause, and polls after the end."""

import asyncio
import math

import aiohttp
import pytest

from mockserver.app import App
from mockserver.clock import Clock
from mockserver.findings.findings import Findings
from tests.conftest import KEY, START, MakeApp
from tests.driver import Driver
from tests.findings.conftest import Found


async def poll(driver: Driver, job_id: str, times: int, pause_s: float = 0.0) -> None:
    for _ in range(times):
        await driver.job(job_id)
        await asyncio.sleep(pause_s)


async def test_four_polls_in_a_row_without_a_pause_are_found_once_a_job(
    driver: Driver, clock: Clock, found: Found
) -> None:
    clock.freeze(is_frozen=False)
    team = (await driver.pull("GET", "teams"))["teams"][0]
    await driver.pull("PATCH", f"teams/{team['id']}", {"speed": 1})
    job_id = await driver.submit("[[stuck]]")
    await poll(driver, job_id, 12)
    assert await found() == {"POLLING-TOO-FAST": [[2, 3, 4, 5]]}


async def test_three_polls_without_a_pause_are_none(driver: Driver, clock: Clock, found: Found) -> None:
    clock.freeze(is_frozen=False)
    job_id = await driver.submit("[[stuck]]")
    for _ in range(3):
        await poll(driver, job_id, 3)
        await driver.advance(1)
    assert await found() == {}


@pytest.mark.parametrize(("gap_s", "names"), [(0.05, {"POLLING-TOO-FAST": 1}), (0.06, {})])
async def test_polls_at_the_pace_of_the_jobs_speed_are_none(
    gap_s: float, names: dict[str, int], app: App, driver: Driver
) -> None:
    await poll(driver, await driver.submit("[[stuck]]"), 6)
    entries = list(app.journal.entries())
    findings = Findings(app.service, app.journal, "hex")
    for place, entry in enumerate(entries):
        findings.on_entry(entry._replace(began_s=place * gap_s, at=START + place * gap_s))
    assert findings.counts() == names


async def test_a_poll_for_each_step_of_a_clock_that_is_moved_is_none(
    driver: Driver, clock: Clock, found: Found
) -> None:
    job_id = await driver.submit("[[slow 10s]]")
    for _ in range(5):
        await poll(driver, job_id, 1)
        clock.advance(2)
    assert await driver.statuses(job_id) == ["PROCESSING"]
    assert await found() == {}


async def test_polls_while_the_clock_is_stopped_are_none(driver: Driver, found: Found) -> None:
    await poll(driver, await driver.submit(), 10)
    assert await found() == {}


async def test_heads_of_jobs_are_none(driver: Driver, clock: Clock, found: Found) -> None:
    clock.freeze(is_frozen=False)
    job_id = await driver.submit("[[stuck]]")
    for _ in range(10):
        async with driver.http.head(f"/v2/jobs/{job_id}") as answer:
            assert answer.status == 200
    assert await found() == {}


async def test_polls_of_several_jobs_side_by_side_are_none(driver: Driver, clock: Clock, found: Found) -> None:
    clock.freeze(is_frozen=False)
    for job_id in [await driver.submit("[[stuck]]") for _ in range(10)]:
        await poll(driver, job_id, 1)
    assert await found() == {}


async def test_jobs_that_are_done_at_once_are_none(make_app: MakeApp, clock: Clock) -> None:
    clock.freeze(is_frozen=False)
    app = await make_app(speed=math.inf)
    async with aiohttp.ClientSession(app.url, headers={"X-API-Key": KEY}) as session:
        driver = Driver(session)
        for _ in range(10):
            await poll(driver, await driver.submit(), 1)
        await poll(driver, await driver.submit("[[stuck]]"), 10)
    assert app.findings.shown() == []


async def test_the_speed_of_the_keys_own_team_counts(app: App, driver: Driver, clock: Clock, found: Found) -> None:
    clock.freeze(is_frozen=False)
    made = await driver.pull("POST", "keys", {"speed": 1}, status=201)
    async with aiohttp.ClientSession(app.url, headers={"X-API-Key": made["key"]}) as session:
        slow = Driver(session)
        await poll(slow, await slow.submit("[[stuck]]"), 4, pause_s=1 / 15)
    assert await found() == {"POLLING-TOO-FAST": [[2, 3, 4, 5]]}


@pytest.mark.parametrize("ending", [{"complete": True}, {"fail": "no luck"}, {"cancel": True}])
async def test_polls_that_go_on_after_the_end_are_found_once_a_job(
    ending: dict[str, object], driver: Driver, found: Found
) -> None:
    job_id = await driver.submit()
    await driver.pull("POST", f"jobs/{job_id}", ending)
    await poll(driver, job_id, 20)
    assert await found() == {"POLLING-AFTER-END": [[2, 3, 4, 5, 6, 7]]}


async def test_a_few_looks_after_the_end_are_none(driver: Driver, clock: Clock, found: Found) -> None:
    job_id = await driver.submit()
    clock.advance(60)
    for _ in range(3):
        await poll(driver, job_id, 5)
        clock.advance(11)
    assert await found() == {}


async def test_looks_that_show_something_new_are_none(driver: Driver, clock: Clock, found: Found) -> None:
    job_id = await driver.submit()
    clock.advance(60)
    await poll(driver, job_id, 5)
    await driver.pull("POST", f"jobs/{job_id}", {"expire": True})
    await poll(driver, job_id, 5)
    assert await found() == {}


async def test_waiting_for_the_webhook_after_the_end_is_none(driver: Driver, clock: Clock, found: Found) -> None:
    job_id = await driver.submit("[[webhook: late 60s]]", webhookUrl="http://127.0.0.1:9/")
    clock.advance(30)
    await poll(driver, job_id, 12)
    assert (await driver.job(job_id))["webhookStatus"] == "pending"
    assert await found() == {}


async def test_polls_that_a_fault_cut_off_are_none(driver: Driver, clock: Clock, found: Found) -> None:
    job_id = await driver.submit()
    clock.advance(60)
    await driver.pull("POST", "faults", {"match": {"operation": "jobs.get"}, "truncate": 20}, status=201)
    for _ in range(8):
        with pytest.raises(aiohttp.ClientPayloadError):
            async with driver.http.get(f"/v2/jobs/{job_id}") as answer:
                await answer.read()
    assert await found() == {}
