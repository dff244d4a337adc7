"""Requests a second of each store, as a share of what a bare aiohttp handler does in the same round.

The bare handler is what an ordinary aiohttp application with the ordinary router costs on the same event loop, and
answers the very bytes of the mock. It reads a body where one comes and parses nothing; the mock has everything on:
validation, journal, findings. Both run on core 0 and get load from core 1 in turns, so what disturbs the machine
disturbs both; the ratio of the processor time that a request takes of each stands beside. Redis runs on core 1, beside
the load, since it is not what is measured here.
"""

from collections import defaultdict
from collections.abc import AsyncGenerator, Sequence
from functools import partial
from typing import NamedTuple

from bench.load import Call, throughput
from bench.machine import cpu_s
from bench.parts import Part, Scale
from bench.rows import Figure, Goal, median_of
from bench.running import Running, bare, filled
from bench.stores import places

STORED = 1_000
SHARES = {
    "memory": {"submit": Goal("at least", 0.8), "poll": Goal("at least", 1.0)},
    "sqlite": {"submit": Goal("at least", 0.3)},
    "redis": {"submit": Goal("at least", 0.25)},
}
CHIEF = ("submit", "poll")
"""What most programs send; the other kinds are measured in a third of the rounds."""
PAIRS = 3
"""New processes for a third of the rounds each: how fast one is depends on where in memory its code came to lie."""


class Run(NamedTuple):
    """One run of load on one server."""

    rate: float
    cpu_s: float
    """For one request."""


Rounds = dict[str, list[tuple[Run, Run]]]
"""By kind of request: what the mock did, and the bare handler beside it."""


async def shares(store: str, scale: Scale) -> AsyncGenerator[Figure, None]:
    note = "Redis on the core of the load" if store == "redis" else ""
    rounds: Rounds = defaultdict(list)
    with places(store) as place:
        for _ in range(PAIRS):
            await one_pair(place(), scale, rounds)
    for kind, each in rounds.items():
        about = {"store": store, "kind": kind}
        ratios = [ours.rate / theirs.rate for ours, theirs in each]
        yield median_of(_name(kind, store), ratios, note=note, about=about)
        by_time = [theirs.cpu_s / ours.cpu_s for ours, theirs in each]
        yield median_of(f"{_name(kind, store)}, by processor time", by_time, about=about)
        yield median_of(f"{kind}, {store}", [ours.rate for ours, _ in each], "/s", about=about)
        of_bare = [theirs.rate for _, theirs in each]
        yield median_of(f"{kind}, bare handler beside {store}", of_bare, "/s", about={**about, "bare": True})


async def one_pair(place: str, scale: Scale, rounds: Rounds) -> None:
    """The rounds of a new mock and of a new bare handler."""
    async with filled(place, STORED) as mock, bare(mock) as other:
        for kind, calls in mock.calls().items():
            for _ in range(scale.rounds // PAIRS if kind in CHIEF else 1):
                theirs = await run(other, calls, scale.span_s)
                rounds[kind].append((await run(mock, calls, scale.span_s), theirs))


async def run(server: Running, calls: Sequence[Call], span_s: float) -> Run:
    before = cpu_s(server.pid)
    load = await throughput(server.url, calls, span_s)
    return Run(load.rate, (cpu_s(server.pid) - before) / load.requests)


def _name(kind: str, store: str) -> str:
    return f"{kind}, {store}, share of bare"


PARTS = tuple(
    Part("throughput", store, partial(shares, store), {_name(kind, store): goal for kind, goal in goals.items()})
    for store, goals in SHARES.items()
)
