"""What a worker and its parent say to each other: lines of JSON on the worker's standard input and output.

The parent says first what to run with and later to stop; the worker says that it answers, or why it never will.
A parent that is no more has said its last, and the end of the input tells the worker so, however the parent ended.
"""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Callable
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


class Stopping(NamedTuple):
    """That it is to finish what is under way and end; `tells` says that it speaks of the run for all of them."""

    tells: bool

    def line(self) -> bytes:
        """As it is sent."""
        return _line({"stop": {"tells": self.tells}})


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
        self.tells = False

    def follow(self, stop: Callable[[], None]) -> None:
        """Call *stop* when the parent says so or is gone; where it goes after that, end at once."""
        loop = asyncio.get_running_loop()

        def hear() -> None:
            line = self._heard.readline()
            self.tells = bool(line) and json.loads(line)["stop"]["tells"]
            stop()
            loop.remove_reader(self._heard)
            if line:
                loop.add_reader(self._heard, os._exit, 1)

        loop.add_reader(self._heard, hear)

    def say(self, news: News) -> None:
        """Tell the parent, if it still listens."""
        with contextlib.suppress(BrokenPipeError):  # else it ends, as the end of the input says
            os.write(sys.stdout.fileno(), news.line())
