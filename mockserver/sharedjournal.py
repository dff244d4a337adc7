"""The journal of several processes on one store: what each records goes into streams that all of them read.

A process reads them when somebody looks, and before the oldest rows leave unread; what it has read it keeps as its
own journal would, and tells its watches of it. So counts and findings are the same whichever process is asked.
Requests go to the store with their answers, those of one turn of the event loop together: who has an answer finds it
recorded a moment later, whichever process is asked.
"""

import asyncio
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from operator import itemgetter
from typing import Any, NamedTuple

import orjson
from aiohttp.typedefs import RawHeaders

from mockserver.bell import Bell
from mockserver.clock import WALL_S, Clock, real_s
from mockserver.core.deliveries import Attempt, Delivery, DeliveryStatus
from mockserver.core.jobs import Job
from mockserver.core.jsontext import encode
from mockserver.http.answers import Answer
from mockserver.http.request import Request
from mockserver.journal import DIGEST, Common, Entry, Journal, KeyLine, made_of
from mockserver.roll import Row
from mockserver.stores.pauses import Pauses
from mockserver.stores.protocol import Store, StoreDown

log = logging.getLogger(__name__)

TURNS = 2
"""Of the event loop, in which requests are awaited to be written together: no time while nobody asks for more."""
LOOK_S = 0.05
REQUESTS, ATTEMPTS = "requests 2", "attempts"
"""Another form of rows has another name, so that servers of two versions do not read each other's."""
AT_ONCE = 200
"""Rows that are written together."""
READ_AT_ONCE = 50
"""Rows that are read together: a millisecond, in which requests wait."""
READ_AFTER = 2 * READ_AT_ONCE
"""Rows that came meanwhile after which all are read, asked for or not: the longer they lie, the more each costs."""
LEAST = 1000
"""Rows that a stream keeps even where the journal is to remember fewer: counts and findings live on them."""
BEGAN, BODY, HEADERS, CONTENT, FIRED, KEY_LINE = 2, 6, 9, 10, 16, 18
BODIES = (BODY, CONTENT)
"""Places in what an entry has of its own. Its number, which is the first, comes from the store."""
KNOWN, SHORT = 256, 4096
"""Header lines that are remembered, and how long they are at most: clients send the same ones again and again."""
OWN_BYTES = 4 * 1024 * 1024
"""Of bodies in rows that this process wrote and has not read, and need not fetch."""
SENT = Attempt._fields.index("request_body")
_new = tuple.__new__
"""A named tuple of a tuple with as many values as it has fields: a third of what calling its class takes."""
WatchAttempt = Callable[[Job, Delivery, Attempt, float], None]
Parts = tuple[tuple[Any, ...], Common]
"""What an entry has of its own, and what entries have in common, with instants as this process counts them."""
News = tuple[float, Sequence[Callable[..., None]], tuple[Any, ...]]
"""When something ended, who is told of it, and what."""


class _Written(NamedTuple):
    """A row that is to be written, and what it was made of where that is a request."""

    text: bytes
    parts: Parts | None = None


class SharedJournal(Journal):
    """A journal over a store."""

    def __init__(self, clock: Clock, max_entries: int, max_bytes: int, store: Store) -> None:
        super().__init__(clock, max_entries, max_bytes)
        self._store = store
        self._rows: dict[str, list[_Written]] = {REQUESTS: [], ATTEMPTS: []}
        self._own: dict[int, Parts] = {}
        """Requests that this process wrote and has not read yet, by their numbers in the stream, which rise."""
        self._own_bytes = 0
        self._read: dict[str, int] = {REQUESTS: 0, ATTEMPTS: 0}
        """The number of the last row that was read of each stream."""
        self._flushing: asyncio.Task[None] | None = None
        self._writing, self._reading = asyncio.Lock(), asyncio.Lock()
        self._most = max(max_entries, LEAST)
        self._attempt_watches: list[WatchAttempt] = []
        self._cleared = 0
        self._looked_up: set[str] = set()
        """The callers that are known as they are now, in the course of one reading."""
        self.bell = Bell(LOOK_S)

    def watch_attempts(self, watch: WatchAttempt) -> None:
        """Tell *watch* of each attempt from now on, whichever process made it, and when it ended by `clock.real_s`."""
        self._attempt_watches.append(watch)

    # Writing

    def record(self, request: Request, answer: Answer, began_s: float, ended_s: float) -> None:
        body, body_bytes = request.so_far()
        parts = made_of(0, request, answer, body, body_bytes, began_s, ended_s, self._clock.now())
        self._add(REQUESTS, _Written(_row_of(parts), parts))

    def on_attempt(self, job: Job, delivery: Delivery, attempt: Attempt) -> None:
        """Take note of an attempt to deliver a webhook."""
        told = [real_s() + WALL_S, job.id, list(delivery), list(map(_plain, attempt))]
        self._add(ATTEMPTS, _Written(encode(told)))

    def _add(self, stream: str, row: _Written) -> None:
        self._rows[stream].append(row)
        if self._flushing is None:
            self._flushing = asyncio.create_task(self._flush(), name="journal")

    async def _flush(self) -> None:
        """Write what has come, until nothing more does."""
        pauses = Pauses()
        try:
            while any(self._rows.values()):
                for _ in range(TURNS):
                    await asyncio.sleep(0)
                try:
                    await self._write()
                except StoreDown:
                    await pauses.next()
        finally:
            self._flushing = None

    async def _write(self) -> None:
        async with self._writing:
            for stream, waiting in self._rows.items():
                while rows := waiting[:AT_ONCE]:
                    del waiting[:AT_ONCE]
                    try:
                        texts = [row.text for row in rows]
                        last = await self._store.append(stream, texts, self._most, self._max_bytes)
                    except StoreDown:
                        waiting[:0] = rows
                        del waiting[: -self._most]  # it has been away for long
                        raise
                    self._hold(rows, last)
                    if last - self._read[stream] > READ_AFTER:
                        await self._catch_up_with_others()

    def _hold(self, rows: list[_Written], last: int) -> None:
        """Keep what was written up to the number *last*, as long as there is room: it need not be fetched."""
        for number, row in enumerate(rows, last - len(rows) + 1):
            is_new = number > self._read[REQUESTS]  # else somebody looked meanwhile
            if row.parts is not None and is_new and self._own_bytes < OWN_BYTES:
                self._own[number] = row.parts
                self._own_bytes += _size(row.parts)

    def _let_go(self, number: int) -> None:
        """Forget what is held of a request that has been read."""
        parts = self._own.pop(number, None)
        if parts is not None:
            self._own_bytes -= _size(parts)

    async def close(self) -> None:
        if self._flushing is not None:
            flushing = self._flushing
            try:
                await self._write()  # after what is being written: cancelled in the midst of it, that would be lost
            except StoreDown as error:
                log.warning("the last requests are not recorded: %s", error)
            flushing.cancel()
            await asyncio.gather(flushing, return_exceptions=True)
        await super().close()

    # Reading

    def catch_up(self) -> None:
        """Nothing: what there is comes with `refresh`."""

    async def refresh(self) -> None:
        await self._write()
        await self._catch_up_with_others()

    async def _catch_up_with_others(self) -> None:
        """Read what is new, and tell the watches of it by the instants of its end.

        Rows stand in the order in which processes came to write them, which on a busy machine is another.
        """
        async with self._reading:
            self._looked_up.clear()
            while True:
                requests = await self._requests()
                attempts = await self._store.rows_after(ATTEMPTS, self._read[ATTEMPTS], READ_AT_ONCE)
                await self._look_up({str(common[DIGEST]) for _, (_, common) in requests})
                kept: list[Row] = []
                new = [self._request(number, parts, kept) for number, parts in requests]
                try:
                    for number, row in attempts:
                        new.append(await self._attempt(number, row))
                finally:  # what was read is not read again, should the store fail now
                    self._dropped += self._roll.add(kept) if kept else 0
                    for _, watches, told in sorted(new, key=itemgetter(0)):
                        for watch in watches:
                            watch(*told)
                if len(requests) < READ_AT_ONCE and len(attempts) < READ_AT_ONCE:
                    return
                await asyncio.sleep(0)  # requests are to have a turn

    async def _requests(self) -> list[tuple[int, Parts]]:
        """The next requests of the stream; nothing is fetched or parsed that this process wrote and still has."""
        number, found = self._read[REQUESTS], list[tuple[int, Parts]]()
        while (parts := self._own.get(number + 1)) is not None and len(found) < READ_AT_ONCE:
            number += 1
            found.append((number, parts))
        if len(found) < READ_AT_ONCE:
            rows = await self._store.rows_after(REQUESTS, number, READ_AT_ONCE - len(found))
            found += [(other, self._own.get(other) or _request_of(row)) for other, row in rows]
        return found

    async def _look_up(self, digests: set[str]) -> None:
        """Know who sends requests with these keys, as they are now."""
        for digest in digests - self._looked_up:
            self._looked_up.add(digest)
            caller = await self._store.caller(digest) if digest else None
            if caller is not None:  # else the key was revoked since
                self._callers[digest] = caller

    def _request(self, number: int, parts: Parts, kept: list[Row]) -> News:
        """Enter a request, among the rows that are *kept*, and say when it ended and whom to tell."""
        own, common = parts
        if number > self._last + 1:  # others have left unread
            self._dropped += number - self._last - 1 + len(self._roll) + len(kept)
            self._roll.clear()
            kept.clear()
            for left in [each for each in self._own if each < number]:
                self._let_go(left)
        self._let_go(number)
        self._last = self._read[REQUESTS] = number
        own = (number, *own[1:])
        entry = _new(Entry, (*own, *common, self._callers.get(str(common[DIGEST]))))
        if number > self._cleared:
            kept.append((own, self._common(common)))
        return entry.began_s + entry.took_s, self._watches, (entry,)

    async def _attempt(self, number: int, row: bytes) -> News:
        ended_s, job_id, delivery, attempt = _attempt_of(row)
        job = await self._store.job(job_id)
        self._read[ATTEMPTS] = number
        return ended_s, self._attempt_watches if job is not None else (), (job, delivery, attempt, ended_s)

    # Forgetting

    def told(self) -> bytes:
        """Up to which entry all was forgotten by hand; empty for none."""
        return json.dumps(self._cleared).encode() if self._cleared else b""

    async def take(self, told: bytes) -> None:
        """Forget as another process has told."""
        self._cleared = json.loads(told) if told else 0
        self._roll.drop(self._cleared - self._last + len(self._roll))

    async def forget(self) -> None:
        await self.refresh()
        self.clear()
        self._cleared = self._last

    def clear(self) -> None:
        super().clear()
        self._own.clear()
        self._own_bytes = 0
        for rows in self._rows.values():
            rows.clear()


def _size(parts: Parts) -> int:
    own, _ = parts
    return len(own[BODY]) + len(own[CONTENT])


def _row_of(parts: Parts) -> bytes:
    """A request as JSON, with instants that every process understands."""
    own, (*shared, headers, kind) = parts
    fields = list(own)
    fields[BEGAN] += WALL_S
    for place in BODIES:
        fields[place] = own[place].decode("latin-1")
    fields[KEY_LINE] = _plain_line(own[KEY_LINE])
    head = b"\n".join(chain.from_iterable(headers))
    return encode([fields, [*shared, head.decode("latin-1"), kind.decode("latin-1")]])


def _request_of(row: bytes) -> Parts:
    """A request again."""
    own, common = _values(row)
    for place in BODIES:
        own[place] = own[place].encode("latin-1")
    own[BEGAN] -= WALL_S
    own[HEADERS], own[FIRED] = tuple(map(tuple, own[HEADERS])), tuple(own[FIRED])
    own[KEY_LINE] = _line_of(own[KEY_LINE])
    *shared, head, kind = common
    headers = _known_headers_of(head) if len(head) <= SHORT else _headers_of(head)
    return tuple(own), (*shared, headers, kind.encode("latin-1"))


def _plain_line(line: KeyLine) -> Sequence[int | str]:
    return (line[0], line[1].decode("latin-1"), line[2].decode("latin-1")) if line else ()


def _line_of(plain: Sequence[Any]) -> KeyLine:
    return (plain[0], plain[1].encode("latin-1"), plain[2].encode("latin-1")) if plain else ()


def _headers_of(text: str) -> RawHeaders:
    parts = text.encode("latin-1").split(b"\n") if text else []
    return tuple(zip(parts[::2], parts[1::2], strict=True))


_known_headers_of = lru_cache(maxsize=KNOWN)(_headers_of)


def _values(row: bytes) -> Any:
    """What JSON of ours says: numbers as they were written, and lone surrogates, which orjson refuses."""
    try:
        return orjson.loads(row)
    except orjson.JSONDecodeError:
        return json.loads(row)


def _attempt_of(row: bytes) -> tuple[float, str, Delivery, Attempt]:
    """When it ended as this process counts, the id of its job, and what came of it."""
    ended, job_id, plain, tried = _values(row)
    tried[SENT] = tried[SENT].encode("latin-1")
    delivery = Delivery(*plain)
    return ended - WALL_S, job_id, delivery._replace(status=DeliveryStatus(delivery.status)), Attempt(*tried)


def _plain(value: Any) -> Any:
    """A field as JSON has it, the same for every version of Python: bytes are texts of as many characters."""
    match value:
        case bytes():
            return value.decode("latin-1")
        case Mapping():
            return dict(value)
        case _:
            return value
