"""Webhook receivers that take too much, refuse too much, or take their time."""

import asyncio
from typing import Any

import aiohttp
import pytest

from mockserver.app import App
from mockserver.core.deliveries import Attempt, Delivery
from mockserver.core.jobs import Job
from tests.conftest import KEY, Inbox, MakeApp
from tests.driver import Driver
from tests.findings.conftest import Found


async def finish(driver: Driver, inbox: Inbox, prompt: str = "a fox", **more: Any) -> str:
    """A job that has ended, and whose webhooks were attempted."""
    job_id = await driver.submit(prompt, webhookUrl=inbox.url, **more)
    await driver.advance(60)
    return job_id


async def deliveries_of(driver: Driver) -> dict[str, list[str | None]]:
    shown = (await driver.pull("GET", "findings"))["findings"]
    return {each["id"]: [one["delivery"] for one in each["occurrences"]] for each in shown}


@pytest.mark.parametrize(
    ("order", "kind"),
    [
        ("bad-signature", "WEBHOOK-BAD-SIGNATURE-ACCEPTED"),
        ("replayed-signature", "WEBHOOK-BAD-SIGNATURE-ACCEPTED"),
        ("respelled", "WEBHOOK-RESPELLED-ACCEPTED"),
    ],
)
async def test_a_receiver_that_takes_what_is_not_signed_is_found(
    order: str, kind: str, driver: Driver, inbox: Inbox
) -> None:
    job_id = await finish(driver, inbox, f"[[webhook: {order}]]")
    assert await deliveries_of(driver) == {kind: [f"{job_id}_completed"]}


@pytest.mark.parametrize("order", ["bad-signature", "replayed-signature", "respelled"])
async def test_a_receiver_that_refuses_what_is_not_signed_is_none(order: str, driver: Driver, inbox: Inbox) -> None:
    inbox.statuses = [401, 401, 401]
    await finish(driver, inbox, f"[[webhook: {order}]]")
    assert len(inbox.received) == 3
    assert await deliveries_of(driver) == {}


@pytest.mark.parametrize("order", ["drop", "lose-final", "duplicate", "reorder", "late 1s"])
async def test_a_receiver_that_takes_what_is_signed_is_none(order: str, driver: Driver, inbox: Inbox) -> None:
    await finish(driver, inbox, f"[[webhook: {order}]]", webhookEvents=["progress", "completed"])
    assert await deliveries_of(driver) == {}


@pytest.mark.parametrize("status", [401, 403])
async def test_a_receiver_that_refuses_a_true_signature_is_found(status: int, driver: Driver, inbox: Inbox) -> None:
    inbox.statuses = [status]
    job_id = await finish(driver, inbox)
    assert await deliveries_of(driver) == {"WEBHOOK-SIGNATURE-REJECTED": [f"{job_id}_completed"]}
    told = (await driver.pull("GET", "findings"))["findings"][0]["occurrences"][0]
    assert told["evidence"] == (
        f"answered {status} to attempt 1, whose signature is true with the hex text of the key's SHA-256 as HMAC key; "
        "if the receiver takes its 32 bytes, start the mock with --webhook-signing raw"
    )
    assert (told["request"], told["requests"], told["key"]) == (None, [], "afk_")


async def test_a_receiver_that_took_a_true_signature_before_refuses_for_another_reason(
    driver: Driver, inbox: Inbox
) -> None:
    await finish(driver, inbox)
    inbox.statuses = [403]
    await finish(driver, inbox)
    assert await deliveries_of(driver) == {}


@pytest.mark.parametrize("status", [400, 404, 500])
async def test_a_receiver_that_fails_otherwise_is_none(status: int, driver: Driver, inbox: Inbox) -> None:
    inbox.statuses = [status]
    await finish(driver, inbox)
    assert await deliveries_of(driver) == {}


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_found(status: int, driver: Driver, inbox: Inbox) -> None:
    inbox.statuses, inbox.headers = [status], {"Location": inbox.url}
    job_id = await finish(driver, inbox)
    assert await deliveries_of(driver) == {"WEBHOOK-REDIRECT": [f"{job_id}_completed"]}


async def test_a_receiver_that_does_not_answer_in_time_is_found(make_app: MakeApp, inbox: Inbox) -> None:
    app = await make_app(webhook_timeout=0.2, webhook_attempts=(0.0,))
    inbox.hold = asyncio.Event()
    async with aiohttp.ClientSession(app.url, headers={"X-API-Key": KEY}) as session:
        driver = Driver(session)
        job_id = await finish(driver, inbox)
        assert await deliveries_of(driver) == {"WEBHOOK-SLOW": [f"{job_id}_completed"]}
        shown = (await driver.pull("GET", "findings"))["findings"][0]["occurrences"]
        assert [each["evidence"] for each in shown] == ["no answer within 0.2 s"]


@pytest.mark.parametrize(
    ("said", "names"),
    [("Invalid Signature", {"WEBHOOK-SIGNATURE-REJECTED": 1}), ("invalid event", {}), ("", {})],
)
async def test_a_400_that_speaks_of_the_signature_is_found(
    said: str, names: dict[str, int], app: App, driver: Driver, inbox: Inbox
) -> None:
    attempts: list[tuple[Job, Delivery, Attempt]] = []
    app.deliverer.watch(lambda *each: attempts.append(each))
    inbox.statuses = [400] * 3
    await finish(driver, inbox)
    job, delivery, attempt = attempts[0]
    app.findings.on_attempt(job, delivery, attempt._replace(answer=said))
    assert app.findings.counts() == names


@pytest.mark.parametrize(("took_s", "speed", "count"), [(4.9, 1, 0), (5.0, 1, 1), (50.0, 60, 0), (300.0, 60, 1)])
async def test_an_answer_after_five_real_seconds_is_found(
    took_s: float, speed: int, count: int, app: App, driver: Driver, inbox: Inbox
) -> None:
    attempts: list[tuple[Job, Delivery, Attempt]] = []
    app.deliverer.watch(lambda *each: attempts.append(each))
    await finish(driver, inbox)
    job, delivery, attempt = attempts[0]
    app.clock.freeze(is_frozen=False)
    app.clock.set_speed(speed)
    app.findings.on_attempt(job, delivery, attempt._replace(took_s=took_s))
    assert app.findings.counts() == ({"WEBHOOK-SLOW": 1} if count else {})


async def test_findings_of_webhooks_belong_to_the_key_of_the_job(driver: Driver, inbox: Inbox, found: Found) -> None:
    await finish(driver, inbox, "[[webhook: bad-signature]]")
    assert await found() == {"WEBHOOK-BAD-SIGNATURE-ACCEPTED": [[]]}
    assert (await driver.pull("GET", "findings?key=afk_test"))["findings"][0]["count"] == 1
    assert (await driver.pull("GET", "findings?key=afk_test_poor"))["findings"] == []
