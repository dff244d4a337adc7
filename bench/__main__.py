"""`make bench`: the mock against a bare aiohttp handler that answers the same bytes and does nothing.

Both servers run on core 0 and get load in turns from core 1; what counts is the ratio in one round, and of these the
median. `--quick` takes fewer and smaller rounds.
"""

import argparse
import asyncio
import base64
import contextlib
import gc
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator

import aiohttp

from bench.load import Call, each, latencies, throughput
from bench.plugin import added_ms
from bench.servers import KEY, SUBMISSION
from mockserver.cli.running import run_loop

HEADERS = {"X-API-Key": KEY, "Content-Type": "application/json"}
GOALS = {"submit": "at least 0.5", "poll": "at least 0.9"}
NOT_COPIED = ("date", "x-request-id", "content-length", "connection")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a minute instead of five")
    quick = parser.parse_args().quick
    if hasattr(os, "sched_setaffinity") and (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, {1})
    print(f"{platform.platform()}, Python {platform.python_version()}, {os.cpu_count()} cores")
    run_loop(bench(rounds=3 if quick else 9, span_s=1 if quick else 2, many=100_000 if quick else 1_000_000))
    starts = [start_s() for _ in range(3 if quick else 7)]
    line("start to first answer", f"{statistics.median(starts):.2f} s", "under 0.6 s")
    line("fixture apiframe, a test of 200", f"{added_ms(3 if quick else 7):.1f} ms", "under 5 ms")


async def bench(rounds: int, span_s: float, many: int) -> None:
    submit = Call("POST", "/v2/images/generate", HEADERS, json.dumps(SUBMISSION))
    async with filled(1000) as (mock, _):
        poll = Call("GET", await finished_job(mock), HEADERS)
        answers = {
            "POST /v2/images/generate": await answer_of(mock, submit),
            "GET /v2/jobs/{id}": await answer_of(mock, poll),
        }
        async with server("bare", json.dumps(answers)) as said, filled(100_000) as (full, _):
            rate = await against_bare("submit", submit, (mock, said), rounds, span_s)
            await against_bare("poll", poll, (mock, said), rounds, span_s)
            for share in (0.25, 0.5):
                of_mock = [await quantiles_ms(full, submit, rate * share, 2 * span_s) for _ in range(5)]
                of_bare = [await quantiles_ms(said, submit, rate * share, 2 * span_s) for _ in range(5)]
                (p50, p99), (_, bare) = (map(statistics.median, zip(*of, strict=True)) for of in (of_mock, of_bare))
                figure = f"{p99:.2f} ms (p50 {p50:.2f}; p99 of bare {bare:.2f})"
                line(f"submit p99, 100,000 jobs, {share:.0%} of full load", figure, "under 5 ms")
    async with filled(1000) as (few, _), filled(many) as (lots, grown):
        line(f"memory per stored job, {many:,} jobs", f"{grown} B", "at most 1,500 B")
        await growth(few, lots, submit, many)


async def against_bare(name: str, call: Call, urls: tuple[str, str], rounds: int, span_s: float) -> float:
    """Print the ratio of the mock to the bare handler; the mock's requests a second."""
    mock, bare = [], []
    for _ in range(rounds):
        bare.append(await throughput(urls[1], call, span_s))
        mock.append(await throughput(urls[0], call, span_s))
    ratios = sorted(m / b for m, b in zip(mock, bare, strict=True))
    shown = f"{statistics.median(ratios):.2f} (from {ratios[0]:.2f} to {ratios[-1]:.2f})"
    figures = f"{statistics.median(mock):,.0f} of {statistics.median(bare):,.0f} a second"
    line(f"{name}, share of bare", f"{shown}; {figures}", GOALS[name])
    return statistics.median(mock)


async def quantiles_ms(url: str, call: Call, rate: float, span_s: float) -> tuple[float, float]:
    """Milliseconds that half of the requests, and 99 of 100, stay below."""
    gc.disable()
    taken = sorted(await latencies(url, call, rate=rate, span_s=span_s))
    gc.enable()
    return 1000 * taken[len(taken) // 2], 1000 * taken[int(len(taken) * 0.99)]


async def growth(few: str, lots: str, submit: Call, many: int) -> None:
    calls = {
        "submit": (submit, submit),
        "poll": (Call("GET", await finished_job(few), HEADERS), Call("GET", await finished_job(lots), HEADERS)),
        "list page": (Call("GET", "/v2/jobs", HEADERS),) * 2,
    }
    for name, (small, large) in calls.items():
        ratios = []
        for _ in range(9):
            base = statistics.median(await each(few, small, 300))
            ratios.append(statistics.median(await each(lots, large, 300)) / base)
        line(f"{name} at {many:,} jobs / at 1,000", f"{statistics.median(ratios):.2f}", "at most 1.3")


async def finished_job(url: str) -> str:
    """The path of a job that is done."""
    async with aiohttp.ClientSession(url, headers=HEADERS) as client:
        async with client.post("/v2/images/generate", data=json.dumps(SUBMISSION)) as response:
            path = f"/v2/jobs/{(await response.json())['jobId']}"
        async with client.post(f"/_mock{path.removeprefix('/v2')}", json={"complete": True}):
            return path


async def answer_of(url: str, call: Call) -> dict[str, str]:
    """What the mock answers, for the bare handler to answer the same."""
    async with aiohttp.request(call.method, url + call.path, headers=call.headers, data=call.body or None) as response:
        headers = {name: value for name, value in response.headers.items() if name.lower() not in NOT_COPIED}
        body = base64.b64encode(await response.read()).decode()
        return {"status": str(response.status), "headers": json.dumps(headers), "body": body}


@contextlib.asynccontextmanager
async def filled(count: int) -> AsyncIterator[tuple[str, str]]:
    """A mock with *count* jobs: its address, and bytes per job."""
    async with server("filled", str(count)) as said:
        url, grown = said.split()
        yield url, grown


@contextlib.asynccontextmanager
async def server(kind: str, argument: str) -> AsyncIterator[str]:
    """A server in a process of its own; the line that it prints when it is ready."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.servers", kind, argument, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        said = (await process.stdout.readline()).decode().strip()
        assert said, f"{kind} did not start"
        yield said
    finally:
        process.send_signal(signal.SIGTERM)
        await process.wait()


def start_s() -> float:
    """From nothing to the first answer of `mockserver serve`."""
    start = time.perf_counter()
    command = [sys.executable, "-m", "mockserver", "serve", "--port", "0", "--quiet"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[-1]
        urllib.request.urlopen(f"{url}/v2/models").read()  # noqa: S310 - our own server
        took = time.perf_counter() - start
        process.terminate()
    return took


def line(what: str, figure: str, goal: str) -> None:
    print(f"  {what:<44} {figure:<48} goal: {goal}", flush=True)


if __name__ == "__main__":
    main()
