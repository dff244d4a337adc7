"""Teams, keys and limits.

Where a key or a team changes, so does the version, which each look-up of a caller begins with.
"""

import asyncio
from typing import NamedTuple

from mockserver.core.accounts import Key, RateLimit, Team
from mockserver.stores.entries import key_of, packed, team_of
from mockserver.stores.protocol import Caller
from mockserver.stores.sqlite.documents import Documents

MOST_CALLERS = 1000


class Callers(NamedTuple):
    """Those that were looked up, by their keys' digests, as they are as long as the version is this one."""

    version: int
    by_digest: dict[str, Caller]


class Accounts(Documents):
    """The part of the store that knows who asks."""

    _callers = Callers(-1, {})
    _has_looked = False
    """In this turn of the event loop. What arrived by now was sent before any change was answered that comes after."""

    async def caller(self, digest: str) -> Caller | None:
        if not self._has_looked:
            await self.look()
            self._has_looked = True
            asyncio.get_running_loop().call_soon(self._look_anew)
        known = self._callers
        if self.version == known.version and digest in known.by_digest:
            return known.by_digest[digest]
        ((version, key, team),) = await self._read(
            "SELECT n, k.value, t.value FROM tallies LEFT JOIN keys k ON k.digest = ?"
            " LEFT JOIN teams t ON t.id = k.team WHERE what = 'version' AND whose = ''",
            (digest,),
        )
        self.version = version
        if key is None:
            return None
        if version != known.version or len(known.by_digest) >= MOST_CALLERS:
            self._callers = known = Callers(version, {})
        caller = known.by_digest[digest] = Caller(key_of(key), team_of(team))
        return caller

    def _look_anew(self) -> None:
        self._has_looked = False

    async def admit(self, digest: str, limit: RateLimit, now: float) -> float:
        return await self._write(self._admit, digest, limit, now)

    def _admit(self, digest: str, limit: RateLimit, now: float) -> float:
        newest = self._rows(
            "SELECT no, (SELECT at FROM seen WHERE digest = ?1 AND no = newest.no - ?2 + 1) FROM seen newest"
            " WHERE digest = ?1 ORDER BY no DESC LIMIT 1",
            (digest, limit.requests),
        )
        last, decisive_at = newest[0] if newest else (0, None)
        if decisive_at is not None and decisive_at + limit.per_s > now:
            return float(decisive_at + limit.per_s - now)
        self._execute("INSERT INTO seen VALUES (?, ?, ?)", (digest, last + 1, now))
        self._execute(  # two out for one in: no more are kept than count
            "DELETE FROM seen WHERE digest = ?1 AND no IN (SELECT no FROM seen WHERE digest = ?1 ORDER BY no LIMIT 2)"
            " AND at + ?2 <= ?3",
            (digest, limit.per_s, now),
        )
        return 0.0

    # Teams and keys

    async def teams(self) -> list[Team]:
        return [team_of(value) for (value,) in await self._read("SELECT value FROM teams ORDER BY no")]

    async def put_team(self, team: Team) -> None:
        await self._write(self._put_team, team)

    def _put_team(self, team: Team) -> None:
        self._execute(
            "INSERT INTO teams (id, value) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET value = excluded.value",
            (team.id, packed(team)),
        )
        if self._tallies.of("credit", team.id) is None:
            self._tallies.add("credit", team.id, team.opening)
        self._count_version()

    async def keys(self) -> list[Key]:
        return [key_of(value) for (value,) in await self._read("SELECT value FROM keys ORDER BY no")]

    async def put_key(self, key: Key) -> None:
        await self._write(self._put_key, key)

    def _put_key(self, key: Key) -> None:
        self._execute(
            "INSERT INTO keys (digest, team, value) VALUES (?, ?, ?)"
            " ON CONFLICT (digest) DO UPDATE SET team = excluded.team, value = excluded.value",
            (key.digest, key.team_id, packed(key)),
        )
        self._count_version()

    async def remove_key(self, digest: str) -> bool:
        return await self._write(self._remove_key, digest)

    def _remove_key(self, digest: str) -> bool:
        self._execute("DELETE FROM seen WHERE digest = ?", (digest,))
        self._count_version()
        return self._execute("DELETE FROM keys WHERE digest = ?", (digest,)).rowcount > 0
