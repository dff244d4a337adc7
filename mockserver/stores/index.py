"""The jobs of one owner in the order of the list, with little memory for each."""

from bisect import bisect_left, insort
from collections.abc import Callable, Iterator

Entry = tuple[float, str]
"""When a job was created, and its id: plain tuples, which several indexes share."""


LAST = 32
"""Among so many a new job nearly always belongs: ids of one millisecond come in any order."""


class JobIndex:
    """Entries in rising order. Those of jobs that left are skipped, and swept out when they are half of it."""

    def __init__(self, is_kept: Callable[[str], bool]) -> None:
        self._is_kept = is_kept
        self._entries: list[Entry] = []
        self._gone = 0
        self.models: dict[str, int] = {}
        """Jobs that are kept, by model; a Counter is several times as slow to count with."""

    def add(self, entry: Entry, model: str) -> None:
        """Put in a job."""
        models = self.models
        models[model] = models.get(model, 0) + 1
        entries = self._entries
        if not entries or entries[-1] < entry:
            entries.append(entry)
        elif len(entries) > LAST and entries[-LAST] < entry:  # a search of all would read memory that is not at hand
            insort(entries, entry, len(entries) - LAST)
        else:
            insort(entries, entry)

    def remove(self, model: str) -> None:
        """Note that a job of this model has left, and that `is_kept` says so."""
        self.models[model] -= 1
        self._gone += 1
        if self._gone > len(self._entries) // 2:
            self._entries = [entry for entry in self._entries if self._is_kept(entry[1])]
            self._gone = 0

    def before(self, entry: Entry | None, limit: int) -> list[Entry]:
        """Up to *limit* entries older than *entry* (none: from the newest on), newest first; fewer only at the end."""
        found: list[Entry] = []
        for older in self._falling(entry):
            if self._is_kept(older[1]):
                found.append(older)
                if len(found) == limit:
                    break
        return found

    def _falling(self, entry: Entry | None) -> Iterator[Entry]:
        end = len(self._entries) if entry is None else bisect_left(self._entries, entry)
        return (self._entries[position] for position in range(end - 1, -1, -1))
