"""Pauses of those who wait for a store to come back."""

import asyncio

SHORTEST_S, LONGEST_S = 0.05, 1.0


class Pauses:
    """Each is twice as long as the one before, up to a second."""

    def __init__(self) -> None:
        self._next_s = SHORTEST_S

    @property
    def are_first(self) -> bool:
        """Whether there was none yet since the beginning."""
        return self._next_s == SHORTEST_S

    def begin_again(self) -> None:
        """Be short again: the store is back."""
        self._next_s = SHORTEST_S

    async def next(self) -> None:
        """Wait."""
        pause_s, self._next_s = self._next_s, min(LONGEST_S, 2 * self._next_s)
        await asyncio.sleep(pause_s)
