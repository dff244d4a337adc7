"""Webhooks, as `bench.webhooks` measures them."""

import asyncio
from collections.abc import AsyncGenerator

from bench.parts import Part, Scale
from bench.rows import Figure, Goal
from bench.webhooks import figures

RATE, LATE, DAY = "webhook deliveries", "webhook lateness p99", "24 hours of clock over jobs with webhooks"


async def deliveries(scale: Scale) -> AsyncGenerator[Figure, None]:
    found = await asyncio.to_thread(figures, is_quick=scale.name == "quick")
    yield Figure(RATE, found.rate, "/s", note="all due at once, to a receiver on the other core")
    yield Figure("webhook delivery: processor time", found.cpu_us, "us", about={"what": "server_us"})
    yield Figure(LATE, found.late_p99_ms, "ms", note=f"{found.steady_rate:,} a second, p50 {found.late_p50_ms:.1f} ms")
    yield Figure(DAY, found.day_s, "s", note=f"{found.jobs:,} jobs", about={"jobs": found.jobs})


GOALS = {RATE: Goal("at least", 2000), LATE: Goal("under", 50), DAY: Goal("under", 60)}
PARTS = (Part("webhooks", "deliveries", deliveries, GOALS),)
