"""Type checkers know the levers: mypy reads this file (`make types`), and it runs as well."""

from collections.abc import Sequence
from datetime import datetime
from typing import assert_type

import pytest

from mockserver import Control, MockServer
from mockserver.client.control import KeyView
from mockserver.client.faults import Fault
from mockserver.client.findings import Finding, Summary
from mockserver.client.jobs import Job
from mockserver.client.journal import Match, Request
from mockserver.client.waiting import Found, Waited
from mockserver.client.webhooks import Delivery
from mockserver.webhook_inbox import ReceivedWebhook, WebhookInbox
from tests.client.conftest import submitted


def test_in_synchronous_code(mock: MockServer, inbox: WebhookInbox) -> None:
    job_id = submitted(mock, webhookUrl=inbox.url)
    assert_type(mock.clock.advance("10m"), Waited[datetime])
    assert_type(mock.clock.advance("1s").result(), datetime)
    assert_type(mock.jobs[job_id], Job)
    assert_type(mock.jobs[-1].status, str)
    assert_type(mock.jobs[:1], Sequence[Job])
    assert_type(mock.requests.wait(method="POST"), Found[Request])
    assert_type(mock.requests.wait(method="POST")[0], Request)
    assert_type(mock.requests[0], Request)
    assert_type(mock.requests.find(status="4xx"), list[Request])
    assert_type(mock.webhooks.wait(event="completed")[0], Delivery)
    assert_type(inbox.wait()[0], ReceivedWebhook)
    assert_type(mock.faults.add(respond=503), Fault)
    assert_type([finding for finding in mock.findings], list[Finding])  # noqa: C416 - what is tested
    assert_type(mock.summary(), Summary)
    assert_type(mock.team.credits, int)
    with mock.new_key(credits=40) as view:
        assert_type(view, KeyView)
    order: list[Match] = [{"method": "POST", "model": "flux-*"}]
    mock.expect_order(order)
    with Control(mock.url) as control:
        assert_type(control, Control)


async def test_in_asynchronous_code(mock: MockServer, inbox: WebhookInbox) -> None:
    job_id = submitted(mock, webhookUrl=inbox.url)
    assert_type(await mock.clock.advance("10m"), datetime)
    assert_type(await mock.requests.wait(method="POST"), list[Request])
    assert_type(await mock.webhooks.wait(job=job_id), list[Delivery])
    assert_type(await inbox.wait(), list[ReceivedWebhook])
    assert_type(await mock.webhooks.redeliver(mock.webhooks[0]), Delivery)
    async with MockServer() as other:
        assert_type(other, MockServer)


def test_what_has_another_type_is_told() -> None:
    with pytest.raises(TypeError, match="sped"):
        MockServer(sped=60)  # type: ignore[call-arg] # mypy has to complain, or complains of this line
