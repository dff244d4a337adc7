"""A request as handlers see it: aiohttp's, with the body read under a limit and the query read strictly."""

import asyncio
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import StreamWriter
from aiohttp.http_exceptions import HttpProcessingError

from mockserver.core.errors import BadContentType, BodyTimedOut, BodyTooLarge, BrokenJson, Invalid, Refusal
from mockserver.core.messages import shortened
from mockserver.stores.protocol import Caller

if TYPE_CHECKING:
    from mockserver.http.connection import Connection

MAX_FIELDS = 100


class Request(web.BaseRequest):
    """One HTTP request; `path_values` are those of the route's pattern, `id` is its x-request-id."""

    path_values: Mapping[str, str]
    id: str
    operation: str = ""
    """What is asked for, once that is known."""
    caller: Caller | None = None
    """Who asks, once that is known."""
    job_id: str = ""
    """The job that a submission made or gave back."""
    idempotency_key: str = ""
    """With which a job was asked for."""
    is_replay: bool = False
    """Whether an idempotency key gave the job back."""
    cost: int = 0
    """Credits that a submission took."""
    model: str = ""
    """Of the job that a submission made."""
    fired: tuple[str, ...] = ()
    """The fault rules that it met."""
    stray: Refusal
    """Why no route was found, for the handler of those."""
    note: str = ""
    """What the journal says beside: `expired` for a file that is gone."""

    def __init__(self, *args: Any, max_body_bytes: int, body_timeout_s: float, **kwargs: Any) -> None:
        super().__init__(*args, client_max_size=max_body_bytes, **kwargs)
        self.max_body_bytes, self.body_timeout_s = max_body_bytes, body_timeout_s

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

    def go_on_in(self, task: asyncio.Task[None]) -> None:
        """Belong to a task, where it was begun without one."""
        self._task = task

    @property
    def is_last(self) -> bool:
        """Whether its connection is of no further use: the body broke off, or the client has closed its side."""
        return self._payload.exception() is not None or self.connection.is_done

    @property
    def known_caller(self) -> Caller:
        """Who asks; for handlers behind the gate for keys."""
        assert self.caller is not None, "this handler stands behind no gate for keys"  # noqa: S101 - a bug of ours
        return self.caller

    @property
    def target(self) -> str:
        """Path and query as they were sent."""
        return self._message.path

    @property
    def body_so_far(self) -> bytes:
        """The body, if a handler has read it or all of it has arrived; of a form, whose files may be large, nothing."""
        payload = self._payload
        if self._read_bytes is None and payload.total_bytes and not self._is_form:
            if not payload.is_eof() or payload.exception() is not None:
                return b""
            self._read_bytes = payload.read_nowait()
        return self._read_bytes or b""

    @property
    def form_bytes(self) -> int:
        """How much of a form has arrived; 0 for another body."""
        arrived: int = self._payload.total_bytes
        return arrived if arrived and self._is_form else 0

    @property
    def _is_form(self) -> bool:
        return self.headers.get("Content-Type", "")[:10].lower() == "multipart/"

    @property
    def path_text(self) -> str:
        """The path as it was sent, without the query."""
        path = self._message.path
        if not path.startswith("/") and "://" in path:  # as sent to a proxy
            return self.rel_url.raw_path
        return path.partition("?")[0].partition("#")[0] if "?" in path or "#" in path else path

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
        declared = self.headers.get("Content-Type", "")
        if not _is_json(declared):
            raise BadContentType(shortened(declared))
        return await self.body_bytes()

    async def body_bytes(self) -> bytes:
        """The whole body.

        Raises:
            BodyTooLarge, BodyTimedOut, BrokenJson: as above.
        """
        if (self.content_length or 0) > self.max_body_bytes:
            raise BodyTooLarge(self.max_body_bytes)
        if "Expect" in self.headers and self.headers["Expect"].lower() == "100-continue":
            await self.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        try:
            return await self._read_in_time()
        except web.HTTPRequestEntityTooLarge:
            raise BodyTooLarge(self.max_body_bytes) from None
        except TimeoutError:
            raise BodyTimedOut from None
        except (web.RequestPayloadError, HttpProcessingError) as error:
            raise BrokenJson from error

    async def _read_in_time(self) -> bytes:
        payload = self._payload
        if payload.is_eof():  # all of it is here: what aiohttp's own read does in three rounds
            if self._read_bytes is None:
                self._read_bytes = payload.read_nowait()
            if len(self._read_bytes) > self.max_body_bytes:
                raise BodyTooLarge(self.max_body_bytes)
            return self._read_bytes
        # A tenth of what asyncio.timeout costs, and every submission pays it.
        expiry = self._loop.call_later(self.body_timeout_s, payload.set_exception, TimeoutError())
        try:
            return await self.read()
        finally:
            expiry.cancel()


@lru_cache(maxsize=64)
def _is_json(declared: str) -> bool:
    kind, _, parameters = declared.partition(";")
    kind = kind.strip().lower()
    if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        return False
    charset = next((p.partition("=")[2] for p in parameters.split(";") if p.strip().lower().startswith("charset=")), "")
    return charset.strip().strip("\"'").lower() in ("", "utf-8", "utf8")
