"""Two workers on two cores against one, over one store.

On a machine with two cores the load, and Redis, take their share of what the second worker could have. So nothing is
kept to a core here: where one worker runs, the load has the other core; where two run, load and workers share both. The
ratio of what is answered is therefore lower than on a machine whose load comes from elsewhere. Beside it stands the
ratio by processor time: two cores that have nothing else to do than work, at what a request costs each of two workers,
against one core at what it costs a worker alone. A worker that waits for another shows in the former alone.
"""

import statistics
from collections.abc import AsyncGenerator
from functools import partial
from typing import NamedTuple

from bench.load import throughput
from bench.machine import children_of, cpu_s, every_core
from bench.parts import Part, Scale
from bench.rows import Figure, Goal, median_of
from bench.running import SUBMISSIONS, finished, lever, process
from bench.stores import places
from mockserver.core.accounts import ready_made

KINDS = ("submit", "poll")
NUMBERS = (1, 2)
TEAM = ready_made(None)[0][0].id
"""That of the key that the load has."""


class Run(NamedTuple):
    """One run of load on a crew of workers."""

    rate: float
    cpu_s: float
    """Of all workers, for one request."""
    busy: float
    """Processor time of all workers in a second."""


async def crews(store: str, scale: Scale) -> AsyncGenerator[Figure, None]:
    runs: dict[str, dict[int, list[Run]]] = {kind: {number: [] for number in NUMBERS} for kind in KINDS}
    with every_core(), places(store) as place:
        for _ in range(scale.rounds // 2 + 1):
            for number in NUMBERS:
                async for kind, run in one_crew(place(), number, scale.span_s):
                    runs[kind][number].append(run)
    for kind, of_numbers in runs.items():
        one, two = of_numbers[1], of_numbers[2]
        busy = statistics.median(run.busy for run in two)
        note = f"the two use {busy:.2f} of 2 cores; load{' and Redis' if store == 'redis' else ''} on the same cores"
        about = {"store": store, "kind": kind}
        rates = [b.rate / a.rate for a, b in zip(one, two, strict=True)]
        yield median_of(_name(kind, store), rates, note=note, about=about)
        by_time = [2 * a.cpu_s / b.cpu_s for a, b in zip(one, two, strict=True)]
        yield median_of(f"{kind}, {store}, two workers / one, by processor time", by_time, about=about)
        for number, each in of_numbers.items():
            name = f"{kind}, {store}, {number} {'worker' if number == 1 else 'workers'}"
            yield median_of(name, [run.rate for run in each], "/s", about={**about, "workers": number})


async def one_crew(place: str, number: int, span_s: float) -> AsyncGenerator[tuple[str, Run], None]:
    """Each kind of request to a new crew, after a moment of warming up."""
    options = ("--workers", str(number), "--store", place, "--port", "0", "--quiet", "--max-jobs", str(10**7))
    async with process("mockserver", "serve", *options) as (pid, line):
        url = line.split()[-1]
        await lever(url, "PATCH", f"teams/{TEAM}", {"credits": 10**9})
        pids = [pid, *children_of(pid)]
        submission = SUBMISSIONS[:1]  # one alone, whose load takes less of the cores
        await throughput(url, submission, 1, processes=2)
        for kind, calls in zip(KINDS, (submission, [await finished(url)]), strict=True):
            before = cpu_s(*pids)
            load = await throughput(url, calls, span_s, processes=2)
            used_s = cpu_s(*pids) - before
            yield kind, Run(load.rate, used_s / load.requests, used_s / load.took_s)


def _name(kind: str, store: str) -> str:
    return f"{kind}, {store}, two workers / one"


GOALS = {"sqlite": {_name(kind, "sqlite"): Goal("at least", 1.6) for kind in KINDS}, "redis": {}}
PARTS = tuple(Part("workers", store, partial(crews, store), goals) for store, goals in GOALS.items())
