"""Webhooks to one receiver on the other core: how many a second, how late, and a day of clock moved over many jobs.

The mock runs in this process, on core 0; `figures` measures in a process of its own.
"""

import argparse
import asyncio
import contextlib
import json
import math
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from typing import NamedTuple

import aiohttp

from bench.servers import KEY, SUBMISSION
from mockserver.app import App, tune_collector
from mockserver.cli.running import run_loop
from mockserver.clock import Clock
from mockserver.settings import Settings

DAY_S = 86_400
STEPS = 24
"""In which the day passes."""
SETTLE_S = 2.0
"""Between the last submission and the first event of a measurement in real time."""


class Figures(NamedTuple):
    """What was measured; lateness is the arrival at the receiver less the instant it was due."""

    jobs: int
    rate: float
    """Deliveries a second of a crowd that falls due at once."""
    cpu_us: float
    """Of the mock's process, for one of them."""
    steady_rate: int
    late_p50_ms: float
    late_p99_ms: float
    day_s: float

    def rows(self) -> Iterator[tuple[str, str, str]]:
        """What, how much, and the goal."""
        shown = f"{self.rate:,.0f} a second; {self.cpu_us:.0f} us of CPU each"
        yield "webhooks that fall due at once", shown, "at least 2,000 a second"
        late = f"{self.late_p99_ms:.1f} ms (p50 {self.late_p50_ms:.1f})"
        yield f"webhook lateness p99, {self.steady_rate:,} a second", late, "under 50 ms"
        yield f"24 hours of clock over {self.jobs:,} jobs", f"{self.day_s:.1f} s", "under 60 s for 100,000"


def figures(*, is_quick: bool) -> Figures:
    """All of it, measured in a process on core 0."""
    words = [sys.executable, "-m", "bench.webhooks", "--json", *(["--quick"] if is_quick else [])]
    return Figures(**json.loads(subprocess.run(words, check=True, stdout=subprocess.PIPE).stdout))


async def measured(jobs: int, crowd: int, rounds: int, span_s: float) -> Figures:
    async with _receiver() as url:
        rates = [await at_once(url, crowd) for _ in range(rounds)]
        late = await lateness(url, 1000, span_s)
        day_s = await a_day(url, jobs)
    rate, cpu_us = (statistics.median(each) for each in zip(*rates, strict=True))
    p50, p99 = late[len(late) // 2], late[int(len(late) * 0.99)]
    return Figures(jobs, rate, cpu_us, 1000, 1000 * p50, 1000 * p99, day_s)


async def at_once(url: str, crowd: int) -> tuple[float, float]:
    """Deliveries a second, and microseconds of CPU of each, where so many fall due by one move of the clock."""
    async with _filled(url, Clock(is_frozen=True), [60.0] * crowd) as app:
        began, cpu = time.perf_counter(), time.process_time()
        app.clock.advance(3600)
        await app.deliverer.settled()
        took_s, cpu_s = time.perf_counter() - began, time.process_time() - cpu
    assert len(await _arrived(url)) == crowd
    return crowd / took_s, 1e6 * cpu_s / crowd


async def lateness(url: str, rate: int, span_s: float) -> list[float]:
    """Seconds that events came late, in rising order, of jobs that end at a steady rate by a running clock."""
    count = int(rate * span_s)
    filling_s = 0.002 * count + SETTLE_S
    async with _filled(url, Clock(), [filling_s + number / rate for number in range(count)], at=time.time()) as app:
        await asyncio.sleep(filling_s + span_s)
        await app.deliverer.settled()
    late = await _arrived(url)
    assert len(late) == count
    return late


async def a_day(url: str, jobs: int) -> float:
    """Seconds until all is delivered of jobs that end in the course of a day, which passes in steps."""
    async with _filled(url, Clock(is_frozen=True), [DAY_S * number / jobs for number in range(jobs)]) as app:
        began = time.perf_counter()
        for _ in range(STEPS):
            app.clock.advance(DAY_S / STEPS)
            await app.deliverer.settled()
        took_s = time.perf_counter() - began
    assert len(await _arrived(url)) == jobs
    return took_s


@contextlib.asynccontextmanager
async def _filled(url: str, clock: Clock, ends_s: list[float], at: float | None = None) -> AsyncIterator[App]:
    """The mock with a job for each of *ends_s*, which ends so many seconds after *at*, or after it was submitted."""
    app = App(Settings(port=0, seed=1, max_jobs=10**7, speed=math.inf), clock)
    await app.start()
    service = app.service
    operation = next(op for op in service.catalog.operations.values() if op.is_submission)
    caller = await service.caller(KEY)
    await service.store.set_balance(caller.team.id, 10**9, clock.now())
    body = {**SUBMISSION, "webhookUrl": f"{url}/hook"}
    for end_s in ends_s:
        left_s = end_s if at is None else at + end_s - clock.now()
        assert left_s >= 0, "this machine is too busy to submit the jobs before the first of them ends"
        prompt = f"a lighthouse [[slow {left_s:.6f}s]]"
        await service.submit(caller, operation, json.dumps({**body, "prompt": prompt}).encode(), "")
    tune_collector()
    try:
        yield app
    finally:
        await app.close()


async def _arrived(url: str) -> list[float]:
    """How late what has arrived since the last question was, in rising order."""
    async with aiohttp.request("GET", url) as response:
        late: list[float] = await response.json()
        return late


@contextlib.asynccontextmanager
async def _receiver() -> AsyncIterator[str]:
    """A receiver in a process of its own: its address."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.receiver", stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        yield (await process.stdout.readline()).decode().strip()
    finally:
        process.send_signal(signal.SIGTERM)
        await process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.webhooks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the jobs")
    parser.add_argument("--json", action="store_true", help="the bare figures")
    given = parser.parse_args()
    if hasattr(os, "sched_setaffinity") and (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, {0})
    share = 10 if given.quick else 1
    found = run_loop(measured(100_000 // share, 20_000 // share, 3, 10 / share))
    if given.json:
        print(json.dumps(found._asdict()))
        return
    for what, figure, goal in found.rows():
        print(f"  {what:<44} {figure:<48} goal: {goal}")


if __name__ == "__main__":
    main()
