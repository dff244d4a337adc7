"""POSTs on the connections of aiohttp's pool, without what its session does for requests of every other kind.

No cookies, redirects, streams, compression or hooks: a third of the time that the session takes for each.
"""

import asyncio
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

import aiohttp
import yarl
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.http import HttpProcessingError, RawResponseMessage
from aiohttp.streams import StreamReader

ADDRESSES = 1000
"""Whose heads are remembered."""
ANNOUNCING = range(100, 200)
"""Statuses that another answer follows, but for one."""
SWITCHING = 101
_NO_TIMEOUT = aiohttp.ClientTimeout(total=None)


class Said(NamedTuple):
    """What a receiver said."""

    status: int
    start: bytes
    """Of the body, as far as it has arrived with the head, or next."""


class Poster:
    """Sends over one pool of connections, which is the poster's to close."""

    def __init__(self, connector: aiohttp.TCPConnector, start_bytes: int) -> None:
        self._connector, self._start_bytes = connector, start_bytes
        self._head = lru_cache(maxsize=ADDRESSES)(_head)

    async def post(self, url: yarl.URL, body: bytes, headers: Mapping[str, str]) -> Said:
        """Send once, and give the final answer. Header values are ours: nobody looks for line ends in them.

        Raises:
            aiohttp.ClientError: no connection, or no whole answer.
            OSError: as above.
        """
        request, head = self._head(url)
        lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
        connection = await self._connector.connect(request, [], _NO_TIMEOUT)
        try:
            protocol, transport = _ends(connection)
            protocol.set_response_params(read_until_eof=True, auto_decompress=False)
            transport.write(b"%b%bContent-Length: %d\r\n\r\n%b" % (head, lines.encode(), len(body), body))
            message, payload = await _final(protocol, request)
            start = await payload.read(self._start_bytes)
        except BaseException:
            connection.close()
            raise
        connection.release()
        return Said(message.code, start)

    async def close(self) -> None:
        """Let go of all connections."""
        await self._connector.close()


def _head(url: yarl.URL) -> tuple[aiohttp.ClientRequest, bytes]:
    """What the pool wants to know, and the start of every request to this address."""
    request = aiohttp.ClientRequest(
        "POST", url, skip_auto_headers=("Accept-Encoding", "User-Agent"), loop=asyncio.get_running_loop()
    )
    lines = [f"{name}: {value}\r\n" for name, value in request.headers.items() if name != "Content-Length"]
    return request, f"POST {url.raw_path_qs} HTTP/1.1\r\n{''.join(lines)}".encode()


def _ends(connection: Connection) -> tuple[ResponseHandler, asyncio.Transport]:
    protocol, transport = connection.protocol, connection.transport
    if protocol is None or transport is None or transport.is_closing():  # as soon as it was opened
        raise aiohttp.ServerDisconnectedError
    return protocol, transport


async def _final(protocol: ResponseHandler, request: aiohttp.ClientRequest) -> tuple[RawResponseMessage, StreamReader]:
    """The head of the answer and what its body is read from; heads that only announce one are passed over."""
    try:
        while True:
            message, payload = await protocol.read()
            if message.code not in ANNOUNCING or message.code == SWITCHING:
                return message, payload
    except HttpProcessingError as error:
        raise aiohttp.ClientResponseError(request.request_info, (), status=error.code, message=error.message) from error
