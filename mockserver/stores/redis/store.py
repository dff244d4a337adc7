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
from mockserver.stores.protocol import Counts
from mockserver.stores.redis.accounts import Accounts
from mockserver.stores.redis.connecting import connected, shown, split_prefix
from mockserver.stores.redis.documents import Documents
from mockserver.stores.redis.entries import packed_key, packed_team
from mockserver.stores.redis.jobs import Jobs
from mockserver.stores.redis.line import Line
from mockserver.stores.redis.outbox import LEASE_S, Outbox
from mockserver.stores.redis.part import Terms
from mockserver.stores.redis.shards import Shards


class RedisStore(Jobs, Accounts, Documents, Outbox):
    """A Store in a server; made by `opened`. Every method raises `StoreDown` at once while the server is away."""

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
        line = Line(await connected(url), shown(url))
        return cls(Shards(line, prefix), Terms(max_jobs, real or Clock(), lease_s))

    async def counts(self) -> Counts:
        every = await self._shards.run_on_all("counts")
        return Counts(*(sum(column) for column in zip(*every, strict=True)))

    async def is_set_up(self) -> bool:
        return bool(await self._shards.line.ask("EXISTS", self._shards.key("teams")))

    async def changed_since(self, seen: int) -> int:  # noqa: ARG002 - it costs no less to know what was seen
        return int(await self._shards.line.ask("GET", self._shards.key("version")) or 0)

    async def reset(self, teams: Sequence[Team], keys: Sequence[Key]) -> None:
        first = [part for team in teams for part in ("teams", team.id, packed_team(team), "", "")]
        first += [part for key in keys for part in ("keys", key.digest, packed_key(key), key.user_id, key.team_id)]
        for shard in reversed(self._shards.every):
            own = [team for team in teams if self._shards.of_team(team.id) == shard]
            credit = [part for team in own for part in ("credits", team.id, team.opening, "", "")]
            await self._shards.run("reset", shard, *credit, *(() if shard else first))
        self._held.clear()
        self.due_changed.set()

    async def close(self) -> None:
        await self._stop_watch()
        await self._shards.line.close()
