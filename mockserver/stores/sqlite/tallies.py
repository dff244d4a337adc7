"""What is counted: each number is read once in a transaction and written once at its end, whatever steps it has.

Most steps count the same few things, and between two of them nobody else can: a third of the time that a submission
kept the file locked went into counting anew what the one before it had just counted.
"""

import sqlite3

Tally = tuple[str, str]
"""What is counted, and whose it is; empty where it is nobody's."""


class Tallies:
    """The counts as the transaction under way sees them; for steps alone."""

    def __init__(self, cursor: sqlite3.Cursor) -> None:
        self._execute = cursor.execute
        self._known: dict[Tally, int | None] = {}
        """As they are now, of those that were asked for."""
        self._added: dict[Tally, int] = {}
        """What is still to be written."""

    def of(self, what: str, whose: str = "") -> int | None:
        """How many there are; none where nothing was ever counted."""
        tally = (what, whose)
        if tally not in self._known:
            self._known[tally] = self._read(tally)
        return self._known[tally]

    def _read(self, tally: Tally) -> int | None:
        found = self._execute("SELECT n FROM tallies WHERE what = ? AND whose = ?", tally).fetchall()
        if not found and tally not in self._added:
            return None
        kept: int = found[0][0] if found else 0
        return kept + self._added.get(tally, 0)

    def add(self, what: str, whose: str, count: int) -> None:
        """Count so many more."""
        tally = (what, whose)
        self._added[tally] = self._added.get(tally, 0) + count
        if tally in self._known:
            self._known[tally] = (self._known[tally] or 0) + count

    def write(self) -> None:
        """Write what was counted, before the transaction ends."""
        if self._added:
            places = ",".join(["(?,?,?)"] * len(self._added))
            self._execute(
                f"INSERT INTO tallies VALUES {places} ON CONFLICT DO UPDATE SET n = n + excluded.n",  # noqa: S608 - places
                [part for (what, whose), count in self._added.items() for part in (what, whose, count)],
            )
        self.forget()

    def forget(self) -> None:
        """Know nothing any more, as what follows is another transaction."""
        self._known.clear()
        self._added.clear()
