"""Requests a second of each store, as a share of what a bare aiohttp handler does in the same round.

The bare handler is what an ordinary aiohttp application with the ordinary router costs on the same event loop, and
answers the very bytes of the mock. It reads a body where one comes and parses nothing; the mock has everything on:
validation, journal, findings. Both run on core 0 and get load from core 1 in turns, so what disturbs the machine
disturbs both. Redis runs on core 1, beside the load, since it is not what is measured here.
"""

from collections.abc import AsyncGenerator
from functools import partial

from bench.load import throughput
from bench.parts import Part, Scale
from bench.rows import Figure, Goal, median_of
from bench.running import bare, filled
from bench.stores import places

STORED = 1_000
SHARES = {
    "memory": {"submit": Goal("at least", 0.8), "poll": Goal("at least", 1.0)},
    "sqlite": {"submit": Goal("at least", 0.3)},
    "redis": {"submit": Goal("at least", 0.25)},
}
CHIEF = ("submit", "poll")
"""What most programs send; the other kinds are measured in a third of the rounds."""


async def shares(store: str, scale: Scale) -> AsyncGenerator[Figure, None]:
    note = "Redis on the core of the load" if store == "redis" else ""
    with places(store) as place:
        async with filled(place(), STORED) as mock, bare(mock) as other:
            for kind, (call, *_) in mock.calls().items():
                rates, of_bare = [], []
                for _ in range(scale.rounds if kind in CHIEF else scale.rounds // 3):
                    of_bare.append((await throughput(other.url, call, scale.span_s)).rate)
                    rates.append((await throughput(mock.url, call, scale.span_s)).rate)
                ratios = [ours / theirs for ours, theirs in zip(rates, of_bare, strict=True)]
                about = {"store": store, "kind": kind}
                yield median_of(_name(kind, store), ratios, note=note, about=about)
                yield median_of(f"{kind}, {store}", rates, "/s", about=about)
                yield median_of(f"{kind}, bare handler beside {store}", of_bare, "/s", about={**about, "bare": True})


def _name(kind: str, store: str) -> str:
    return f"{kind}, {store}, share of bare"


PARTS = tuple(
    Part("throughput", store, partial(shares, store), {_name(kind, store): goal for kind, goal in goals.items()})
    for store, goals in SHARES.items()
)
