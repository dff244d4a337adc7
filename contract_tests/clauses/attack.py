"""Hostile input and raw bytes, and the promises that hold for every answer to them; the ROBUST clauses work with it."""

import http.client
import io
import socket
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

from hypothesis.strategies import SearchStrategy

from contract_tests.clauses.headers import json_fault
from contract_tests.clauses.validation import RICH
from contract_tests.client import GENERATE
from contract_tests.contract import Body
from contract_tests.exchange import Exchange
from contract_tests.outcome import Aside, Inconclusive, Violation
from contract_tests.trial import BAD_REQUEST, OK, Trial

SERVER_ERROR = 500
PATIENCE_S = 2.0
"""How long raw bytes may stay without an answer."""
RAW = "RAW"
"""In place of a method, where the request was no HTTP that a client would send."""
T = TypeVar("T")


class _Hung(Aside):
    """No answer came; ends the check at once, since to shrink the input would cost a time-out for each step."""

    def __init__(self, violation: Violation) -> None:
        super().__init__(str(violation))
        self.violation = violation


class Attack:
    """Sends hostile input of one check, and holds every answer to the promises of all ROBUST clauses."""

    def __init__(self, trial: Trial) -> None:
        self.trial = trial
        self.client = trial.client(credits=RICH)
        self._is_drawing = False

    def answered(self, send: Callable[[], Exchange], *statuses: int) -> Exchange:
        """The answer, which has one of these statuses, or with none named one below 500; the server works after it.

        On a real endpoint the next hostile request shows that, and each check ends with an ordinary one.

        Raises:
            Violation: a promise is broken.
            _Hung: no answer came in time to something that was generated.
        """
        trial = self.trial
        try:
            exchange = send()
        except Inconclusive as silence:
            violation = trial.violation(Violation("an answer", str(silence), cause="no answer in time"))
            self.works()
            raise (_Hung(violation) if self._is_drawing else violation) from None
        self.judge(exchange, *statuses)
        if not trial.session.target.is_paid:
            self.works()
        return exchange

    def judge(self, exchange: Exchange, *statuses: int) -> None:
        """Hold one answer to the promises."""
        require, seen = self.trial.require, shown(exchange)
        if statuses:
            wanted = " or ".join(map(str, statuses))
            require(exchange.status in statuses, f"status {wanted}", seen, cause=f"not {wanted}")
        require((exchange.status or 0) < SERVER_ERROR, "a status below 500", seen, cause="a server error")
        if exchange.status is not None:
            fault = json_fault(exchange)
            require(fault is None, "an answer in JSON", seen, cause=fault or "")
            is_told = exchange.status < BAD_REQUEST or isinstance(exchange.fields.get("error"), str)
            require(is_told, "a text `error`", seen, cause="no error text")

    def works(self) -> None:
        """An ordinary request on the same connection, or where that was closed on a new one, is served."""
        answer = self.client.send("GET", "/v2/models")
        self.trial.require(answer.status == OK, "the next request to be served", answer, cause="the server was harmed")

    def body(self, raw: bytes, *statuses: int, path: str = GENERATE) -> Exchange:
        """Submit these bytes as JSON."""
        return self.answered(lambda: self.client.send("POST", path, body=raw), *statuses)

    def each(self, strategy: SearchStrategy[T], check: Callable[[T], None]) -> None:
        """As Trial.each; a hang ends it, and an ordinary request follows.

        Raises:
            Violation: a promise is broken.
        """
        self._is_drawing = True
        try:
            self.trial.each(strategy, check)
        except _Hung as hung:
            raise hung.violation from None
        finally:
            self._is_drawing = False
        self.works()

    def noted(self, name: str, send: Callable[[], Exchange]) -> None:
        """Record the status of an answer, whatever it is."""
        try:
            exchange = send()
            seen: Any = exchange.status if exchange.status is not None else f"no answer: {exchange.error}"
        except Inconclusive:
            seen = "no answer in time"
        self.trial.record(name, seen)

    @property
    def base(self) -> Body:
        """What hostile input is put into: a valid body where jobs are free, else one that is refused in any case."""
        whole = self.trial.body()
        return whole if self.trial.session.target.levers is not None else {"model": whole["model"]}

    def raw(self, data: bytes) -> Exchange:
        """The first answer to bytes on a connection of their own; an exchange without a status where none came."""
        return self.read(data, self.taken(data))

    def taken(self, data: bytes, *, half_close: bool = False) -> bytes:
        """All that comes back to these bytes."""
        try:
            return self.trial.session.target.wire.raw(data, half_close=half_close, wait_s=PATIENCE_S)
        except OSError as error:
            self.trial.session.note("open a connection", str(error))
            return b""

    def read(self, sent: bytes, taken: bytes) -> Exchange:
        """What came on a socket as an exchange, noted in the trace."""
        line = sent[:80].partition(b"\r\n")[0].decode("latin-1")
        exchange = answer_in(taken)
        self.trial.session.note(f"raw bytes: {line}", exchange.summary)
        return exchange

    def head(self, method: str, path: str, *lines: bytes) -> bytes:
        """The start of a request without a key, which can cost nothing; ends before the empty line."""
        wire = self.trial.session.target.wire
        start = f"{method} {wire.prefix}{path} HTTP/1.1\r\nHost: {wire.authority}\r\n".encode("latin-1")
        return start + b"".join(line + b"\r\n" for line in lines)


class _Received(NamedTuple):
    """Bytes in place of a socket, as http.client wants one."""

    data: bytes

    def makefile(self, *_: Any) -> io.BytesIO:
        return io.BytesIO(self.data)


def shown(exchange: Exchange) -> str | Exchange:
    """What a violation shows: raw bytes are in the trace, and no line of curl could repeat them."""
    return exchange.summary if exchange.method == RAW else exchange


def answer_in(taken: bytes) -> Exchange:
    """An exchange with the first answer that stands in these bytes."""
    exchange = Exchange(RAW, "", "/v2/", (), None)
    response = http.client.HTTPResponse(cast("socket.socket", _Received(taken)))
    try:
        response.begin()
        exchange.status, exchange.answer_headers = response.status, tuple(response.getheaders())
        exchange.answer = response.read()
    except (http.client.HTTPException, ValueError, OSError) as error:
        exchange.error = "closed without an answer" if not taken else f"no whole answer: {type(error).__name__}"
    return exchange
