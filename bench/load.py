"""Load on a server: closed loop for throughput (wrk where it is installed), open loop for latency.

Several calls are sent by turns. `python -m bench.load URL CALLS SECONDS` is the closed loop as a program of its own.
"""

import asyncio
import itertools
import json
import re
import secrets
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
NUMBER = "{number}"
"""Stands in a header for a number that no other request has."""
_LENGTH = re.compile(rb"[Cc]ontent-[Ll]ength: (\d+)")


class Call(NamedTuple):
    """One HTTP request."""

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


class Wires:
    """The bytes of request after request: the calls by turns."""

    def __init__(self, url: str, calls: Sequence[Call]) -> None:
        self._turns = itertools.cycle([call.wire(url) for call in calls])
        self._token, self._numbers = secrets.token_hex(8), itertools.count(1)

    def __next__(self) -> bytes:
        wire = next(self._turns)
        if NUMBER.encode() in wire:
            return wire.replace(NUMBER.encode(), f"{self._token}-{next(self._numbers)}".encode())
        return wire


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

    def __init__(self, wires: Wires) -> None:
        self.wires, self.buffer, self.taken = wires, b"", list[float]()
        self.waiting: asyncio.Future[None] | None = None
        self.sent_at = 0.0
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    async def call(self) -> None:
        """One request and its whole answer."""
        assert self.transport is not None
        self.waiting = asyncio.get_running_loop().create_future()
        wire = next(self.wires)
        self.sent_at = time.perf_counter()
        self.transport.write(wire)
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


async def latencies(url: str, calls: Sequence[Call], *, rate: float, span_s: float) -> list[float]:
    """Seconds that each request took, sent at a fixed rate whatever the server does.

    A server that falls behind gets further connections, so that waiting in line counts; what the load itself is late
    does not.
    """
    wires = Wires(url, calls)
    free: list[Connection] = []
    everyone: list[Connection] = []

    async def one() -> None:
        connection = free.pop() if free else await _connect(url, wires, everyone)
        await connection.call()
        free.append(connection)

    free += [await _connect(url, wires, everyone) for _ in range(CONNECTIONS)]
    tasks = set()
    start = time.perf_counter()
    for number in range(int(rate * span_s)):
        due = start + number / rate
        while time.perf_counter() < due:  # noqa: ASYNC110 - timers are late by up to 1 ms, and would send in bursts
            await asyncio.sleep(0)
        task = asyncio.create_task(one())
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    await asyncio.gather(*tasks)
    _hang_up(everyone)
    return [seconds for connection in everyone for seconds in connection.taken]


async def each(url: str, calls: Sequence[Call], count: int) -> list[float]:
    """Seconds that each of *count* requests took, one after the other on one connection; the calls by turns."""
    everyone: list[Connection] = []
    connection = await _connect(url, Wires(url, calls), everyone)
    for _ in range(count):
        await connection.call()
    _hang_up(everyone)
    return connection.taken


async def throughput(url: str, calls: Sequence[Call], span_s: float, processes: int = 1) -> Load:
    """Requests over sixteen busy connections; by several processes, sixteen each, to keep several workers busy."""
    if shutil.which("wrk"):
        return await _by_wrk(url, calls, span_s, processes)
    words = ("-m", "bench.load", url, json.dumps(calls), str(span_s))
    loads = await asyncio.gather(*(_said(sys.executable, *words) for _ in range(processes)))
    counts, spans = zip(*map(json.loads, loads), strict=True)
    return Load(sum(counts), max(spans))


async def closed_loop(url: str, calls: Sequence[Call], span_s: float) -> Load:
    """The same by this process."""
    everyone: list[Connection] = []
    wires = Wires(url, calls)
    connections = [await _connect(url, wires, everyone) for _ in range(CONNECTIONS)]
    start = time.perf_counter()

    async def keep_busy(connection: Connection) -> None:
        while time.perf_counter() < start + span_s:
            await connection.call()

    await asyncio.gather(*map(keep_busy, connections))
    took_s = time.perf_counter() - start
    _hang_up(everyone)
    return Load(sum(len(connection.taken) for connection in connections), took_s)


async def _connect(url: str, wires: Wires, everyone: list[Connection]) -> Connection:
    host, _, port = urlsplit(url).netloc.rpartition(":")
    loop = asyncio.get_running_loop()
    _, connection = await loop.create_connection(lambda: Connection(wires), host, int(port))
    everyone.append(connection)
    return connection


def _hang_up(connections: list[Connection]) -> None:
    for connection in connections:
        if connection.transport is not None:
            connection.transport.close()


_BY_TURNS = """
local wires, sent, threads = {{{wires}}}, 0, 0
setup = function(thread) threads = threads + 1; thread:set('thread', threads) end
request = function()
  sent = sent + 1
  local wire = wires[sent % #wires + 1]
  return {wire}
end
"""
_DONE = "\ndone = function(all) io.write('\\nRAN ', all.requests, ' ', all.duration, '\\n') end\n"


def _script(url: str, calls: Sequence[Call]) -> str:
    wires = [call.wire(url).decode() for call in calls]
    has_numbers = any(NUMBER in wire for wire in wires)
    if len(calls) > 1 or has_numbers:
        numbered = f"(wire:gsub('{NUMBER}', '{secrets.token_hex(8)}-' .. thread .. '-' .. sent))"
        return _BY_TURNS.format(wires=", ".join(map(repr, wires)), wire=numbered if has_numbers else "wire") + _DONE
    (call,) = calls  # which wrk prepares once: the load costs half as much
    settings = [f"wrk.method = {call.method!r}", f"wrk.path = {call.path!r}"]
    settings += [f"wrk.headers[{name!r}] = {value!r}" for name, value in call.headers.items()]
    return "\n".join([*settings, f"wrk.body = {call.body!r}" if call.body else "", _DONE])


async def _by_wrk(url: str, calls: Sequence[Call], span_s: float, threads: int) -> Load:
    with tempfile.TemporaryDirectory() as folder:
        script = _written(folder, _script(url, calls))
        options = (f"-t{threads}", f"-c{CONNECTIONS * threads}", f"-d{max(1, round(span_s))}s", "-s", script)
        said = await _said("wrk", *options, url)
    found = re.search(r"^RAN (\d+) (\d+)$", said, re.MULTILINE)
    if not found or "Non-2xx" in said or "Socket errors" in said:
        raise RuntimeError(said)
    return Load(int(found[1]), int(found[2]) / 1e6)


def _written(folder: str, script: str) -> str:
    path = Path(folder, "calls.lua")
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


def main(url: str, calls: str, span_s: str) -> None:
    print(json.dumps(asyncio.run(closed_loop(url, [Call(*call) for call in json.loads(calls)], float(span_s)))))


if __name__ == "__main__":
    main(*sys.argv[1:])
