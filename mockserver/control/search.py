"""Looking through the journal without keeping the server from its work."""

import asyncio

from mockserver.control.records import line
from mockserver.core.matching import Match, differences
from mockserver.core.verification import Miss, nearest
from mockserver.journal import Entry, Journal

AT_ONCE = 200
"""Entries that are looked at before others have their turn."""
LOOKED_AT = 2000
"""The newest entries, among which near misses are sought."""


class Search:
    """The entries after *since* that fit a match; each entry is looked at once, however often one looks."""

    def __init__(self, journal: Journal, match: Match, since: int = 0) -> None:
        self._journal, self._match, self._seen = journal, match, since
        self.found: list[Entry] = []

    async def look(self) -> None:
        """Add what has come since one looked last."""
        needs_body = self._match.needs_body
        for count, entry in enumerate(list(self._journal.entries(self._seen)), 1):
            self._seen = entry.number
            if not differences(self._match, entry.seen(with_body=needs_body)):
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
        return patience_s > 0 and await self._journal.bell.wait(is_there, patience_s)


async def misses_of(journal: Journal, match: Match) -> list[Miss]:
    """The requests that come nearest to a match without fitting it."""
    newest = list(journal.entries(max(0, journal.last - LOOKED_AT)))
    misses: list[Miss] = []
    for count, entry in enumerate(newest, 1):
        found = differences(match, entry.seen())
        if found:
            misses.append(Miss(entry.number, line(entry), found))
        if count % AT_ONCE == 0:
            await asyncio.sleep(0)
    return nearest(misses)
