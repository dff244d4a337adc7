"""What one request costs, by kind and store: processor time, and what goes to and from Redis.

Under full load, so what is done once for several requests counts once. Of Redis, `INFO` before and after: a script is
one command of ours, and the commands that it gives count as well.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from functools import partial
from typing import NamedTuple

from bench.load import throughput
from bench.machine import cpu_s
from bench.parts import Part, Scale
from bench.rows import Figure, median_of
from bench.running import filled
from bench.stores import STORES, places

STORED = 1_000
ROUNDS = 3
SCRIPTS = ("evalsha", "eval", "fcall")


class Meter(NamedTuple):
    """What has been used so far."""

    server_us: float = 0
    redis_us: float = 0
    scripts: float = 0
    commands: float = 0
    """Those that scripts give among them."""
    sent: float = 0
    """Bytes to Redis."""
    received: float = 0

    def since(self, before: "Meter", requests: int) -> "Meter":
        """For each of so many requests."""
        return Meter(*((now - then) / requests for now, then in zip(self, before, strict=True)))


WHAT = {
    "redis_us": ("time of Redis", "us"),
    "scripts": ("scripts", ""),
    "commands": ("commands, those of scripts too", ""),
    "sent": ("bytes to Redis", "B"),
    "received": ("bytes from Redis", "B"),
}


async def costs(store: str, scale: Scale) -> AsyncGenerator[Figure, None]:
    with places(store) as place:
        where = place()
        async with filled(where, STORED) as mock:
            for kind, calls in mock.calls().items():
                used = []
                for _ in range(ROUNDS):
                    before = await asyncio.to_thread(read, mock.pid, where)
                    load = await throughput(mock.url, calls, scale.span_s)
                    used.append((await asyncio.to_thread(read, mock.pid, where)).since(before, load.requests))
                about = {"store": store, "kind": kind}
                name = f"{kind}, {store}: processor time"
                yield median_of(name, [each.server_us for each in used], "us", about={**about, "what": "server_us"})
                for what, (told, unit) in WHAT.items() if store == "redis" else ():
                    values = [getattr(each, what) for each in used]
                    yield median_of(f"{kind}, {store}: {told}", values, unit, about={**about, "what": what})


def read(pid: int, place: str) -> Meter:
    """The meter of a server and of its store."""
    server_us = 1e6 * cpu_s(pid)
    if place == "memory" or place.startswith("sqlite:"):
        return Meter(server_us)
    from redis import Redis  # noqa: PLC0415 - an extra

    with Redis.from_url(place.partition("?")[0]) as client:
        info: Mapping[str, float] = client.info("stats")
        calls = {name: row["calls"] for name, row in client.info("commandstats").items()}
        redis_us = 1e6 * cpu_s(int(client.info("server")["process_id"]))
    scripts = sum(calls.get(f"cmdstat_{name}", 0) for name in SCRIPTS)
    commands = sum(calls.values()) - scripts
    return Meter(server_us, redis_us, scripts, commands, info["total_net_input_bytes"], info["total_net_output_bytes"])


PARTS = tuple(Part("cost", store, partial(costs, store), {}) for store in STORES)
