"""One connection of the server: aiohttp's, with our errors and our ways of ending."""

import asyncio
from collections.abc import Callable
from typing import Any

from aiohttp import web
from aiohttp.http import RawRequestMessage
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader

from mockserver.http.answers import Answer
from mockserver.http.begun import Begun
from mockserver.http.request import Request

OnMalformed = Callable[[Request, int, BaseException | None], Answer]
"""Answers what is not HTTP, or a bug of ours: with this status, because of this error."""


class Connection(web.RequestHandler):
    """One connection, whose protocol errors are ours."""

    __slots__ = ("_is_stopping", "_on_malformed", "begun", "body", "is_ending")

    def __init__(self, server: web.Server, on_malformed: OnMalformed, **kwargs: Any) -> None:
        super().__init__(server, **kwargs)
        self._on_malformed = on_malformed
        self.begun: Begun | None = None
        """What was begun without a task, and the next message of the queue is, for aiohttp's task to carry on."""
        self.body: StreamReader = EMPTY_PAYLOAD
        """Of the request that was begun last."""
        self._is_stopping = False
        self.is_ending = False
        """Whether the client has closed its side or the server stops."""

    @property
    def is_done(self) -> bool:
        """Whether it is ending, and nothing that was sent waits for its turn."""
        return self.is_ending and not self._messages

    def stop(self) -> None:
        """Close, after the request under way where its body is still arriving."""
        if self.body.is_eof():
            self.close()
        else:
            self._is_stopping = self.is_ending = True

    async def shutdown(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - aiohttp's own signature
        """Close, within *timeout*, which is for what still arrives too."""
        if self._is_stopping and self._task_handler is not None:
            _, late = await asyncio.wait([self._task_handler], timeout=timeout)
            timeout = 0.1 if late else timeout
        await super().shutdown(timeout)

    def resume_reading(self, resume_parser: bool = True) -> None:  # noqa: FBT001, FBT002 - aiohttp's own signature
        """Go on reading, where it was held up: aiohttp parses nothing anew and resumes for every body that is read."""
        if self._reading_paused or self._buffer_paused:
            super().resume_reading(resume_parser)

    def data_received(self, data: bytes) -> None:
        """Parse; where a body turns out to be no HTTP, its request is told, which would wait for the rest otherwise."""
        super().data_received(data)
        if self._messages and not isinstance(self._messages[-1][0], RawRequestMessage):
            body = self._messages[-2][1] if len(self._messages) > 1 else self.body
            if not body.is_eof():
                self._messages.pop()
                body.set_exception(web.RequestPayloadError("the body is broken"))

    def eof_received(self) -> bool | None:  # type: ignore[override] # asyncio's own signature; aiohttp's is narrower
        """Answer what was sent before the client closed its side: it may still listen."""
        if not self._messages and (self._waiter is not None or not self._request_count):
            return None
        body = self._messages[-1][1] if self._messages else self.body
        if not body.is_eof():
            body.set_exception(web.RequestPayloadError("the body ended early"))
        self.is_ending = True
        if not self._messages:
            self.close()
        return True

    def log_exception(self, *args: Any, **kwargs: Any) -> None:
        """Log a bug; a body that its sender broke is none."""
        if not isinstance(kwargs.get("exc_info"), web.RequestPayloadError):
            super().log_exception(*args, **kwargs)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer instead of aiohttp's text/plain, which would say *message*."""
        del message
        if self._manager is None or not isinstance(request, Request):
            msg = "the connection is closed"
            raise ConnectionResetError(msg)
        return self._on_malformed(request, status, exc)
