"""What is known of uploaded files; the files themselves are with the spool."""

import json
from typing import NamedTuple

from mockserver.core.filekinds import KINDS, FileKind
from mockserver.stores.protocol import Record, Room, Store

KIND = "upload"
ALL = "all"
"""The owner of all uploads: they share one room."""


class Upload(NamedTuple):
    """One uploaded file."""

    id: str
    kind: FileKind
    byte_size: int
    expires_at: float
    """On the mock's clock."""

    @property
    def name(self) -> str:
        """The last part of its address."""
        return f"{self.id}.{self.kind.extension}"


class Uploads:
    """The rows of uploads in a store; *room* bounds them, and the oldest leave."""

    def __init__(self, store: Store, room: Room) -> None:
        self._store, self._room = store, room

    async def add(self, upload: Upload) -> list[str]:
        """Keep it; the ids of those that leave for it."""
        row = json.dumps([upload.kind.extension, upload.byte_size, upload.expires_at]).encode()
        record = Record(KIND, upload.id, ALL, row, upload.expires_at, upload.byte_size)
        return await self._store.put_record(record, self._room)

    async def find(self, id_: str, now: float) -> Upload | None:
        """The upload, until its time is over."""
        found = await self._store.record(KIND, id_, now)
        if found is None:
            return None
        extension, byte_size, expires_at = json.loads(found[1])
        return Upload(id_, KINDS[extension], byte_size, expires_at)

    async def drop_expired(self, now: float) -> list[str]:
        """Forget those whose time is over; their ids."""
        return await self._store.expired_records(KIND, now)
