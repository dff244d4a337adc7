"""Clients that submit with idempotency keys, and try again with the same key wherever they are in doubt."""

import asyncio
import random
from collections.abc import Sequence
from typing import Any, NamedTuple

import aiohttp

from tests.torture.tally import Tally

MODEL = "flux-2-pro"
PROMPTS = ["a fox", "a fox", "a fox", "a fox", "a fox [[instant]]", "a fox [[fail]]", "a fox [[slow 20s]]"]
DOUBT = frozenset({500, 502, 503, 504})
TIMEOUT_S = 3.0
BREATH_S = 0.05
"""Before another try."""


class Order(NamedTuple):
    """What one idempotency key came to."""

    key: str
    body: dict[str, Any]
    job_ids: set[str]
    """Of every 202 that came: one, where all is well."""


class Clients:
    """Those of one run, who send to any of *urls*."""

    def __init__(
        self, urls: Sequence[str], key: str, hooks: Sequence[str], chance: random.Random, tally: Tally
    ) -> None:
        self.orders: list[Order] = []
        self._urls, self._hooks = urls, hooks
        self._headers = {"X-API-Key": key}
        self._chance, self._tally = chance, tally

    async def work(self, number: int, per_s: float, most: int, enough: asyncio.Event) -> None:
        """Let so many clients submit at so many a second in all, until *enough* or so many orders; then finish."""
        async with self._session() as http:
            await asyncio.gather(*(self._client(http, number / per_s, most, enough) for _ in range(number)))

    async def repeat(self) -> None:
        """Send every order once more: each key still stands for its job."""
        async with self._session() as http:
            for start in range(0, len(self.orders), 50):
                await asyncio.gather(*(self._submit(http, order) for order in self.orders[start : start + 50]))

    def _session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(headers=self._headers, timeout=aiohttp.ClientTimeout(total=TIMEOUT_S))

    async def _client(self, http: aiohttp.ClientSession, pace_s: float, most: int, enough: asyncio.Event) -> None:
        while not enough.is_set() and len(self.orders) < most:
            order = Order(f"order-{len(self.orders)}", self._body(), set())
            self.orders.append(order)
            self._tally.counts["submissions"] += 1
            await self._submit(http, order)
            await asyncio.sleep(self._chance.uniform(0, 2 * pace_s))

    def _body(self) -> dict[str, Any]:
        return {"model": MODEL, "prompt": self._chance.choice(PROMPTS), "webhookUrl": self._chance.choice(self._hooks)}

    async def _submit(self, http: aiohttp.ClientSession, order: Order) -> None:
        """Send until there is an answer that leaves no doubt."""
        while True:
            doubt = await self._try(http, order)
            if not doubt:
                return
            self._tally.counts[f"retries after {doubt}"] += 1
            await asyncio.sleep(self._chance.uniform(0, 2 * BREATH_S))

    async def _try(self, http: aiohttp.ClientSession, order: Order) -> str:
        """Send once; why it is in doubt whether a job came of it, or nothing."""
        url, headers = f"{self._chance.choice(self._urls)}/v2/images/generate", {"Idempotency-Key": order.key}
        try:
            async with http.post(url, json=order.body, headers=headers) as answer:
                if answer.status == 202:
                    order.job_ids.add((await answer.json())["jobId"])
                    return ""
                if answer.status in DOUBT:
                    return f"status {answer.status}"
                self._tally.hold("a valid order is accepted", f"{answer.status} {await answer.text()}")
                return ""
        except TimeoutError:
            return "time-outs"
        except (aiohttp.ClientError, OSError):
            return "lost connections"
