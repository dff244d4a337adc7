"""Mocks in this process and a program that uses them, in plain synchronous code."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from mockserver import Control, MockServer
from mockserver.webhook_inbox import WebhookInbox, WebhookInboxes

MODEL, COST = "flux-2-pro", 6


@pytest.fixture
def mock() -> Iterator[MockServer]:
    with MockServer(seed=7) as server:
        yield server


@pytest.fixture
def inboxes() -> Iterator[WebhookInboxes]:
    with WebhookInboxes() as open_ones:
        yield open_ones


@pytest.fixture
def inbox(mock: MockServer, inboxes: WebhookInboxes) -> WebhookInbox:
    return inboxes.open(mock.key)


def asked(control: Control, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
    """What the imitated API answers to the control's key: status and JSON."""
    raw = None if body is None else json.dumps(body).encode()
    sent = {"X-API-Key": control.key, "Content-Type": "application/json", **headers}
    request = urllib.request.Request(control.url + path, raw, sent, method=method)  # noqa: S310 - our own server
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 - as above
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, json.load(refusal)


def submitted(control: Control, prompt: str = "a fox", **more: Any) -> str:
    """The id of a new job."""
    status, answer = asked(control, "POST", "/v2/images/generate", {"model": MODEL, "prompt": prompt, **more})
    assert status == 202, answer
    job_id: str = answer["jobId"]
    return job_id
