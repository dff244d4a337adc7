"""An answer that goes out in one write.

aiohttp's own response is built for every case; this one knows its status, its bytes and a few headers, which is
most of the difference in speed between the mock and an ordinary handler (docs/decisions/0001).
"""

from collections.abc import Awaitable, Callable, Mapping
from email.utils import formatdate
from http import HTTPStatus
from typing import Any

from aiohttp import HttpVersion11, web

from mockserver.core.jsontext import encode

JSON = b"application/json; charset=utf-8"
Headers = tuple[tuple[str, str], ...]
Sending = Callable[[web.BaseRequest, bytes, bytes], Awaitable[None]]
"""Sends a head and a body in another way than in one write."""
_STATUS_LINES = {s.value: f"HTTP/1.1 {s.value} {s.phrase}\r\n".encode() for s in HTTPStatus}
_NO_BODY = frozenset({204, 304})


class Answer(web.StreamResponse):
    """Status, body and headers. `common` is put in by the server: what every answer carries."""

    sending: Sending | None = None
    """For faults: how the bytes go out; none for the ordinary way."""
    is_dropped = False
    """For faults: whether none go out, and the connection ends."""
    file_bytes = 0
    """Of a file that goes out instead of the body."""

    def __init__(self, status: int, body: bytes = b"", headers: Headers = (), *, content_type: bytes = JSON) -> None:
        # StreamResponse's own __init__ is left out on purpose: it prepares header and cookie stores that stay unused.
        self._status = status
        self._keep_alive: bool | None = None
        self._eof_sent = False
        self.content, self.extra, self.kind = body, headers, content_type
        self.common = b""

    def __repr__(self) -> str:
        return f"<Answer {self._status}, {len(self.content)} bytes>"

    async def prepare(self, request: web.BaseRequest) -> None:
        """Send everything."""
        self._eof_sent = True
        if self.sending is not None:
            await self.sending(request, self.head(request, len(self.content)), self._shown(request))
            return
        await request.writer.write(self.wire(request))

    @property
    def is_plain(self) -> bool:
        """Whether `wire` is all that goes out, and the connection stays."""
        return self.sending is None and not self.file_bytes and self._keep_alive is None

    def wire(self, request: web.BaseRequest) -> bytes:
        """All that goes out."""
        return self.head(request, len(self.content)) + self._shown(request)

    def _shown(self, request: web.BaseRequest) -> bytes:
        return b"" if request.method == "HEAD" or self._status in _NO_BODY else self.content

    def head(self, request: web.BaseRequest, length: int) -> bytes:
        """Status line and headers, for a body of *length* bytes."""
        keep_alive = request.keep_alive if self._keep_alive is None else self._keep_alive
        self._keep_alive = keep_alive
        status = self._status
        start = _STATUS_LINES.get(status) or b"HTTP/1.1 %d \r\n" % status
        end = b"\r\n"
        if not keep_alive:
            end = b"Connection: close\r\n\r\n"
        elif (version := request.version) is not HttpVersion11 and version < HttpVersion11:
            end = b"Connection: keep-alive\r\n\r\n"
        if self.extra:
            end = "".join([f"{name}: {value}\r\n" for name, value in self.extra]).encode("latin-1") + end
        if status in _NO_BODY:
            return start + self.common + end
        return b"%b%bContent-Type: %b\r\nContent-Length: %d\r\n%b" % (start, self.common, self.kind, length, end)

    async def write_eof(self, data: bytes = b"") -> None:
        """Nothing is left to send."""


def json_answer(status: int, value: Any, headers: Headers = ()) -> Answer:
    """An answer whose body is *value* as JSON."""
    return Answer(status, encode(value), headers)


class DateLine:
    """The Date header, and the start of the next, made anew when the second changes.

    It tells real time, as HTTP wants.
    """

    def __init__(self, following: bytes) -> None:
        self._second, self._line, self._following = -1, b"", following

    def at(self, now_s: float) -> bytes:
        """The text; *now_s*, of any clock, only says whether a second has passed."""
        if int(now_s) != self._second:
            self._second = int(now_s)
            self._line = f"Date: {formatdate(usegmt=True)}\r\n".encode() + self._following
        return self._line


def header_lines(headers: Mapping[str, str]) -> bytes:
    """Header lines as they go over the wire."""
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode("latin-1")
