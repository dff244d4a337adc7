"""The HTTP server: aiohttp's low-level one, with our requests, our routes and our errors."""

import logging
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import count
from typing import Any, NamedTuple

from aiohttp import web
from aiohttp.http import RawRequestMessage
from aiohttp.http_exceptions import LineTooLong
from aiohttp.streams import StreamReader

from mockserver.clock import real_s
from mockserver.core.errors import Refusal
from mockserver.core.messages import shortened
from mockserver.http.answers import Answer, DateLine, Headers, header_lines, json_answer
from mockserver.http.begun import in_a_task
from mockserver.http.connection import Connection
from mockserver.http.heads import Heads
from mockserver.http.prompt import IS_POSSIBLE, Line, PromptConnection
from mockserver.http.request import Request
from mockserver.http.router import Handler, Router

log = logging.getLogger(__name__)

CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "x-request-id, retry-after, etag, accept-ranges, content-range",
}
_CORS_LINES = b"\r\n" + header_lines(CORS)
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


@dataclass(frozen=True, slots=True)
class Area:
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
        self._handler = self._logged if logs_requests else self._answer
        super().__init__(
            self._in_task,  # type: ignore[arg-type] # our request factory makes a Request of every BaseRequest
            request_factory=self._request,
            access_log=None,
            max_line_size=limits.line_bytes,
            max_field_size=limits.line_bytes,
            max_headers=limits.headers,
            keepalive_timeout=75.0,
            lingering_time=2.0,
        )
        self._areas, self._limits = areas, limits
        self._line, self._heads = Line(self._loop), Heads()
        self._date = DateLine(b"x-request-id: ")
        self._id_start = os.urandom(6).hex()
        self._ids = count(1)
        self.under_way = 0
        """Requests begun and not answered yet."""
        self.last_request_at = 0.0
        """When the last one began or was answered, by `real_s`; 0 before the first."""

    def __call__(self) -> web.RequestHandler:
        """A protocol for one connection."""
        if IS_POSSIBLE:
            shared = self._line, self._heads, self._begin, self._handler
            return PromptConnection(self, self.on_malformed, *shared, loop=self._loop, **self._kwargs)
        return Connection(self, self.on_malformed, loop=self._loop, **self._kwargs)

    def pre_shutdown(self) -> None:
        """Close connections, those later whose request is still arriving: aiohttp's own would drop the rest of it."""
        for connection in self.connections:
            if isinstance(connection, Connection):
                connection.stop()

    def _begin(self, message: RawRequestMessage, body: StreamReader, connection: Connection) -> Request:
        """A request that is answered without a task, if it can be."""
        connection.body = body
        body_bytes, body_timeout_s, *_ = self._limits
        id_ = f"req_{self._id_start}{next(self._ids):08x}"
        return Request(message, body, connection, None, None, self._loop, body_bytes, body_timeout_s, id_)

    def _request(self, message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> Request:
        begun = protocol.begun
        request = self._begin(message, payload, protocol) if begun is None else begun.request
        request.go_on_in(task, writer)
        return request

    async def _in_task(self, request: Request) -> Answer:
        connection = request.connection
        begun, connection.begun = connection.begun, None
        return await (self._handler(request) if begun is None else begun.rest())

    async def _answer(self, request: Request) -> Answer:
        area = self._area(request.path_text)
        began = self.last_request_at = real_s()
        self.under_way += 1
        try:
            answer = area.guard(request) or await self._routed(area, request)
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

    def _routed(self, area: Area, request: Request) -> Awaitable[Answer]:
        """The answer of whoever is in charge; no coroutine of its own around the handler's."""
        method = request.method
        if method == "OPTIONS":
            return _preflight(area, request, request.path_text)
        try:
            route, request.path_values = area.router.find(method, request.path_text)
        except Refusal as refusal:
            if area.stray is None:
                raise
            request.stray = refusal
            return area.stray(request)
        return route.handler(request) if route.is_prompt else _later(route.handler, request)

    def finished(self, answer: Answer, request: Request, *, cors: bool) -> Answer:
        """The answer with what all carry."""
        now = self.last_request_at = real_s()
        answer.common = self._date.at(now) + request.id.encode() + (_CORS_LINES if cors else b"\r\n")
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


async def _later(handler: Handler, request: Request) -> Answer:
    await in_a_task()
    return await handler(request)


async def _preflight(area: Area, request: Request, path: str) -> Answer:
    methods = area.router.methods(path)
    headers: Headers = (("Allow", ", ".join(methods)),)
    if area.is_open_to_browsers and "Access-Control-Request-Method" in request.headers:
        headers += (
            ("Access-Control-Allow-Methods", ", ".join(methods)),
            ("Access-Control-Allow-Headers", "*, Authorization"),
            ("Access-Control-Max-Age", _PREFLIGHT_AGE_S),
        )
    return Answer(204, headers=headers)
