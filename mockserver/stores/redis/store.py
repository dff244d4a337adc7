"""The store in Redis 6.2 or newer, or Valkey: any number of processes on any number of machines act as one server.

Each step is one script in the server, so it happens whole or not at all, and asks for one round trip. Instants are the
caller's. On a cluster, teams are spread over a fixed number of shards (`shards.py`), and some things are then no
single step, or hold for each shard alone: `reset` clears one shard after the other, `put_team` gives a new team its
credits just before it is there, `max_jobs` and the number of remembered deliveries are bounds of each shard, deliveries
of different shards are taken in time order only within one `claim_due`, and teams, keys, documents, counters and
records all live on one node.
"""

from collections.abc import Sequence

from mockserver.clock import Clock
from mockserver.core.accounts import Key, Team
from mockserver.settings import without_password
from mockserver.stores.protocol import Counts
from mockserver.stores.redis.accounts import Accounts
from mockserver.stores.redis.connecting import connected, split_prefix
from mockserver.stores.redis.documents import Documents
from mockserver.stores.redis.entries import packed_key, packed_team
from mockserver.stores.redis.jobs import Jobs
from mockserver.stores.redis.line import Line
from mockserver.stores.redis.outbox import LEASE_S, Outbox
from mockserver.stores.redis.part import Terms
from mockserver.stores.redis.shards import Shards


class RedisStore(Jobs, Accounts, Documents, Outbox):
    """A Store in a server; made by `opened`. Every method raises `StoreDown` at once while the server is away."""

    is_shared, folder = True, None

    @classmethod
    async def opened(
        cls, url: str, max_jobs: int, *, real: Clock | None = None, lease_s: float = LEASE_S
    ) -> "RedisStore":
        """The store at a URL: redis://, rediss:// (TLS) or unix://, with password, database and `?prefix=` of its keys.

        *real* tells real time, which counts for leases alone.

        Raises:
            SettingsError: the URL is none, or the server there does not take us.
        """
        url, prefix = split_prefix(url)
        line = Line(await connected(url), without_password(url))
        return cls(Shards(line, prefix), Terms(max_jobs, real or Clock(), lease_s))

    async def counts(self) -> Counts:
        every = await self._shards.run_on_all("counts")
        return Counts(*(sum(column) for column in zip(*every, strict=True)))

    async def set_up(self, teams: Sequence[Team], keys: Sequence[Key]) -> bool:
        for team in teams:
            shard = self._shards.of_team(team.id)
            await self._shards.line.ask("HSETNX", self._shards.key("credits", shard), team.id, team.opening)
        return bool(await self._shards.run("set_up", 0, *_rows(teams, keys)))

    async def reset(self, teams: Sequence[Team], keys: Sequence[Key]) -> None:
        for shard in reversed(self._shards.every):
            own = [team for team in teams if self._shards.of_team(team.id) == shard]
            credit = [part for team in own for part in ("credits", team.id, team.opening, "", "")]
            self.version = int(await self._shards.run("reset", shard, *credit, *(() if shard else _rows(teams, keys))))
        self._held.clear()
        self.due_changed.set()

    async def close(self) -> None:
        await self._stop_watch()
        await self._shards.line.close()


def _rows(teams: Sequence[Team], keys: Sequence[Key]) -> list[str | bytes]:
    """Teams and keys, as `put` of the scripts takes them, one after the other."""
    of_teams = [("teams", team.id, packed_team(team), "", "") for team in teams]
    of_keys = [("keys", key.digest, packed_key(key), key.user_id, key.team_id) for key in keys]
    return [part for row in (*of_teams, *of_keys) for part in row]
