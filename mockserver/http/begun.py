"""A handler that runs without a task as far as it gets, and is carried on in one."""

import asyncio
import types
from collections.abc import Coroutine, Generator
from typing import Any

from mockserver.http.answers import Answer
from mockserver.http.request import Request


class Begun:
    """A request with its handler, and what became of that without a task: an answer, an error, or a wait."""

    __slots__ = ("_answer", "_error", "_running", "_waits_for", "request")

    def __init__(
        self,
        request: Request,
        running: Coroutine[Any, Any, Answer],
        *,
        answer: Answer | None = None,
        error: BaseException | None = None,
        waits_for: Any = None,
    ) -> None:
        self.request, self._running = request, running
        self._answer, self._error, self._waits_for = answer, error, waits_for

    @types.coroutine
    def rest(self) -> Generator[Any, Any, Answer]:
        """What is left of it, for a task to await: wait for what the handler waits for, and run it to its end."""
        if self._error is not None:
            raise self._error
        # Tasks demand this mark of a future that they are given, and take it away; another may have been given it.
        if getattr(self._waits_for, "_asyncio_future_blocking", None) is not None:
            self._waits_for._asyncio_future_blocking = True  # noqa: SLF001 - how futures and tasks of asyncio meet
        while self._answer is None:
            try:
                try:
                    yield self._waits_for
                except BaseException as error:  # noqa: BLE001 - the handler's to deal with, a cancellation too
                    self._waits_for = self._running.throw(error)
                else:
                    self._waits_for = self._running.send(None)
            except StopIteration as end:
                self._answer = end.value
        return self._answer


async def in_a_task() -> None:
    """Go on in a task, for what asks for the current one, as time-outs do, or for what takes long."""
    if asyncio.current_task() is None:
        await asyncio.sleep(0)
