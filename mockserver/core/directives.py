"""Orders that a prompt carries in double square brackets, for programs that cannot reach the control plane."""

import re
from typing import NamedTuple

from mockserver.core.durations import duration_s

DEFAULT_ERROR = "Provider returned an error: content policy violation"
STATUSES = (400, 401, 402, 403, 404, 409, 429, 500, 503)
WEBHOOK_ORDERS = ("drop", "lose-final", "duplicate", "reorder", "bad-signature", "replayed-signature", "respelled")
_FORM = re.compile(r"\[\[([^\[\]]{1,500})\]\]")


class Directives(NamedTuple):
    """What the prompt orders; the defaults order nothing."""

    error: str | None = None
    """Fail with this text."""
    processing_s: float | None = None
    is_stuck: bool = False
    is_instant: bool = False
    is_cancelled: bool = False
    status: int | None = None
    """Refuse the submission with this HTTP status."""
    webhook: str = ""
    """What goes wrong with the job's webhooks: one of `WEBHOOK_ORDERS`, or nothing."""
    webhook_late_s: float = 0.0
    queued_s: float | None = None
    """How long it waits before it starts; by a fault rule only, as is the factor."""
    factor: float = 1.0
    """By which its typical time is multiplied."""


NONE = Directives()


def read(prompt: str) -> Directives:
    """Collect the directives of a prompt; what is not one is plain text. Of a directive given twice, the last."""
    found = NONE
    if "[[" in prompt:
        for match in _FORM.finditer(prompt):
            found = _obey(found, match[1].strip())
    return found


def _obey(found: Directives, text: str) -> Directives:
    name, colon, rest = (part.strip() for part in text.partition(":"))
    match name.lower().split():
        case ["fail"]:
            found = found._replace(error=rest or DEFAULT_ERROR)
        case ["slow", span] if not colon:
            found = found._replace(processing_s=_seconds(span, found.processing_s))
        case ["stuck"] if not colon:
            found = found._replace(is_stuck=True)
        case ["instant"] if not colon:
            found = found._replace(is_instant=True)
        case ["cancel"] if not colon:
            found = found._replace(is_cancelled=True)
        case ["status", digits] if not colon and digits in map(str, STATUSES):
            found = found._replace(status=int(digits))
        case ["webhook"]:
            found = _obey_webhook(found, rest.lower().split())
        case _:
            pass
    return found


def _obey_webhook(found: Directives, words: list[str]) -> Directives:
    match words:
        case [order] if order in WEBHOOK_ORDERS:
            return found._replace(webhook=order)
        case ["late", span]:
            return found._replace(webhook_late_s=_seconds(span, found.webhook_late_s) or 0.0)
        case _:
            return found


def _seconds(text: str, otherwise: float | None) -> float | None:
    try:
        return duration_s(text)
    except ValueError:
        return otherwise
