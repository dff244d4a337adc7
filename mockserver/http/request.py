"""A request as handlers see it: aiohttp's, with the body read under a limit and the query read strictly."""

import asyncio
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import HttpVersion, RawRequestMessage, StreamWriter
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.streams import StreamReader
from aiohttp.typedefs import RawHeaders
from multidict import CIMultiDictProxy

from mockserver.core.errors import BadContentType, BodyTimedOut, BodyTooLarge, BrokenJson, Invalid, Refusal
from mockserver.core.messages import shortened
from mockserver.http.heads import Arrived
from mockserver.stores.protocol import Caller

if TYPE_CHECKING:
    from mockserver.http.connection import Connection

MAX_FIELDS = 100
SMALL_BYTES = 0x8000
"""Of a larger body aiohttp may have stopped reading, and goes on when it is read in the ordinary way."""


class Request(web.BaseRequest):
    """One HTTP request; `path_values` are those of the route's pattern, `id` is its x-request-id."""

    # Instead of aiohttp's, which make two calls and an entry of a cache of the first look at each request's. One alone
    # is kept in the request: past thirty attributes, Python 3.11 gives each object a dict of its own, which costs more.
    method = ""
    path_values: Mapping[str, str]
    stray: Refusal
    """Why no route was found, for the handler of those."""

    def __init__(  # noqa: PLR0913, PLR0917 - aiohttp's own, and ours
        self,
        message: RawRequestMessage,
        payload: StreamReader,
        protocol: "Connection",
        writer: AbstractStreamWriter | None,
        task: asyncio.Task[None] | None,
        loop: asyncio.AbstractEventLoop,
        max_body_bytes: int,
        body_timeout_s: float,
        id_: str,
    ) -> None:
        self.target = path = message.path
        """Path and query as they were sent."""
        if path[:1] == "/":
            # BaseRequest's own __init__ is left out on purpose: half of what it prepares stays unused.
            self._message, self._payload, self._protocol, self._loop = message, payload, protocol, loop
            self._payload_writer, self._task = writer, task  # type: ignore[assignment] # see `writer` and `go_on_in`
            self._headers, self._method, self._version = message.headers, message.method, message.version
            self._rel_url, self._cache = message.url, {}
            self._client_max_size = max_body_bytes
            self._transport_peername, self._read_bytes = protocol.peername, None
            if "?" in path or "#" in path:
                path = path.partition("?")[0].partition("#")[0]
        else:  # as sent to a proxy, or no path at all
            super().__init__(message, payload, protocol, writer, task, loop, client_max_size=max_body_bytes)  # type: ignore[arg-type] # as above
            path = self.rel_url.raw_path if "://" in path else path.partition("?")[0].partition("#")[0]
        self.method = message.method
        self.path_text = path
        """The path as it was sent, without the query."""
        self.id, self.body_timeout_s = id_, body_timeout_s
        # In each request rather than once in the class, from where Python is slow to read them.
        self.operation = ""
        """What is asked for, once that is known."""
        self.caller: Caller | None = None
        """Who asks, once that is known."""
        self.job_id = ""
        """The job that a submission made or gave back."""
        self.idempotency_key = ""
        """With which a job was asked for."""
        self.is_replay = False
        """Whether an idempotency key gave the job back."""
        self.cost = 0
        """Credits that a submission took."""
        self.model = ""
        """Of the job that a submission made."""
        self.fired: tuple[str, ...] = ()
        """The fault rules that it met."""
        self.note = ""
        """What the journal says beside: `expired` for a file that is gone."""

    @property
    def headers(self) -> CIMultiDictProxy[str]:
        """By name, in any case."""
        return self._headers

    @property
    def version(self) -> HttpVersion:
        """Of HTTP."""
        return self._version

    @property
    def keep_alive(self) -> bool:
        """Whether the client wants its connection to stay."""
        return not self._message.should_close

    @property
    def raw_headers(self) -> RawHeaders:
        """Names and values as they came."""
        return self._message.raw_headers or ()  # for what was no HTTP, aiohttp has a dict there

    @property
    def connection(self) -> "Connection":
        """On which it came."""
        return self._protocol  # type: ignore[return-value] # the server makes no others

    @property
    def writer(self) -> AbstractStreamWriter:
        """Sends what is no plain answer; made when there is something to send."""
        if self._payload_writer is None:
            self._payload_writer = StreamWriter(self._protocol, self._loop)
        return self._payload_writer

    def go_on_in(self, task: asyncio.Task[None], writer: AbstractStreamWriter) -> None:
        """Belong to a task."""
        self._task, self._payload_writer = task, writer

    @property
    def is_last(self) -> bool:
        """Whether its connection is of no further use: the body broke off, or the client has closed its side."""
        connection: Connection = self._protocol  # type: ignore[assignment] # as above
        return self._payload.exception() is not None or (connection.is_ending and connection.is_done)

    @property
    def known_caller(self) -> Caller:
        """Who asks; for handlers behind the gate for keys."""
        assert self.caller is not None, "this handler stands behind no gate for keys"  # noqa: S101 - a bug of ours
        return self.caller

    def so_far(self) -> tuple[bytes, int]:
        """The body, if a handler has read it or all of it has arrived, and how many bytes of it have.

        Of a form, whose files may be large, only their number; nothing of another body that is still arriving.
        """
        body, payload = self._read_bytes, self._payload
        if body is None:
            arrived = payload.total_bytes
            if not arrived:
                return b"", 0
            if self._is_form:
                return b"", arrived
            if not payload.is_eof() or payload.exception() is not None:
                return b"", 0
            body = self._read_bytes = _whole(payload)
        return body, len(body)

    @property
    def _is_form(self) -> bool:
        return self.headers.get("Content-Type", "")[:10].lower() == "multipart/"

    def single_values(self) -> dict[str, str]:
        """The query, each field once.

        Raises:
            Invalid: a field stands twice, or the query is not UTF-8.
        """
        text = self._message.path.partition("#")[0].partition("?")[2]
        if not text:
            return {}
        try:
            pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS)
        except ValueError as error:
            raise Invalid({"query": ["Invalid query string"]}) from error
        values = dict(pairs)
        if len(values) < len(pairs):
            names = [name for name, _ in pairs]
            twice = sorted({shortened(name) for name in names if names.count(name) > 1})
            raise Invalid({name: ["Invalid input: expected string, received array"] for name in twice})
        return values

    async def json_body(self) -> bytes:
        """The whole body of a request that declares JSON.

        Raises:
            BadContentType, BodyTooLarge, BodyTimedOut, BrokenJson: as named; the last for a body that cannot be
                decompressed or ends early.
        """
        headers = self._headers
        declared = headers.get("Content-Type", "")
        if not _is_json(declared):
            raise BadContentType(shortened(declared))
        if self._payload.is_eof() and "Expect" not in headers:
            return self._arrived()
        return await self.body_bytes()

    async def body_bytes(self) -> bytes:
        """The whole body.

        Raises:
            BodyTooLarge, BodyTimedOut, BrokenJson: as above.
        """
        if (self.content_length or 0) > self._client_max_size:
            raise BodyTooLarge(self._client_max_size)
        if "Expect" in self.headers and self.headers["Expect"].lower() == "100-continue":
            await self.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if self._payload.is_eof():
            return self._arrived()
        try:
            return await self._read_in_time()
        except web.HTTPRequestEntityTooLarge:
            raise BodyTooLarge(self._client_max_size) from None
        except TimeoutError:
            raise BodyTimedOut from None
        except (web.RequestPayloadError, HttpProcessingError) as error:
            raise BrokenJson from error

    def _arrived(self) -> bytes:
        """The whole body, where all of it is here: what aiohttp's own read does in three rounds.

        Raises:
            BodyTooLarge, BodyTimedOut, BrokenJson: as above.
        """
        body = self._read_bytes
        if body is None:
            try:
                body = self._read_bytes = _whole(self._payload)
            except TimeoutError:
                raise BodyTimedOut from None
            except (web.RequestPayloadError, HttpProcessingError) as error:
                raise BrokenJson from error
        if len(body) > self._client_max_size:
            raise BodyTooLarge(self._client_max_size)
        return body

    async def _read_in_time(self) -> bytes:
        # A tenth of what asyncio.timeout costs, and every submission pays it.
        expiry = self._loop.call_later(self.body_timeout_s, self._payload.set_exception, TimeoutError())
        try:
            return await self.read()
        finally:
            expiry.cancel()


def _whole(payload: StreamReader) -> bytes:
    """All of a body that has arrived; a small one that came in one piece without aiohttp's steps for all others."""
    if type(payload) is Arrived:
        return payload.read_nowait()
    pieces: Sequence[bytes] = getattr(payload, "_buffer", ())
    if len(pieces) == 1 and payload.total_bytes <= SMALL_BYTES and payload.exception() is None:
        return pieces[0]
    return payload.read_nowait()


@lru_cache(maxsize=64)
def _is_json(declared: str) -> bool:
    kind, _, parameters = declared.partition(";")
    kind = kind.strip().lower()
    if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        return False
    charset = next((p.partition("=")[2] for p in parameters.split(";") if p.strip().lower().startswith("charset=")), "")
    return charset.strip().strip("\"'").lower() in ("", "utf-8", "utf8")
