"""Webhook receivers that fail, hang and restart, and remember what they took."""

import asyncio
import contextlib
import json
import random
from collections import Counter
from enum import StrEnum
from typing import Self

from aiohttp import web

from mockserver.core.signing import HEADER, matching_scheme
from tests.torture.servers import free_port
from tests.torture.tally import Tally


class Mood(StrEnum):
    """How a receiver answers for a while."""

    WELL = "well"
    FAILING = "failing"
    HANGING = "hanging"
    DOWN = "down"


MOODS = [Mood.WELL, Mood.WELL, Mood.WELL, Mood.FAILING, Mood.HANGING, Mood.DOWN]
LONGEST_MOOD_S = 1.5


class Receiver:
    """One receiver, on one port all the time."""

    def __init__(self, port: int, key: str, tally: Tally) -> None:
        self.url = f"http://127.0.0.1:{port}/hook"
        self.taken: Counter[tuple[str, str]] = Counter()
        """How often each event of each job was answered with 200."""
        self._port, self._key, self._tally = port, key, tally
        self._mood = Mood.WELL
        self._changed = asyncio.Event()
        self._runner: web.ServerRunner | None = None

    async def set_mood(self, mood: Mood) -> None:
        """Be so from now on; whoever hangs is let go."""
        self._changed.set()
        self._changed = asyncio.Event()
        self._mood = mood
        if mood is Mood.DOWN and self._runner is not None:
            await self.close()
        elif mood is not Mood.DOWN and self._runner is None:
            self._runner = web.ServerRunner(web.Server(self._answer), shutdown_timeout=0.1)
            await self._runner.setup()
            await web.TCPSite(self._runner, "127.0.0.1", self._port, reuse_address=True).start()

    async def close(self) -> None:
        """Listen no more."""
        self._changed.set()
        if self._runner is not None:
            runner, self._runner = self._runner, None
            await runner.cleanup()

    async def live(self, chance: random.Random) -> None:
        """Change moods until cancelled."""
        while True:
            await self.set_mood(chance.choice(MOODS))
            self._tally.counts["moods of receivers"] += 1
            await asyncio.sleep(chance.uniform(0.1, LONGEST_MOOD_S))

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        body = await request.read()
        self._tally.counts["webhooks received"] += 1
        if matching_scheme(self._key, body, request.headers.get(HEADER, "")) is None:
            self._tally.hold("every webhook is signed with its key", body.decode(errors="replace")[:200])
        if self._mood is Mood.HANGING:
            await self._changed.wait()
            return web.Response(status=504)
        if self._mood is not Mood.WELL:
            return web.Response(status=500)
        event = json.loads(body)
        self.taken[event["jobId"], event["event"]] += 1
        return web.Response()


class Receivers(contextlib.AsyncExitStack):
    """Several, each with moods of its own until `calm`."""

    def __init__(self, number: int, key: str, chance: random.Random, tally: Tally) -> None:
        super().__init__()
        self.all = [Receiver(free_port(), key, tally) for _ in range(number)]
        self._chance = chance
        self._living: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        for receiver in self.all:
            self.push_async_callback(receiver.close)
            await receiver.set_mood(Mood.WELL)
        self.push_async_callback(self.calm)
        self._living = [asyncio.create_task(receiver.live(self._chance)) for receiver in self.all]
        return self

    async def calm(self) -> None:
        """All are well from now on."""
        for task in self._living:
            task.cancel()
        await asyncio.gather(*self._living, return_exceptions=True)
        self._living.clear()
        for receiver in self.all:
            await receiver.set_mood(Mood.WELL)

    @property
    def taken(self) -> Counter[tuple[str, str]]:
        """How often each event of each job was taken, by any of them."""
        return sum((receiver.taken for receiver in self.all), Counter())
