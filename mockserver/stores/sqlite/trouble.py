"""What SQLite's errors mean to whoever runs the mock."""

import sqlite3

_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL})
_WHY = {
    sqlite3.SQLITE_FULL: "has no room: the disk is full",
    sqlite3.SQLITE_READONLY: "cannot be written: the file or its folder is read-only, or was moved",
    sqlite3.SQLITE_PERM: "cannot be written: the file or its folder is read-only",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened: the file or its folder is gone, or must not be written",
    sqlite3.SQLITE_CORRUPT: "is damaged",
    sqlite3.SQLITE_NOTADB: "is no SQLite database",
    sqlite3.SQLITE_IOERR: "cannot be read or written: the disk reports an error",
    sqlite3.SQLITE_NOMEM: "cannot be used: memory has run out",
    sqlite3.SQLITE_BUSY: "is busy: another program holds it locked",
    sqlite3.SQLITE_PROTOCOL: "is busy: another program holds it locked",
    sqlite3.SQLITE_LOCKED: "is busy: another program holds it locked",
}


def is_busy(error: sqlite3.Error) -> bool:
    """Whether the same may go well in a moment."""
    return _code(error) in _BUSY


def why(error: sqlite3.Error) -> str | None:
    """What is wrong with the file, as the rest of a sentence about it; none for a mistake of ours."""
    return _WHY.get(_code(error))


def _code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
