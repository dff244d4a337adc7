"""What a start costs: of `mockserver serve`, and of the pytest fixture `apiframe` a test."""

import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncGenerator

from bench.parts import Part, Scale
from bench.plugin import TESTS, added_ms
from bench.rows import Figure, Goal, median_of

START, FIXTURE = "start to first answer", f"fixture apiframe, a test of {TESTS}"


async def starts(scale: Scale) -> AsyncGenerator[Figure, None]:
    yield median_of(START, [start_s() for _ in range(scale.rounds)], "s")


async def fixture(scale: Scale) -> AsyncGenerator[Figure, None]:
    added = [added_ms(1) for _ in range(scale.rounds)]
    yield median_of(FIXTURE, added, "ms")


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


PARTS = (
    Part("start", "serve", starts, {START: Goal("under", 0.6)}),
    Part("start", "fixture", fixture, {FIXTURE: Goal("under", 5)}),
)
