"""From a path to a connection, and every way in which that can fail told with what to do."""

import asyncio
import sqlite3
from pathlib import Path

from mockserver.clock import real_s
from mockserver.settings import SettingsError
from mockserver.stores.sqlite.file import PATIENCE_S, PAUSE_S
from mockserver.stores.sqlite.schema import APPLICATION_ID, MIGRATIONS, Migrations
from mockserver.stores.sqlite.trouble import is_busy, why

OLDEST_LIBRARY = (3, 35)
CHECKED_WHOLE_BYTES = 16 * 2**20
"""A file up to this size is looked through whole; of a larger one, which would take long, the ends of its tables."""
_HINTS = {
    sqlite3.SQLITE_CORRUPT: "put a copy in its place, or move it away to start anew",
    sqlite3.SQLITE_NOTADB: "name another file",
    sqlite3.SQLITE_BUSY: "end that program",
}


async def connected(
    path: Path, *, patience_s: float = PATIENCE_S, migrations: Migrations = MIGRATIONS
) -> sqlite3.Connection:
    """A connection to the file at a path, which is made, or brought to the newest version.

    Raises:
        SettingsError: there is no such place, or the file there is not ours, damaged, too new, or cannot be written.
    """
    _look_at_place(path)
    until = real_s() + patience_s
    while True:
        try:
            return _opened(path, migrations)
        except sqlite3.Error as error:
            if not is_busy(error) or real_s() > until:
                hint = _HINTS.get(getattr(error, "sqlite_errorcode", 0) & 0xFF)
                reason = why(error) or str(error)
                raise _wrong(path, f"{reason}; {hint}" if hint else reason) from None
        await asyncio.sleep(PAUSE_S)


def _look_at_place(path: Path) -> None:
    if sqlite3.sqlite_version_info < OLDEST_LIBRARY:
        raise _wrong(path, f"needs SQLite 3.35 or newer; this Python has {sqlite3.sqlite_version}")
    if path.is_dir():
        raise _wrong(path, "is a folder; name a file in it")
    if not path.parent.is_dir():
        raise _wrong(path, f'cannot be made: the folder "{path.parent}" does not exist; make it first')


def connection_to(path: Path) -> sqlite3.Connection:
    """A connection that never waits, and leaves transactions and checkpoints to us."""
    connection = sqlite3.connect(path, timeout=0, isolation_level=None, cached_statements=200, check_same_thread=False)
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA wal_autocheckpoint=0")
    connection.execute("PRAGMA cache_size=-64000")  # holds the index of a million ids
    return connection


def _opened(path: Path, migrations: Migrations) -> sqlite3.Connection:
    connection = connection_to(path)
    try:
        _know(connection, path)
        connection.execute("PRAGMA journal_mode=WAL").fetchall()
        connection.execute("BEGIN IMMEDIATE")
        _bring_up(connection, path, migrations)
        connection.execute("UPDATE tallies SET n = n WHERE what = 'version'")  # finds out whether it can be written
        connection.execute("COMMIT")
        _look_through(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _know(connection: sqlite3.Connection, path: Path) -> None:
    """See that the file is empty or ours, before anything of it is changed."""
    ((program,),) = connection.execute("PRAGMA application_id").fetchall()
    ((tables,),) = connection.execute("SELECT count(*) FROM sqlite_master").fetchall()
    if program != APPLICATION_ID and (program or tables):
        raise _wrong(path, "is the SQLite database of another program; name another file")


def _bring_up(connection: sqlite3.Connection, path: Path, migrations: Migrations) -> None:
    ((version,),) = connection.execute("PRAGMA user_version").fetchall()
    newest = len(migrations)
    if version > newest:
        reason = f"has version {version}, and this mockserver knows {newest} at most; update it, or name another file"
        raise _wrong(path, reason)
    if version == newest:
        return
    for statements in migrations[version:]:
        for statement in statements:
            connection.execute(statement)
    connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version={newest}")


def _look_through(connection: sqlite3.Connection, path: Path) -> None:
    if path.stat().st_size <= CHECKED_WHOLE_BYTES:
        ((found,), *_) = connection.execute("PRAGMA quick_check(1)").fetchall()
        if found != "ok":
            raise _wrong(path, f"is damaged; {_HINTS[sqlite3.SQLITE_CORRUPT]} ({found.splitlines()[-1]})")
        return
    names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()]
    for name in names:
        connection.execute(f'SELECT * FROM "{name}" LIMIT 1').fetchall()  # noqa: S608 - our own names
    connection.execute("SELECT * FROM jobs ORDER BY no DESC LIMIT 1").fetchall()


def _wrong(path: Path, reason: str) -> SettingsError:
    return SettingsError(f'store "sqlite:{path}" {reason}')
