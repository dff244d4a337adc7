"""Carrying the log over into the file, which waits for the disk: in a thread, so that the event loop does not."""

import asyncio
import contextlib
import sqlite3

EVERY = 1000
"""Steps between two of them."""
LONG = 8000
"""Pages of the log from which on writers are kept out for a moment, so that it can begin anew."""


class Checkpoints:
    """Has a connection of its own."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._steps = 0
        self._running: asyncio.Future[None] | None = None

    def count(self, steps: int) -> None:
        """So many steps have been written."""
        self._steps += steps
        if self._steps >= EVERY and (self._running is None or self._running.done()):
            self._steps = 0
            self._running = asyncio.get_running_loop().run_in_executor(None, self._checkpoint)

    async def close(self) -> None:
        """Wait for the one under way."""
        if self._running is not None:
            await asyncio.wait([self._running])
        self._connection.close()

    def _checkpoint(self) -> None:
        with contextlib.suppress(sqlite3.Error):  # whoever writes next meets what is wrong with the file
            ((_, pages, _),) = self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
            if pages > LONG:
                self._connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()
