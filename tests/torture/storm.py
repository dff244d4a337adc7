"""One run: clients, servers that are killed, receivers with moods, and the audit at the end."""

import asyncio
import random
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import aiohttp

from tests.torture.audit import Auditor
from tests.torture.clients import Clients
from tests.torture.receivers import Receivers
from tests.torture.scenes import SCENES, Scene
from tests.torture.tally import Tally

KEY = "afk_torture"
CREDITS = 10_000_000


class Weather(NamedTuple):
    """How hard it blows."""

    seconds: float
    seed: int = 0
    clients: int = 16
    per_s: float = 200.0
    """Submissions, as far as servers are up."""
    most: int = 50_000
    """Submissions in all."""
    receivers: int = 8
    longest_calm_s: float = 2.0
    """Between two harms."""


Tell = Callable[[str], None]


async def storm(name: str, weather: Weather, tell: Tell = lambda _: None) -> Tally:
    """What came of a run over the store of this name; *tell* hears of it meanwhile."""
    tally, chance = Tally.empty(), random.Random(weather.seed)
    with tempfile.TemporaryDirectory(prefix="mockserver-torture-") as folder:
        async with (
            Receivers(weather.receivers, KEY, chance, tally) as receivers,
            SCENES[name](Path(folder), chance) as scene,
        ):
            tell("the servers answer")
            await _issue_key(scene.servers[0].url)
            urls, hooks = [server.url for server in scene.servers], [receiver.url for receiver in receivers.all]
            clients = Clients(urls, KEY, hooks, chance, tally)
            await _blow(scene, clients, weather, chance, tally, tell)
            tell("all is mended; the clock is moved, and what is there is counted")
            await receivers.calm()
            timeout = aiohttp.ClientTimeout(total=60)
            async with aiohttp.ClientSession(urls[-1], headers={"X-API-Key": KEY}, timeout=timeout) as http:
                auditor = Auditor(http, CREDITS, tally)
                await auditor.settle()
                await clients.repeat()
                await auditor.judge(clients.orders, receivers.taken)
            for server in scene.servers:
                code = await server.stop()
                tally.hold("a server that is told to stop exits with 0", f"{server.url}: {code}" if code else "")
                tally.hold("no server has a bug", _bugs(server.log))
    return tally


async def _issue_key(url: str) -> None:
    async with aiohttp.ClientSession(url) as http:
        body = {"key": KEY, "credits": CREDITS}
        async with http.post("/_mock/keys", json=body) as answer:
            assert answer.status == 201, await answer.text()


async def _blow(
    scene: Scene, clients: Clients, weather: Weather, chance: random.Random, tally: Tally, tell: Tell
) -> None:
    """Let clients work and do harm for as long as it lasts; when it returns all is mended and every order answered."""
    enough = asyncio.Event()
    working = asyncio.create_task(clients.work(weather.clients, weather.per_s, weather.most, enough))
    ending = asyncio.get_running_loop().time() + weather.seconds
    while (left_s := ending - asyncio.get_running_loop().time()) > 0 and not working.done():
        await asyncio.wait([working], timeout=min(left_s, chance.uniform(0, weather.longest_calm_s)))
        if scene.harms and not working.done():
            harm = chance.choice(list(scene.harms))
            tally.counts[harm] += 1
            await scene.harms[harm]()
            tell(f"{left_s:.0f} s to go, {tally.counts['submissions']:,} submissions, {harm}: {tally.counts[harm]}")
    enough.set()
    await working


def _bugs(log: Path) -> list[str]:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return [line for line in lines if "Traceback" in line or " error bug" in line]
