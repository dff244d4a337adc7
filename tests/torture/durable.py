"""A Redis or Valkey server that has written down whatever it has answered, and comes back with it."""

import asyncio
import contextlib
from asyncio.subprocess import PIPE, STDOUT, Process
from pathlib import Path

from tests.stores.redisserver import need_program

READY = b"eady to accept connections"


class DurableRedis:
    """One server with an append-only file in *folder*."""

    def __init__(self, port: int, folder: Path) -> None:
        self.url = f"redis://127.0.0.1:{port}/0"
        self._port, self._folder = port, folder
        self._process: Process | None = None
        self._reading: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start, and return once it has read what it had written."""
        options = f"--port {self._port} --bind 127.0.0.1 --appendonly yes --appendfsync always --save".split()
        command = [need_program(), *options, "", "--dir", str(self._folder)]
        self._process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=STDOUT)
        output = self._process.stdout
        assert output is not None
        said = b""
        while READY not in (line := await output.readline()):
            said += line
            if not line:
                msg = f"{command[0]} does not start: {said.decode(errors='replace')}"
                raise RuntimeError(msg)
        self._reading = asyncio.create_task(_drain(output))

    async def kill(self) -> None:
        """End it with -9, where it runs."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
        if self._reading is not None:
            await self._reading


async def _drain(output: asyncio.StreamReader) -> None:
    while await output.readline():
        pass
