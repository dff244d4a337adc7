"""How webhook receivers answer."""

from mockserver.clock import Clock
from mockserver.core.deliveries import Attempt, Delivery
from mockserver.core.jobs import Job, Webhook
from mockserver.core.messages import shortened
from mockserver.core.signing import Scheme
from mockserver.findings.book import Book
from mockserver.findings.clients import Client
from mockserver.findings.kinds import (
    WEBHOOK_BAD_SIGNATURE_ACCEPTED,
    WEBHOOK_REDIRECT,
    WEBHOOK_RESPELLED_ACCEPTED,
    WEBHOOK_SIGNATURE_REJECTED,
    WEBHOOK_SLOW,
)
from mockserver.findings.recent import Recent

REMEMBERED = 1000
SLOW_S = 5.0
FALSE_SIGNATURES = {
    "bad-signature": "a signature with a changed digit",
    "replayed-signature": "the signature of an earlier event",
}
RESPELLED = "respelled"
_TIMED_OUT = "no answer within"
_REFUSALS = (401, 403)
_KEYS = {"hex": "hex text", "raw": "32 bytes"}


class Receivers:
    """Looks at attempts of deliveries; *scheme* is how the mock signs."""

    def __init__(self, book: Book, clock: Clock, scheme: Scheme) -> None:
        self._book, self._clock, self._scheme = book, clock, scheme
        self._trusted: Recent[tuple[str, str], bool] = Recent(REMEMBERED)

    def look(self, client: Client, job: Job, delivery: Delivery, attempt: Attempt) -> None:
        """Judge one attempt."""
        hook = job.webhook
        if hook is None:
            return
        self._slow(client, delivery, attempt)
        status = attempt.status or 0
        if 300 <= status < 400:  # noqa: PLR2004 - redirects
            self._book.note(WEBHOOK_REDIRECT, client, attempt.at, f"answered {status}", delivery=delivery.id)
        elif attempt.error is None:
            self._accepted(client, hook, delivery, attempt)
        elif hook.order not in FALSE_SIGNATURES and hook.order != RESPELLED:
            self._refused(client, hook, delivery, attempt)

    def _slow(self, client: Client, delivery: Delivery, attempt: Attempt) -> None:
        real_s = 0.0 if self._clock.is_frozen else attempt.took_s / self._clock.speed
        if (attempt.error or "").startswith(_TIMED_OUT):
            told = attempt.error or ""
        elif real_s >= SLOW_S:
            told = f"answered {attempt.status} after {real_s:.1f} s"
        else:
            return
        self._book.note(WEBHOOK_SLOW, client, attempt.at, told, delivery=delivery.id)

    def _accepted(self, client: Client, hook: Webhook, delivery: Delivery, attempt: Attempt) -> None:
        if hook.order not in FALSE_SIGNATURES and hook.order != RESPELLED:
            self._trusted[hook.digest, hook.url] = True
            return
        answered = f"answered {attempt.status} to attempt {attempt.number}"
        if hook.order in FALSE_SIGNATURES:
            told = f"{answered}, which carried {FALSE_SIGNATURES[hook.order]}"
            self._book.note(WEBHOOK_BAD_SIGNATURE_ACCEPTED, client, attempt.at, told, delivery=delivery.id)
        else:
            told = f"{answered}, whose JSON was equal to the signed one and spelled in other bytes"
            self._book.note(WEBHOOK_RESPELLED_ACCEPTED, client, attempt.at, told, delivery=delivery.id)

    def _refused(self, client: Client, hook: Webhook, delivery: Delivery, attempt: Attempt) -> None:
        """A receiver that took a signature of this key before refuses for another reason."""
        speaks_of_it = attempt.status == 400 and "signat" in attempt.answer.lower()  # noqa: PLR2004 - a vague refusal
        if (attempt.status not in _REFUSALS and not speaks_of_it) or self._trusted.get((hook.digest, hook.url)):
            return
        other: Scheme = "raw" if self._scheme == "hex" else "hex"
        said = f' "{shortened(attempt.answer)}"' if attempt.answer else ""
        told = (
            f"answered {attempt.status}{said} to attempt {attempt.number}, whose signature is true with the "
            f"{_KEYS[self._scheme]} of the key's SHA-256 as HMAC key; "
            f"if the receiver takes its {_KEYS[other]}, start the mock with --webhook-signing {other}"
        )
        self._book.note(WEBHOOK_SIGNATURE_REJECTED, client, attempt.at, told, delivery=delivery.id)

    def clear(self) -> None:
        """Forget everything."""
        self._trusted.clear()
