"""The journal of requests, read from Python."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, TypedDict, Unpack

from mockserver.client.cutter import Cutter
from mockserver.client.live import Live
from mockserver.client.values import Headers, Span, instant, seconds, span_text
from mockserver.client.waiting import Found, found
from mockserver.client.wire import CONFLICT, ControlError, Wire

__tracebackhide__ = True  # pytest shows the line of the test instead
ALL = 10_000
"""As many as the mock gives at once."""
FAR = 10**9
"""A number beyond every entry's."""


class Match(TypedDict, total=False):
    """Which requests are meant: all of it has to fit. `*` in a text stands for any text; see docs/control.md."""

    method: str
    path: str
    operation: str
    model: str
    key: str
    prompt: str
    status: int | str
    job: str
    body: Any
    headers: Mapping[str, str]
    fault: str


@dataclass(frozen=True, slots=True)
class Request:
    """One request to the imitated API, and its answer."""

    number: int
    at: datetime
    """On the mock's clock."""
    seconds: float
    """How long it took, in real time."""
    id: str
    """The answer's `x-request-id`."""
    method: str
    path: str
    """With the query."""
    operation: str | None
    """Such as `images.generate`; none where the API has nothing."""
    key: str | None
    """What may be shown of a known API key."""
    headers: Headers
    body: Any
    """The JSON value, or the text."""
    status: int | None
    """None where the connection was dropped."""
    answer_headers: Headers
    answer: Any
    """The answer's JSON value, or its text; none for pictures."""
    job_id: str | None
    is_replay: bool
    """Whether an Idempotency-Key gave an old job back."""
    credits: int
    """What it took."""
    faults: Sequence[str]
    """The rules that fired."""
    findings: Sequence[str]
    """What is wrong with it, by id."""

    def __str__(self) -> str:
        return f"#{self.number} {self.method} {self.path} -> {self.status or 'no answer'}"


class _Asked(NamedTuple):
    """An answer of GET /_mock/requests."""

    requests: list[Request]
    last: int
    timed_out: bool


class Requests(Live[Request]):
    """What the journal holds, oldest first; of a view of one key, the requests with this key."""

    def __init__(self, wire: Wire, scope: str, since: int = 0) -> None:
        self._wire, self._scope, self._since = wire, scope, since

    def find(self, **match: Unpack[Match]) -> list[Request]:
        """Those that fit.

        Raises:
            ControlError: the match will not do; the text says what would.
        """
        return self._asked(self._query(match)).requests

    def wait(self, *, count: int = 1, timeout: Span = 5.0, **match: Unpack[Match]) -> Found[Request]:
        """Wait until so many that fit are there, those of before included; all that fit then.

        Raises:
            TimeoutError: fewer came within so many real seconds; the text shows the nearest misses.
            ControlError: the match will not do.
        """
        patience_s = seconds(timeout)
        query = {**self._query(match), "count": count, "wait": span_text(patience_s)}

        def wait(cutter: Cutter) -> list[Request]:
            asked = self._asked(query, patience_s, cutter)
            if asked.timed_out or len(asked.requests) < count:
                problem = self.mismatch(match, {"min": count}) or "the last one came a moment too late"
                msg = f"within {patience_s:g} s: {problem}"
                raise TimeoutError(msg)
            return asked.requests

        return found("requests.wait()", wait)

    def strays(self) -> list[Request]:
        """Those without a known key: a view of one key does not show them."""
        query = {"limit": ALL, "since": self._since}
        return [request for request in self._asked(query).requests if request.key is None]

    def clear(self) -> None:
        """Forget them; of a view of one key, look only at those that come from now on."""
        if self._scope:
            self._since = self.last
        else:
            self._wire.ask("DELETE", "requests")

    @property
    def last(self) -> int:
        """The number of the newest request of any key; 0 before the first."""
        return self._asked({"since": FAR, "limit": 0}).last

    def har(self, **match: Unpack[Match]) -> dict[str, Any]:
        """Those that fit, as HTTP Archive 1.2."""
        query = {name: value for name, value in self._query(match).items() if name != "limit"}
        archive: dict[str, Any] = self._wire.ask("GET", "requests.har", query=query)
        return archive

    def mismatch(
        self, match: Mapping[str, Any], count: int | Mapping[str, int], wait: str = "0s", cutter: Cutter | None = None
    ) -> str:
        """Why the requests that fit are not as many as wanted, with the nearest misses; empty where they are."""
        return self._unmet({"match": match, "count": count, "wait": wait}, cutter)

    def disorder(self, matches: Sequence[Mapping[str, Any]], wait: str, cutter: Cutter | None = None) -> str:
        """Why requests did not come in this order; empty where they did."""
        return self._unmet({"order": matches, "wait": wait}, cutter)

    def _unmet(self, body: dict[str, Any], cutter: Cutter | None) -> str:
        part = {"since": self._since, **({"key": self._scope} if self._scope else {})}
        try:
            patience_s = seconds(body["wait"])
            self._wire.ask("POST", "requests/verify", {**body, **part}, patience_s=patience_s, cutter=cutter)
        except ControlError as error:
            if error.status != CONFLICT:
                raise
            return str(error.problem["detail"])
        return ""

    def _query(self, match: Mapping[str, Any]) -> dict[str, Any]:
        fields = {name: json.dumps(value) if name in ("body", "headers") else value for name, value in match.items()}
        fields = {"key": self._scope, **fields} if self._scope else fields
        return {**fields, "limit": ALL, **({"since": self._since} if self._since else {})}

    def _asked(self, query: Mapping[str, Any], patience_s: float = 0.0, cutter: Cutter | None = None) -> _Asked:
        asked = self._wire.ask("GET", "requests", query=query, patience_s=patience_s, cutter=cutter)
        return _Asked([request_of(row) for row in asked["requests"]], asked["last"], asked["timedOut"])

    def _rows(self) -> list[Request]:
        return self.find()


def request_of(row: Mapping[str, Any]) -> Request:
    """A request from its JSON form."""
    answer = row["answer"] or {"status": None, "headers": {}, "body": None}
    return Request(
        number=row["number"],
        at=instant(row["at"]),
        seconds=row["seconds"],
        id=row["id"],
        method=row["method"],
        path=row["path"],
        operation=row["operation"],
        key=row["key"] and row["key"]["prefix"],
        headers=Headers(row["request"]["headers"]),
        body=row["request"]["body"],
        status=answer["status"],
        answer_headers=Headers(answer["headers"]),
        answer=answer["body"],
        job_id=row["jobId"],
        is_replay=row["replayed"],
        credits=row["credits"],
        faults=tuple(row["faults"]),
        findings=tuple(row["findings"]),
    )
