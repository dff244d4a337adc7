"""Answers a request where it is read, without a task, as long as nothing has to be waited for.

Whatever is not ordinary goes aiohttp's way, which begins with the queue of messages that its task looks at: before a
handler was begun, or after, with what became of it so far (docs/decisions/0009).
"""

from collections.abc import Callable
from typing import Any

from aiohttp import web
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http import HttpRequestParser, RawRequestMessage
from aiohttp.streams import StreamReader

from mockserver.http.answers import Answer
from mockserver.http.begun import Begun
from mockserver.http.connection import Connection, OnMalformed

Begin = Callable[[RawRequestMessage, StreamReader, "PromptConnection"], Begun]
"""Makes a request of what was read, with the handler that is to run."""
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
    "_upgraded",  # whether what follows is no HTTP
    "_waiter",  # a future while the task waits for messages, else none; it is woken when a message has been read
}
IS_POSSIBLE = {*web.RequestHandler.__slots__, *BaseProtocol.__slots__} >= _OF_CONNECTIONS and hasattr(
    HttpRequestParser, "message_consumed"
)
"""Whether this release of aiohttp has what is needed."""


class PromptConnection(Connection):
    """A connection that answers at once what it can."""

    __slots__ = ("_begin",)

    def __init__(self, server: web.Server, on_malformed: OnMalformed, begin: Begin, **kwargs: Any) -> None:
        super().__init__(server, on_malformed, **kwargs)
        self._begin = begin

    def data_received(self, data: bytes) -> None:
        """Parse, and answer if that was one request and the connection idle."""
        waiter = self._waiter
        if waiter is None or waiter.done() or self._paused or self._messages:
            super().data_received(data)
            return
        # Without a waiter the connection is as if under way: messages queue up and aiohttp's task sleeps on.
        self._waiter = None
        try:
            super().data_received(data)
            if len(self._messages) == 1:
                self._answer(*self._messages[0])
        finally:
            self._waiter = waiter
            if self._close or self._force_close:
                waiter.cancel()
            elif self._messages:
                waiter.set_result(None)

    def _answer(self, message: Any, body: StreamReader) -> None:
        """Answer the only message there is, or leave it in the queue."""
        is_plain = isinstance(message, RawRequestMessage) and not message.should_close and not self._upgraded
        if not is_plain or not body.is_eof() or body.exception() is not None or self._close or self._force_close:
            return
        del self._messages[0]
        begun = self._begin(message, body, self)
        answer = begun.run()
        transport = self.transport
        if answer is None or transport is None or transport.is_closing() or not _is_small(answer):
            self.begun = begun
            self._messages.appendleft((message, body))
            return
        transport.write(answer.wire(begun.request))
        self._parser.message_consumed()  # type: ignore[union-attr] # there while there is a transport
        now = self._loop.time()
        self._next_keepalive_close_time = now + self._keepalive_timeout
        if self._keepalive_handle is None:
            self._keepalive_handle = self._loop.call_at(self._next_keepalive_close_time, self._process_keepalive)


def _is_small(answer: Answer) -> bool:
    """Whether it goes out in one write and leaves the connection open."""
    return answer.is_plain and len(answer.content) < AT_ONCE_BYTES
