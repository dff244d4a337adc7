"""Looking through the journal without keeping the server from its work."""

import asyncio
from collections.abc import Iterator
from typing import NamedTuple

from mockserver.control.records import line
from mockserver.core.matching import Match, differences
from mockserver.core.verification import Miss, nearest
from mockserver.journal import Entry, Journal

AT_ONCE = 200
"""Entries that are looked at before others have their turn."""
LOOKED_AT = 2000
"""The newest entries, among which near misses are sought."""


class Part(NamedTuple):
    """What is looked at: all of the journal, or what came after an entry, or what one key may have to do with."""

    journal: Journal
    since: int = 0
    digest: str = ""
    """SHA-256 of an API key, whose requests are looked at, and those that carried no known one."""

    def entries(self, since: int = 0) -> Iterator[Entry]:
        """Those of it after *since*, oldest first."""
        entries = self.journal.entries(max(since, self.since))
        return (entry for entry in entries if entry.digest in ("", self.digest)) if self.digest else entries

    @property
    def size(self) -> int:
        """How many they are."""
        return sum(1 for _ in self.entries())


class Search:
    """The entries of a part that fit a match; each entry is looked at once, however often one looks."""

    def __init__(self, part: Part, match: Match) -> None:
        self._part, self._match, self._seen = part, match, 0
        self.found: list[Entry] = []

    async def look(self) -> None:
        """Add what has come since one looked last."""
        needs_body, digest = self._match.needs_body, self._match.digest
        await self._part.journal.refresh()
        for count, entry in enumerate(list(self._part.entries(self._seen)), 1):
            self._seen = entry.number
            is_other = digest and entry.digest != digest
            if not is_other and not differences(self._match, entry.seen(with_body=needs_body)):
                self.found.append(entry)
            if count % AT_ONCE == 0:
                await asyncio.sleep(0)

    async def wait(self, count: int, patience_s: float) -> bool:
        """Whether so many have come, or come within so many real seconds."""

        async def is_there() -> bool:
            await self.look()
            return len(self.found) >= count

        if await is_there():
            return True
        return patience_s > 0 and await self._part.journal.bell.wait(is_there, patience_s)


async def misses_of(part: Part, match: Match) -> list[Miss]:
    """The requests that come nearest to a match without fitting it."""
    newest = list(part.entries(max(0, part.journal.last - LOOKED_AT)))
    misses: list[Miss] = []
    for count, entry in enumerate(newest, 1):
        found = differences(match, entry.seen())
        if found:
            misses.append(Miss(entry.number, line(entry), found))
        if count % AT_ONCE == 0:
            await asyncio.sleep(0)
    return nearest(misses)
