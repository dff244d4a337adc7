"""Moving the clock sends what is due, in time order; nobody waits for somebody else's receiver."""

import asyncio
import random
from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.conftest import KEY, MakeApp
from tests.driver import Driver
from tests.webhooks.conftest import Receiver, reply


@pytest.fixture
async def narrow(make_app: MakeApp) -> AsyncIterator[Driver]:
    """A user of a mock that sends one host two webhooks at a time."""
    app = await make_app(webhook_concurrency=2)
    async with aiohttp.ClientSession(app.url, headers={"X-API-Key": KEY}) as http:
        yield Driver(http)


async def test_a_move_of_the_clock_sends_the_events_of_all_jobs_in_time_order(
    driver: Driver, receiver: Receiver
) -> None:
    spans = list(range(1, 101))
    random.Random(5).shuffle(spans)
    ends = {}
    for span in spans:
        prompt = f"[[slow {span}s]]" if span % 3 else f"[[slow {span}s]] [[fail]]"
        job_id = await driver.submit(prompt, webhookUrl=receiver.url)
        ends[job_id] = (await driver.pull("GET", f"jobs/{job_id}"))["plan"]["endsAt"]
    await driver.advance("10m")
    assert [event["jobId"] for event in receiver.events()] == sorted(ends, key=ends.__getitem__)


async def test_the_events_of_one_job_arrive_in_order_and_one_after_the_other(
    driver: Driver, receiver: Receiver
) -> None:
    receiver.gate = asyncio.Event()
    job_id = await driver.submit("[[slow 9s]]", webhookUrl=receiver.url, webhookEvents=["progress", "completed"])
    await driver.advance("1m", wait=False)
    await receiver.arrivals.get()
    assert receiver.busy == 1
    receiver.gate.set()
    await driver.advance(0)
    assert receiver.most_busy == 1
    assert [event["progress"] for event in receiver.events()] == sorted(e["progress"] for e in receiver.events())
    assert {each["status"] for each in await driver.deliveries(job_id)} == {"delivered"}


async def test_advance_answers_once_every_due_event_has_been_attempted(driver: Driver, receiver: Receiver) -> None:
    receiver.gate = asyncio.Event()
    await driver.submit("[[slow 9s]]", webhookUrl=receiver.url)
    advancing = asyncio.create_task(driver.advance("1m"))
    await receiver.arrivals.get()
    await driver.balance()  # other requests are answered meanwhile
    assert not advancing.done()
    receiver.gate.set()
    await advancing
    assert [event["event"] for event in receiver.events()] == ["completed"]


async def test_advance_that_does_not_wait_answers_at_once(driver: Driver, receiver: Receiver) -> None:
    receiver.gate = asyncio.Event()
    job_id = await driver.submit("[[slow 9s]]", webhookUrl=receiver.url)
    await driver.advance("1m", wait=False)
    assert (await driver.job(job_id))["webhookStatus"] == "pending"
    assert (await receiver.arrivals.get()).event["jobId"] == job_id


async def test_a_hanging_receiver_does_not_delay_the_webhooks_of_other_jobs(
    driver: Driver, receiver: Receiver, other_receiver: Receiver
) -> None:
    receiver.gate = asyncio.Event()
    hanging = [await driver.submit("[[slow 9s]]", webhookUrl=receiver.url) for _ in range(40)]
    other = await driver.submit("[[slow 30s]]", webhookUrl=other_receiver.url)
    await driver.advance("1m", wait=False)
    assert (await other_receiver.arrivals.get()).event["jobId"] == other
    assert {(await driver.job(job_id))["webhookStatus"] for job_id in hanging} == {"pending"}


async def test_a_hanging_path_does_not_delay_other_jobs_of_its_host(driver: Driver, receiver: Receiver) -> None:
    never = asyncio.Event()

    async def hang(_: asyncio.StreamWriter) -> None:
        await never.wait()

    receiver.script.append(hang)
    await driver.submit("[[instant]]", webhookUrl=receiver.url)
    await receiver.arrivals.get()
    second = await driver.submit("[[instant]]", webhookUrl=receiver.url)
    assert (await receiver.arrivals.get()).event["jobId"] == second


async def test_a_host_gets_only_so_many_requests_at_once(
    narrow: Driver, receiver: Receiver, other_receiver: Receiver
) -> None:
    receiver.gate = asyncio.Event()
    for _ in range(7):
        await narrow.submit("[[instant]]", webhookUrl=receiver.url)
    await receiver.arrivals.get()
    await receiver.arrivals.get()
    await narrow.submit("[[instant]]", webhookUrl=other_receiver.url)
    await other_receiver.arrivals.get()
    assert receiver.busy == 2
    receiver.gate.set()
    await narrow.advance(0)
    assert (len(receiver.received), receiver.most_busy) == (7, 2)


async def test_a_duplicate_comes_right_after_the_first_with_the_same_bytes(driver: Driver, receiver: Receiver) -> None:
    job_id = await driver.submit("[[instant]] [[webhook: duplicate]]", webhookUrl=receiver.url)
    await driver.advance("1h")
    first, second = receiver.received
    assert (first.body, first.headers) == (second.body, second.headers)
    assert first.event["event"] == "completed"
    assert (await driver.job(job_id))["webhookStatus"] == "delivered"


async def test_a_dropped_webhook_is_never_sent_and_the_control_plane_says_why(
    driver: Driver, receiver: Receiver
) -> None:
    events = ["progress", "completed"]
    job_id = await driver.submit("a fox [[webhook: drop]]", webhookUrl=receiver.url, webhookEvents=events)
    await driver.advance("1h")
    assert receiver.received == []
    deliveries = await driver.deliveries(job_id)
    reasons = {attempt["error"] for each in deliveries for attempt in each["attempts"]}
    assert reasons == {'dropped on purpose: the order for this job is "drop"'}
    assert (await driver.job(job_id))["status"] == "COMPLETED"


async def test_a_late_webhook_leaves_so_much_after_its_event_and_is_retried_from_there(
    driver: Driver, receiver: Receiver
) -> None:
    receiver.script.append(reply(500))
    job_id = await driver.submit("[[instant]] [[webhook: late 10s]]", webhookUrl=receiver.url)
    counts = []
    for span in (0, 9.75, 0.25, 0.75, 0.25):
        await driver.advance(span)
        counts.append(len(receiver.received))
    assert counts == [0, 0, 1, 1, 2]
    assert (await driver.job(job_id))["completedAt"] == "2026-01-01T00:00:00.000Z"


async def test_a_reset_gives_up_what_is_under_way_and_the_same_job_sends_its_event_again(
    driver: Driver, receiver: Receiver
) -> None:
    receiver.gate = asyncio.Event()
    receiver.script.append(reply(500))
    first = await driver.submit("[[instant]]", webhookUrl=receiver.url)
    await receiver.arrivals.get()
    await driver.pull("POST", "reset")
    second = await driver.submit("[[instant]]", webhookUrl=receiver.url)
    assert second == first
    await receiver.arrivals.get()
    receiver.gate.set()
    await driver.advance(0)
    [delivery] = await driver.deliveries(second)
    answers = [attempt["answer"] for attempt in delivery["attempts"]]
    assert (delivery["status"], answers) == ("delivered", [{"status": 204, "body": ""}])


async def test_two_resets_at_once_leave_one_worker(driver: Driver, receiver: Receiver) -> None:
    await asyncio.gather(*(driver.pull("POST", "reset") for _ in range(5)))
    workers = [task for task in asyncio.all_tasks() if task.get_name() == "deliverer"]
    assert len(workers) == 1
    await driver.submit("[[instant]]", webhookUrl=receiver.url)
    await driver.advance(0)
    assert len(receiver.received) == 1


async def test_every_event_of_a_late_webhook_is_late(driver: Driver, receiver: Receiver) -> None:
    job_id = await driver.submit(
        "[[slow 10s]] [[webhook: late 1h]]", webhookUrl=receiver.url, webhookEvents=["progress", "completed"]
    )
    await driver.advance("59m")
    assert (await driver.job(job_id))["status"] == "COMPLETED"
    assert receiver.received == []
    await driver.advance("5m")
    assert [event["progress"] for event in receiver.events()][-1] == 100
    assert len(receiver.received) > 2
