"""A receiver of webhooks on core 1 that does next to nothing: `python -m bench.receiver` prints its address.

It answers each POST with 200 and keeps the connection; a GET tells what has arrived since the last one, as JSON.
"""

import asyncio
import json
import os
import re
import time
from typing import cast

from mockserver.cli.running import Stop, run_loop
from mockserver.core.instants import instant

_LENGTH = re.compile(rb"\r\n[Cc]ontent-[Ll]ength: (\d+)")
_DUE = re.compile(rb'"completedAt":"([^"]+)"')
_TAKEN = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


class Arrivals:
    """When what was due came: pairs of its text and the instant."""

    def __init__(self) -> None:
        self.seen: list[tuple[bytes, float]] = []

    def told(self) -> bytes:
        """The count, and the late seconds in rising order; begins anew."""
        late = sorted(at - instant(due.decode()) for due, at in self.seen)
        self.seen = []
        body = json.dumps(late).encode()
        return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


class Connection(asyncio.Protocol):
    """Cuts requests out of what arrives."""

    def __init__(self, arrivals: Arrivals) -> None:
        self.arrivals, self.buffer = arrivals, b""
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        assert self.transport is not None
        self.buffer += data
        head, found, rest = self.buffer.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        size = int(length[1]) if length else 0
        if not found or len(rest) < size:
            return
        self.buffer = rest[size:]
        if head.startswith(b"GET"):
            self.transport.write(self.arrivals.told())
            return
        due = _DUE.search(rest)
        assert due, rest
        self.arrivals.seen.append((due[1], time.time()))
        self.transport.write(_TAKEN)


async def serve() -> None:
    arrivals = Arrivals()
    stop = Stop()
    server = await asyncio.get_running_loop().create_server(lambda: Connection(arrivals), "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await stop.wait()
    server.close()


if __name__ == "__main__":
    if hasattr(os, "sched_setaffinity") and (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, {1})
    run_loop(serve())
