"""Something asynchronous that lives in a thread with an event loop of its own."""

import asyncio
import contextlib
import os
import threading
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager
from typing import Generic, TypeVar

_T = TypeVar("_T")
TURNS = 5
"""Of the loop, in which a server takes the connections that were made by now.

Those that a server of Python 3.11 has half taken when it closes stay open for ever.
"""


class Hosted(Generic[_T]):
    """An asynchronous context manager that is entered by `start` and left by `stop`, both from any other thread."""

    def __init__(self, manager: AbstractAsyncContextManager[_T], name: str) -> None:
        self._manager = manager
        self._entered: Future[_T] = Future()
        self._left: Future[None] = Future()
        self._inside: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None
        self._is_stopping = False
        self._process = os.getpid()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> _T:
        """What entering gives; what entering raises is raised here, and then nothing is left behind."""
        self._thread.start()
        try:
            return self._entered.result()
        except BaseException:
            self._end()
            raise

    def stop(self) -> None:
        """Leave, wait until that is done, and raise what it raises."""
        if self._process == os.getpid() and self._end():  # a forked process has the object, but not the thread
            self._left.result()

    def _end(self) -> bool:
        """Let the thread end; whether it has."""
        self._is_stopping = True
        if self._inside is not None:
            loop, stop = self._inside
            with contextlib.suppress(RuntimeError):  # the loop is closed already
                loop.call_soon_threadsafe(stop.set)
        if threading.current_thread() is self._thread:  # the garbage collector comes by in any thread
            return False
        self._thread.join()
        return True

    def _run(self) -> None:
        try:
            asyncio.run(self._live())
        except BaseException as error:  # noqa: BLE001 - is raised where it was asked for
            if self._entered.done():
                self._left.set_exception(error)
                return
            self._entered.set_exception(error)
        self._left.set_result(None)

    async def _live(self) -> None:
        stop = asyncio.Event()
        self._inside = asyncio.get_running_loop(), stop
        if self._is_stopping:
            stop.set()
        async with self._manager as entered:
            self._entered.set_result(entered)
            await stop.wait()
            for _ in range(TURNS):
                await asyncio.sleep(0)
