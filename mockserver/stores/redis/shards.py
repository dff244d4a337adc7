"""Where keys live. Each team belongs to one shard, whose keys hash together, so that a script may touch them all.

A server alone has one shard. A cluster has several, which it spreads over its nodes; what belongs to no team (teams,
keys, documents, counters, records) lives in the first.
"""

import asyncio
import zlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from redis.asyncio import RedisCluster
from redis.exceptions import NoScriptError

from mockserver.stores.redis.line import Line
from mockserver.stores.redis.scripts import SCRIPTS

OF_A_CLUSTER = 16
COMMON = 0


class Shards:
    """Runs scripts and commands on the keys of a shard."""

    def __init__(self, line: Line, prefix: str) -> None:
        self.line = line
        count = OF_A_CLUSTER if isinstance(line.client, RedisCluster) else 1
        self._tags = [f"{{{prefix}{number}}}" for number in range(count)]
        self.every: Sequence[int] = range(count)
        self.channel = f"{prefix}:due"
        self._team_of_user: dict[str, str] = {}

    def key(self, name: str, shard: int = COMMON) -> str:
        """The name of a key of a shard."""
        return f"{self._tags[shard]}:{name}"

    async def run(self, name: str, shard: int, *arguments: Any) -> Any:
        """What a script gives back."""
        return await self._given(self.line.ask, name, shard, arguments)

    async def look(self, name: str, shard: int, *arguments: Any) -> Any:
        """What a script gives back that changes nothing; it runs once for all who ask for the same at once."""
        return await self._given(self.line.look, name, shard, arguments)

    async def _given(
        self, ask: Callable[..., Awaitable[Any]], name: str, shard: int, arguments: tuple[Any, ...]
    ) -> Any:
        script = SCRIPTS[name]
        rest = (1, self._tags[shard], self.channel, *arguments)
        try:
            return await ask("EVALSHA", script.sha, *rest)
        except NoScriptError:  # it did not run: the server is new, or has forgotten its scripts
            return await ask("EVAL", script.text, *rest)

    async def run_on_all(self, name: str, *arguments: Any) -> list[Any]:
        """What a script gives back for each shard."""
        return list(await asyncio.gather(*(self.run(name, shard, *arguments) for shard in self.every)))

    def of_team(self, team_id: str) -> int:
        """The shard of a team."""
        return zlib.crc32(team_id.encode()) % len(self._tags)

    async def of_owner(self, owner: str) -> int:
        """The shard of a list: that of a user, of a team, or of a team's LoRAs."""
        if len(self._tags) == 1:
            return 0
        if owner not in self._team_of_user:
            team = await self.line.ask("HGET", self.key("owners"), owner)
            if team is None:
                return self.of_team(owner.removeprefix("loras:"))
            self._team_of_user[owner] = team.decode()
        return self.of_team(self._team_of_user[owner])

    async def job(self, job_id: str) -> tuple[int, bytes] | None:
        """The shard and the row of a job; all shards are asked together."""
        asked = (self.line.ask("HGET", self.key("jobs", shard), job_id) for shard in self.every)
        rows = [await next(asked)] if len(self._tags) == 1 else await asyncio.gather(*asked)
        return next(((shard, row) for shard, row in zip(self.every, rows, strict=True) if row is not None), None)
