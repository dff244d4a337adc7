"""An answer whose body is a file on disk, sent in blocks."""

import asyncio
from pathlib import Path

from aiohttp import web

from mockserver.http.answers import Answer, Headers

BLOCK_BYTES = 256 * 1024


class FileAnswer(Answer):
    """*length* bytes of a file, from *start* on."""

    def __init__(  # noqa: PLR0913 - as an answer, and which part of which file
        self, status: int, path: Path, length: int, headers: Headers = (), *, content_type: bytes, start: int = 0
    ) -> None:
        super().__init__(status, b"", headers, content_type=content_type)
        self.path, self.start, self.file_bytes = path, start, length

    async def prepare(self, request: web.BaseRequest) -> None:
        """Send everything; the connection ends where the file cannot be read."""
        if self.sending is not None and not self.content:  # a fault changes how it goes out
            self.content = await asyncio.to_thread(self._read, 0, self.file_bytes)
        if self.content:
            await super().prepare(request)
            return
        await request.writer.write(self.head(request, self.file_bytes))
        self._eof_sent = True
        if request.method == "HEAD":
            return
        try:
            for offset in range(0, self.file_bytes, BLOCK_BYTES):
                size = min(BLOCK_BYTES, self.file_bytes - offset)
                await request.writer.write(await asyncio.to_thread(self._read, offset, size))
        except OSError:
            if request.transport is not None:
                request.transport.abort()

    def _read(self, offset: int, size: int) -> bytes:
        """A part of the part.

        Raises:
            OSError: the file is gone, or shorter than it was.
        """
        with self.path.open("rb") as file:
            file.seek(self.start + offset)
            found = file.read(size)
        if len(found) < size:
            msg = f"{self.path} is shorter than it was"
            raise OSError(msg)
        return found
