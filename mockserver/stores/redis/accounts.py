"""Teams, keys, credits, limits, and the small texts that processes share."""

from mockserver.core.accounts import Key, RateLimit, Team
from mockserver.stores.protocol import Caller
from mockserver.stores.redis.entries import in_order, key_of, packed_key, packed_team, team_of
from mockserver.stores.redis.part import Part


class Accounts(Part):
    """The part of the store that knows who asks and who pays."""

    async def caller(self, digest: str) -> Caller | None:
        version, *found = await self._shards.look("caller", 0, digest)
        self.version = int(version)
        return Caller(key_of(found[0]), team_of(found[1])) if found else None

    async def admit(self, digest: str, limit: RateLimit, now: float) -> float:
        shard = self._shards.of_team(digest)  # any will do, if it is the same each time
        return float(await self._shards.run("admit", shard, digest, limit.requests, limit.per_s, now))

    # Credits

    async def balance(self, team_id: str, now: float) -> int:
        credit = await self._shards.run("balance", self._shards.of_team(team_id), team_id, now, "")
        return int(credit[0]) if credit else 0

    async def set_balance(self, team_id: str, credit: int, now: float) -> None:
        await self._shards.run("balance", self._shards.of_team(team_id), team_id, now, credit)

    # Teams and keys

    async def teams(self) -> list[Team]:
        values = await self._shards.line.ask("HVALS", self._shards.key("teams"))
        return [team_of(value) for value in in_order(values)]

    async def put_team(self, team: Team) -> None:
        shard = self._shards.of_team(team.id)
        await self._shards.line.ask("HSETNX", self._shards.key("credits", shard), team.id, team.opening)
        await self._shards.run("put", 0, "teams", team.id, packed_team(team), "", "")

    async def keys(self) -> list[Key]:
        values = await self._shards.line.ask("HVALS", self._shards.key("keys"))
        return [key_of(value) for value in in_order(values)]

    async def put_key(self, key: Key) -> None:
        await self._shards.run("put", 0, "keys", key.digest, packed_key(key), key.user_id, key.team_id)

    async def remove_key(self, digest: str) -> bool:
        await self._shards.line.ask("DEL", self._shards.key(f"seen:{digest}", self._shards.of_team(digest)))
        return bool(await self._shards.run("remove_key", 0, digest))
