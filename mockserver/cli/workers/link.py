"""What a worker and its parent say to each other: lines on the worker's standard input and output.

The parent says first what to run with, then words; the worker says that it answers, or why it never will. A parent that
is no more has said its last, and the end of the input tells the worker so, however the parent ended.
"""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple


class Orders(NamedTuple):
    """What a worker is started with."""

    given: dict[str, Any]
    """The options of the command line, as `settings_of` takes them."""

    def line(self) -> bytes:
        """As it is sent."""
        return _line({"given": self.given})

    @classmethod
    def of(cls, line: bytes) -> "Orders":
        """As it was sent."""
        given = json.loads(line)["given"]
        return cls(given | ({"config": Path(given["config"])} if given.get("config") else {}))


class Word(StrEnum):
    """What a worker is told at the end: first to stop, then one of the others."""

    STOP = "stop"
    """Take no more connections, and finish what is under way."""
    LEAVE = "leave"
    """End then."""
    TELL = "tell"
    """End too, but speak of the run: all others have ended, and what they recorded is in the store."""

    def line(self) -> bytes:
        """As it is sent."""
        return f"{self}\n".encode()


class News(NamedTuple):
    """What a worker says of its start."""

    is_ready: bool
    why: str = ""
    """Why it will never answer: a setting that will not do, for the person who gave it."""

    def line(self) -> bytes:
        """As it is sent."""
        return _line(self._asdict())

    @classmethod
    def of(cls, line: bytes) -> "News":
        """As it was sent; an end without a word is no news of being ready."""
        return cls(**json.loads(line)) if line else cls(is_ready=False)


def _line(value: Any) -> bytes:
    return json.dumps(value, default=str).encode() + b"\n"


class Link:
    """The worker's end."""

    def __init__(self) -> None:
        self._heard = open(sys.stdin.fileno(), "rb", buffering=0, closefd=False)  # noqa: SIM115 - is closed with the process
        self.orders = Orders.of(self._heard.readline())
        self._is_stopping = False
        self._last: asyncio.Future[Word]

    def follow(self, stop: Callable[[], None]) -> None:
        """Call *stop* when the parent says so or is gone; where it goes after that, end at once."""
        loop = asyncio.get_running_loop()
        self._last = loop.create_future()

        def hear() -> None:
            said = self._heard.readline().decode().strip()
            if said == Word.STOP:
                self._is_stopping = True
                stop()
            elif said:
                self._last.set_result(Word(said))
            elif self._is_stopping:
                os._exit(1)
            else:
                loop.remove_reader(self._heard)
                stop()

        loop.add_reader(self._heard, hear)

    async def last_word(self) -> Word:
        """How to end; the parent that did not say stop has none, for it is gone or somebody else did."""
        return await self._last if self._is_stopping else Word.LEAVE

    def say(self, news: News) -> None:
        """Tell the parent, if it still listens."""
        with contextlib.suppress(BrokenPipeError):  # else it ends, as the end of the input says
            os.write(sys.stdout.fileno(), news.line())
