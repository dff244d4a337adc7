"""Answers requests once all that arrived is read, without a task, as long as they wait for nothing but futures.

Whatever is not ordinary goes aiohttp's way, which begins with the queue of messages that its task looks at: before a
handler was begun, or after, with what became of it so far (docs/decisions/0009).
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple

from aiohttp import web
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http import HttpRequestParser, RawRequestMessage
from aiohttp.streams import StreamReader

from mockserver.abreast import ABREAST
from mockserver.http.answers import Answer
from mockserver.http.begun import Begun
from mockserver.http.connection import Connection, OnMalformed
from mockserver.http.heads import UNKNOWN, Heads
from mockserver.http.request import Request

log = logging.getLogger(__name__)

Begin = Callable[[RawRequestMessage, StreamReader, Connection], Request]
"""Makes a request of what was read."""
Handle = Callable[[Request], Coroutine[Any, Any, Answer]]
SENT_AT_ONCE = 32
"""Answers that wait for each other."""
AT_ONCE_BYTES = 0x10000
"""Of a larger answer aiohttp waits until the client has taken it."""

# What is read or set here beside what aiohttp documents. Where a release has another, there are no prompt answers.
_OF_CONNECTIONS = {
    "_close",  # nothing is to be answered any more
    "_force_close",
    "_keepalive_timeout",  # seconds of silence after which it closes
    "_next_keepalive_close_time",  # when the timer, which is always there, is to close it
    "_keepalive_handle",  # that timer
    "_messages",  # heads with their bodies, which the task looks at when it is woken
    "_parser",
    "_paused",  # whether the client is slow in taking what was sent
    "_request_count",  # of requests that were read
    "_upgraded",  # whether what follows is no HTTP
    "_waiter",  # a future while the task waits for messages, else none; it is woken when a message has been read
}
IS_POSSIBLE = {*web.RequestHandler.__slots__, *BaseProtocol.__slots__} >= _OF_CONNECTIONS and hasattr(
    HttpRequestParser, "message_consumed"
)
"""Whether this release of aiohttp has what is needed."""


class _Held(NamedTuple):
    """A request under way, and what belongs to it."""

    message: Any
    body: StreamReader
    request: Request
    running: Coroutine[Any, Any, Answer]
    waiter: asyncio.Future[None]
    """Of the connection's task, which sleeps meanwhile."""


class Line:
    """Connections that have read a request each, in the order of their turns.

    All that has arrived is read first, answered then, side by side (`abreast`), and sent at the end: the processor
    keeps at hand what one kind of work needs, and all kinds by turns, two of them in the system, would drive each other
    out.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: list[tuple[PromptConnection, asyncio.Future[None]]] = []
        self._answered: list[tuple[PromptConnection, _Held, Answer]] = []

    def add(self, connection: "PromptConnection", waiter: "asyncio.Future[None]") -> None:
        """Let a connection have its turn once all that is ready has been read; it gets its *waiter* back then."""
        self._waiting.append((connection, waiter))
        if len(self._waiting) == 1:
            self._loop.call_soon(self._serve)

    def send(self, connection: "PromptConnection", held: _Held, answer: Answer) -> None:
        """Send an answer together with those of others, in this turn of the event loop or at the start of the next."""
        self._answered.append((connection, held, answer))
        if len(self._answered) == 1:
            self._loop.call_soon(self._send)

    def _serve(self) -> None:
        waiting, self._waiting = self._waiting, []
        for start in range(0, len(waiting), SENT_AT_ONCE):
            running: list[tuple[PromptConnection, _Held]] = []
            for connection, waiter in waiting[start : start + SENT_AT_ONCE]:
                held = connection.begin(waiter)
                if held is not None:
                    running.append((connection, held))
            while running:
                running = [each for each in running if each[0].goes_on(each[1])]
            self._send()

    def _send(self) -> None:
        answered, self._answered = self._answered, []
        outgoing: list[tuple[asyncio.Transport, bytes]] = []
        for connection, held, answer in answered:
            wire = connection.end(held, answer)
            if wire is not None and connection.transport is not None:
                outgoing.append((connection.transport, wire))
        for transport, wire in outgoing:
            if not transport.is_closing():  # else its client has gone, and uvloop would raise an error
                transport.write(wire)


class PromptConnection(Connection):
    """A connection that answers without its task what it can."""

    __slots__ = ("_begin", "_handle", "_heads", "_held", "_line", "_missing", "_waits_for")

    def __init__(  # noqa: PLR0913, PLR0917 - aiohttp's own, and what all connections of a server share
        self,
        server: web.Server,
        on_malformed: OnMalformed,
        line: Line,
        heads: Heads,
        begin: Begin,
        handle: Handle,
        **kwargs: Any,
    ) -> None:
        super().__init__(server, on_malformed, **kwargs)
        self._line, self._heads, self._begin, self._handle = line, heads, begin, handle
        self._held: _Held | None = None
        """The request whose handler waits for something, without a task."""
        self._waits_for: asyncio.Future[Any] | None = None
        self._missing = 0
        """Bytes of the last request that are still to come; at 0 the next that come begin a request."""

    def data_received(self, data: bytes) -> None:
        """Parse what is new in it, and wait in line if a request came of it on an idle connection."""
        if type(data) is not bytes:  # event loops of Windows hand out a bytearray
            data = bytes(data)
        waiter, messages = self._waiter, self._messages
        if waiter is None or messages or self._paused or waiter.done():
            self._parse(data)
            return
        # Without a waiter the connection is as if under way: messages queue up, and aiohttp's task sleeps on.
        self._waiter = None
        known = None if self._missing else self._heads.message(data)
        if known is not None:
            messages.append(known)
            self._request_count += 1
            self._line.add(self, waiter)
            return
        try:
            self._parse(data)
        finally:
            if messages:
                self._line.add(self, waiter)
            else:
                self._give_back(waiter)

    def _parse(self, data: bytes) -> None:
        """Let aiohttp parse, and keep count of where the next request begins."""
        messages, missing = self._messages, self._missing
        before, self._missing = len(messages), UNKNOWN
        Connection.data_received(self, data)
        if missing > 0:
            self._missing = max(missing - len(data), UNKNOWN)
        elif missing == 0 and len(messages) == before + 1:
            head, body = messages[-1]
            if isinstance(head, RawRequestMessage):
                self._missing = self._heads.learn(data, head, body)

    def begin(self, waiter: "asyncio.Future[None]") -> _Held | None:
        """The request, if one was read by now; aiohttp's task does whatever else there is."""
        messages = self._messages
        try:
            if len(messages) != 1 or self._upgraded or not _is_whole(*messages[0]):
                self._give_back(waiter)
                return None
            message, body = messages.popleft()
            request = self._begin(message, body, self)  # type: ignore[arg-type] # `_is_whole` has looked at its type
            return _Held(message, body, request, self._handle(request), waiter)
        except Exception as error:  # noqa: BLE001 - it is logged there
            self._break_off(waiter, error)
            return None

    def goes_on(self, held: _Held) -> bool:
        """Run a handler until it waits, or has its answer; whether it waits only for others to come as far."""
        try:
            return self._goes_on(held)
        except Exception as error:  # noqa: BLE001 - it is logged there
            self._break_off(held.waiter, error)
            return False

    def _goes_on(self, held: _Held) -> bool:
        request, running = held.request, held.running
        try:
            rest = running.send(None)
        except StopIteration as end:
            self._line.send(self, held, end.value)
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - raised again in the task
            self._hand_over(held, Begun(request, running, error=error))
        else:
            if rest is ABREAST:
                return True
            if getattr(rest, "_asyncio_future_blocking", False):
                rest._asyncio_future_blocking = False  # noqa: SLF001 - how a task takes a future that it is given
                self._held, self._waits_for = held, rest
                rest.add_done_callback(self._carry_on)
            else:
                self._hand_over(held, Begun(request, running, waits_for=rest))
        return False

    def _carry_on(self, _: "asyncio.Future[Any]") -> None:
        held, self._held, self._waits_for = self._held, None, None
        while held is not None and self.goes_on(held):
            pass  # nobody else is known to come to such a place now

    def end(self, held: _Held, answer: Answer) -> bytes | None:
        """Be idle again; what is to be sent, if the answer goes out at once and leaves the connection open."""
        try:
            wire = self._wire(answer, held.request)
            if wire is None:
                self._hand_over(held, Begun(held.request, held.running, answer=answer))
            else:
                self._give_back(held.waiter)
        except Exception as error:  # noqa: BLE001 - it is logged there
            self._break_off(held.waiter, error)
            return None
        return wire

    def _break_off(self, waiter: "asyncio.Future[None]", error: Exception) -> None:
        """Close the connection because of an error, a bug of ours."""
        log.error("bug: a connection broke off in its turn", exc_info=error)
        waiter.cancel()
        self.force_close()

    def _hand_over(self, held: _Held, begun: Begun) -> None:
        """Leave to aiohttp's task what has become of a request so far."""
        self.begun = begun
        self._messages.appendleft((held.message, held.body))
        self._give_back(held.waiter)

    def _let_go(self) -> None:
        """Have aiohttp's task wait for what a handler waits for: it knows how a connection ends."""
        held, rest, self._held, self._waits_for = self._held, self._waits_for, None, None
        if held is not None and rest is not None:
            rest.remove_done_callback(self._carry_on)
            self._hand_over(held, Begun(held.request, held.running, waits_for=rest))

    def stop(self) -> None:
        """Close, as aiohttp does it, after the request under way."""
        self._let_go()
        super().stop()

    async def shutdown(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - aiohttp's own signature
        """Close, as aiohttp does it, within *timeout*."""
        self._let_go()
        await super().shutdown(timeout)

    def eof_received(self) -> bool | None:  # type: ignore[override] # as in Connection
        """Answer what was sent, as aiohttp does it, and close."""
        self._let_go()
        return Connection.eof_received(self)

    def _give_back(self, waiter: "asyncio.Future[None]") -> None:
        self._waiter = waiter
        if self._close or self._force_close:
            waiter.cancel()
        elif self._messages:
            waiter.set_result(None)

    def _wire(self, answer: Answer, request: Request) -> bytes | None:
        """The bytes of an answer, where it goes out at once and leaves the connection open."""
        transport, parser = self.transport, self._parser
        if transport is None or parser is None or transport.is_closing():
            return None
        if not answer.is_plain or len(answer.content) > AT_ONCE_BYTES:
            return None
        wire = answer.wire(request)
        parser.message_consumed()
        self._next_keepalive_close_time = until = self._loop.time() + self._keepalive_timeout
        if self._keepalive_handle is None:
            self._keepalive_handle = self._loop.call_at(until, self._process_keepalive)
        return wire


def _is_whole(message: Any, body: StreamReader) -> bool:
    """Whether it is a request that has all arrived, after which the connection stays."""
    is_request = type(message) is RawRequestMessage and not message.should_close
    return is_request and body.is_eof() and body.exception() is None
