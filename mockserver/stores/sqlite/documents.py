"""What processes agree on: small texts, counters, and whose turn it is to change them."""

from collections.abc import Sequence

from mockserver.stores.sqlite.part import Part


class Documents(Part):
    """The part of the store that keeps what belongs to no team."""

    async def look(self) -> int:
        ((self.version,),) = await self._read("SELECT n FROM tallies WHERE what = 'version' AND whose = ''")
        return self.version

    async def document(self, name: str) -> bytes | None:
        found = await self._read("SELECT value FROM documents WHERE name = ?", (name,))
        return found[0][0] if found else None

    async def put_document(self, name: str, value: bytes) -> int:
        self.version = await self._write(self._put_document, name, value)
        return self.version

    def _put_document(self, name: str, value: bytes) -> int:
        self._execute("INSERT OR REPLACE INTO documents VALUES (?, ?)", (name, value))
        return self._count_version()

    def _count_version(self) -> int:
        self._tallies.add("version", "", 1)
        return self._tallies.of("version") or 0

    # Counters

    async def next_number(self, counter: str) -> int:
        return await self._write(self._next_number, counter)

    def _next_number(self, counter: str) -> int:
        ((number,),) = self._rows(
            "INSERT INTO counters VALUES (?, 1) ON CONFLICT DO UPDATE SET n = n + 1 RETURNING n", (counter,)
        )
        return int(number)

    async def numbers(self, counters: Sequence[str]) -> list[int]:
        statement = f"SELECT name, n FROM counters WHERE name IN ({','.join('?' * len(counters))})"  # noqa: S608 - places
        found: dict[str, int] = dict(await self._read(statement, counters))
        return [found.get(counter, 0) for counter in counters]

    # Turns

    async def take_turn(self, holder: str, span_s: float) -> bool:
        return await self._write(self._take_turn, holder, span_s)

    def _take_turn(self, holder: str, span_s: float) -> bool:
        now = self._terms.real.now()
        if self._rows("SELECT 1 FROM turn WHERE holder <> ? AND until > ?", (holder, now)):
            return False
        self._execute("INSERT OR REPLACE INTO turn VALUES (1, ?, ?)", (holder, now + span_s))
        return True

    async def end_turn(self, holder: str) -> None:
        await self._write(self._execute, "DELETE FROM turn WHERE holder = ?", (holder,))
