"""Commands there and their answers back: over one connection to a server alone, or to the nodes of a cluster."""

from collections.abc import Sequence
from typing import Any, Protocol

from hiredis import pack_command  # a fifth of the time of what is written in Python
from redis.asyncio import Redis, RedisCluster
from redis.exceptions import ResponseError

from mockserver.clock import real_s
from mockserver.stores.redis.connecting import Client

Command = tuple[Any, ...]
IDLE_S = 1.0
"""A connection that was silent for longer is looked at before it is used: the server may have gone and come back."""


class Wire(Protocol):
    """What a line needs."""

    async def answers(self, commands: Sequence[Command]) -> list[Any]:
        """The answer to each command, or the error that it was answered with; raises where there is no answer."""

    async def close(self) -> None:
        """Hang up."""


def wire_of(client: Client) -> Wire:
    """The way to the server that a client has reached."""
    return ToCluster(client) if isinstance(client, RedisCluster) else ToServer(client)


class ToServer:
    """Holds one connection of the library, which costs a third of asking its pool for one each time."""

    def __init__(self, client: Redis) -> None:
        self._pool: Any = client.connection_pool
        self._connection: Any = None
        self._used_at = 0.0

    async def answers(self, commands: Sequence[Command]) -> list[Any]:
        connection, answers = await self._connected(), list[Any]()
        try:
            await connection.send_packed_command(b"".join(map(pack_command, commands)))
            for _ in commands:
                try:
                    answers.append(await connection.read_response())
                except ResponseError as error:
                    answers.append(error)
        except BaseException:  # what is still to come would be taken for answers to what is asked next
            await self.close()
            raise
        self._used_at = real_s()
        return answers

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.disconnect()
            await self._pool.release(connection)

    async def _connected(self) -> Any:
        if self._connection is not None and real_s() - self._used_at > IDLE_S and await self._connection.can_read():
            await self.close()
        if self._connection is None:
            self._connection = await self._pool.get_connection()
        return self._connection


class ToCluster:
    """Leaves it to the library to find the node of each key."""

    def __init__(self, client: RedisCluster) -> None:
        self._client = client

    async def answers(self, commands: Sequence[Command]) -> list[Any]:
        pipeline = self._client.pipeline()
        for command in commands:
            pipeline.execute_command(*command)
        return list(await pipeline.execute(raise_on_error=False))

    async def close(self) -> None:
        pass  # its connections are the client's
