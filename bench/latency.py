"""How long the slowest submissions take with many stored jobs, at a steady rate that does not wait for answers."""

import gc
import statistics
from collections.abc import AsyncGenerator

from bench.load import latencies, throughput
from bench.parts import Part, Scale
from bench.rows import Figure, Goal, median_of
from bench.running import SUBMISSIONS, bare, filled

SHARES = (0.25, 0.5)
"""Of what the mock can do."""


async def slowest(scale: Scale) -> AsyncGenerator[Figure, None]:
    async with filled("memory", scale.crowded) as mock, bare(mock) as other:
        full = statistics.median([(await throughput(mock.url, SUBMISSIONS, scale.span_s)).rate for _ in range(3)])
        for share in SHARES:
            by_turns = (mock, other) * 5
            taken = [await quantiles_ms(each.url, full * share, 2 * scale.span_s) for each in by_turns]
            (half, most), (_, of_bare) = (map(list, zip(*each, strict=True)) for each in (taken[::2], taken[1::2]))
            p50, bare_p99 = statistics.median(half), statistics.median(of_bare)
            note = f"p50 {p50:.2f} ms, p99 of bare {bare_p99:.2f} ms, {scale.crowded:,} jobs"
            yield median_of(_name(share), most, "ms", note=note, about={"jobs": scale.crowded})


async def quantiles_ms(url: str, rate: float, span_s: float) -> tuple[float, float]:
    """Milliseconds that half of the requests, and 99 of 100, stay below."""
    gc.disable()
    taken = sorted(await latencies(url, SUBMISSIONS, rate=rate, span_s=span_s))
    gc.enable()
    return 1000 * taken[len(taken) // 2], 1000 * taken[int(len(taken) * 0.99)]


def _name(share: float) -> str:
    return f"submit p99 at {share:.0%} of full load"


PARTS = (Part("latency", "submit p99", slowest, {_name(share): Goal("under", 5) for share in SHARES}),)
