"""Forms with files, read part by part as they arrive: never more of a body in memory than a block.

What a part's file is called is told and never trusted. Source: facts.md sections 16 and 17.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import Any, NamedTuple

import multipart  # type: ignore[import-untyped] # ships no types
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from mockserver.core.errors import BodyTimedOut, Invalid
from mockserver.core.messages import shortened
from mockserver.http.request import Request

BLOCK_BYTES = 256 * 1024
"""Read at a time. Always filled, so that how a body was cut on its way makes no difference."""
FIELD_BYTES = 64 * 1024
"""Of one field that is no file."""
MOST_PARTS = 128
LEAST_BYTES_PER_S = 64 * 1024
"""A sender may take the time for a body that JSON has, and longer in this measure."""
BODY = "body"
"""Where `details` tells what is wrong with the form as a whole."""


class FormField(NamedTuple):
    """A part that is no file."""

    name: str
    value: str


class FormFile:
    """A part with a file, to be read before the next part is asked for; what is not read is skipped."""

    def __init__(self, name: str, filename: str, chunks: AsyncIterator[bytes]) -> None:
        self.name, self.filename, self._chunks = name, filename, chunks

    def chunks(self) -> AsyncIterator[bytes]:
        """The content, none of it empty and each at most `BLOCK_BYTES`; an empty file has none.

        Raises:
            Invalid, BodyTimedOut: as `form_parts` does.
        """
        return self._chunks


def form_parts(request: Request, *, most_bytes: int) -> AsyncIterator[FormField | FormFile]:
    """The parts of a multipart form in their order, from a body of at most *most_bytes*.

    The body is read to its end, so that one that breaks off is told from one that is whole.

    Raises:
        Invalid: the body is no such form, is malformed, breaks off or is too large; a field is no UTF-8 or too long.
        BodyTimedOut: the sender is too slow.
    """
    return _Parts(request, most_bytes)


# Iterators by hand instead of generators: one that is left half-way has nothing to clean up.
class _Parts(AsyncIterator[FormField | FormFile]):
    """The iterator of `form_parts`."""

    def __init__(self, request: Request, most_bytes: int) -> None:
        self._body = _Body(request, most_bytes)
        self._events: _Events | None = None
        self._chunks: _Chunks | None = None
        """Of the part that was given last."""

    async def __anext__(self) -> FormField | FormFile:
        if self._events is None:
            self._events = _Events(self._body, await self._body.begin())
        if self._chunks is not None:
            async for _ in self._chunks:
                pass
        segment = await self._events.next()
        if segment is None:
            raise StopAsyncIteration
        self._chunks = _Chunks(self._events)
        if segment.filename is None and "filename*" not in segment.header("Content-Disposition", "").lower():
            return FormField(segment.name, await _value(segment.name, self._chunks))
        return FormFile(segment.name, segment.filename or "", self._chunks)


class _Chunks(AsyncIterator[bytes]):
    """The content of one part."""

    def __init__(self, events: "_Events") -> None:
        self._events, self._is_done = events, False

    async def __anext__(self) -> bytes:
        chunk: bytes | None = None if self._is_done else await self._events.next()
        if chunk is None:
            self._is_done = True
            raise StopAsyncIteration
        return chunk


class _Events:
    """What the parser finds."""

    def __init__(self, body: "_Body", boundary: str) -> None:
        self._body = body
        self._parser = multipart.PushMultipartParser(boundary, max_segment_count=MOST_PARTS)
        self._found: Iterator[Any] = iter(())

    async def next(self) -> Any:
        """A segment, its content in pieces and None at its end, the next segment and so on; at last None.

        Raises:
            Invalid, BodyTimedOut: as `form_parts` does.
        """
        try:
            while True:
                for event in self._found:
                    return event
                block = await self._body.block()
                if not block:
                    return self._end()
                self._found = self._parser.parse(block)
        except multipart.MultipartError as error:
            raise Invalid({BODY: [f"Malformed form: {error.args[0]}"]}) from error

    def _end(self) -> None:
        try:
            self._parser.close()
        except multipart.MultipartError as error:
            raise Invalid({BODY: ["Malformed form: it ends before its last boundary"]}) from error


async def _value(name: str, chunks: AsyncIterator[bytes]) -> str:
    value = b""
    place = shortened(name) or BODY
    async for chunk in chunks:
        value += chunk
        if len(value) > FIELD_BYTES:
            raise Invalid({place: [f"Too big: expected string to have <={FIELD_BYTES} bytes"]})
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise Invalid({place: ["Invalid input: expected text in UTF-8"]}) from error


class _Body:
    """A request's body in blocks, within its size and time."""

    def __init__(self, request: Request, most_bytes: int) -> None:
        self._request, self._payload, self._most_bytes = request, request.content, most_bytes
        self._left_s = request.body_timeout_s
        """Real seconds for which the sender may keep us waiting."""
        self._bytes = 0

    async def begin(self) -> str:
        """The boundary between the parts; whoever waits for leave to send it all gets it.

        Raises:
            Invalid: the body is declared as something else or as too large.
        """
        request = self._request
        declared = request.headers.get("Content-Type", "")
        kind, options = multipart.parse_options_header(declared)
        boundary: str = options.get("boundary", "")
        if kind != "multipart/form-data" or not boundary or not boundary.isascii():
            wanted = "expected multipart/form-data with a boundary"
            raise Invalid({BODY: [f'Invalid content type "{shortened(declared)}": {wanted}']})
        if (request.content_length or 0) > self._most_bytes:
            raise self._too_large()
        if request.headers.get("Expect", "").lower() == "100-continue":
            with contextlib.suppress(ConnectionError):  # reading tells of it
                await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        return boundary

    async def block(self) -> bytes:
        """The next `BLOCK_BYTES`, fewer at the end, and none after it.

        Raises:
            Invalid, BodyTimedOut: as `form_parts` does.
        """
        pieces: list[bytes] = []
        missing = BLOCK_BYTES
        while missing and not self._payload.at_eof():
            piece = await self._piece(missing)
            pieces.append(piece)
            missing -= len(piece)
        return b"".join(pieces)

    async def _piece(self, most: int) -> bytes:
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        expiry = loop.call_later(self._left_s, self._payload.set_exception, TimeoutError())
        try:
            piece = await self._payload.read(most)
        except TimeoutError:
            raise BodyTimedOut from None
        except (web.RequestPayloadError, HttpProcessingError, ConnectionError) as error:
            raise Invalid({BODY: ["Malformed form: it breaks off"]}) from error
        finally:
            expiry.cancel()
        spare_s = self._left_s - (loop.time() - began_s) + len(piece) / LEAST_BYTES_PER_S
        self._left_s = min(spare_s, self._request.body_timeout_s)
        self._bytes += len(piece)
        if self._bytes > self._most_bytes:
            raise self._too_large()
        return piece

    def _too_large(self) -> Invalid:
        return Invalid({BODY: [f"Too big: expected form to have <={self._most_bytes} bytes"]})
