"""The one connection of a process: reads at once, writes by the handful, and checkpoints beside.

Steps that come in one turn of the event loop share a transaction, which is most of what a small write costs; each is
done whole or not at all, and nobody is answered before it is kept. Where another process writes, the event loop goes
on, in short steps, and we try again.
"""

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from mockserver.clock import real_s
from mockserver.stores.protocol import StoreDown
from mockserver.stores.sqlite.checkpoints import Checkpoints
from mockserver.stores.sqlite.tallies import Tallies
from mockserver.stores.sqlite.trouble import is_busy, why

T = TypeVar("T")
Row = tuple[Any, ...]
Values = Sequence[Any] | Mapping[str, Any]
MOST_AT_ONCE = 100
PATIENCE_S = 5.0
"""How long to try where another process writes."""
TURNS = 2
"""Of the event loop, in which steps are awaited to be kept together: no time at all while nobody asks for more."""
EAGER_S = 0.003
"""How long to try at each turn of the event loop: another process writes for a fraction of this."""
NAP_S = 0.0001
"""How long the process then sleeps in each turn: most of its clients wait for the same, timers of uvloop count whole
milliseconds, and trying without a pause took a tenth of its time."""
PAUSE_S = 0.002
"""Between tries from then on."""


class _Step(NamedTuple):
    do: Callable[..., Any]
    arguments: tuple[Any, ...]
    answer: asyncio.Future[Any]


class File:
    """Runs statements. *name* is what messages call it."""

    def __init__(self, connection: sqlite3.Connection, name: str, checkpoints: Checkpoints, patience_s: float) -> None:
        self._connection, self.name, self._checkpoints = connection, name, checkpoints
        self._patience_s = patience_s
        cursor = connection.cursor()
        self.execute, self.execute_many = cursor.execute, cursor.executemany
        self.tallies = Tallies(cursor)
        self._waiting: list[_Step] = []
        self._tried_since = 0.0

    def rows(self, statement: str, values: Values = ()) -> list[Row]:
        """All that a statement gives; for steps."""
        return self.execute(statement, values).fetchall()

    async def read(self, statement: str, values: Values = ()) -> list[Row]:
        """All that a statement gives that changes nothing.

        Raises:
            StoreDown: the file cannot be read.
        """
        until = 0.0
        while True:
            try:
                return self.execute(statement, values).fetchall()
            except sqlite3.Error as error:
                until = until or real_s() + self._patience_s
                if not is_busy(error) or real_s() > until:
                    raise self._told(error) from error
            await asyncio.sleep(PAUSE_S)

    def write(self, do: Callable[..., T], *arguments: Any) -> Awaitable[T]:
        """What a step gives, once what it did is kept. It may be run again where it was in vain, so it tells nobody.

        Raises:
            StoreDown: the file cannot be written; nothing of the step has happened.
        """
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()
        self._waiting.append(_Step(do, arguments, answer))
        if len(self._waiting) == 1:
            self._write_in(TURNS)
        return answer

    def _write_in(self, turns: int) -> None:
        loop = asyncio.get_running_loop()
        if turns > 1:
            loop.call_soon(self._write_in, turns - 1)
        else:
            loop.call_soon(self._write_all)

    async def close(self) -> None:
        """Write what waits, and let go of the file."""
        await asyncio.gather(*(step.answer for step in self._waiting), return_exceptions=True)
        await self._checkpoints.close()
        self._connection.close()

    def _write_all(self) -> None:
        steps = [step for step in self._waiting[:MOST_AT_ONCE] if not step.answer.done()]
        try:
            self.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            if is_busy(error) and self._may_try_again():
                return
            self._done(MOST_AT_ONCE)
            self._hand_out(steps, self._told(error))
            return
        self._done(MOST_AT_ONCE)
        self._run(steps)

    def _may_try_again(self) -> bool:
        now, loop = real_s(), asyncio.get_running_loop()
        self._tried_since = self._tried_since or now
        if now - self._tried_since > self._patience_s:
            return False
        if now - self._tried_since < EAGER_S:
            time.sleep(NAP_S)  # noqa: TID251 - real time: another process works meanwhile
            loop.call_soon(self._write_all)
        else:
            loop.call_later(PAUSE_S, self._write_all)
        return True

    def _done(self, count: int) -> None:
        del self._waiting[:count]
        self._tried_since = 0.0
        if self._waiting:
            self._write_in(TURNS)

    def _run(self, steps: list[_Step]) -> None:
        """Run steps in the transaction that has begun; where one fails, each alone."""
        try:
            results = [step.do(*step.arguments) for step in steps]
            self.tallies.write()
            self.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 - it is handed to who asked
            self._roll_back()
            if isinstance(error, sqlite3.Error) and why(error) is not None:
                self._hand_out(steps, self._told(error))
            elif len(steps) == 1:
                self._hand_out(steps, error)
            else:
                self._run_each(steps)
            return
        for step, result in zip(steps, results, strict=True):
            if not step.answer.done():
                step.answer.set_result(result)
        self._checkpoints.count(len(steps))

    def _run_each(self, steps: list[_Step]) -> None:
        for step in steps:
            try:
                self.execute("BEGIN IMMEDIATE")
            except sqlite3.Error as error:
                self._hand_out([step], self._told(error))
            else:
                self._run([step])

    def _roll_back(self) -> None:
        self.tallies.forget()
        if self._connection.in_transaction:  # some errors have rolled back already
            with contextlib.suppress(sqlite3.Error):
                self.execute("ROLLBACK")

    @staticmethod
    def _hand_out(steps: list[_Step], error: Exception) -> None:
        for step in steps:
            if not step.answer.done():
                step.answer.set_exception(error)

    def _told(self, error: sqlite3.Error) -> Exception:
        reason = why(error)
        if reason is None:
            return error
        down = StoreDown(self.name, reason)
        down.__cause__ = error
        return down
