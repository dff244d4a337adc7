"""Whether there is a target at all: one clear line instead of a wall of failures."""

from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

from contract_tests.exchange import KEY_HEADER, Exchange
from contract_tests.target import Target

OK = 200


class CannotRun(Exception):
    """Nothing can be tested; the text says why and what to do."""


class Greeting(NamedTuple):
    """What a target says of itself."""

    models: Sequence[dict[str, Any]]
    """Its list of models; empty where it has none."""
    at: datetime
    """Its present, or ours where it says nothing."""


def check(target: Target) -> Greeting:
    """Make sure that the target answers, speaks this API and takes the key.

    Raises:
        CannotRun: it does not.
    """
    url = target.wire.base_url
    if not target.key:
        msg = f"{url} needs an API key: put it into APIFRAME_API_KEY, or into the variable that --key-env names"
        raise CannotRun(msg)
    exchange = target.wire.send("GET", "/v2/me", [(KEY_HEADER, target.key)])
    problem = _problem(exchange, url)
    if problem:
        raise CannotRun(problem)
    models = target.wire.send("GET", "/v2/models").fields.get("models")
    rows = [row for row in models if isinstance(row, dict)] if isinstance(models, list) else []
    return Greeting(rows, _instant(exchange.header("Date")))


def _instant(date: str | None) -> datetime:
    try:
        return parsedate_to_datetime(date or "")
    except ValueError:
        return datetime.now(UTC)


def _problem(exchange: Exchange, url: str) -> str:
    status = exchange.status or 0
    kind = (exchange.header("Content-Type") or "no content type")[:80]
    where = (exchange.header("Location") or "nowhere")[:200]
    refusal = exchange.fields.get("error")
    problems = {
        f"{url} does not answer: {exchange.error}": exchange.status is None,
        f"{url} answers with a redirect to {where}; name the address that answers itself": 300 <= status < 400,  # noqa: PLR2004
        f"{url} refuses the key: {status} {refusal!s:.200}; see --key-env": (
            status in (401, 403) and isinstance(refusal, str)
        ),
        f"{url} answers badly: GET /v2/me: {exchange.error}": bool(exchange.error),
        f"{url} speaks something else: GET /v2/me answered {status} with {kind}, no JSON object": not exchange.fields,
        f"{url} speaks something else: GET /v2/me answered {exchange.summary[:200]}": (
            status != OK or "user" not in exchange.fields
        ),
    }
    return next((problem for problem, holds in problems.items() if holds), "")
