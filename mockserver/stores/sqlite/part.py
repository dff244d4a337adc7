"""What the parts of the store have in common."""

import asyncio
from typing import NamedTuple

from mockserver.clock import Clock
from mockserver.stores.sqlite.file import File
from mockserver.stores.sqlite.lists import Lists


class Terms(NamedTuple):
    """What a store is made with, beside its place."""

    max_jobs: int
    real: Clock
    """Tells real time, which counts for leases and turns alone."""
    lease_s: float


class Part:
    """Some methods of the store. What is handed to `write` runs in a transaction."""

    def __init__(self, file: File, terms: Terms) -> None:
        self.due_changed = asyncio.Event()
        self.version = 0
        self._file, self._terms = file, terms
        self.name = file.name
        self._lists = Lists(file)
        self._rows, self._execute, self._tallies = file.rows, file.execute, file.tallies
        self._read, self._write = file.read, file.write
