"""Load on a server: closed loop for throughput (wrk where it is installed), open loop for latency."""

import asyncio
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import NamedTuple, cast
from urllib.parse import urlsplit

CONNECTIONS = 16
_LENGTH = re.compile(rb"[Cc]ontent-[Ll]ength: (\d+)")


class Call(NamedTuple):
    """One HTTP request, sent over and over."""

    method: str
    path: str
    headers: dict[str, str]
    body: str = ""

    def wire(self, url: str) -> bytes:
        """Its bytes."""
        headers = {"Host": urlsplit(url).netloc, **self.headers}
        if self.body:
            headers["Content-Length"] = str(len(self.body))
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"{self.method} {self.path} HTTP/1.1\r\n{lines}\r\n{self.body}".encode()


class Connection(asyncio.Protocol):
    """Sends one request after the other and notes how long each took; anything but 2xx ends the benchmark."""

    def __init__(self, request: bytes) -> None:
        self.request, self.buffer, self.taken = request, b"", list[float]()
        self.waiting: asyncio.Future[None] | None = None
        self.sent_at = 0.0
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    async def call(self) -> None:
        """One request and its whole answer."""
        assert self.transport is not None
        self.waiting = asyncio.get_running_loop().create_future()
        self.sent_at = time.perf_counter()
        self.transport.write(self.request)
        await self.waiting

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, found, rest = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return
        length = _LENGTH.search(head)
        if len(rest) < (int(length[1]) if length else 0):
            return
        assert self.buffer.startswith(b"HTTP/1.1 20"), self.buffer[:500]
        self.buffer = b""
        self.taken.append(time.perf_counter() - self.sent_at)
        if self.waiting is not None and not self.waiting.done():
            self.waiting.set_result(None)


async def latencies(url: str, call: Call, *, rate: float, span_s: float) -> list[float]:
    """Seconds that each request took, sent at a fixed rate whatever the server does.

    A server that falls behind gets further connections, so that waiting in line counts; what the load itself is late
    does not.
    """
    free: list[Connection] = []
    everyone: list[Connection] = []

    async def one() -> None:
        connection = free.pop() if free else await _connect(url, call, everyone)
        await connection.call()
        free.append(connection)

    free += [await _connect(url, call, everyone) for _ in range(CONNECTIONS)]
    tasks = set()
    start = time.perf_counter()
    for number in range(int(rate * span_s)):
        due = start + number / rate
        if (ahead := due - time.perf_counter()) > 0:
            await asyncio.sleep(ahead)
        task = asyncio.create_task(one())
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    await asyncio.gather(*tasks)
    _hang_up(everyone)
    return [seconds for connection in everyone for seconds in connection.taken]


async def each(url: str, call: Call, count: int) -> list[float]:
    """Seconds that each of *count* requests took, one after the other on one connection."""
    everyone: list[Connection] = []
    connection = await _connect(url, call, everyone)
    for _ in range(count):
        await connection.call()
    _hang_up(everyone)
    return connection.taken


async def throughput(url: str, call: Call, span_s: float) -> float:
    """Requests a second over sixteen busy connections."""
    if shutil.which("wrk"):
        return await asyncio.to_thread(_by_wrk, url, call, span_s)
    everyone: list[Connection] = []
    connections = [await _connect(url, call, everyone) for _ in range(CONNECTIONS)]
    start = time.perf_counter()

    async def keep_busy(connection: Connection) -> None:
        while time.perf_counter() < start + span_s:
            await connection.call()

    await asyncio.gather(*map(keep_busy, connections))
    took = time.perf_counter() - start
    _hang_up(everyone)
    return sum(len(connection.taken) for connection in connections) / took


async def _connect(url: str, call: Call, everyone: list[Connection]) -> Connection:
    host, _, port = urlsplit(url).netloc.rpartition(":")
    loop = asyncio.get_running_loop()
    _, connection = await loop.create_connection(lambda: Connection(call.wire(url)), host, int(port))
    everyone.append(connection)
    return connection


def _hang_up(connections: list[Connection]) -> None:
    for connection in connections:
        if connection.transport is not None:
            connection.transport.close()


def _by_wrk(url: str, call: Call, span_s: float) -> float:
    settings = [f"wrk.method = {call.method!r}", f"wrk.body = {call.body!r}" if call.body else ""]
    settings += [f"wrk.headers[{name!r}] = {value!r}" for name, value in call.headers.items()]
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, "call.lua")
        script.write_text("\n".join(settings), encoding="utf-8")
        line = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{span_s:g}s", "-s", str(script), url + call.path]
        said = subprocess.run(line, capture_output=True, text=True, check=True).stdout
    assert "Non-2xx" not in said, said
    found = re.search(r"Requests/sec:\s+([\d.]+)", said)
    assert found, said
    return float(found[1])
