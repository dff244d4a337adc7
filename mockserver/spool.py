"""Uploaded files on disk, in a temporary folder: until they expire, make room for others, or the server ends."""

import asyncio
import contextlib
import errno
import logging
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from mockserver.clock import Clock
from mockserver.core.filekinds import FileKind
from mockserver.core.instants import whole_ms
from mockserver.uploads import Upload, Uploads

log = logging.getLogger(__name__)

MOST_BYTES = 1024 * 1024 * 1024
"""On disk at once, with what is arriving; beyond it the oldest leave."""
MOST_FILES = 10_000
THREADS = 2


class Spool:
    """The files and what is known of them. The disk is touched by threads of its own, but for removals."""

    def __init__(self, clock: Clock, keeps_s: float, most_bytes: int = MOST_BYTES) -> None:
        self._clock, self.keeps_s, self._most_bytes = clock, keeps_s, most_bytes
        self._uploads = Uploads()
        self._incoming_bytes = 0
        self._names = map(str, count(1))
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="spool")
        self._wake = asyncio.Event()
        self._sweeping: asyncio.Task[None] | None = None

    @property
    def folder(self) -> Path:
        """Where the files are, whatever their names; made when it is first asked for.

        Raises:
            OSError: it cannot be made.
        """
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="mockserver-uploads-", ignore_cleanup_errors=True)
        return Path(self._folder.name)

    def incoming(self) -> "Incoming":
        """A file to write to, as a context manager; unless it is kept, nothing of it stays.

        Raises:
            OSError: the folder cannot be made.
        """
        return Incoming(self, self.folder / next(self._names))

    def keep(self, incoming: "Incoming", kind: FileKind, id_: str) -> Upload:
        """Keep a file that is finished."""
        expires_at = whole_ms(self._clock.now()) + self.keeps_s
        upload = Upload(id_, kind, incoming.byte_size, expires_at, incoming.path.name)
        self._uploads.add(upload)
        incoming.is_kept = True
        self._sweep_in_time()
        return upload

    def find(self, id_: str) -> Upload | None:
        """The upload, until it expires or leaves."""
        self.sweep()
        return self._uploads.find(id_, self._clock.now())

    def path(self, upload: Upload) -> Path:
        """Where its file is."""
        return self.folder / upload.place

    def sweep(self) -> None:
        """Remove what has expired."""
        for upload in self._uploads.drop_expired(self._clock.now()):
            self._remove(upload)

    def forget(self) -> None:
        """Remove all uploads."""
        for upload in self._uploads.clear():
            self._remove(upload)

    async def close(self) -> None:
        """Stop, and leave nothing on disk."""
        if self._sweeping is not None:
            self._sweeping.cancel()
            await asyncio.gather(self._sweeping, return_exceptions=True)
        self._pool.shutdown(wait=True, cancel_futures=True)
        if self._folder is not None:
            self._folder.cleanup()

    async def in_thread(self, work: Callable[[], None]) -> None:
        """Do what waits for the disk."""
        await asyncio.get_running_loop().run_in_executor(self._pool, work)

    def take_room(self, byte_size: int) -> None:
        """Count what arrives, or with a negative number what has come to its end; old uploads leave for it.

        Raises:
            OSError: files that are arriving take all the room.
        """
        self._incoming_bytes += byte_size
        while self._uploads.bytes + self._incoming_bytes > self._most_bytes or len(self._uploads) > MOST_FILES:
            left = self._uploads.drop_oldest()
            if left is None:
                raise OSError(errno.ENOSPC, f"{self._most_bytes} bytes of uploads are arriving at once")
            log.info("upload %s left to make room", left.id)
            self._remove(left)

    def _remove(self, upload: Upload) -> None:
        with contextlib.suppress(OSError):  # Windows keeps a file that is being read; it goes with the folder
            self.path(upload).unlink()

    def _sweep_in_time(self) -> None:
        self._wake.set()
        if self._sweeping is None:
            self._sweeping = asyncio.create_task(self._sweep_on(), name="spool")

    async def _sweep_on(self) -> None:
        while True:
            self._wake.clear()
            self.sweep()
            await self._clock.sleep_until(self._uploads.next_expiry(), self._wake)


class Incoming:
    """A file that is being written."""

    def __init__(self, spool: Spool, path: Path) -> None:
        self._spool, self.path = spool, path
        self.byte_size = 0
        self.is_kept = False
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
            if not self.is_kept:
                with contextlib.suppress(OSError):
                    self.path.unlink(missing_ok=True)
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
                self.path.parent.mkdir(exist_ok=True)  # who tidies temporary folders may have taken it
                self._file = self.path.open("xb")
            self._file.write(block)

    def _close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()
