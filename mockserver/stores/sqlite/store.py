"""The store in a SQLite file: all that was answered survives a restart and the death of the process.

Any number of processes of one machine may work on one file. A file on a network share is none: SQLite's locks do not
hold there.
"""

from collections.abc import Sequence
from pathlib import Path

from mockserver.clock import Clock
from mockserver.core.accounts import Key, Team
from mockserver.stores.protocol import Counts
from mockserver.stores.sqlite.accounts import Accounts
from mockserver.stores.sqlite.checkpoints import Checkpoints
from mockserver.stores.sqlite.file import PATIENCE_S, File
from mockserver.stores.sqlite.jobs import Jobs
from mockserver.stores.sqlite.leases import LEASE_S, Leases
from mockserver.stores.sqlite.opening import connected, connection_to
from mockserver.stores.sqlite.part import Terms
from mockserver.stores.sqlite.plans import Plans
from mockserver.stores.sqlite.records import Records
from mockserver.stores.sqlite.schema import FORGOTTEN_AT_RESET
from mockserver.stores.sqlite.streams import Streams

CHECKPOINT_WAITS_MS = 200
"""How long the thread that makes checkpoints waits for writers."""


class SqliteStore(Plans, Jobs, Leases, Accounts, Records, Streams):
    """A Store in a file; made by `opened`. Every method raises `StoreDown` while the file cannot be used."""

    is_shared = True

    def __init__(self, file: File, terms: Terms, folder: Path) -> None:
        super().__init__(file, terms)
        self.folder = folder
        """For files that belong to the state; nobody has made it yet."""

    @classmethod
    async def opened(
        cls,
        path: Path,
        max_jobs: int,
        *,
        real: Clock | None = None,
        lease_s: float = LEASE_S,
        patience_s: float = PATIENCE_S,
    ) -> "SqliteStore":
        """The store in the file at a path, which is made where there is none.

        *real* tells real time, which counts for leases and turns alone; *patience_s* is how long we try where
        another process writes.

        Raises:
            SettingsError: the file cannot be used; it says why, and what to do.
        """
        connection = await connected(path, patience_s=patience_s)
        beside = connection_to(path)
        beside.execute(f"PRAGMA busy_timeout={CHECKPOINT_WAITS_MS}")
        file = File(connection, f"sqlite:{path}", Checkpoints(beside), patience_s)
        return cls(file, Terms(max_jobs, real or Clock(), lease_s), path.with_name(f"{path.name}.files"))

    async def counts(self) -> Counts:
        found: dict[str, int] = dict(
            await self._read("SELECT what, n FROM tallies WHERE what IN ('jobs', 'evicted', 'pending')")
        )
        return Counts(found["jobs"], found["evicted"], found["pending"])

    async def set_up(self, teams: Sequence[Team], keys: Sequence[Key]) -> bool:
        return await self._write(self._set_up, teams, keys)

    def _set_up(self, teams: Sequence[Team], keys: Sequence[Key]) -> bool:
        if self._rows("SELECT 1 FROM teams LIMIT 1"):
            return False
        self._put_all(teams, keys)
        return True

    async def reset(self, teams: Sequence[Team], keys: Sequence[Key]) -> None:
        self.version = await self._write(self._reset, teams, keys)
        self._held.clear()
        self.due_changed.set()

    def _reset(self, teams: Sequence[Team], keys: Sequence[Key]) -> int:
        for table in FORGOTTEN_AT_RESET:
            self._execute(f"DELETE FROM {table}")  # noqa: S608 - our own names
        self._execute("UPDATE streams SET first = last + 1, size = 0")
        self._tallies.write()
        self._execute("DELETE FROM tallies WHERE what IN ('credit', 'models')")
        self._execute("UPDATE tallies SET n = 0 WHERE what <> 'version'")
        self._put_all(teams, keys)
        return self._count_version()

    def _put_all(self, teams: Sequence[Team], keys: Sequence[Key]) -> None:
        for team in teams:
            self._put_team(team)
        for key in keys:
            self._put_key(key)

    async def close(self) -> None:
        await self._stop_watch()
        await self._file.close()
