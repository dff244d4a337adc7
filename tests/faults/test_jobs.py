"""What rules order of jobs: failures, stuck ones, slow models, waits in the queue."""

import pytest

from mockserver.app import App
from tests.api.wire import GOOD, HEAD, connected
from tests.conftest import KEY
from tests.driver import Driver
from tests.faults.test_answers import add


async def test_a_share_of_jobs_fails_with_one_of_the_given_texts(driver: Driver) -> None:
    await add(driver, id="some", job={"fail": ["no capacity", "policy"]}, probability=0.4)
    jobs = [await driver.submit() for _ in range(40)]
    await driver.advance("10m")
    seen = [await driver.job(job_id) for job_id in jobs]
    failed = [job["error"] for job in seen if job["status"] == "FAILED"]
    assert 6 <= len(failed) <= 28
    assert set(failed) == {"no capacity", "policy"}
    assert {job["status"] for job in seen} == {"FAILED", "COMPLETED"}


async def test_a_job_that_a_rule_fails_gives_its_credits_back(driver: Driver) -> None:
    before = await driver.balance()
    await add(driver, job={"fail": True}, times=1)
    job_id = await driver.submit()
    await driver.advance("10m")
    assert (await driver.job(job_id))["error"]
    assert await driver.balance() == before


async def test_a_stuck_job_never_ends_until_a_lever_ends_it(driver: Driver) -> None:
    await add(driver, job={"stuck": True})
    job_id = await driver.submit()
    await driver.advance("30d")
    assert (await driver.job(job_id))["status"] == "PROCESSING"
    await driver.pull("POST", f"jobs/{job_id}", {"complete": True})
    assert (await driver.job(job_id))["status"] == "COMPLETED"


async def test_one_model_is_slow_by_a_factor_and_others_are_not(driver: Driver) -> None:
    await add(driver, match={"model": "flux-*"}, job={"slow": 1000})
    slow = await driver.submit()
    async with driver.http.post("/v2/images/generate", json={"prompt": "a fox", "model": "midjourney"}) as answer:
        quick = (await answer.json())["jobId"]
    await driver.advance("2m")
    assert await driver.statuses(slow, quick) == ["PROCESSING", "COMPLETED"]
    await driver.advance("1d")
    assert await driver.statuses(slow) == ["COMPLETED"]


async def test_a_span_is_how_long_the_job_runs(driver: Driver) -> None:
    await add(driver, job={"slow": "1h", "queued": "0s"})
    job_id = await driver.submit()
    await driver.advance("59m")
    assert await driver.statuses(job_id) == ["PROCESSING"]
    await driver.advance("1m")
    assert await driver.statuses(job_id) == ["COMPLETED"]


async def test_a_queue_wait_keeps_the_job_queued(driver: Driver) -> None:
    await add(driver, job={"queued": "10m"})
    job_id = await driver.submit()
    await driver.advance("9m")
    assert (await driver.job(job_id))["status"] == "QUEUED"
    await driver.advance("1m")
    assert (await driver.job(job_id))["status"] == "PROCESSING"
    await driver.advance("10m")
    assert (await driver.job(job_id))["status"] == "COMPLETED"


@pytest.mark.parametrize(("order", "status"), [("instant", "COMPLETED"), ("cancel", "CANCELLED")])
async def test_jobs_can_be_done_at_once_or_cancelled(driver: Driver, order: str, status: str) -> None:
    await add(driver, job={order: True})
    job_id = await driver.submit()
    await driver.advance("0s" if order == "instant" else "10m")
    assert (await driver.job(job_id))["status"] == status


async def test_a_refused_submission_and_a_replay_use_no_job_rule_up(driver: Driver) -> None:
    await add(driver, id="once", job={"fail": "no"}, times=1)
    async with driver.http.post("/v2/images/generate", json={"prompt": "a fox", "model": "none"}) as answer:
        assert answer.status == 400
    body = {"prompt": "a fox", "model": "flux-2-pro"}
    poor = {"X-API-Key": "afk_test_poor"}
    async with driver.http.post("/v2/images/generate", json=body, headers=poor) as answer:
        assert answer.status == 402
    headers = {"Idempotency-Key": "k"}
    made = set()
    for _ in range(2):
        async with driver.http.post("/v2/images/generate", json=body, headers=headers) as answer:
            made.add((await answer.json())["jobId"])
    [job_id] = made
    [rule] = (await driver.pull("GET", "faults"))["faults"]
    assert (rule["matched"], rule["fired"]) == (1, 1)
    await driver.advance("10m")
    assert (await driver.job(job_id))["error"] == "no"
    entries = (await driver.pull("GET", "requests?fault=once"))["requests"]
    assert [entry["jobId"] for entry in entries] == [job_id]


@pytest.mark.parametrize("key", ["k", ""])
async def test_those_that_arrive_together_use_no_job_rule_up_but_for_a_job(key: str, app: App, driver: Driver) -> None:
    """One key for both, or credits for one alone."""
    await add(driver, id="twice", job={"fail": "no"}, times=2)
    if not key:
        await driver.pull("PATCH", f"teams/{(await driver.pull('GET', 'teams'))['teams'][0]['id']}", {"credits": 6})
    head = HEAD + b"Content-Type: application/json\r\n" + (f"Idempotency-Key: {key}\r\n".encode() if key else b"")
    post = b"POST /v2/images/generate HTTP/1.1\r\n%bContent-Length: %d\r\n\r\n%b" % (head, len(GOOD), GOOD)
    async with connected(app.url) as one, connected(app.url) as other:
        wires = {wire.writer.get_extra_info("sockname"): wire for wire in (one, other)}
        for wire in wires.values():
            assert (await wire.ask(b"GET /v2/me HTTP/1.1\r\n" + HEAD + b"\r\n")).status == 200
        for connection in app.server.connections:
            if connection.peername in wires:
                connection.data_received(post)
        statuses = [(await wire.reply()).status for wire in wires.values()]
    [rule] = (await driver.pull("GET", "faults"))["faults"]
    assert (sorted(statuses), rule["fired"]) == ([202, 202] if key else [202, 402], 1)


async def test_the_prompt_and_the_rule_order_together(driver: Driver) -> None:
    await add(driver, match={"key": KEY, "prompt": "fox"}, job={"slow": "1h"})
    job_id = await driver.submit("a fox [[fail: by prompt]]")
    await driver.advance("2m")
    assert await driver.statuses(job_id) == ["PROCESSING"]
    await driver.advance("1h")
    assert (await driver.job(job_id))["error"] == "by prompt"
