"""Small things with an owner, and files in pieces."""

from itertools import count

from mockserver.stores.protocol import Record, Room
from mockserver.stores.sqlite.part import Part

FORGOTTEN_AT_ONCE = 1000


class Records(Part):
    """The part of the store that keeps records and blobs."""

    async def put_record(self, record: Record, room: Room) -> list[str]:
        return await self._write(self._put_record, record, room)

    def _put_record(self, record: Record, room: Room) -> list[str]:
        of_another = "DELETE FROM records WHERE kind = ? AND id = ? AND owner != ?"
        self._execute(of_another, (record.kind, record.id, record.owner))
        self._execute(
            "INSERT INTO records (kind, id, owner, size, expires_at, value) VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (kind, id) DO UPDATE SET size = excluded.size,"
            " expires_at = excluded.expires_at, value = excluded.value",
            (record.kind, record.id, record.owner, record.size, record.expires_at, record.value),
        )
        ((kept, size),) = self._rows(
            "SELECT count(*), sum(size) FROM records WHERE kind = ? AND owner = ?", (record.kind, record.owner)
        )
        left = list[str]()
        for place in count():
            if kept <= room.most and size <= room.most_size:
                break
            oldest = self._rows(
                "SELECT no, id, size FROM records WHERE kind = ? AND owner = ? ORDER BY no LIMIT 1 OFFSET ?",
                (record.kind, record.owner, place - len(left)),
            )
            if not oldest:
                break
            number, id_, its_size = oldest[0]
            if id_ != record.id:
                self._execute("DELETE FROM records WHERE no = ?", (number,))
                kept, size = kept - 1, size - its_size
                left.append(id_)
        return left

    async def record(self, kind: str, id_: str, now: float) -> tuple[str, bytes] | None:
        found = await self._read(
            "SELECT owner, value FROM records WHERE kind = ? AND id = ? AND expires_at > ?", (kind, id_, now)
        )
        return found[0] if found else None

    async def expired_records(self, kind: str, now: float) -> list[str]:
        found = await self._read("SELECT 1 FROM records WHERE kind = ? AND expires_at <= ? LIMIT 1", (kind, now))
        return await self._write(self._expired_records, kind, now) if found else []

    def _expired_records(self, kind: str, now: float) -> list[str]:
        found = self._rows(
            "SELECT no, id FROM records WHERE kind = ? AND expires_at <= ? ORDER BY expires_at, no LIMIT ?",
            (kind, now, FORGOTTEN_AT_ONCE),
        )
        self._file.execute_many("DELETE FROM records WHERE no = ?", [(number,) for number, _ in found])
        return [id_ for _, id_ in found]

    # Blobs

    async def put_piece(self, blob: str, number: int, piece: bytes) -> None:
        await self._write(
            self._execute, "INSERT OR REPLACE INTO pieces (blob, number, piece) VALUES (?, ?, ?)", (blob, number, piece)
        )

    async def piece(self, blob: str, number: int) -> bytes | None:
        found = await self._read("SELECT piece FROM pieces WHERE blob = ? AND number = ?", (blob, number))
        return found[0][0] if found else None

    async def drop_blob(self, blob: str) -> None:
        await self._write(self._execute, "DELETE FROM pieces WHERE blob = ?", (blob,))
