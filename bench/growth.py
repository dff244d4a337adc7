"""What a request takes, and what a job takes up, against the number of stored jobs.

Servers with each number of jobs run beside each other and are asked in turns, one request after the other; what counts
is the ratio of the medians in one round. Polls go to jobs spread over all that are stored.
"""

import statistics
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from functools import partial

from bench.load import each
from bench.parts import FULL, Part, Scale
from bench.rows import Figure, Goal, median_of
from bench.running import Running, filled
from bench.stores import places

REQUESTS = 200
"""Of each kind to each server in a round."""
KINDS = ("submit", "poll", "list", "balance")
LIKE_FEW = Goal("at most", 1.2)
SMALL = Goal("at most", 1000)
UNITS = {"memory": "in memory", "sqlite": "in the file", "redis": "in Redis"}


async def growth(store: str, scale: Scale) -> AsyncGenerator[Figure, None]:
    sizes = scale.sizes[store]
    with places(store) as place:
        async with AsyncExitStack() as stack:
            mocks = {size: await stack.enter_async_context(filled(place(), size)) for size in sizes}
            most = max(sizes)
            yield Figure(_size(store), mocks[most].bytes_per_job, "B", note=f"{most:,} jobs", about={"store": store})
            for kind in KINDS:
                rounds = [await one_round(mocks, kind) for _ in range(scale.rounds)]
                for size in sizes:
                    name, about = f"{kind}, {store}, {size:,} jobs", {"store": store, "kind": kind, "jobs": size}
                    yield median_of(name, [1e6 * took[size] for took in rounds], "us", about=about)
                ratios = [took[most] / took[min(sizes)] for took in rounds]
                yield median_of(_name(kind, store), ratios, note=f"{most:,} jobs", about={"store": store, "kind": kind})


async def one_round(mocks: dict[int, Running], kind: str) -> dict[int, float]:
    """Seconds that half of the requests stay below, by stored jobs."""
    return {size: statistics.median(await each(mock.url, mock.calls()[kind], REQUESTS)) for size, mock in mocks.items()}


def _name(kind: str, store: str) -> str:
    return f"{kind}, {store}, most jobs / 1,000"


def _size(store: str) -> str:
    return f"bytes of a stored job {UNITS[store]}"


def _goals(store: str) -> dict[str, Goal]:
    if store == "redis":
        return {}
    ratios = {_name(kind, store): LIKE_FEW for kind in KINDS}
    return {_size(store): SMALL, **ratios} if store == "memory" else ratios


PARTS = tuple(Part("growth", store, partial(growth, store), _goals(store)) for store in FULL.sizes)
