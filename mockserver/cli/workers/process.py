"""One worker, as its parent sees it."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from mockserver.cli.workers.link import News, Orders

PROGRAM = (sys.executable, "-P", "-m", "mockserver.cli.workers.worker")
"""It finds modules where this process does (`_environment`), and not in whatever folder it is started in."""


class Worker:
    """A running process."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self.pid = process.pid

    async def news(self) -> News:
        """What becomes of its start."""
        assert self._process.stdout is not None, "it was started with pipes"  # noqa: S101 - a bug of ours
        return News.of(await self._process.stdout.readline())

    async def ended(self) -> int:
        """Its exit code, once it has ended; negative for the signal that ended it."""
        return await self._process.wait()

    def hear(self, line: bytes) -> None:
        """Be told this."""
        assert self._process.stdin is not None, "it was started with pipes"  # noqa: S101 - a bug of ours
        with contextlib.suppress(ConnectionError):  # it has ended, as `ended` tells
            self._process.stdin.write(line)


Start = Callable[[], Awaitable[Worker]]


def starter(listener: socket.socket, given: dict[str, Any], program: Sequence[str] = PROGRAM) -> Start:
    """What starts a worker on this socket, with these options of the command line."""

    async def start() -> Worker:
        process = await asyncio.create_subprocess_exec(
            *program,
            str(listener.fileno()),
            stdin=PIPE,
            stdout=PIPE,
            pass_fds=(listener.fileno(),),
            process_group=0,  # Ctrl-C is for the parent, which tells the others
            env=_environment(),
        )
        worker = Worker(process)
        worker.hear(Orders(given).line())
        return worker

    return start


def told(code: int) -> str:
    """How a process ended, in words."""
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"


def _environment() -> dict[str, str]:
    places = [place or str(Path.cwd()) for place in sys.path]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(places)}
