"""Webhooks that are lost, out of order, signed with an old signature or sent in other bytes: on purpose."""

import hashlib
import hmac
import itertools
import json
from typing import Any

import pytest

from tests.conftest import KEY
from tests.driver import Driver
from tests.webhooks.conftest import Arrived, Receiver

EVENTS = ["progress", "completed", "failed"]
DIGEST = hashlib.sha256(KEY.encode()).hexdigest().encode()


def is_signed_over(arrived: Arrived, body: bytes) -> bool:
    return arrived.headers["x-webhook-signature"] == "sha256=" + hmac.new(DIGEST, body, hashlib.sha256).hexdigest()


async def delivered(driver: Driver, receiver: Receiver, order: str, prompt: str = "a fox") -> list[Arrived]:
    """What came for a job whose webhooks a fault rule orders so."""
    rule = {"id": "hooks", "webhook": order, "times": 1}
    await driver.pull("POST", "faults", rule, status=201)
    await driver.submit(prompt, webhookUrl=receiver.url, webhookEvents=EVENTS)
    await driver.advance("1h")
    return receiver.received


@pytest.fixture
async def in_order(driver: Driver, receiver: Receiver) -> list[tuple[str, int]]:
    """The events of a job without a fault, each with its progress."""
    await driver.submit(webhookUrl=receiver.url, webhookEvents=EVENTS)
    await driver.advance("1h")
    marks = [mark(event) for event in receiver.events()]
    receiver.received.clear()
    return marks


def mark(event: dict[str, Any]) -> tuple[str, int]:
    return event["event"], event["progress"]


async def test_a_lost_final_event_is_never_sent_and_all_progress_is(
    in_order: list[tuple[str, int]], driver: Driver, receiver: Receiver
) -> None:
    assert in_order[-1] == ("completed", 100)
    received = await delivered(driver, receiver, "lose-final")
    assert {arrived.event["event"] for arrived in received} == {"progress"}
    deliveries = (await driver.pull("GET", "webhooks?status=failed"))["deliveries"]
    errors = [attempt["error"] for each in deliveries for attempt in each["attempts"]]
    assert errors == ['dropped on purpose: the order for this job is "lose-final"']


async def test_reordered_events_all_come_and_the_last_one_first(driver: Driver, receiver: Receiver) -> None:
    received = await delivered(driver, receiver, "reorder")
    marks = [mark(arrived.event) for arrived in received]
    assert len(marks) > 2
    assert marks[0] == ("completed", 100)
    assert marks == sorted(marks, key=lambda each: each[1], reverse=True)
    assert all(is_signed_over(arrived, arrived.body) for arrived in received)


async def test_a_replayed_signature_is_that_of_the_event_before(driver: Driver, receiver: Receiver) -> None:
    received = await delivered(driver, receiver, "replayed-signature")
    assert len(received) > 2
    for before, after in itertools.pairwise(received):
        assert is_signed_over(after, before.body)
        assert not is_signed_over(after, after.body)
    assert not is_signed_over(received[0], received[0].body)


async def test_respelled_events_are_signed_over_other_bytes_of_equal_json(driver: Driver, receiver: Receiver) -> None:
    received = await delivered(driver, receiver, "respelled")
    for arrived in received:
        compact = json.dumps(arrived.event, separators=(",", ":"), ensure_ascii=False).encode()
        assert arrived.body != compact
        assert is_signed_over(arrived, compact)


@pytest.mark.parametrize("order", ["lose-final", "reorder", "replayed-signature", "respelled"])
async def test_each_can_be_ordered_by_a_prompt_as_well(driver: Driver, receiver: Receiver, order: str) -> None:
    job_id = await driver.submit(f"a fox [[webhook: {order}]]", webhookUrl=receiver.url, webhookEvents=EVENTS)
    await driver.advance("1h")
    by_prompt = [mark(arrived.event) for arrived in receiver.received]
    true_ones = [is_signed_over(arrived, arrived.body) for arrived in receiver.received]
    assert (await driver.job(job_id))["status"] == "COMPLETED"
    if order == "reorder":
        assert by_prompt[0] == ("completed", 100)
    else:
        assert not any(true_ones) or ("completed", 100) not in by_prompt


async def test_late_events_of_one_rule_come_late(driver: Driver, receiver: Receiver) -> None:
    await driver.pull("POST", "faults", {"webhook": {"late": "10s"}}, status=201)
    await driver.submit("[[instant]]", webhookUrl=receiver.url)
    await driver.advance("9s")
    assert receiver.received == []
    await driver.advance("1s")
    assert [arrived.event["event"] for arrived in receiver.received] == ["completed"]


@pytest.mark.parametrize("order", ["drop", "lose-final"])
async def test_a_lost_event_arrives_when_it_is_sent_again(driver: Driver, receiver: Receiver, order: str) -> None:
    job_id = await driver.submit(f"[[instant]] [[webhook: {order}]]", webhookUrl=receiver.url)
    await driver.advance("1h")
    assert receiver.received == []
    again = await driver.pull("POST", f"webhooks/{job_id}_completed/redeliver")
    assert again["status"] == "delivered"
    [arrived] = receiver.received
    assert is_signed_over(arrived, arrived.body)
    assert (await driver.job(job_id))["webhookStatus"] == "delivered"
