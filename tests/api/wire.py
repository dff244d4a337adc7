"""HTTP spoken by hand over a socket, so that it can be wrong, and what must hold of every answer."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple
from urllib.parse import urlsplit

PATIENCE_S = 20.0
"""Nothing takes so long but a hang."""
MOST_BYTES = 20_000
"""No refusal is longer."""
REQUEST_ID = re.compile(r"req_[0-9a-f]+")
HEAD = b"Host: mock\r\nX-API-Key: afk_test\r\n"
GOOD = b'{"prompt":"a fox","model":"flux-2-pro"}'


class Reply(NamedTuple):
    """One answer as it came over the wire."""

    status: int
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes
    raw: bytes
    """All of it."""

    @property
    def json(self) -> Any:
        """The body's value."""
        return json.loads(self.body)

    @property
    def ends_connection(self) -> bool:
        """Whether the server says that it closes."""
        return self.headers.get("connection") == "close"


class Wire:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, data: bytes) -> None:
        """Write bytes as they are; a server that has hung up may leave them."""
        try:
            self.writer.write(data)
            await self.writer.drain()
        except ConnectionError:
            pass

    async def reply(self, *, to_head: bool = False) -> Reply:
        """The next answer, read as far as its Content-Length says."""
        async with asyncio.timeout(PATIENCE_S):
            head = await self.reader.readuntil(b"\r\n\r\n")
            first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
            headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
            assert len(headers) == len(lines), "a header stands twice"
            length = 0 if to_head else int(headers.get("content-length", "0"))
            body = await self.reader.readexactly(length)
        version, status, _ = first.split(" ", 2)
        assert version == "HTTP/1.1"
        return Reply(int(status), headers, body, head + body)

    async def ask(self, data: bytes) -> Reply:
        """Send, and read one answer."""
        await self.send(data)
        return await self.reply()

    async def rest(self) -> bytes:
        """What comes until the server hangs up."""
        async with asyncio.timeout(PATIENCE_S):
            try:
                return await self.reader.read()
            except ConnectionError:
                return b""


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Wire]:
    """A connection to a server's address."""
    where = urlsplit(url)
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    try:
        yield Wire(reader, writer)
    finally:
        writer.close()


async def asked(url: str, data: bytes) -> Reply:
    """The answer to these bytes on a connection of their own."""
    async with connected(url) as wire:
        return await wire.ask(data)


def get(path: bytes, head: bytes = HEAD) -> bytes:
    """A GET as bytes."""
    return b"GET %b HTTP/1.1\r\n%b\r\n" % (path, head)


def post(body: bytes, *lines: bytes, head: bytes = HEAD, kind: bytes = b"application/json") -> bytes:
    """A submission as bytes; *lines* come instead of its Content-Length when they name the body's."""
    framed = any(line.lower().startswith((b"content-length", b"transfer-encoding")) for line in lines)
    more = [*lines, *([] if framed else [b"Content-Length: %d" % len(body)])]
    return b"POST /v2/images/generate HTTP/1.1\r\n%bContent-Type: %b\r\n%b\r\n\r\n%b" % (
        head,
        kind,
        b"\r\n".join(more),
        body,
    )


def chunked(body: bytes, size: int = 65_536) -> bytes:
    """A body in chunks."""
    parts = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def assert_is_ours(reply: Reply) -> None:
    """An answer carries a request id and CORS, tells its length, and names no framework."""
    assert REQUEST_ID.fullmatch(reply.headers["x-request-id"])
    assert reply.headers["access-control-allow-origin"] == "*"
    assert "server" not in reply.headers
    assert not re.search(rb"aiohttp|python|uvloop|traceback", reply.raw, re.IGNORECASE)


def assert_is_refusal(reply: Reply) -> None:
    """A refusal is a short JSON object with a text in `error`, and the client's fault."""
    assert_is_ours(reply)
    assert 400 <= reply.status < 500, reply
    assert reply.headers["content-type"] == "application/json; charset=utf-8"
    assert len(reply.body) == int(reply.headers["content-length"]) < MOST_BYTES
    assert isinstance(reply.json["error"], str)
    assert reply.json["error"]
