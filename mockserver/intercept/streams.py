"""Connections as pairs of streams: listening for them, joining two, and closing all."""

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable
from typing import NamedTuple

CHUNK_BYTES = 64 * 1024
BACKLOG = 1024
LOOPBACK = "127.0.0.1"


class Address(NamedTuple):
    """Where to connect."""

    host: str
    port: int


class Stream(NamedTuple):
    """Both directions of one connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


Serve = Callable[[Stream], Awaitable[None]]


async def connected(address: Address, context: ssl.SSLContext | None = None, name: str | None = None) -> Stream:
    """A new connection; with TLS where there is a *context*, then to the server called *name*.

    Raises:
        OSError: there is none to be had.
    """
    return Stream(*await asyncio.open_connection(*address, limit=CHUNK_BYTES, ssl=context, server_hostname=name))


async def join(client: Stream, server: Stream) -> None:
    """Pass on what both sides send, until the server has closed its side."""
    sending = asyncio.create_task(_send(client, server))
    try:
        await _pass_on(server.reader, client.writer)
    finally:
        sending.cancel()
        await asyncio.wait([sending])


async def _send(client: Stream, server: Stream) -> None:
    """Pass on what the client sends; where it or the server breaks off, nothing is left to wait for."""
    try:
        await _pass_on(client.reader, server.writer)
    except OSError:
        server.writer.transport.abort()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(CHUNK_BYTES):
        await send(writer, chunk)
    if writer.can_write_eof() and not writer.is_closing():
        writer.write_eof()


async def send(writer: asyncio.StreamWriter, content: bytes) -> None:
    """Write, as fast as the other side reads.

    Raises:
        OSError: it has gone; uvloop itself would raise a RuntimeError.
    """
    if writer.is_closing():
        raise ConnectionResetError
    writer.write(content)
    await writer.drain()


class Listener:
    """A server on a free loopback port; closing it ends its connections."""

    def __init__(self, serve: Serve, context: ssl.SSLContext | None = None) -> None:
        self._serve, self._context = serve, context
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> Address:
        """Listen, and say where."""
        self._server = await asyncio.start_server(
            self._take, LOOPBACK, 0, limit=CHUNK_BYTES, backlog=BACKLOG, ssl=self._context
        )
        return Address(LOOPBACK, self._server.sockets[0].getsockname()[1])

    def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._served(Stream(reader, writer)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda _: writer.close())

    async def _served(self, stream: Stream) -> None:
        try:
            with contextlib.suppress(OSError, EOFError):  # whoever breaks off hears no more
                await self._serve(stream)
        except asyncio.CancelledError:
            stream.writer.transport.abort()
            raise

    async def close(self) -> None:
        """Take no more connections, and end those that are open."""
        self._server.close()  # not waited for: that would be for clients in the middle of a handshake as well
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
