"""The one way to the server: commands that come in one turn of the event loop go out together.

While the server is away every command fails at once; it is tried again after a pause that grows to a second. No command
is ever sent twice: nobody knows whether one without answer was carried out.
"""

import asyncio
from typing import Any, NamedTuple

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


class _Waiting(NamedTuple):
    """A command that is to be sent, and those who want its answer."""

    command: Command
    answers: list[asyncio.Future[Any]]


class Line:
    """Sends commands. *name* is the URL as messages may show it."""

    def __init__(self, client: Client, name: str) -> None:
        self.client = client
        self.name, self._wire = name, wire_of(client)
        self._waiting: list[_Waiting] = []
        self._looks: dict[Command, _Waiting] = {}
        """Those of them that only look, and can be shared."""
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
        return await self._answer_to(self._added(command))

    async def look(self, *command: Any) -> Any:
        """The answer to a command that changes nothing, asked once for all who want it while it waits to be sent.

        Raises:
            StoreDown, redis.exceptions.ResponseError: as above.
        """
        waiting = self._looks.get(command)
        if waiting is None:
            waiting = self._looks[command] = self._added(command)
        return await self._answer_to(waiting)

    def _added(self, command: Command) -> "_Waiting":
        if self._failures and real_s() < self._again_at:
            raise StoreDown(self.name)
        waiting = _Waiting(command, [])
        self._waiting.append(waiting)
        if self._sender is None:
            self._sender = asyncio.create_task(self._send(), name="redis")
        return waiting

    @staticmethod
    def _answer_to(waiting: "_Waiting") -> "asyncio.Future[Any]":
        """A future for one of those who wait: the others wait on where it is cancelled."""
        answer = asyncio.get_running_loop().create_future()
        waiting.answers.append(answer)
        return answer

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
        batch: list[_Waiting] = []
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:MOST_AT_ONCE], self._waiting[MOST_AT_ONCE:]
                self._looks.clear()
                answers = await self._answers([waiting.command for waiting in batch])
                self._hand_out(batch, answers)
                if self._failures:  # those behind need not wait for the same to happen to them
                    batch, self._waiting = self._waiting, []
                    self._looks.clear()
                    self._hand_out(batch, answers[:1] * len(batch))
        finally:
            self._sender = None
            for waiting in (*batch, *self._waiting):  # none but where the event loop ends
                for answer in waiting.answers:
                    answer.cancel()
            self._waiting = []
            self._looks.clear()

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

    def _hand_out(self, batch: list["_Waiting"], answers: list[Any]) -> None:
        for waiting, answer in zip(batch, answers, strict=True):
            for one in waiting.answers:
                if not one.done():  # else who asked has gone
                    self._hand(one, answer)

    def _hand(self, one: asyncio.Future[Any], answer: Any) -> None:
        if isinstance(answer, AWAY):
            down = StoreDown(self.name, _why(answer))
            down.__cause__ = answer
            one.set_exception(down)
        elif isinstance(answer, Exception):
            one.set_exception(answer)
        else:
            one.set_result(answer)


def _why(error: BaseException) -> str:
    match error:
        case exceptions.OutOfMemoryError():
            return "is full: its limit of memory is reached"
        case exceptions.ReadOnlyError():
            return "takes no changes: it is a replica"
        case _:
            return "cannot be reached"
