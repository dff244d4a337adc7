"""What the parts of the store have in common."""

import asyncio
from typing import NamedTuple

from mockserver.clock import Clock
from mockserver.stores.redis.shards import Shards


class Terms(NamedTuple):
    """What a store is made with, beside its place."""

    max_jobs: int
    real: Clock
    """Tells real time, which counts for leases alone."""
    lease_s: float


class Part:
    """Some methods of the store."""

    def __init__(self, shards: Shards, terms: Terms) -> None:
        self.due_changed = asyncio.Event()
        self.version = 0
        self._shards, self._terms = shards, terms
        self.name = shards.line.name

    def _woken(self, is_earlier: object) -> None:
        """Take what a script says of whether a delivery is due before all that waited; it tells other processes."""
        if is_earlier:
            self.due_changed.set()
