"""Signatures over the exact bytes, checked with nothing but hashlib and hmac."""

import hashlib
import hmac

import aiohttp
import pytest

from tests.conftest import KEY, MakeApp
from tests.driver import Driver
from tests.webhooks.conftest import Receiver, reply


def expected_signature(api_key: str, body: bytes, signing: str) -> str:
    digest = hashlib.sha256(api_key.encode())
    secret = digest.hexdigest().encode() if signing == "hex" else digest.digest()
    return "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()


@pytest.mark.parametrize("signing", ["hex", "raw"])
async def test_every_event_is_signed_over_its_exact_bytes(make_app: MakeApp, receiver: Receiver, signing: str) -> None:
    app = await make_app(webhook_signing=signing)
    async with aiohttp.ClientSession(app.url, headers={"X-API-Key": KEY}) as http:
        driver = Driver(http)
        events = ["progress", "completed", "failed"]
        for prompt in ("[[slow 10s]] é 🦊", "[[fail: ünïcode 🦊]]"):
            await driver.submit(prompt, webhookUrl=receiver.url, webhookEvents=events)
        await driver.advance("1m")
    assert len(receiver.received) > 3
    for arrived in receiver.received:
        assert arrived.headers["x-webhook-signature"] == expected_signature(KEY, arrived.body, signing)


async def test_a_delivery_is_a_post_of_json_that_names_its_event(driver: Driver, receiver: Receiver) -> None:
    await driver.submit("[[instant]]", webhookUrl=receiver.url)
    await driver.advance(0)
    [arrived] = receiver.received
    assert arrived.method == "POST"
    assert arrived.headers["content-type"] == "application/json"
    assert arrived.headers["x-webhook-event"] == arrived.event["event"] == "completed"
    assert arrived.headers["content-length"] == str(len(arrived.body))
    assert "aiohttp" not in str(arrived.headers).lower()


async def test_the_key_that_submitted_the_job_signs_its_webhooks(driver: Driver, receiver: Receiver) -> None:
    api_key = "afk_another-key-of-mine"
    await driver.pull("POST", "keys", {"key": api_key}, status=201)
    async with driver.http.post(
        "/v2/images/generate",
        json={"prompt": "[[instant]]", "model": "flux-2-pro", "webhookUrl": receiver.url},
        headers={"X-API-Key": api_key},
    ) as answer:
        assert answer.status == 202
    await driver.advance(0)
    [arrived] = receiver.received
    assert arrived.headers["x-webhook-signature"] == expected_signature(api_key, arrived.body, "hex")


async def test_every_attempt_and_a_redelivery_carry_the_same_bytes_and_signature(
    driver: Driver, receiver: Receiver
) -> None:
    receiver.script.extend([reply(500), reply(503)])
    job_id = await driver.submit("[[instant]]", webhookUrl=receiver.url)
    await driver.advance("1m")
    await driver.advance("25h")  # the files have expired by now
    [delivery] = await driver.deliveries(job_id)
    await driver.pull("POST", f"webhooks/{delivery['id']}/redeliver")
    sent = {(arrived.body, arrived.headers["x-webhook-signature"]) for arrived in receiver.received}
    assert (len(receiver.received), len(sent)) == (4, 1)


async def test_a_bad_signature_on_demand_is_false_under_both_readings_and_well_formed(
    driver: Driver, receiver: Receiver
) -> None:
    await driver.submit("[[instant]] [[webhook: bad-signature]]", webhookUrl=receiver.url)
    await driver.advance(0)
    [arrived] = receiver.received
    sent = arrived.headers["x-webhook-signature"]
    assert sent not in [expected_signature(KEY, arrived.body, signing) for signing in ("hex", "raw")]
    assert len(sent) == len("sha256=") + 64
    assert int(sent.removeprefix("sha256="), 16) >= 0
