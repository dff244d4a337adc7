"""Verbs that wait: they block in synchronous code, and are awaited where an event loop runs."""

import contextlib
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar, overload

from mockserver.client.cutter import Cutter

__tracebackhide__ = True  # pytest shows the line of the test instead
_T = TypeVar("_T")
_R = TypeVar("_R")
_HERE = str(Path(__file__).parent.parent)
_UNSET: Any = object()


class Waited(Generic[_T]):
    """What a verb that waits gives back.

    In synchronous code it has happened already, and `result()` is what came of it. In code that runs in an event loop
    (asyncio, trio, anyio) nothing has happened yet: `await` does it, in a thread, and gives what came of it.
    """

    def __init__(self, verb: str, outcome: _T = _UNSET, work: Callable[[Cutter], _T] | None = None) -> None:
        self._verb, self._outcome, self._work = verb, outcome, work
        self._called_at = None if work is None else _place_of_call()

    def result(self) -> _T:
        """What came of it.

        Raises:
            RuntimeError: it was called in an event loop, and has not been awaited.
        """
        if self._outcome is _UNSET:
            self._called_at = None
            msg = f"an event loop runs here: `await` {self._verb}"
            raise RuntimeError(msg)
        return self._outcome

    def __await__(self) -> Generator[Any, Any, _T]:
        return self._awaited().__await__()

    async def _awaited(self) -> _T:
        if self._work is not None:
            work, self._work, self._called_at = self._work, None, None
            self._outcome = await in_thread(work)
        if self._outcome is _UNSET:
            msg = f"{self._verb} was awaited before, and given up"
            raise RuntimeError(msg)
        return self._outcome

    def __del__(self) -> None:
        if self._called_at is not None:
            file, line = self._called_at
            warnings.warn_explicit(f"{self._verb} was never awaited", RuntimeWarning, file, line, source=self)

    def __repr__(self) -> str:
        return f"<{self._verb}, to be awaited>" if self._outcome is _UNSET else repr(self._outcome)


class Found(Waited[list[_R]], Sequence[_R]):
    """A list of what was waited for; in code that runs in an event loop, `await` gives that list."""

    @overload
    def __getitem__(self, index: int) -> _R: ...
    @overload
    def __getitem__(self, index: slice) -> list[_R]: ...
    def __getitem__(self, index: int | slice) -> _R | list[_R]:
        return self.result()[index]

    def __len__(self) -> int:
        return len(self.result())

    def __eq__(self, other: object) -> bool:
        return self.result() == (other.result() if isinstance(other, Found) else other)

    __hash__ = object.__hash__  # asyncio.gather has what it awaits as keys


def waited(verb: str, work: Callable[[Cutter], _T]) -> Waited[_T]:
    """Do it now, or where an event loop runs, when it is awaited."""
    return Waited(verb, work=work) if loop_here() else Waited(verb, work(Cutter()))


def found(verb: str, work: Callable[[Cutter], list[_R]]) -> Found[_R]:
    """As `waited`, for lists."""
    return Found(verb, work=work) if loop_here() else Found(verb, work(Cutter()))


def loop_here() -> Literal["asyncio", "trio"] | None:
    """The kind of event loop that runs this code; a library that was never imported runs none."""
    if _succeeds("trio.lowlevel", "current_task"):
        return "trio"
    return "asyncio" if _succeeds("asyncio", "get_running_loop") else None


def _succeeds(module: str, look: str) -> bool:
    if module not in sys.modules:
        return False
    try:
        getattr(sys.modules[module], look)()
    except (RuntimeError, AttributeError):  # the latter while the library is being imported
        return False
    return True


async def in_thread(work: Callable[[Cutter], _T], *, is_shielded: bool = False) -> _T:
    """Do the work in a thread; when the task is cancelled, the work is cut short, unless it is shielded."""
    cutter = Cutter()
    try:
        if loop_here() == "trio":
            import trio  # noqa: PLC0415 - only where it runs

            limiter = trio.CapacityLimiter(1)  # as in asyncio: work that waits for other work is not to queue behind it
            with trio.CancelScope(shield=is_shielded):
                return await trio.to_thread.run_sync(work, cutter, abandon_on_cancel=True, limiter=limiter)
        return await _in_thread_of_asyncio(lambda: work(cutter), is_shielded=is_shielded)
    except BaseException:
        if not is_shielded:
            cutter.cut()
        raise


async def _in_thread_of_asyncio(work: Callable[[], _T], *, is_shielded: bool) -> _T:
    """In a thread of its own: the loop's few may all be taken by what is to make the wait end."""
    import asyncio  # noqa: PLC0415 - synchronous programs do without it

    loop = asyncio.get_running_loop()
    waiting: asyncio.Future[_T] = loop.create_future()

    def tell(outcome: _T, error: BaseException | None) -> None:
        if waiting.done():  # nobody waits any more
            return
        if error is None:
            waiting.set_result(outcome)
        else:
            waiting.set_exception(error)

    def run() -> None:
        outcome, error = _UNSET, None
        try:
            outcome = work()
        except BaseException as raised:  # noqa: BLE001 - is raised where it is awaited
            error = raised
        with contextlib.suppress(RuntimeError):  # the loop may be closed by now
            loop.call_soon_threadsafe(tell, outcome, error)

    thread = threading.Thread(target=run, name="mockserver wait", daemon=True)
    thread.start()
    try:
        return await asyncio.shield(waiting)
    except asyncio.CancelledError:
        while is_shielded and not waiting.done():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.shield(waiting)
        waiting.cancel()
        raise
    finally:
        if waiting.done() and not waiting.cancelled():
            thread.join()  # it has told what came of it, and is about to end


def _place_of_call() -> tuple[str, int]:
    """File and line that called the verb."""
    for frame, line in traceback.walk_stack(None):
        if not frame.f_code.co_filename.startswith(_HERE):
            return frame.f_code.co_filename, line
    return _HERE, 0
