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


async def wait_for_stop() -> None:
    """Return at Ctrl-C or SIGTERM; the second one ends the process at once."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def on_signal(number: int, _: object = None) -> None:
        signal.signal(number, signal.SIG_DFL)
        loop.call_soon_threadsafe(stop.set)

    for number in {signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGBREAK", signal.SIGTERM)}:
        signal.signal(number, on_signal)
    while not stop.is_set():
        with contextlib.suppress(TimeoutError):  # Windows sees a signal only when the loop turns
            await asyncio.wait_for(stop.wait(), 0.5 if sys.platform == "win32" else None)
