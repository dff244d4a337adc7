"""Small texts, counters and records that processes share."""

from mockserver.stores.redis.entries import record_of
from mockserver.stores.redis.part import Part


class Documents(Part):
    """The part of the store that keeps what belongs to no team."""

    async def document(self, name: str) -> bytes | None:
        value: bytes | None = await self._shards.line.ask("HGET", self._shards.key("documents"), name)
        return value

    async def put_document(self, name: str, value: bytes) -> None:
        await self._shards.run("put_document", 0, name, value)

    async def next_number(self, counter: str) -> int:
        return int(await self._shards.line.ask("HINCRBY", self._shards.key("counters"), counter, 1))

    # Records

    async def put_record(  # noqa: PLR0913, PLR0917 - one row, and how many there may be
        self, kind: str, id_: str, owner: str, value: bytes, expires_at: float, most: int
    ) -> list[str]:
        left = await self._shards.run("put_record", 0, kind, id_, owner, value, expires_at, most)
        return [each.decode() for each in left]

    async def record(self, kind: str, id_: str, now: float) -> tuple[str, bytes] | None:
        row = await self._shards.line.ask("HGET", self._shards.key(f"records:{kind}"), id_)
        found = None if row is None else record_of(row)
        return (found.owner, found.value) if found is not None and found.expires_at > now else None

    async def records(self, kind: str, now: float) -> list[tuple[str, bytes]]:
        rows = await self._shards.run("records", 0, kind)
        found = [(record_of(row), id_) for id_, row in zip(rows[::2], rows[1::2], strict=True)]
        kept = sorted((each.order, id_, each.value) for each, id_ in found if each.expires_at > now)
        return [(id_.decode(), value) for _, id_, value in kept]

    async def drop_record(self, kind: str, id_: str) -> None:
        await self._shards.run("drop_record", 0, kind, id_)
