"""Webhook deliveries, read and sent again from Python."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mockserver.client.cutter import Cutter
from mockserver.client.live import Live
from mockserver.client.values import Headers, Span, instant, seconds, span_text, without_none
from mockserver.client.waiting import Found, Waited, found, waited
from mockserver.client.wire import Wire, escaped

__tracebackhide__ = True  # pytest shows the line of the test instead


@dataclass(frozen=True, slots=True)
class Attempt:
    """One HTTP try of a delivery."""

    number: int
    """From 1."""
    at: datetime
    """On the mock's clock."""
    seconds: float
    """How long it took, in real time."""
    url: str
    headers: Headers
    body: Any
    """The JSON value that was sent."""
    status: int | None
    """What the receiver answered; none where no answer came."""
    answer: str
    """The start of the answer's body."""
    error: str | None
    """Why it does not count as delivered."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event of one job for its webhook address."""

    id: str
    job_id: str
    event: str
    """`progress`, `completed` or `failed`."""
    status: str
    """`pending`, `delivered` or `failed`."""
    event_at: datetime
    due_at: datetime | None
    """When the next attempt is due; none where there will be none."""
    attempts: Sequence[Attempt]

    def __str__(self) -> str:
        last = self.attempts[-1] if self.attempts else None
        said = "not tried yet" if last is None else last.error or f"answered {last.status}"
        return f"{self.event} of job {self.job_id}: {self.status}, {said}"


class Webhooks(Live[Delivery]):
    """Every delivery, pending ones included; of a view of one key, those that this key's requests asked for."""

    def __init__(self, wire: Wire, scope: str) -> None:
        self._wire, self._scope = wire, scope

    def find(self, *, job: str | None = None, event: str | None = None, status: str | None = None) -> list[Delivery]:
        """Those of a job, of an event, of a status."""
        return self._asked(self._query(job, event, status))

    def wait(
        self, *, job: str | None = None, event: str | None = None, count: int = 1, timeout: Span = 5.0
    ) -> Found[Delivery]:
        """Wait until so many that fit have been tried, those of before included; all that fit and were tried.

        Raises:
            TimeoutError: fewer were tried within so many real seconds; the text shows what there is.
        """
        patience_s = seconds(timeout)
        query = {**self._query(job, event), "count": count, "wait": span_text(patience_s)}

        def wait(cutter: Cutter) -> list[Delivery]:
            known = self._asked(query, patience_s, cutter)
            tried = [delivery for delivery in known if delivery.attempts]
            if len(tried) < count:
                raise TimeoutError(self._why(query, len(tried), patience_s))
            return tried

        return found("webhooks.wait()", wait)

    def redeliver(self, delivery: Delivery | str) -> Waited[Delivery]:
        """Send an event again; the delivery after the attempt.

        Raises:
            ControlError: there is no such delivery, or its event has not come yet.
        """
        lever = f"webhooks/{escaped(delivery if isinstance(delivery, str) else delivery.id)}/redeliver"
        return waited("webhooks.redeliver()", lambda cutter: delivery_of(self._wire.ask("POST", lever, cutter=cutter)))

    def _why(self, query: Mapping[str, Any], tried: int, patience_s: float) -> str:
        meant = ", ".join(f"{name} {query[name]}" for name in ("job", "event") if name in query) or "any"
        clock = self._wire.ask("GET", "clock")
        shown = f"the clock shows {clock['now']}" + (" and stands still" if clock["frozen"] else "")
        known = "\n".join(f"  {each}, due {each.due_at or 'never'}" for each in self._rows())
        rest = f"\nthere are:\n{known}" if known else "\nno job asks for webhooks"
        return f"within {patience_s:g} s, {tried} of {query['count']} webhooks ({meant}) were tried; {shown}{rest}"

    def _query(self, job: str | None = None, event: str | None = None, status: str | None = None) -> dict[str, Any]:
        return without_none({"key": self._scope or None, "job": job, "event": event, "status": status})

    def _asked(self, query: Mapping[str, Any], patience_s: float = 0.0, cutter: Cutter | None = None) -> list[Delivery]:
        asked = self._wire.ask("GET", "webhooks", query=query, patience_s=patience_s, cutter=cutter)
        return [delivery_of(row) for row in asked["deliveries"]]

    def _rows(self) -> list[Delivery]:
        return self.find()


def delivery_of(row: Mapping[str, Any]) -> Delivery:
    """A delivery from its JSON form."""
    return Delivery(
        id=row["id"],
        job_id=row["jobId"],
        event=row["event"],
        status=row["status"],
        event_at=instant(row["eventAt"]),
        due_at=None if row["nextAttemptAt"] is None else instant(row["nextAttemptAt"]),
        attempts=tuple(_attempt_of(each) for each in row["attempts"]),
    )


def _attempt_of(row: Mapping[str, Any]) -> Attempt:
    sent, answer = row["request"], row["answer"] or {"status": None, "body": ""}
    return Attempt(
        number=row["number"],
        at=instant(row["at"]),
        seconds=row["seconds"],
        url=sent["url"],
        headers=Headers(sent["headers"]),
        body=json.loads(sent["body"]) if sent["body"] else None,
        status=answer["status"],
        answer=answer["body"],
        error=row["error"],
    )
