"""Running a coroutine on the fastest event loop at hand, until it ends or somebody stops it."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import Coroutine
from typing import Any, TypeVar

_T = TypeVar("_T")


def run_loop(main: Coroutine[Any, Any, _T]) -> _T:
    """The coroutine's result; on uvloop where it is installed."""
    if sys.platform != "win32":
        with contextlib.suppress(ImportError):
            import uvloop  # noqa: PLC0415 - only where it exists

            return uvloop.run(main)
    return asyncio.run(main)


class Stop:
    """Set by Ctrl-C or SIGTERM from its making on; the second signal ends the process at once.

    The loop is told of signals by the descriptor that it waits for: one that comes just before it begins to wait would
    interrupt nothing, and be seen only when something else happens.
    """

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        for number in {signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGBREAK", signal.SIGTERM)}:
            try:
                self._loop.add_signal_handler(number, self._on_signal, number)
            except NotImplementedError:  # on Windows
                signal.signal(number, lambda number, _: self._loop.call_soon_threadsafe(self._on_signal, number))

    def _on_signal(self, number: int) -> None:
        with contextlib.suppress(NotImplementedError):
            self._loop.remove_signal_handler(number)
        signal.signal(number, signal.SIG_DFL)
        self._event.set()

    def set(self) -> None:
        """Stop without a signal."""
        self._event.set()

    async def wait(self) -> None:
        """Return when it is set."""
        while not self._event.is_set():
            with contextlib.suppress(TimeoutError):  # Windows sees a signal only when the loop turns
                await asyncio.wait_for(self._event.wait(), 0.5 if sys.platform == "win32" else None)
