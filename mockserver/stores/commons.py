"""What processes agree on, for a store in memory: documents, numbers, the turn, records, streams and blobs."""

from collections import Counter, OrderedDict, deque
from collections.abc import Sequence
from itertools import islice

from mockserver.clock import real_s
from mockserver.stores.protocol import Record, Room

AT_ONCE = 1000
"""Expired records that are forgotten in one step."""


class Stream:
    """Rows that are only added."""

    def __init__(self) -> None:
        self.rows: deque[bytes] = deque()
        self.last = self.size = 0


class OwnSizes:
    """The sizes of an owner's records of one kind, oldest first, and their sum."""

    def __init__(self) -> None:
        self._of: OrderedDict[str, int] = OrderedDict()
        self._sum = 0

    def put(self, id_: str, size: int) -> None:
        """Add one, or change it in its place."""
        self._sum += size - self._of.get(id_, 0)
        self._of[id_] = size

    def pop(self, id_: str) -> None:
        """Take one out."""
        self._sum -= self._of.pop(id_)

    def over(self, room: Room, but: str) -> list[str]:
        """Take out the oldest for which there is no room, never the one named; their ids."""
        left: list[str] = []
        for id_ in self._of:
            if len(self._of) - len(left) <= room.most and self._sum <= room.most_size:
                break
            if id_ != but:
                left.append(id_)
                self._sum -= self._of[id_]
        for id_ in left:
            del self._of[id_]
        return left


class Commons:
    """The part of the store in memory that knows nothing of jobs."""

    def __init__(self) -> None:
        self.version = 0
        self._streams: dict[str, Stream] = {}
        self._forget_commons()

    def _forget_commons(self) -> None:
        self.version += 1
        self._documents: dict[str, bytes] = {}
        self._numbers: Counter[str] = Counter()
        self._turn = ("", 0.0)
        self._records: dict[str, OrderedDict[str, Record]] = {}
        self._sizes: dict[tuple[str, str], OwnSizes] = {}
        self._blobs: dict[str, dict[int, bytes]] = {}
        for stream in self._streams.values():
            stream.rows.clear()
            stream.size = 0

    # Documents and numbers

    async def look(self) -> int:
        return self.version

    async def document(self, name: str) -> bytes | None:
        return self._documents.get(name)

    async def put_document(self, name: str, value: bytes) -> int:
        self._documents[name] = value
        self.version += 1
        return self.version

    async def next_number(self, counter: str) -> int:
        self._numbers[counter] += 1
        return self._numbers[counter]

    async def numbers(self, counters: Sequence[str]) -> list[int]:
        return [self._numbers[counter] for counter in counters]

    async def take_turn(self, holder: str, span_s: float) -> bool:
        other, until_s = self._turn
        if other not in ("", holder) and until_s > real_s():
            return False
        self._turn = (holder, real_s() + span_s)
        return True

    async def end_turn(self, holder: str) -> None:
        if self._turn[0] == holder:
            self._turn = ("", 0.0)

    # Records

    async def put_record(self, record: Record, room: Room) -> list[str]:
        kept = self._records.setdefault(record.kind, OrderedDict())
        before = kept.get(record.id)
        if before is not None and before.owner != record.owner:
            self._sizes[record.kind, before.owner].pop(record.id)
        kept[record.id] = record
        sizes = self._sizes.setdefault((record.kind, record.owner), OwnSizes())
        sizes.put(record.id, record.size)
        left = sizes.over(room, but=record.id)
        for id_ in left:
            del kept[id_]
        return left

    async def record(self, kind: str, id_: str, now: float) -> tuple[str, bytes] | None:
        kept = self._records.get(kind)
        found = None if kept is None else kept.get(id_)
        return None if found is None or found.expires_at <= now else (found.owner, found.value)

    async def expired_records(self, kind: str, now: float) -> list[str]:
        kept = self._records.setdefault(kind, OrderedDict())
        over = list(islice((each for each in kept.values() if each.expires_at <= now), AT_ONCE))
        for each in over:
            self._sizes[kind, each.owner].pop(each.id)
            del kept[each.id]
        return [each.id for each in over]

    # Streams

    async def append(self, stream: str, rows: Sequence[bytes], most: int, most_bytes: int) -> int:
        kept = self._streams.setdefault(stream, Stream())
        kept.rows.extend(rows)
        kept.last += len(rows)
        kept.size += sum(map(len, rows))
        while kept.rows and (len(kept.rows) > most or kept.size > most_bytes):
            kept.size -= len(kept.rows.popleft())
        return kept.last

    async def rows_after(self, stream: str, number: int, limit: int) -> list[tuple[int, bytes]]:
        kept = self._streams.get(stream, Stream())
        first = kept.last - len(kept.rows) + 1
        skipped = max(0, number + 1 - first)
        rows = islice(kept.rows, skipped, skipped + limit)
        return [(first + skipped + place, row) for place, row in enumerate(rows)]

    async def clear_stream(self, stream: str) -> None:
        kept = self._streams.get(stream)
        if kept is not None:
            kept.rows.clear()
            kept.size = 0

    # Blobs

    async def put_piece(self, blob: str, number: int, piece: bytes) -> None:
        self._blobs.setdefault(blob, {})[number] = piece

    async def piece(self, blob: str, number: int) -> bytes | None:
        pieces = self._blobs.get(blob)
        return None if pieces is None else pieces.get(number)

    async def drop_blob(self, blob: str) -> None:
        self._blobs.pop(blob, None)
