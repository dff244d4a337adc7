"""What a test asked of the mock, as text for people."""

import json
from collections.abc import Iterator
from typing import Any

from mockserver.client.control import Control
from mockserver.client.journal import Request

MOST_REQUESTS, MOST_OTHERS = 50, 10
MOST_OF_A_BODY = 400


def told(control: Control, *, with_findings: bool = True) -> str:
    """Its requests with their bodies, its webhooks, and what was found; the newest, where there are many."""
    requests = list(control.requests)
    lines = [f"({len(requests) - MOST_REQUESTS} more before)"] if len(requests) > MOST_REQUESTS else []
    for request in requests[-MOST_REQUESTS:]:
        lines += _lines(request)
    lines = lines or ["no request with this key has come"]
    strays = control.requests.strays()
    if strays:
        lines.append("with another key, or none:")
        for request in strays[-MOST_OTHERS:]:
            lines += _lines(request)
    webhooks = list(control.webhooks)
    if webhooks:
        lines += ["webhooks:", *(f"  {delivery}" for delivery in webhooks[-MOST_REQUESTS:])]
    return "\n".join([*lines, *(findings_told(control) if with_findings else [])])


def findings_told(control: Control) -> list[str]:
    """What was found, with evidence and advice; no line for nothing."""
    found = list(control.findings)
    return ["findings:", *(f"  {line}" for finding in found for line in str(finding).split("\n"))] if found else []


def _lines(request: Request) -> Iterator[str]:
    faults = f", faults: {', '.join(request.faults)}" if request.faults else ""
    findings = f", findings: {', '.join(request.findings)}" if request.findings else ""
    yield f"{request} in {1000 * request.seconds:.1f} ms{faults}{findings}"
    if request.body is not None:
        yield f"    sent:     {_shortened(request.body)}"
    if request.answer is not None:
        yield f"    answered: {_shortened(request.answer)}"


def _shortened(body: Any) -> str:
    text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
    text = " ".join(text.split())
    return text if len(text) <= MOST_OF_A_BODY else f"{text[:MOST_OF_A_BODY]}… ({len(text)} characters)"
