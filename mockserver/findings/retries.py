"""How clients go on after a refusal or a failure: too early, without a key or a look, or as stubborn as before."""

from collections.abc import Sequence

from mockserver.core.jobs import TRAINING
from mockserver.findings.book import Book
from mockserver.findings.clients import Client, Trouble, form_bytes, sent, work_of
from mockserver.findings.kinds import LORA_RETRIED_BLINDLY, REFUSAL_RETRIED, RETRY_AFTER_IGNORED, RETRY_WITHOUT_KEY
from mockserver.journal import Entry

RETRY_S = 60.0
"""What is equal and comes this much later is new work."""
STUBBORN_S = 30.0
"""A refused request that is repeated this much later may be somebody's second thought."""
IN_FLIGHT_S = 1.0
"""Other requests may have been on their way when the client was told to wait."""
EARLY_S = 0.1
"""Timers may be this much early."""
LONGEST_WAIT_S = 3600.0
REMEMBERED = 16
"""Troubles of one client."""
OK, FIRST_REFUSAL, TOO_MANY, UNAVAILABLE = 200, 400, 429, 503
LIST_OF_LORAS = "loras.list"
ALLOWED_AGAIN = frozenset({408, 409, 425, TOO_MANY})
"""Refusals that time may heal, and 409, which is a finding of its own."""


class Retries:
    """Looks at requests of clients that are in trouble, and at those that get them there."""

    def __init__(self, book: Book, submissions: frozenset[str]) -> None:
        self._book, self._submissions = book, submissions

    def look(self, client: Client, entry: Entry) -> None:
        """Judge a request by the troubles before it, then remember its own."""
        work, key = work_of(entry), sent(entry, b"idempotency-key")
        kept: list[Trouble] = []
        waits: list[Trouble] = []
        again: list[Trouble] = []
        for each in client.troubles:
            if each.elapsed_s(entry) >= max(RETRY_S, each.retry_after_s):
                continue
            if entry.began_s < each.ended_s:  # it was under way before the client knew
                kept.append(each)
                continue
            if each.retry_after_s and _binds(each, entry, work, key):
                waits.append(each)
            if each.work == work:
                again.append(each)
            elif each.operation != entry.operation or each.is_failure or each.retry_after_s:
                kept.append(each)
        if waits:
            self._early(client, entry, waits[-1])
        if again:
            self._unkeyed(client, entry, key, again)
            self._stubborn(client, entry, [each for each in again if each.key == key])
        else:
            if entry.operation == TRAINING:
                self._blind(client, entry, kept)
            self._pass(kept, entry)
        client.troubles = kept[-REMEMBERED:]
        self._remember(client, entry, work, key)

    def _early(self, client: Client, entry: Entry, wait: Trouble) -> None:
        told = (
            f"request {wait.number} was answered {wait.status} with Retry-After: {wait.retry_after_s:g}; "
            f"request {entry.number} came {wait.elapsed_s(entry):.2f} s later"
        )
        self._book.note(RETRY_AFTER_IGNORED, client, entry.at, told, requests=(wait.number, entry.number))

    def _unkeyed(self, client: Client, entry: Entry, key: bytes, again: Sequence[Trouble]) -> None:
        failed = [each for each in again if each.is_failure and not each.is_passed]
        if key or not failed or entry.operation not in self._submissions:
            return
        first = failed[-1]
        told = (
            f"request {first.number} {_ending(first)}; request {entry.number} sent the same body again "
            f"{first.elapsed_s(entry):.2f} s later, without an Idempotency-Key"
        )
        self._book.note(RETRY_WITHOUT_KEY, client, entry.at, told, requests=(first.number, entry.number))

    def _blind(self, client: Client, entry: Entry, troubles: Sequence[Trouble]) -> None:
        """Of forms nothing but the size tells whether they are the same."""
        size = form_bytes(entry)
        failed = [
            each
            for each in troubles
            if each.operation == TRAINING
            and each.is_failure
            and not each.is_passed
            and each.form_bytes == size > 0
            and entry.began_s >= each.ended_s
        ]
        if not failed:
            return
        first = failed[-1]
        told = (
            f"request {first.number}, {entry.method} {entry.path[:100]}, {_ending(first)}; request {entry.number} sent "
            f"a form of the same size {first.elapsed_s(entry):.2f} s later, without a look at the list"
        )
        self._book.note(LORA_RETRIED_BLINDLY, client, entry.at, told, requests=(first.number, entry.number))

    def _stubborn(self, client: Client, entry: Entry, again: Sequence[Trouble]) -> None:
        refused = [each for each in again if not each.is_failure and each.status not in ALLOWED_AGAIN]
        if not refused:
            return
        first = refused[-1]
        is_same = first.is_ordered or entry.status == first.status
        if not is_same or first.elapsed_s(entry) >= STUBBORN_S:
            return
        told = (
            f"request {first.number}, {entry.method} {entry.path[:100]}, was answered {first.status}; "
            f"request {entry.number} is the same, {first.elapsed_s(entry):.2f} s later"
        )
        self._book.note(REFUSAL_RETRIED, client, entry.at, told, requests=(first.number, entry.number))

    def _pass(self, troubles: Sequence[Trouble], entry: Entry) -> None:
        """Note that the client has turned to other work, or has looked what became of it."""
        cleared = entry.operation
        if cleared == LIST_OF_LORAS and entry.status == OK:
            cleared = TRAINING
        elif cleared != TRAINING and cleared not in self._submissions:
            return
        for each in troubles:
            if each.operation == cleared and entry.began_s >= each.ended_s:
                each.is_passed = True

    def _remember(self, client: Client, entry: Entry, work: bytes, key: bytes) -> None:
        status = entry.status
        if status is not None and status < FIRST_REFUSAL:
            return
        retry_after_s = _retry_after_s(entry) if status in (TOO_MANY, UNAVAILABLE) else 0.0
        trouble = Trouble(entry, work, key, retry_after_s)
        is_paid = entry.operation in self._submissions or entry.operation == TRAINING
        if retry_after_s or not trouble.is_failure or is_paid:
            client.troubles.append(trouble)


def _binds(trouble: Trouble, entry: Entry, work: bytes, key: bytes) -> bool:
    """Whether the request should have waited: the refused one always, after a 429 every other of its operation too."""
    if trouble.operation != entry.operation or trouble.elapsed_s(entry) >= trouble.retry_after_s - EARLY_S:
        return False
    if trouble.work == work and trouble.key == key:
        return True
    return trouble.status == TOO_MANY and entry.began_s - trouble.ended_s > IN_FLIGHT_S


def _ending(trouble: Trouble) -> str:
    return "got no answer" if trouble.status is None else f"was answered {trouble.status}"


def _retry_after_s(entry: Entry) -> float:
    """The seconds that the answer says; 0 for none, or for a date, which says nothing on a clock that is moved."""
    for name, value in entry.answer_headers:
        if name.lower() == "retry-after":
            text = value.strip()
            return min(float(text), LONGEST_WAIT_S) if text.isascii() and text.isdecimal() else 0.0
    return 0.0
