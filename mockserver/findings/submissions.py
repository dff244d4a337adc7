"""Submissions: what their Idempotency-Key stands for, and where their fields stand."""

from collections.abc import Iterable

from mockserver.core.catalog import MODEL, Catalog, Model
from mockserver.core.jsontext import encode, parse
from mockserver.core.messages import shortened
from mockserver.findings.book import Book
from mockserver.findings.clients import Client
from mockserver.findings.kinds import KEY_REUSED, KEY_WITH_OTHER_BODY, OPTIONS_FLAT
from mockserver.findings.recent import Recent
from mockserver.journal import Entry

REMEMBERED = 5000
PROMPT_S = 1.0
"""An answer that took longer may have come after the client's patience."""
ACCEPTED, INVALID, CLASH = 202, 400, 409
SHOWN_FIELDS = 10


Made = tuple[int, Client, bool]
"""The request that made a job, whose it is, and whether the answer surely reached the client: on time, and touched by
no fault. A plain tuple, because every submission makes one."""


class Submissions:
    """Looks at the jobs that are made and at the bodies that are refused."""

    def __init__(self, book: Book, catalog: Catalog) -> None:
        self._book, self._catalog = book, catalog
        self._made: Recent[str, Made] = Recent(REMEMBERED)
        self._first: Recent[tuple[str, str], int] = Recent(REMEMBERED)

    def maker(self, job_id: str) -> Client | None:
        """The client whose job it is."""
        made = self._made.get(job_id)
        return None if made is None else made[1]

    def accepted(self, client: Client, entry: Entry) -> None:
        """Remember a new job."""
        is_clean = entry.status == ACCEPTED and not entry.fired and entry.took_s < PROMPT_S
        self._made[entry.job_id] = (entry.number, client, is_clean)
        if entry.idempotency_key and entry.caller is not None:
            self._first[entry.caller.key.user_id, entry.idempotency_key] = entry.number

    def replayed(self, client: Client, entry: Entry, seen: int | None) -> None:
        """Judge a key that gave its job back; *seen* is the request that showed the client the job's end."""
        made = self._made.get(entry.job_id)
        if made is None or seen is None or entry.status != ACCEPTED or entry.fired:
            return
        first, _, is_clean = made
        if not is_clean:
            return
        told = (
            f"request {entry.number} sent the Idempotency-Key {_key(entry)} of request {first}, whose job "
            f"{entry.job_id} request {seen} had shown at its end; it got that job back and made no new one"
        )
        self._book.note(KEY_REUSED, client, entry.at, told, requests=(first, seen, entry.number))

    def refused(self, client: Client, entry: Entry) -> None:
        """Judge a submission that was refused."""
        if entry.status == CLASH and not entry.fired and entry.caller is not None:
            self._clashed(client, entry, entry.caller.key.user_id)
        elif entry.status == INVALID:
            self._misplaced(client, entry)

    def _clashed(self, client: Client, entry: Entry, user_id: str) -> None:
        first = self._first.get((user_id, entry.idempotency_key))
        if first is not None:
            told = (
                f"request {first} made a job with the Idempotency-Key {_key(entry)}; "
                f"request {entry.number} sent it with another body and was answered {CLASH}"
            )
            self._book.note(KEY_WITH_OTHER_BODY, client, entry.at, told, requests=(first, entry.number))

    def _misplaced(self, client: Client, entry: Entry) -> None:
        try:
            body = parse(entry.body).value
        except ValueError:
            return
        name = body.get(MODEL) if isinstance(body, dict) else None
        has_models = self._catalog.operations[entry.operation].choose == MODEL
        model = self._catalog.models[entry.operation].get(name) if has_models and isinstance(name, str) else None
        wrong = [] if model is None else misplaced(model, body)
        if wrong:
            told = f'request {entry.number} for "{name}" was refused: {"; ".join(wrong)}'
            self._book.note(OPTIONS_FLAT, client, entry.at, told, requests=(entry.number,))

    def clear(self) -> None:
        """Forget everything."""
        self._made.clear()
        self._first.clear()


def misplaced(model: Model, body: dict[str, object]) -> list[str]:
    """Fields of a body that the model knows in another place, in words."""
    top, options, own = (
        model.body_schema["properties"],
        model.parameters_schema.get("properties", {}),
        body.get(model.parameters_name),
    )
    found = []
    if flat := [name for name in body if name not in top and name in options]:
        found.append(f"{_names(flat)} beside {model.parameters_name} instead of in it")
    for name, value in body.items():
        if name not in top and isinstance(value, dict) and value and value.keys() <= options.keys():
            found.append(f"{_names(value)} in {_names([name])} instead of {model.parameters_name}")
    if isinstance(own, dict) and (sunk := [name for name in own if name in top and name not in options]):
        found.append(f"{_names(sunk)} in {model.parameters_name} instead of beside it")
    return found


def _names(names: Iterable[str]) -> str:
    shown = [encode(shortened(name)).decode() for name in names]
    rest = len(shown) - SHOWN_FIELDS
    return ", ".join(shown[:SHOWN_FIELDS]) + (f" and {rest} more" if rest > 0 else "")


def _key(entry: Entry) -> str:
    return encode(shortened(entry.idempotency_key)).decode()
