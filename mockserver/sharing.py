"""Keeping this process in step with others that work on the same store: clock, fault rules, scenarios, resets.

Each of these is a small document in the store. A process changes one in its *turn*, which it has alone; the store's
version tells the others, with the look-up of the caller that each request begins with, that there is something new.
A store in this process's memory is shared with nobody, and all of this costs it nothing.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import NamedTuple, Protocol

from mockserver.stores.protocol import Store, StoreDown

TURN_S = 30.0
"""The longest that a process may change things alone; one that dies in its turn keeps others from theirs so long."""
RETRY_S = 0.01
START = "start"
"""The document that each reset renews; it differs from all before it."""


class Part(Protocol):
    """Something that processes agree on."""

    def told(self) -> bytes:
        """What it is, for `take`; empty where it is as at the start."""

    async def take(self, told: bytes) -> None:
        """Be as another process has told."""


class Known(NamedTuple):
    """What this process knows of the store."""

    version: int
    documents: Mapping[str, bytes]
    start: bytes


class Sharing:
    """*parts* by the names of their documents.

    *on_start* is told with what others began anew, at the start of this process and after each reset by another one;
    *on_lost*, that the store has forgotten everything.
    """

    def __init__(
        self,
        store: Store,
        parts: Mapping[str, Part],
        on_start: Callable[[bytes], Awaitable[None]],
        on_lost: Callable[[], Awaitable[None]],
    ) -> None:
        self._store, self._parts, self._on_start, self._on_lost = store, parts, on_start, on_lost
        self._is_lost = False
        self._known = Known(store.version, dict.fromkeys(parts, b""), b"")
        self._lock = asyncio.Lock()

    @property
    def is_behind(self) -> bool:
        """Whether another process has changed something, as far as the store has said."""
        return self._store.version != self._known.version

    async def catch_up(self) -> None:
        """Ask whether another process has changed something, and go on with it."""
        if self._store.is_shared:
            await self._store.look()
            await self.follow()

    async def follow(self) -> None:
        """Go on with what others have changed, if the store has said so."""
        if self.is_behind:  # in a task: what follows from it may ask for the current one, and a request may have none
            await asyncio.create_task(self._keep_up(), name="sharing")

    async def _keep_up(self) -> None:
        async with self._lock:
            await self._follow()
        if self._is_lost:
            await self._on_lost()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Change parts inside, while no other process does; what was changed is told at the end.

        Raises:
            StoreDown: the store is away, or another process keeps the turn.
        """
        if not self._store.is_shared:
            yield
            return
        holder = secrets.token_hex(8)
        async with self._lock:
            await self._take_turn(holder)
            try:
                await self._store.look()
                await self._follow()
                try:
                    yield
                finally:
                    await self._tell()
            finally:
                await self._store.end_turn(holder)

    async def has_begun(self) -> bool:
        """Whether somebody has begun on this store, and was not ended before that was told."""
        return await self._store.document(START) is not None

    async def begin(self, start: bytes) -> None:
        """Tell others that all has begun anew, and with what; inside a turn, once the store has been reset."""
        version = await self._store.put_document(START, start) if self._store.is_shared else self._store.version
        self._known = Known(version, dict.fromkeys(self._parts, b""), start)

    async def _take_turn(self, holder: str) -> None:
        for _ in range(int(TURN_S / RETRY_S)):
            if await self._store.take_turn(holder, TURN_S):
                return
            await asyncio.sleep(RETRY_S)
        raise StoreDown(self._store.name, "is being changed by another process that does not come to an end")

    async def _follow(self) -> None:
        if not self.is_behind:
            return
        version = self._store.version
        start = await self._store.document(START)
        self._is_lost = start is None and bool(self._known.start)
        if start is None:  # nobody has begun yet, who resets is about to, or a server came back without its data
            return
        told = {name: await self._store.document(name) or b"" for name in self._parts}
        documents = self._known.documents
        if start != self._known.start:
            await self._on_start(start)
            documents = {}
        for name, part in self._parts.items():
            if told[name] != documents.get(name):
                await part.take(told[name])
        self._known = Known(version, told, start)

    async def _tell(self) -> None:
        documents = dict(self._known.documents)
        for name, part in self._parts.items():
            told = part.told()
            if told != documents[name]:
                documents.pop(name)  # should the store fail now, what it has is taken over again
                self._known = Known(-1, documents, self._known.start)
                version = await self._store.put_document(name, told)
                documents[name] = told
                self._known = Known(version, documents, self._known.start)
