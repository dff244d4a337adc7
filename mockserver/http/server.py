"""The HTTP server: aiohttp's low-level one, with our requests, our routes and our errors."""

import asyncio
import logging
import os
from collections.abc import Callable
from itertools import count
from typing import Any, NamedTuple

from aiohttp import web
from aiohttp.http import RawRequestMessage
from aiohttp.http_exceptions import LineTooLong
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader

from mockserver.clock import real_s
from mockserver.core.errors import Refusal
from mockserver.core.messages import shortened
from mockserver.http.answers import Answer, DateLine, Headers, header_lines, json_answer
from mockserver.http.request import Request
from mockserver.http.router import Handler, Router

log = logging.getLogger(__name__)

CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "x-request-id, retry-after, etag, accept-ranges, content-range",
}
_CORS_LINES = header_lines(CORS)
_PREFLIGHT_AGE_S = "600"

Refuse = Callable[[Refusal, Request], Answer]
Record = Callable[[Request, Answer, float, float], None]
"""Takes note of a request, its finished answer, and when it began and ended, by `real_s`."""


class Limits(NamedTuple):
    """What one request may take."""

    body_bytes: int
    body_timeout_s: float = 30.0
    line_bytes: int = 16_384
    headers: int = 100


class Area(NamedTuple):
    """A part of the server with its own routes and its own form of errors; the first whose prefix fits answers."""

    prefix: str
    router: Router
    refuse: Refuse
    guard: Callable[[Request], Answer | None]
    """An answer instead of the route's; none to let the request through."""
    is_open_to_browsers: bool
    """Whether pages of any origin may call it (CORS)."""
    stray: Handler | None = None
    """Answers where there is no route, told why by `request.stray`; without it the refusal is the answer."""
    record: Record | None = None
    """Told of each answer before it goes out, so that who has it finds it recorded."""


class HttpServer(web.Server):
    """Answers requests from areas; every error is a JSON answer with an x-request-id."""

    def __init__(self, areas: list[Area], limits: Limits, *, logs_requests: bool = False) -> None:
        super().__init__(
            self._logged if logs_requests else self._answer,  # type: ignore[arg-type] # our request factory makes a Request of every BaseRequest
            request_factory=self._request,
            access_log=None,
            max_line_size=limits.line_bytes,
            max_field_size=limits.line_bytes,
            max_headers=limits.headers,
            keepalive_timeout=75.0,
            lingering_time=2.0,
        )
        self._areas, self._limits = areas, limits
        self._date = DateLine()
        self._id_start = os.urandom(6).hex()
        self._ids = count(1)
        self.under_way = 0
        """Requests begun and not answered yet."""
        self.last_request_at = 0.0
        """When the last one began or was answered, by `real_s`; 0 before the first."""

    def __call__(self) -> web.RequestHandler:
        """A protocol for one connection."""
        return _Connection(self, loop=self._loop, **self._kwargs)

    def pre_shutdown(self) -> None:
        """Close connections, those later whose request is still arriving: aiohttp's own would drop the rest of it."""
        for connection in self.connections:
            if isinstance(connection, _Connection):
                connection.stop()

    def _request(self, message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> Request:
        limits = self._limits
        protocol.body = payload
        request = Request(
            message,
            payload,
            protocol,
            writer,
            task,
            self._loop,
            max_body_bytes=limits.body_bytes,
            body_timeout_s=limits.body_timeout_s,
        )
        request.id = f"req_{self._id_start}{next(self._ids):08x}"
        return request

    async def _answer(self, request: Request) -> Answer:
        path = request.path_text
        area = self._area(path)
        began = self.last_request_at = real_s()
        self.under_way += 1
        try:
            answer = area.guard(request) or await self._routed(area, request, path)
        except Refusal as refusal:
            answer = area.refuse(refusal, request)
        except web.HTTPException as error:  # aiohttp would send it as it is, in plain text
            return self.on_malformed(request, 500, error)
        finally:
            self.under_way -= 1
        answer = self.finished(answer, request, cors=area.is_open_to_browsers)
        if area.record is not None:
            area.record(request, answer, began, self.last_request_at)
        return answer

    def _area(self, path: str) -> Area:
        for area in self._areas:
            if path.startswith(area.prefix):
                return area
        msg = "the last area takes every path"
        raise AssertionError(msg)

    async def _logged(self, request: Request) -> Answer:
        began = real_s()
        answer = await self._answer(request)
        took_ms = 1000 * (real_s() - began)
        place = shortened(request.path_text)
        log.info("%s %s -> %d in %.1f ms (%s)", request.method, place, answer.status, took_ms, request.id)
        return answer

    async def _routed(self, area: Area, request: Request, path: str) -> Answer:
        if request.method == "OPTIONS":
            return _preflight(area, request, path)
        try:
            handler, request.path_values = area.router.find(request.method, path)
        except Refusal as refusal:
            if area.stray is None:
                raise
            request.stray, handler = refusal, area.stray
        return await handler(request)

    def finished(self, answer: Answer, request: Request, *, cors: bool) -> Answer:
        """The answer with what all carry."""
        now = self.last_request_at = real_s()
        answer.common = b"%bx-request-id: %b\r\n%b" % (
            self._date.at(now),
            request.id.encode(),
            _CORS_LINES if cors else b"",
        )
        if request.is_last:
            answer.force_close()
        return answer

    def on_malformed(self, request: Request, status: int, exc: BaseException | None) -> Answer:
        """The answer to what is not HTTP, or to a bug of ours."""
        if status < 500:  # noqa: PLR2004 - the bound between the client's errors and ours
            too_long = isinstance(exc, LineTooLong)
            answer = json_answer(
                431 if too_long else 400, {"error": "Headers too large" if too_long else "Bad request"}
            )
        else:
            log.error("bug: %s %s (%s)", request.method, request.path_text, request.id, exc_info=exc or True)
            answer = json_answer(500, {"error": "Internal server error"})
        answer.force_close()
        answer = self.finished(answer, request, cors=True)
        area = self._area(request.path_text)
        if area.record is not None:
            area.record(request, answer, self.last_request_at, self.last_request_at)
        return answer


class _Connection(web.RequestHandler):
    """One connection, whose protocol errors are ours."""

    __slots__ = ("_is_half_closed", "_is_stopping", "body")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.body: StreamReader = EMPTY_PAYLOAD
        """Of the request that was begun last."""
        self._is_half_closed = self._is_stopping = False

    @property
    def is_done(self) -> bool:
        """Whether the client has closed its side or the server stops, and nothing that was sent waits for its turn."""
        return (self._is_half_closed or self._is_stopping) and not self._messages

    def stop(self) -> None:
        """Close, after the request under way where its body is still arriving."""
        if self.body.is_eof():
            self.close()
        else:
            self._is_stopping = True

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
        self._is_half_closed = True
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
        server = self._manager
        if not isinstance(server, HttpServer) or not isinstance(request, Request):
            msg = "the connection is closed"
            raise ConnectionResetError(msg)
        return server.on_malformed(request, status, exc)


def _preflight(area: Area, request: Request, path: str) -> Answer:
    methods = area.router.methods(path)
    headers: Headers = (("Allow", ", ".join(methods)),)
    if area.is_open_to_browsers and "Access-Control-Request-Method" in request.headers:
        headers += (
            ("Access-Control-Allow-Methods", ", ".join(methods)),
            ("Access-Control-Allow-Headers", "*, Authorization"),
            ("Access-Control-Max-Age", _PREFLIGHT_AGE_S),
        )
    return Answer(204, headers=headers)
