"""How quickly a server answers somebody while others keep it busy."""

import asyncio
from types import TracebackType
from typing import Self

import aiohttp

from tests.torture.tally import Tally

REQUESTS = 100
PATIENCE_S = 2.0
"""The longest that one answer may take: far more than it does, far less than somebody who starves waits."""
BODY = {"model": "flux-2-pro", "prompt": "a fox"}


class Pace:
    """One client that submits and polls."""

    def __init__(self, url: str) -> None:
        timeout = aiohttp.ClientTimeout(total=30)
        self._http = aiohttp.ClientSession(url, headers={"X-API-Key": "afk_test"}, timeout=timeout)

    async def measure(self, tally: Tally, where: str, requests: int = REQUESTS) -> None:
        """Submit and poll so many times; the slowest of all measures stays in the counts."""
        clock = asyncio.get_running_loop().time
        taken: list[float] = []
        for _ in range(requests):
            began = clock()
            async with self._http.post("/v2/images/generate", json=BODY) as answer:
                assert answer.status == 202, await answer.text()
                job_id = (await answer.json())["jobId"]
            async with self._http.get(f"/v2/jobs/{job_id}") as answer:
                assert answer.status == 200, await answer.text()
            taken.append(clock() - began)
            await asyncio.sleep(0.005)
        taken.sort()
        for what, value in {"median": taken[len(taken) // 2], "slowest": taken[-1]}.items():
            name = f"submit and poll {where}, {what} (us)"
            tally.counts[name] = max(tally.counts[name], round(1e6 * value))
        slow = [f"{each:.1f} s" for each in taken if each > PATIENCE_S]
        tally.hold(f"answers {where} come within {PATIENCE_S:g} s", slow)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.close()
