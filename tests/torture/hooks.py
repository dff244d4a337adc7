"""Webhooks in numbers: one receiver that is silent among many, and many that wait for their time."""

import asyncio
import contextlib
import json
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp

from tests.torture.pace import Pace
from tests.torture.servers import Server
from tests.torture.tally import Tally

Tell = Callable[[str], None]
CLIENT = {"X-API-Key": "afk_test"}
RECEIVERS = 1_000
PROMPT_S = 9.0
"""Within which the receivers that answer have their webhooks: a try of the silent one takes 10 s, and it has three."""
WAITING = 200_000
BATCH = 50
CONNECTIONS = 8
DELIVERED_ENOUGH = 5_000
LONGEST_S = 60.0


class Listener(asyncio.Protocol):
    """A receiver in its smallest form: answers 200 to each request that comes in one piece, or nothing at all."""

    def __init__(self, on_webhook: Callable[[], None], *, is_silent: bool) -> None:
        self._on_webhook, self._is_silent = on_webhook, is_silent
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._buffer.endswith(b"}"):  # the end of a webhook's body
            self._buffer = b""
            self._on_webhook()
            if not self._is_silent:
                self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


async def silent_receiver(url: str, tally: Tally, tell: Tell) -> None:
    """Jobs end for 1,000 receivers that answer and for one that does not, who has 40."""
    loop = asyncio.get_running_loop()
    waited_for, all_came = set(range(RECEIVERS)), asyncio.Event()

    def listener(number: int) -> Listener:
        def on_webhook() -> None:
            waited_for.discard(number)
            if not waited_for:
                all_came.set()

        return Listener(on_webhook, is_silent=number == RECEIVERS)

    async with contextlib.AsyncExitStack() as stack, aiohttp.ClientSession(url, headers=CLIENT) as http:
        hooks = []
        for number in range(RECEIVERS + 1):
            server = await loop.create_server(partial(listener, number), "127.0.0.1", 0)
            stack.callback(server.close)
            hooks.append(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook")
        silent = hooks.pop()
        await _pull(http, "clock", {"freeze": True})
        for start in range(0, RECEIVERS, BATCH):
            await asyncio.gather(*(_order(http, hook) for hook in [*hooks[start : start + BATCH], silent, silent]))
        tell(f"{RECEIVERS:,} webhooks and those for a silent receiver fall due")
        await _pull(http, "clock", {"advance": "1h", "freeze": False, "wait": False})
        began = loop.time()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(all_came.wait(), PROMPT_S)
        tally.counts["receivers that answer"] = RECEIVERS
        tally.counts["of whom have theirs"] = RECEIVERS - len(waited_for)
        tally.counts["after (ms)"] = round(1000 * (loop.time() - began))
        tally.hold("a silent receiver does not keep others waiting", waited_for)


async def waiting_webhooks(server: Server, pace: Pace, tally: Tally, tell: Tell) -> None:
    """Jobs that take hours, each with a webhook: they cost memory and no time, until their time comes."""
    loop = asyncio.get_running_loop()
    came = 0

    def on_webhook() -> None:
        nonlocal came
        came += 1

    receiver = await loop.create_server(lambda: Listener(on_webhook, is_silent=False), "127.0.0.1", 0)
    hook = f"http://127.0.0.1:{receiver.sockets[0].getsockname()[1]}/hook"
    async with receiver, aiohttp.ClientSession(server.url) as http:
        await _pull(http, "teams/" + await _team(http), {"credits": 10**9}, "PATCH")
        await pace.measure(tally, "without them")
        before, began = _resident_mb(server.pid), loop.time()
        await asyncio.gather(*(_fill(server.port, hook, WAITING // CONNECTIONS) for _ in range(CONNECTIONS)))
        tally.counts["webhooks waiting"] = (await _pull(http, "health", None, "GET"))["pendingDeliveries"]
        tally.counts["submitted in (s)"] = round(loop.time() - began)
        tally.counts["memory that they take (MB)"] = _resident_mb(server.pid) - before
        tell(f"{tally.counts['webhooks waiting']:,} webhooks wait")
        few = WAITING - tally.counts["webhooks waiting"]
        tally.hold("all webhooks wait", f"{few} do not" if few > 0 else "")
        await pace.measure(tally, "while they wait")
        await _pull(http, "clock", {"advance": "12h", "wait": False})
        began = loop.time()
        while came < DELIVERED_ENOUGH and loop.time() - began < LONGEST_S:
            await pace.measure(tally, "while they are sent", 20)
        tally.counts["webhooks delivered"] = came
        tally.counts["a second"] = round(came / (loop.time() - began))
        few = DELIVERED_ENOUGH - came
        tally.hold(f"many are delivered within {LONGEST_S:g} s", f"{few} too few" if few > 0 else "")


async def _fill(port: int, hook: str, number: int) -> None:
    """Submit, many requests at a time."""
    body = json.dumps({"model": "flux-2-pro", "prompt": "a fox [[slow 2h]]", "webhookUrl": hook})
    request = (
        f"POST /v2/images/generate HTTP/1.1\r\nHost: here\r\nX-API-Key: afk_test\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(number // BATCH):
        writer.write(request * BATCH)
        for _ in range(BATCH):
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 202"), head
            length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
            await reader.readexactly(int(length))
    writer.close()


async def _order(http: aiohttp.ClientSession, hook: str) -> None:
    async with http.post(
        "/v2/images/generate", json={"model": "flux-2-pro", "prompt": "a fox", "webhookUrl": hook}
    ) as answer:
        assert answer.status == 202, await answer.text()


async def _team(http: aiohttp.ClientSession) -> str:
    async with http.get("/_mock/keys/afk_test") as answer:
        team: str = (await answer.json())["team"]["id"]
        return team


async def _pull(http: aiohttp.ClientSession, lever: str, body: Any, method: str = "POST") -> Any:
    async with http.request(method, f"/_mock/{lever}", json=body) as answer:
        assert answer.status == 200, await answer.text()
        return await answer.json()


def _resident_mb(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 2**20
