"""`mockserver serve` as a process that is killed and comes back on the same port."""

import asyncio
import contextlib
import os
import random
import signal
import socket
import sys
import time
from asyncio.subprocess import PIPE, Process
from pathlib import Path

START_S = 60.0
PORTS = range(20_000, 32_000)
"""Below those that systems hand out to clients: one of them could take a server's port while that is down."""


def free_port() -> int:
    """A port on which nothing listens, drawn anew in each run: several may run beside each other."""
    while True:
        port = random.SystemRandom().choice(PORTS)
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port


class Server:
    """One server; its log goes to a file of *folder*."""

    def __init__(self, port: int, folder: Path, *options: str) -> None:
        self.port, self._options = port, options
        self.url = f"http://127.0.0.1:{port}"
        self.log = folder / f"server-{port}.log"
        self._process: Process | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None, "it has been started"
        return self._process.pid

    async def start(self) -> None:
        """Start, and return when it answers."""
        command = (sys.executable, "-m", "mockserver", "serve", "--port", str(self.port), "--quiet", *self._options)
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=log)
        assert self._process.stdout is not None
        async with asyncio.timeout(START_S):
            line = await self._process.stdout.readline()
        if not line.startswith(b"listening on "):
            await self._process.wait()
            msg = f"{' '.join(command)} does not start: {self.log.read_text(encoding='utf-8')[-2000:]}"
            raise RuntimeError(msg)

    async def kill(self) -> None:
        """End it with -9, where it runs, and wait until its workers have noticed."""
        if self._process is not None and self._process.returncode is None:
            workers = self.workers()
            self._process.kill()
            await self._process.wait()
            await asyncio.to_thread(_wait_for_the_end, workers)

    async def stop(self) -> int:
        """End it as Ctrl-C does; its exit code."""
        assert self._process is not None, "it has been started"
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        return await self._process.wait()

    def workers(self) -> list[int]:
        """The processes that serve for it, as Linux shows them."""
        text = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text(encoding="ascii")
        return [int(pid) for pid in text.split()]

    def kill_worker(self, chance: random.Random) -> bool:
        """End one of them with -9, if there is one."""
        workers = self.workers()
        if workers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(chance.choice(workers), signal.SIGKILL)
        return bool(workers)


def _wait_for_the_end(pids: list[int]) -> None:
    """Return when none of these processes is there any more."""
    while any(Path(f"/proc/{pid}").exists() for pid in pids):
        time.sleep(0.01)
