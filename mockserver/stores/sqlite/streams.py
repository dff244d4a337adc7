"""Rows that are only added, of which the newest stay."""

from collections.abc import Iterable, Sequence
from itertools import count

from mockserver.stores.sqlite.packing import Blob
from mockserver.stores.sqlite.part import Part

LOOKED_AT = 4
"""Rows whose length is asked for at a time, where they have to leave for their length and not for their number."""
_STREAM_BITS = 40
"""A row's key is the number of its stream, and behind it, in so many bits, its own."""


class Streams(Part):
    """The part of the store that keeps streams."""

    async def append(self, stream: str, rows: Sequence[bytes], most: int, most_bytes: int) -> int:
        return await self._write(self._append, stream, rows, most, most_bytes)

    def _append(self, stream: str, rows: Sequence[bytes], most: int, most_bytes: int) -> int:
        known = "SELECT no, first, last, size FROM streams WHERE name = ?"
        found = self._rows(known, (stream,))
        if not found:
            self._execute("INSERT INTO streams (name, first, last, size) VALUES (?, 1, 0, 0)", (stream,))
            found = self._rows(known, (stream,))
        ((number, first, last, size),) = found
        base = number << _STREAM_BITS
        self._file.execute_many(
            "INSERT INTO stream_rows VALUES (?, ?)", zip(count(base + last + 1), map(Blob, rows), strict=False)
        )
        last, size = last + len(rows), size + sum(map(len, rows))
        if last - first + 1 > most or size > most_bytes:
            first, size = self._kept_from(base, first, last - most + 1, size, most_bytes)
            self._execute("DELETE FROM stream_rows WHERE no > ? AND no < ?", (base, base + first))
        self._execute("UPDATE streams SET first = ?, last = ?, size = ? WHERE no = ?", (first, last, size, number))
        return int(last)

    def _kept_from(self, base: int, first: int, from_: int, size: int, most_bytes: int) -> tuple[int, int]:
        """The first row that stays, none before *from_*, and the size of those that do."""
        while first < from_ or size > most_bytes:
            for (length,) in self._lengths(base + first, max(from_ - first, LOOKED_AT)):
                if first >= from_ and size <= most_bytes:
                    break
                first, size = first + 1, size - length
        return first, size

    def _lengths(self, key: int, count: int) -> Iterable[tuple[int]]:
        return self._rows("SELECT length(value) FROM stream_rows WHERE no >= ? ORDER BY no LIMIT ?", (key, count))

    async def rows_after(self, stream: str, number: int, limit: int) -> list[tuple[int, bytes]]:
        found = await self._read("SELECT no FROM streams WHERE name = ?", (stream,))
        if not found:
            return []
        base = found[0][0] << _STREAM_BITS
        rows = await self._read(
            "SELECT no, value FROM stream_rows WHERE no > ? AND no < ? ORDER BY no LIMIT ?",
            (base + max(0, number), base + (1 << _STREAM_BITS), limit),
        )
        return [(key - base, value) for key, value in rows]

    async def clear_stream(self, stream: str) -> None:
        await self._write(self._clear_stream, stream)

    def _clear_stream(self, stream: str) -> None:
        for number, last in self._rows("SELECT no, last FROM streams WHERE name = ?", (stream,)):
            base = number << _STREAM_BITS
            self._execute("DELETE FROM stream_rows WHERE no > ? AND no <= ?", (base, base + last))
            self._execute("UPDATE streams SET first = last + 1, size = 0 WHERE no = ?", (number,))
