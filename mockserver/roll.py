"""The newest rows of a journal, packed: bounded by number and by memory."""

import marshal
from collections import deque
from collections.abc import Iterator
from typing import Any

Row = tuple[Any, ...]
"""Numbers, texts, bytes, and tuples of them."""
PLAIN = 2
"""The version of marshal's form that looks for nothing that stands twice."""
GRAINS = 8
"""Packs that there is room for, at least: memory is made by whole packs."""


class Roll:
    """At most *max_rows* rows of at most *max_bytes*; further ones push the oldest out.

    Rows that come together lie in one object: fresh memory for each, and letting go of it, would cost more than all.
    """

    def __init__(self, max_rows: int, max_bytes: int) -> None:
        self._max_rows, self._max_bytes = max_rows, max_bytes
        self.clear()

    def clear(self) -> None:
        """Forget every row."""
        self._packs: deque[tuple[int, bytes]] = deque()
        """How many rows, and these."""
        self._rows = self._gone = self._bytes = 0
        """Rows in packs, those of the first pack that are forgotten, and the size of all."""

    def __len__(self) -> int:
        return self._rows - self._gone

    def add(self, rows: list[Row]) -> int:
        """Put rows at the end; how many had to go for them."""
        before = len(self) + len(rows)
        packed = marshal.dumps(rows, PLAIN)
        if len(packed) * GRAINS > self._max_bytes:
            for row in rows:
                self._put(1, marshal.dumps([row], PLAIN))
        else:
            self._put(len(rows), packed)
        while self._bytes > self._max_bytes:
            self.drop(self._packs[0][0] - self._gone)
        self.drop(len(self) - self._max_rows)
        return before - len(self)

    def _put(self, count: int, packed: bytes) -> None:
        self._packs.append((count, packed))
        self._rows += count
        self._bytes += len(packed)

    def drop(self, count: int) -> None:
        """Forget so many of the oldest, if there are."""
        self._gone += max(0, min(count, len(self)))
        while self._packs and self._gone >= self._packs[0][0]:
            number, packed = self._packs.popleft()
            self._gone -= number
            self._rows -= number
            self._bytes -= len(packed)

    def rows(self, skipped: int = 0) -> Iterator[Row]:
        """The rows without so many of the oldest, oldest first."""
        start = self._gone + skipped
        for count, packed in self._packs:
            if start < count:
                yield from marshal.loads(packed)[start:]  # noqa: S302 - our own, from this process
            start = max(0, start - count)
