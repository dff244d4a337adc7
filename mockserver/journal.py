"""Every request to the imitated API and its answer, bounded by number and by memory."""

from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any, NamedTuple

from aiohttp.typedefs import RawHeaders

from mockserver.bell import Bell
from mockserver.clock import Clock
from mockserver.core.jsontext import parse
from mockserver.core.matching import Seen
from mockserver.http.answers import Answer, Headers
from mockserver.http.request import Request
from mockserver.roll import Roll, Row
from mockserver.stores.protocol import Caller

BODY_BYTES = 256 * 1024
"""What is kept of one body, at most."""
TEXTS = (b"application/json", b"application/problem+json", b"text/")
"""Kinds of answers whose body is kept."""


KeyLine = tuple[int, bytes, bytes] | tuple[()]
"""Of an idempotency key its place among the headers, its name and its value. Each request has its own, so it is kept
apart from those that clients repeat. Empty where no handler looked at one."""


class Entry(NamedTuple):
    """One request and its answer."""

    number: int
    """From 1, without gaps, the same for all who read it."""
    at: float
    """On the mock's clock."""
    began_s: float
    """Real seconds, by `clock.real_s`."""
    took_s: float
    id: str
    target: str
    """Path and query."""
    body: bytes
    """Empty for a form, whose files may be large."""
    body_bytes: int
    status: int | None
    """None where the connection was dropped instead of an answer."""
    answer_headers: Headers
    content: bytes
    content_bytes: int
    job_id: str
    idempotency_key: str
    """With which a job was asked for, where a handler came to look at it."""
    is_replay: bool
    cost: int
    """Credits taken."""
    fired: tuple[str, ...]
    note: str
    """What a handler adds, such as `expired`."""
    key_line: KeyLine
    """The header that `idempotency_key` was in."""
    method: str
    operation: str
    model: str
    """Of the job that was made."""
    digest: str
    """SHA-256 of the key; empty where no known one was sent."""
    other_headers: RawHeaders
    """Of the request, without `key_line`."""
    kind: bytes
    """Content type of the answer."""
    caller: Caller | None
    """Whose key it carries, where that is known."""

    @property
    def path(self) -> str:
        """Without the query."""
        return self.target.partition("?")[0]

    @property
    def headers(self) -> RawHeaders:
        """Of the request: names and values, in the order in which they came."""
        if not self.key_line:
            return self.other_headers
        at, name, value = self.key_line
        return (*self.other_headers[:at], (name, value), *self.other_headers[at:])

    def header(self, name: str) -> str:
        """A header of the request by its name in lower case; empty where it was not sent."""
        wanted = name.encode()
        return next((value.decode("latin-1") for key, value in self.headers if key.lower() == wanted), "")

    def seen(self, *, with_body: bool = True) -> Seen:
        """As matches see it; reading the body is most of the work."""
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in self.headers}
        try:
            body = parse(self.body).value if self.body and with_body else None
        except ValueError:
            body = None
        return Seen(
            self.method,
            self.path,
            self.operation,
            self.digest,
            headers,
            body,
            self.status,
            self.job_id,
            self.fired,
            self.model,
        )


Watch = Callable[[Entry], None]
Common = tuple[str, str, str, str, RawHeaders, bytes]
"""Method, operation, model, digest, headers without `KeyLine`, and kind, which clients repeat."""
DIGEST = 3
SHARED = 1000
"""What entries share, at most: clients send the same headers again and again."""
SHARED_BYTES = 4096
"""Of the headers in one of them; longer ones count as memory of their own entry."""
BATCH = 32
"""Requests that wait to be entered, at most. Entered one after the other, they cost half of what each costs between two
answers, where nothing of the journal is in the processor's caches any more."""
BATCH_BYTES = 256 * 1024
"""Of their bodies."""
IDEMPOTENCY_KEY = b"idempotency-key"
_NO_KEY: KeyLine = ()
_new = tuple.__new__
"""A named tuple of values that are a tuple already: a quarter of what calling its class takes."""
Fresh = tuple[Request, Answer, bytes, int, float, float, float]
"""A request that waits to be entered.

Its answer, its body and the size of that, when it began and ended, and when that was on the clock.
"""


class Journal:
    """The newest entries: at most *max_entries*, and at most *max_bytes* of them."""

    def __init__(self, clock: Clock, max_entries: int, max_bytes: int) -> None:
        self._clock, self._max_bytes = clock, max_bytes
        self._roll = Roll(max_entries, max_bytes)
        self._callers: dict[str, Caller] = {}
        """Who sent them, by the key's digest, as they are now."""
        self._last = self._dropped = 0
        self._fresh: list[Fresh] = []
        self._fresh_bytes = 0
        self._shared: list[Common] = []
        self._numbers: dict[Common, int] = {}
        self._watches: list[Watch] = []
        self.bell = Bell()
        """Rings at each entry."""

    def watch(self, watch: Watch) -> None:
        """Tell *watch* of each entry from now on."""
        self._watches.append(watch)

    def record(self, request: Request, answer: Answer, began_s: float, ended_s: float) -> None:
        """Take note of a request and its answer; the two instants are those of `clock.real_s`."""
        fresh, (body, body_bytes) = self._fresh, request.so_far()
        fresh.append((request, answer, body, body_bytes, began_s, ended_s, self._clock.now()))
        self._fresh_bytes += body_bytes
        if len(fresh) >= BATCH or self._fresh_bytes > BATCH_BYTES or self.bell.waiting:
            self.catch_up()

    def catch_up(self) -> None:
        """Enter what waits; whoever looks at the journal, or at what its watches made of it, does this first."""
        fresh, self._fresh, self._fresh_bytes = self._fresh, [], 0
        if not fresh:
            return
        entries: list[Entry] = []
        rows: list[Row] = []
        for number, each in enumerate(fresh, self._last + 1):
            own, common = made_of(number, *each)
            caller = each[0].caller
            if caller is not None:
                self._callers[caller.key.digest] = caller
            entries.append(_new(Entry, own + common + (caller,)))
            rows.append((own, self._common(common)))
        self._last += len(fresh)
        self._dropped += self._roll.add(rows)
        for watch in self._watches:
            for entry in entries:
                watch(entry)
        self.bell.ring()

    @property
    def last(self) -> int:
        """The number of the newest entry, kept or not."""
        self.catch_up()
        return self._last

    @property
    def dropped(self) -> int:
        """Entries that left to make room."""
        self.catch_up()
        return self._dropped

    def __len__(self) -> int:
        self.catch_up()
        return len(self._roll)

    def entries(self, since: int = 0) -> Iterator[Entry]:
        """Those with a greater number than *since*, oldest first."""
        skipped = max(0, since - (self.last - len(self)))
        return map(self._unpacked, self._roll.rows(skipped))

    def _common(self, common: Common) -> int | Common:
        """What many entries share: its number where it is one of the first, else itself."""
        number = self._numbers.get(common)
        if number is None:
            *_, headers, _ = common
            if len(self._shared) >= SHARED or sum(map(len, chain.from_iterable(headers))) > SHARED_BYTES:
                return common
            number = self._numbers[common] = len(self._shared)
            self._shared.append(common)
        return number

    def _unpacked(self, row: Row) -> Entry:
        own, known = row
        common = self._shared[known] if isinstance(known, int) else known
        return Entry._make((*own, *common, self._callers.get(str(common[DIGEST]))))

    async def refresh(self) -> None:
        """Enter what there is, for whoever looks next."""
        self.catch_up()

    async def forget(self) -> None:
        """Forget every entry, for all processes; numbers go on."""
        self.clear()

    async def close(self) -> None:
        """Stop."""
        self.bell.close()

    def clear(self) -> None:
        """Forget every entry; numbers go on."""
        self.catch_up()
        self._roll.clear()
        self._dropped = 0


def made_of(  # noqa: PLR0913, PLR0917 - its number, and a `Fresh`
    number: int,
    request: Request,
    answer: Answer,
    body: bytes,
    body_bytes: int,
    began_s: float,
    ended_s: float,
    at: float,
) -> tuple[tuple[Any, ...], Common]:
    """The fields of an entry: those of its own, and those that clients repeat."""
    caller, content, kind = request.caller, answer.content, answer.kind
    content_bytes = len(content) or answer.file_bytes
    if body_bytes > BODY_BYTES:
        body = body[:BODY_BYTES]
    if content_bytes > BODY_BYTES or not kind.startswith(TEXTS):
        content = content[:BODY_BYTES] if kind.startswith(TEXTS) else b""
    headers, key_line = request.raw_headers, _NO_KEY
    if request.idempotency_key:
        headers, key_line = _key_apart(headers)
    own = (
        number,
        at,
        began_s,
        ended_s - began_s,
        request.id,
        request.target,
        body,
        body_bytes,
        None if answer.is_dropped else answer.status,
        answer.extra,
        content,
        content_bytes,
        request.job_id,
        request.idempotency_key,
        request.is_replay,
        request.cost,
        request.fired,
        request.note,
        key_line,
    )
    digest = "" if caller is None else caller.key.digest
    return own, (request.method, request.operation, request.model, digest, headers, kind)


def _key_apart(headers: RawHeaders) -> tuple[RawHeaders, KeyLine]:
    for at, (name, value) in enumerate(headers):
        if len(name) == len(IDEMPOTENCY_KEY) and name.lower() == IDEMPOTENCY_KEY:  # the former alone is soon said
            return (*headers[:at], *headers[at + 1 :]), (at, name, value)
    return headers, ()
