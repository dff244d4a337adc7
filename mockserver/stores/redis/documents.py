"""Small texts, numbers, the turn, records, streams and blobs: what processes agree on and what belongs to no team."""

from collections.abc import Sequence

from mockserver.stores.protocol import Record, Room
from mockserver.stores.redis.part import Part


class Documents(Part):
    """The part of the store that knows nothing of jobs. All of it lives in the first shard."""

    async def look(self) -> int:
        self.version = int(await self._shards.line.ask("GET", self._shards.key("version")) or 0)
        return self.version

    async def document(self, name: str) -> bytes | None:
        value: bytes | None = await self._shards.line.ask("HGET", self._shards.key("documents"), name)
        return value

    async def put_document(self, name: str, value: bytes) -> int:
        self.version = int(await self._shards.run("put_document", 0, name, value))
        return self.version

    async def next_number(self, counter: str) -> int:
        return int(await self._shards.line.ask("HINCRBY", self._shards.key("counters"), counter, 1))

    async def numbers(self, counters: Sequence[str]) -> list[int]:
        if not counters:
            return []
        values = await self._shards.line.ask("HMGET", self._shards.key("counters"), *counters)
        return [int(value or 0) for value in values]

    async def take_turn(self, holder: str, span_s: float) -> bool:
        return bool(await self._shards.run("take_turn", 0, holder, int(span_s * 1000)))

    async def end_turn(self, holder: str) -> None:
        await self._shards.run("end_turn", 0, holder)

    # Records

    async def put_record(self, record: Record, room: Room) -> list[str]:
        left = await self._shards.run("put_record", 0, *record, *room)
        return [each.decode() for each in left]

    async def record(self, kind: str, id_: str, now: float) -> tuple[str, bytes] | None:
        found = await self._shards.run("record", 0, kind, id_, now)
        return (found[0].decode(), found[1]) if found else None

    async def expired_records(self, kind: str, now: float) -> list[str]:
        return [id_.decode() for id_ in await self._shards.run("expired_records", 0, kind, now)]

    # Streams

    async def append(self, stream: str, rows: Sequence[bytes], most: int, most_bytes: int) -> int:
        return int(await self._shards.run("append", 0, stream, most, most_bytes, *rows))

    async def rows_after(self, stream: str, number: int, limit: int) -> list[tuple[int, bytes]]:
        key = self._shards.key(f"stream:{stream}")
        found = await self._shards.line.ask("XRANGE", key, f"{number + 1}-0", "+", "COUNT", limit)
        return [(int(place.partition(b"-")[0]), fields[1]) for place, fields in found]

    async def clear_stream(self, stream: str) -> None:
        await self._shards.run("clear_stream", 0, stream)

    # Blobs

    async def put_piece(self, blob: str, number: int, piece: bytes) -> None:
        await self._shards.run("put_piece", 0, blob, number, piece)

    async def piece(self, blob: str, number: int) -> bytes | None:
        value: bytes | None = await self._shards.line.ask("HGET", self._shards.key(f"blob:{blob}"), number)
        return value

    async def drop_blob(self, blob: str) -> None:
        await self._shards.run("drop_blob", 0, blob)
