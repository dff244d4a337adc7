"""When a delivery counts as received, and when it is tried again."""

import asyncio
import socket

import aiohttp
import pytest

from tests.conftest import KEY, MakeApp
from tests.driver import Driver
from tests.webhooks.conftest import Receiver, reply


def _tries(delivery: dict[str, object]) -> list[tuple[int, str, int | None]]:
    attempts = delivery["attempts"]
    assert isinstance(attempts, list)
    return [(each["number"], each["at"], each["answer"] and each["answer"]["status"]) for each in attempts]


async def test_attempts_come_at_zero_one_and_five_seconds_after_the_event(driver: Driver, receiver: Receiver) -> None:
    receiver.script.extend([reply(500), reply(404)])
    job_id = await driver.submit("[[instant]]", webhookUrl=receiver.url)
    counts = []
    for span in (0, 0.75, 0.25, 3.75, 0.25, 3600):
        await driver.advance(span)
        counts.append((len(receiver.received), (await driver.job(job_id))["webhookStatus"]))
    pending, delivered = "pending", "delivered"
    assert counts == [(1, pending), (1, pending), (2, pending), (2, pending), (3, delivered), (3, delivered)]
    [delivery] = await driver.deliveries(job_id)
    assert (delivery["status"], delivery["nextAttemptAt"]) == ("delivered", None)
    assert _tries(delivery) == [
        (1, "2026-01-01T00:00:00.000Z", 500),
        (2, "2026-01-01T00:00:01.000Z", 404),
        (3, "2026-01-01T00:00:05.000Z", 204),
    ]


async def test_after_the_last_attempt_the_webhook_has_failed(driver: Driver, receiver: Receiver) -> None:
    receiver.script.extend([reply(500)] * 9)
    job_id = await driver.submit("[[instant]]", webhookUrl=receiver.url)
    await driver.advance("1h")
    await driver.advance("1h")
    assert (len(receiver.received), (await driver.job(job_id))["webhookStatus"]) == (3, "failed")


async def test_the_number_and_times_of_attempts_are_a_setting(make_app: MakeApp, receiver: Receiver) -> None:
    app = await make_app(webhook_attempts=(0.0, 0.5))
    receiver.script.extend([reply(500)] * 9)
    async with aiohttp.ClientSession(app.url, headers={"X-API-Key": KEY}) as http:
        driver = Driver(http)
        job_id = await driver.submit("[[instant]]", webhookUrl=receiver.url)
        await driver.advance(0)
        await driver.advance(60)
        [delivery] = await driver.deliveries(job_id)
    expected = [(1, "2026-01-01T00:00:00.000Z", 500), (2, "2026-01-01T00:01:00.000Z", 500)]
    assert (delivery["status"], _tries(delivery)) == ("failed", expected)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
async def test_any_2xx_is_success(driver: Driver, receiver: Receiver, status: int) -> None:
    receiver.script.append(reply(status))
    job_id = await driver.submit("[[instant]]", webhookUrl=receiver.url)
    await driver.advance("1h")
    assert (len(receiver.received), (await driver.job(job_id))["webhookStatus"]) == (1, "delivered")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_not_followed(
    driver: Driver, receiver: Receiver, other_receiver: Receiver, status: int
) -> None:
    receiver.script.extend([reply(status, b"", f"Location: {other_receiver.url}")] * 3)
    job_id = await driver.submit("[[instant]]", webhookUrl=receiver.url)
    await driver.advance("1h")
    assert (len(receiver.received), other_receiver.received) == (3, [])
    [delivery] = await driver.deliveries(job_id)
    assert (delivery["status"], delivery["attempts"][0]["error"]) == (
        "failed",
        f"answered {status}; redirects are not followed",
    )


@pytest.mark.parametrize("status", [101, 300, 400, 401, 404, 410, 429, 500, 599])
async def test_anything_but_2xx_is_tried_again(driver: Driver, receiver: Receiver, status: int) -> None:
    receiver.script.append(reply(status))
    job_id = await driver.submit("[[instant]]", webhookUrl=receiver.url)
    await driver.advance("1h")
    assert (len(receiver.received), (await driver.job(job_id))["webhookStatus"]) == (2, "delivered")


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 2",
        b"hello\r\n\r\n",
        b"\x00\x01\x02\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
    ],
    ids=["hangs-up", "half-a-header", "half-a-line", "no-http", "bytes", "bad-length", "long-header"],
)
async def test_what_is_no_whole_answer_is_tried_again(driver: Driver, receiver: Receiver, answer: bytes) -> None:
    receiver.script.append(answer)
    job_id = await driver.submit("[[instant]]", webhookUrl=receiver.url)
    await driver.advance("1h")
    [delivery] = await driver.deliveries(job_id)
    assert [(each["answer"], bool(each["error"])) for each in delivery["attempts"]] == [
        (None, True),
        ({"status": 204, "body": ""}, False),
    ]


async def test_a_refused_connection_is_tried_again_until_it_has_failed(driver: Driver) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    job_id = await driver.submit("[[instant]]", webhookUrl=f"http://127.0.0.1:{port}/")
    await driver.advance("1h")
    [delivery] = await driver.deliveries(job_id)
    assert (delivery["status"], [each["number"] for each in delivery["attempts"]]) == ("failed", [1, 2, 3])
    assert all(str(port) in each["error"] for each in delivery["attempts"])


async def test_a_receiver_that_takes_too_long_is_tried_again(make_app: MakeApp, receiver: Receiver) -> None:
    app = await make_app(webhook_timeout=0.05)
    receiver.gate = asyncio.Event()
    async with aiohttp.ClientSession(app.url, headers={"X-API-Key": KEY}) as http:
        driver = Driver(http)
        job_id = await driver.submit("[[instant]]", webhookUrl=receiver.url)
        await driver.advance("1h")
        [delivery] = await driver.deliveries(job_id)
        status = (await driver.job(job_id))["webhookStatus"]
    assert [each["error"] for each in delivery["attempts"]] == ["no answer within 0.05 s"] * 3
    assert (delivery["status"], status) == ("failed", "failed")


async def test_a_huge_answer_is_not_read(driver: Driver, receiver: Receiver) -> None:
    whole, written = 100_000_000, 0

    async def flood(writer: asyncio.StreamWriter) -> None:
        nonlocal written
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % whole)
        while written < whole:
            writer.write(b"x" * 65_536)
            await writer.drain()
            written += 65_536

    receiver.script.append(flood)
    job_id = await driver.submit("[[instant]]", webhookUrl=receiver.url)
    await driver.advance(0)
    [delivery] = await driver.deliveries(job_id)
    await asyncio.gather(*receiver.tasks, return_exceptions=True)
    assert delivery["status"] == "delivered"
    assert len(delivery["attempts"][0]["answer"]["body"]) <= 2000
    assert written < whole // 4


async def test_progress_is_tried_once(driver: Driver, receiver: Receiver) -> None:
    receiver.script.extend([reply(500)] * 100)
    job_id = await driver.submit("[[slow 10s]]", webhookUrl=receiver.url, webhookEvents=["progress"])
    await driver.advance("1h")
    progress = [event["progress"] for event in receiver.events()]
    assert len(progress) > 2
    assert progress == sorted(set(progress))
    deliveries = await driver.deliveries(job_id)
    assert [(each["status"], len(each["attempts"])) for each in deliveries] == [("failed", 1)] * len(progress)


async def test_failed_progress_says_nothing_about_the_webhook_status(driver: Driver, receiver: Receiver) -> None:
    job_id = await driver.submit("[[slow 10s]]", webhookUrl=receiver.url, webhookEvents=["progress", "completed"])
    await driver.advance(1)
    receiver.script.append(reply(500))
    await driver.advance(8)
    assert (await driver.job(job_id))["webhookStatus"] == "pending"
    await driver.advance("1h")
    assert (await driver.job(job_id))["webhookStatus"] == "delivered"


async def test_a_redelivery_starts_the_attempts_anew(driver: Driver, receiver: Receiver) -> None:
    receiver.script.extend([reply(500)] * 4)
    job_id = await driver.submit("[[instant]]", webhookUrl=receiver.url)
    await driver.advance("1h")
    [delivery] = await driver.deliveries(job_id)
    again = await driver.pull("POST", f"webhooks/{delivery['id']}/redeliver")
    assert (again["status"], len(again["attempts"]), again["attempts"][-1]["number"]) == ("pending", 4, 1)
    assert again["attempts"][:3] == delivery["attempts"]
    await driver.advance(2)
    [delivered] = await driver.deliveries(job_id)
    assert (delivered["status"], (await driver.job(job_id))["webhookStatus"]) == ("delivered", "delivered")


async def test_an_event_that_has_not_happened_cannot_be_redelivered(driver: Driver, receiver: Receiver) -> None:
    job_id = await driver.submit("[[slow 1h]]", webhookUrl=receiver.url)
    [delivery] = await driver.deliveries(job_id)
    problem = await driver.pull("POST", f"webhooks/{delivery['id']}/redeliver", status=409)
    assert problem["status"] == 409
    await driver.advance(0)
    assert receiver.received == []
    await driver.advance("2h")
    assert [event["event"] for event in receiver.events()] == ["completed"]


async def test_an_unknown_delivery_cannot_be_redelivered(driver: Driver) -> None:
    problem = await driver.pull("POST", "webhooks/nothing/redeliver", status=404)
    assert problem == {
        "type": "about:blank",
        "title": "No such delivery",
        "status": 404,
        "detail": 'there is no delivery "nothing"; GET /_mock/webhooks lists them',
    }


async def test_moving_the_clock_during_an_attempt_does_not_put_off_the_next(driver: Driver, receiver: Receiver) -> None:
    receiver.gate = asyncio.Event()
    receiver.script.extend([reply(500), reply(500)])
    job_id = await driver.submit("[[instant]]", webhookUrl=receiver.url)
    await receiver.arrivals.get()
    await driver.advance("1h", wait=False)
    receiver.gate.set()
    await driver.advance(0)
    assert (len(receiver.received), (await driver.job(job_id))["webhookStatus"]) == (3, "delivered")


async def test_an_attempt_under_way_when_a_lever_ends_the_job_is_on_record(driver: Driver, receiver: Receiver) -> None:
    receiver.gate = asyncio.Event()
    job_id = await driver.submit("[[slow 100s]]", webhookUrl=receiver.url, webhookEvents=["progress", "failed"])
    await driver.pull("POST", f"jobs/{job_id}", {"progress": 50, "wait": False})
    await receiver.arrivals.get()
    await driver.pull("POST", f"jobs/{job_id}", {"fail": True, "wait": False})
    receiver.gate.set()
    await driver.advance(0)
    shown = [(each["event"], each["status"], len(each["attempts"])) for each in await driver.deliveries(job_id)]
    assert sorted(shown) == [("failed", "delivered", 1), ("progress", "delivered", 1)]
    assert [event["event"] for event in receiver.events()] == ["progress", "failed"]
