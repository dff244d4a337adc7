"""Uploaded files on disk, until they expire, make room for others, or their store is no more.

They lie in a folder of the store where it has one, else in a temporary folder of this process. Other processes cannot
reach the latter: where there may be some, the file goes into the store as well, and each keeps copies of those it sent.
"""

import asyncio
import contextlib
import errno
import logging
import secrets
import shutil
import tempfile
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from mockserver.clock import Clock
from mockserver.core.filekinds import FileKind
from mockserver.core.instants import whole_ms
from mockserver.stores.protocol import Room, Store
from mockserver.uploads import Upload, Uploads

log = logging.getLogger(__name__)

MEGABYTE = 1024 * 1024
MOST_BYTES = 1024 * MEGABYTE
"""On disk at once, and again as many that are arriving; beyond it the oldest leave."""
MOST_IN_STORE_BYTES = 256 * MEGABYTE
"""The same, where files go into the store."""
MOST_FILES = 10_000
THREADS = 2
PIECE_BYTES = MEGABYTE
ARRIVING = ".part"


class Spool:
    """The files of uploads. The disk is touched by threads of its own, but for removals."""

    def __init__(self, clock: Clock, store: Store, keeps_s: float, most_bytes: int = MOST_BYTES) -> None:
        self._clock, self._store, self.keeps_s, self._most_bytes = clock, store, keeps_s, most_bytes
        self._own: Path | None = store.folder and store.folder / "uploads"
        """The folder of the store."""
        self._sends = store.is_shared and self._own is None
        most = min(most_bytes, MOST_IN_STORE_BYTES) if self._sends else most_bytes
        self._uploads = Uploads(store, Room(MOST_FILES, most))
        self._incoming_bytes = 0
        self._expiries: deque[float] = deque()
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="spool")
        self._wake = asyncio.Event()
        self._sweeping: asyncio.Task[None] | None = None

    @property
    def folder(self) -> Path:
        """Where the files are, whatever their names; made when it is first asked for.

        Raises:
            OSError: it cannot be made.
        """
        if self._own is not None:
            self._own.mkdir(parents=True, exist_ok=True)
            return self._own
        if self._temporary is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="mockserver-uploads-", ignore_cleanup_errors=True)
        return Path(self._temporary.name)

    def incoming(self) -> "Incoming":
        """A file to write to, as a context manager; unless it is kept, nothing of it stays.

        Raises:
            OSError: the folder cannot be made.
        """
        return Incoming(self, self.folder / (secrets.token_hex(8) + ARRIVING))

    async def keep(self, incoming: "Incoming", kind: FileKind, id_: str) -> Upload:
        """Keep a file that is finished.

        Raises:
            OSError: the disk refuses.
            StoreDown: the store is away, and nothing is kept.
        """
        await self.sweep()
        expires_at = whole_ms(self._clock.now()) + self.keeps_s
        upload = Upload(id_, kind, incoming.byte_size, expires_at)
        path = self.path(id_)
        await self.in_thread(lambda: _move(incoming.path, path))
        try:
            if self._sends:
                await self._send(id_, path)
            left = await self._uploads.add(upload)
        except BaseException:
            _remove(path)
            raise
        for old in left:
            log.info("upload %s left to make room", old)
            await self._drop(old)
        self._expiries.append(expires_at)
        self._sweep_in_time()
        return upload

    async def find(self, id_: str) -> Upload | None:
        """The upload, until it expires or leaves; its file is then at `path`."""
        await self.sweep()
        upload = await self._uploads.find(id_, self._clock.now())
        if upload is not None and self._sends and not self.path(id_).is_file():
            await self._fetch(id_)
        return upload

    def path(self, id_: str) -> Path:
        """Where its file is."""
        return self.folder / id_

    async def sweep(self) -> None:
        """Remove what has expired."""
        if self._store.is_shared or (self._expiries and self._expiries[0] <= self._clock.now()):
            while self._expiries and self._expiries[0] <= self._clock.now():
                self._expiries.popleft()
            for id_ in await self._uploads.drop_expired(self._clock.now()):
                await self._drop(id_)

    def forget(self, *, is_ours: bool = True) -> None:
        """Remove all files, of uploads that are no more; where another process has reset the store, only copies."""
        self._expiries.clear()
        folder = self._own if self._temporary is None else Path(self._temporary.name)
        if folder is not None and (is_ours or self._own is None):
            with contextlib.suppress(OSError):
                for path in folder.iterdir():
                    if path.suffix != ARRIVING:
                        _remove(path)

    async def close(self) -> None:
        """Stop, and leave nothing in a folder of this process."""
        if self._sweeping is not None:
            self._sweeping.cancel()
            await asyncio.gather(self._sweeping, return_exceptions=True)
        self._pool.shutdown(wait=True, cancel_futures=True)
        if self._temporary is not None:
            self._temporary.cleanup()

    async def in_thread(self, work: Callable[[], None]) -> None:
        """Do what waits for the disk."""
        await asyncio.get_running_loop().run_in_executor(self._pool, work)

    def take_room(self, byte_size: int) -> None:
        """Count what arrives, or with a negative number what has come to its end.

        Raises:
            OSError: files that are arriving take all the room.
        """
        self._incoming_bytes += byte_size
        if byte_size > 0 and self._incoming_bytes > self._most_bytes:
            raise OSError(errno.ENOSPC, f"{self._most_bytes} bytes of uploads are arriving at once")

    async def _send(self, id_: str, path: Path) -> None:
        """Put a file into the store."""
        with path.open("rb") as file:
            number = 0
            while piece := file.read(PIECE_BYTES):
                await self._store.put_piece(id_, number, piece)
                number += 1

    async def _fetch(self, id_: str) -> None:
        """Copy a file from the store."""
        arriving, number = self.folder / (secrets.token_hex(8) + ARRIVING), 0
        with arriving.open("wb") as file:
            while piece := await self._store.piece(id_, number):
                file.write(piece)
                number += 1
        _move(arriving, self.path(id_))

    async def _drop(self, id_: str) -> None:
        _remove(self.path(id_))
        if self._sends:
            await self._store.drop_blob(id_)

    def _sweep_in_time(self) -> None:
        self._wake.set()
        if self._sweeping is None:
            self._sweeping = asyncio.create_task(self._sweep_on(), name="spool")

    async def _sweep_on(self) -> None:
        while True:
            self._wake.clear()
            await self.sweep()
            await self._clock.sleep_until(self._expiries[0] if self._expiries else float("inf"), self._wake)


class Incoming:
    """A file that is being written."""

    def __init__(self, spool: Spool, path: Path) -> None:
        self._spool, self.path = spool, path
        self.byte_size = 0
        self._file: BinaryIO | None = None
        self._is_over = False
        self._lock = threading.Lock()
        """A request can end while a thread still writes for it."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._is_over = True
            with contextlib.suppress(OSError):
                self._close()
            _remove(self.path)
        self._spool.take_room(-self.byte_size)

    async def write(self, block: bytes) -> None:
        """Write a block.

        Raises:
            OSError: the disk refuses, or is full.
        """
        self.byte_size += len(block)
        self._spool.take_room(len(block))
        await self._spool.in_thread(lambda: self._write(block))

    async def finish(self) -> None:
        """Let the file be whole on disk.

        Raises:
            OSError: the disk refuses, or is full.
        """
        await self._spool.in_thread(self._close)

    def _write(self, block: bytes) -> None:
        with self._lock:
            if self._is_over:
                return
            if self._file is None:
                self.path.parent.mkdir(parents=True, exist_ok=True)  # who tidies temporary folders may have taken it
                self._file = self.path.open("xb")
            self._file.write(block)

    def _close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()


def _move(path: Path, to: Path) -> None:
    shutil.move(path, to)


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):  # Windows keeps a file that is being read; it goes with the folder
        path.unlink(missing_ok=True)
