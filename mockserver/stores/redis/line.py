"""The one way to the server: commands that come in one turn of the event loop go out together.

While the server is away every command fails at once; it is tried again after a pause that grows to a second. No command
is ever sent twice: nobody knows whether one without answer was carried out.
"""

import asyncio
from typing import Any

from redis import exceptions
from redis.backoff import ExponentialWithJitterBackoff

from mockserver.clock import real_s
from mockserver.stores.protocol import StoreDown
from mockserver.stores.redis.connecting import ANSWER_TIMEOUT_S, Client
from mockserver.stores.redis.wires import Command, wire_of

MOST_AT_ONCE = 1000
AWAY = (
    exceptions.ConnectionError,
    exceptions.TimeoutError,
    exceptions.ClusterError,
    exceptions.ReadOnlyError,
    exceptions.OutOfMemoryError,
    exceptions.TryAgainError,
    exceptions.RedisClusterException,
    OSError,  # a time-out among them
)
"""What means that there is no server for now that does what we ask."""


class Line:
    """Sends commands. *name* is the URL as messages may show it."""

    def __init__(self, client: Client, name: str) -> None:
        self.client = client
        self.name, self._wire = name, wire_of(client)
        self._waiting: list[tuple[Command, asyncio.Future[Any]]] = []
        self._sender: asyncio.Task[None] | None = None
        self._pauses = ExponentialWithJitterBackoff(cap=1.0, base=0.02)
        self._failures = 0
        self._again_at = 0.0

    async def ask(self, *command: Any) -> Any:
        """The server's answer.

        Raises:
            StoreDown: there is none; whether the command was carried out is not known.
            redis.exceptions.ResponseError: the server refuses it.
        """
        if self._failures and real_s() < self._again_at:
            raise StoreDown(self.name)
        answer = asyncio.get_running_loop().create_future()
        self._waiting.append((command, answer))
        if self._sender is None:
            self._sender = asyncio.create_task(self._send(), name="redis")
        return await answer

    async def close(self) -> None:
        """Wait for what is under way, and hang up."""
        if self._sender is not None:
            await asyncio.gather(self._sender, return_exceptions=True)
        for closing in (self._wire.close, self.client.aclose):
            try:
                await closing()
            except AWAY:
                continue

    async def _send(self) -> None:
        batch: list[tuple[Command, asyncio.Future[Any]]] = []
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:MOST_AT_ONCE], self._waiting[MOST_AT_ONCE:]
                answers = await self._answers([command for command, _ in batch])
                self._hand_out(batch, answers)
                if self._failures:  # those behind need not wait for the same to happen to them
                    batch, self._waiting = self._waiting, []
                    self._hand_out(batch, answers[:1] * len(batch))
        finally:
            self._sender = None
            for _, answer in (*batch, *self._waiting):  # none but where the event loop ends
                answer.cancel()
            self._waiting = []

    async def _answers(self, commands: list[Command]) -> list[Any]:
        """An answer, or an error, for each."""
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                answers = await self._wire.answers(commands)
        except AWAY as error:
            self._failures += 1
            self._again_at = real_s() + self._pauses.compute(self._failures)
            return [error] * len(commands)
        self._failures = 0
        return answers

    def _hand_out(self, batch: list[tuple[Command, asyncio.Future[Any]]], answers: list[Any]) -> None:
        for (_, waiting), answer in zip(batch, answers, strict=True):
            if waiting.done():  # who asked has gone
                continue
            if isinstance(answer, AWAY):
                down = StoreDown(self.name, _why(answer))
                down.__cause__ = answer
                waiting.set_exception(down)
            elif isinstance(answer, Exception):
                waiting.set_exception(answer)
            else:
                waiting.set_result(answer)


def _why(error: BaseException) -> str:
    match error:
        case exceptions.OutOfMemoryError():
            return "is full: its limit of memory is reached"
        case exceptions.ReadOnlyError():
            return "takes no changes: it is a replica"
        case _:
            return "cannot be reached"
