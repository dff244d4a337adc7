"""Load on a server: closed loop for throughput (wrk where it is installed), open loop for latency.

`python -m bench.load URL CALL SECONDS` is the closed loop as a program of its own.
"""

import asyncio
import itertools
import json
import re
import shutil
import sys
import tempfile
import time
from asyncio.subprocess import PIPE
from collections.abc import Sequence
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


class Load(NamedTuple):
    """What a server did under load."""

    requests: int
    took_s: float

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests / self.took_s


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


async def each(url: str, calls: Sequence[Call], count: int) -> list[float]:
    """Seconds that each of *count* requests took, one after the other on one connection; the calls by turns."""
    everyone: list[Connection] = []
    connection = await _connect(url, calls[0], everyone)
    for request in itertools.islice(itertools.cycle([call.wire(url) for call in calls]), count):
        connection.request = request
        await connection.call()
    _hang_up(everyone)
    return connection.taken


async def throughput(url: str, call: Call, span_s: float, processes: int = 1) -> Load:
    """Requests over sixteen busy connections; by several processes where one could not keep several servers busy."""
    if shutil.which("wrk"):
        return await _by_wrk(url, call, span_s, processes)
    words = ("-m", "bench.load", url, json.dumps(call), str(span_s))
    loads = await asyncio.gather(*(_said(sys.executable, *words) for _ in range(processes)))
    counts, spans = zip(*map(json.loads, loads), strict=True)
    return Load(sum(counts), max(spans))


async def closed_loop(url: str, call: Call, span_s: float) -> Load:
    """The same by this process."""
    everyone: list[Connection] = []
    connections = [await _connect(url, call, everyone) for _ in range(CONNECTIONS)]
    start = time.perf_counter()

    async def keep_busy(connection: Connection) -> None:
        while time.perf_counter() < start + span_s:
            await connection.call()

    await asyncio.gather(*map(keep_busy, connections))
    took_s = time.perf_counter() - start
    _hang_up(everyone)
    return Load(sum(len(connection.taken) for connection in connections), took_s)


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


async def _by_wrk(url: str, call: Call, span_s: float, threads: int) -> Load:
    settings = [f"wrk.method = {call.method!r}", f"wrk.body = {call.body!r}" if call.body else ""]
    settings += [f"wrk.headers[{name!r}] = {value!r}" for name, value in call.headers.items()]
    settings += ["done = function(all) io.write('\\nRAN ', all.requests, ' ', all.duration, '\\n') end"]
    with tempfile.TemporaryDirectory() as folder:
        script = _written(folder, "\n".join(settings))
        options = (f"-t{threads}", f"-c{CONNECTIONS}", f"-d{max(1, round(span_s))}s", "-s", script)
        said = await _said("wrk", *options, url + call.path)
    found = re.search(r"^RAN (\d+) (\d+)$", said, re.MULTILINE)
    if not found or "Non-2xx" in said or "Socket errors" in said:
        raise RuntimeError(said)
    return Load(int(found[1]), int(found[2]) / 1e6)


def _written(folder: str, script: str) -> str:
    path = Path(folder, "call.lua")
    path.write_text(script, encoding="utf-8")
    return str(path)


async def _said(*command: str) -> str:
    """What a program printed.

    Raises:
        RuntimeError: it failed.
    """
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE)
    said, _ = await process.communicate()
    if process.returncode:
        msg = f"{' '.join(command[:3])} failed: {said.decode()}"
        raise RuntimeError(msg)
    return said.decode()


def main(url: str, call: str, span_s: str) -> None:
    print(json.dumps(asyncio.run(closed_loop(url, Call(*json.loads(call)), float(span_s)))))


if __name__ == "__main__":
    main(*sys.argv[1:])
