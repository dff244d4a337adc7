"""Two workers on two cores against one, over one store, and against two servers that share nothing.

On a machine with two cores the load, and Redis, take their share of what the second worker could have. So nothing is
kept to a core here: where one worker runs, the load has the other core; where two run, load and workers share both. The
ratio of what is answered is therefore lower than on a machine whose load comes from elsewhere. What two servers do
beside one, each with a store of its own, says how much the machine has to give: what two workers do less is what
sharing costs. Beside both stands the ratio by processor time: two cores that have nothing else to do than work, at what
a request costs each of two, against one core at what it costs a server alone. A worker that waits for another shows in
the former alone.

All get the same load, of as many connections as keep two servers as busy as other parts keep one.
"""

import asyncio
import contextlib
import statistics
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from bench.load import Call, Load, throughput
from bench.machine import children_of, cpu_s, every_core
from bench.parts import Part, Scale
from bench.rows import Figure, Goal, median_of
from bench.running import SUBMISSIONS, Running, finished, lever, process
from bench.stores import places
from mockserver.core.accounts import ready_made

KINDS = ("submit", "poll")
MOST = 2
"""Processes that answer, and as many that make the load."""
TEAM = ready_made(None)[0][0].id
"""That of the key that the load has."""


class Crew(NamedTuple):
    """Processes that answer requests."""

    name: str
    servers: int
    """Each with a store of its own."""
    workers: int
    """Of each."""


ONE, TWO, APART = Crew("one worker", 1, 1), Crew("two workers", 1, 2), Crew("two servers that share nothing", 2, 1)
CREWS = (ONE, TWO, APART)


class Run(NamedTuple):
    """One run of load on a crew."""

    rate: float
    cpu_s: float
    """Of all its processes, for one request."""
    busy: float
    """Processor time of them in a second."""


async def crews(store: str, scale: Scale) -> AsyncGenerator[Figure, None]:
    runs: dict[str, dict[Crew, list[Run]]] = {kind: {crew: [] for crew in CREWS} for kind in KINDS}
    with every_core(), places(store) as place:
        for _ in range(scale.rounds // 2 + 1):
            for crew in CREWS:
                async for kind, run in one_crew(place, crew, scale.span_s):
                    runs[kind][crew].append(run)
    for kind, of_crews in runs.items():
        one = of_crews[ONE]
        for crew in (TWO, APART):
            two, name = of_crews[crew], _name(kind, store, crew)
            busy = statistics.median(run.busy for run in two)
            others = "load and Redis" if store == "redis" else "load"
            note = f"the two use {busy:.2f} of 2 cores; {others} on the same cores"
            about: dict[str, Any] = {"store": store, "kind": kind}
            rates = [b.rate / a.rate for a, b in zip(one, two, strict=True)]
            yield median_of(name, rates, note=note, about=about)
            by_time = [2 * a.cpu_s / b.cpu_s for a, b in zip(one, two, strict=True)]
            yield median_of(f"{name}, by processor time", by_time, about=about)
        for crew, each in of_crews.items():
            about = {"store": store, "kind": kind, "workers": crew.servers * crew.workers}
            yield median_of(f"{kind}, {store}, {crew.name}", [run.rate for run in each], "/s", about=about)


async def one_crew(place: Callable[[], str], crew: Crew, span_s: float) -> AsyncGenerator[tuple[str, Run], None]:
    """Each kind of request to a new crew, after a moment of warming up."""
    async with contextlib.AsyncExitStack() as stack:
        started = [await stack.enter_async_context(served(place(), crew.workers)) for _ in range(crew.servers)]
        pids = [pid for server in started for pid in (server.pid, *children_of(server.pid))]
        submission = SUBMISSIONS[:1]  # one alone, whose load takes less of the cores
        calls = {server.url: {"submit": submission, "poll": (await finished(server.url),)} for server in started}
        await on_all(calls, "submit", 1)
        for kind in KINDS:
            before = cpu_s(*pids)
            loads = await on_all(calls, kind, span_s)
            used_s = cpu_s(*pids) - before
            answered, took_s = sum(load.requests for load in loads), max(load.took_s for load in loads)
            yield kind, Run(sum(load.rate for load in loads), used_s / answered, used_s / took_s)


async def on_all(calls: Mapping[str, Mapping[str, Sequence[Call]]], kind: str, span_s: float) -> list[Load]:
    """A share of the load on each server: its *calls* of a kind."""
    processes = MOST // len(calls)
    return await asyncio.gather(*(throughput(url, of[kind], span_s, processes) for url, of in calls.items()))


@contextlib.asynccontextmanager
async def served(place: str, workers: int) -> AsyncIterator[Running]:
    options = ("--workers", str(workers), "--store", place, "--port", "0", "--quiet", "--max-jobs", str(10**7))
    async with process("mockserver", "serve", *options) as (pid, line):
        url = line.split()[-1]
        await lever(url, "PATCH", f"teams/{TEAM}", {"credits": 10**9})
        yield Running(url, pid)


def _name(kind: str, store: str, crew: Crew) -> str:
    return f"{kind}, {store}, {crew.name} / one"


GOALS = {"sqlite": {_name(kind, "sqlite", TWO): Goal("at least", 1.6) for kind in KINDS}, "redis": {}}
PARTS = tuple(Part("workers", store, partial(crews, store), goals) for store, goals in GOALS.items())
