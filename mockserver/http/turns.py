"""Accepting on a socket on which other processes accept as well."""

import asyncio
import errno
import logging
import socket

from aiohttp import web

from mockserver.http.listening import address_of

log = logging.getLogger(__name__)

SHORT_OF = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
"""What a system says that has no room for another connection now."""
PAUSE_S = 1.0
"""How long nothing is taken then."""
TURN_S = 0.001
"""How long each leaves the next connection to others: more than it takes a process that sleeps to wake up."""
FEW = 64
"""Of so many connections in a row; of more the others get their share by chance."""


class Turns(web.BaseSite):
    """Takes one connection and leaves the next to others for a moment, so that a burst is spread over the processes.

    An event loop's own way takes all that wait at once: the process that happens to look first would have them all. And
    without the moment one that is awake would have most of the sixteen connections of a client's pool.
    """

    def __init__(self, runner: web.BaseRunner, listener: socket.socket, pause_s: float = PAUSE_S) -> None:
        super().__init__(runner)
        self._listener, self._pause_s = listener, pause_s
        self._loop = asyncio.get_running_loop()
        self._taking: set[asyncio.Task[None]] = set()
        self._resuming: asyncio.TimerHandle | None = None
        self._in_row, self._taken_at = 0, 0.0

    @property
    def name(self) -> str:
        """Where it listens."""
        return address_of(self._listener)

    async def start(self) -> None:
        """Accept from now on."""
        await super().start()
        self._resume()

    async def stop(self) -> None:
        """Accept no more, and finish with those connections that are half taken."""
        await super().stop()
        if self._resuming is None:
            self._loop.remove_reader(self._listener)
        else:
            self._resuming.cancel()
        self._listener.close()
        await asyncio.gather(*self._taking)

    def _resume(self) -> None:
        self._resuming = None
        self._loop.add_reader(self._listener, self._accept)

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):  # another process was faster, or it is gone
            return
        except OSError as error:
            if error.errno not in SHORT_OF:
                raise
            self._rest(self._pause_s)
            log.error("no connection can be taken for %g s: %s", self._pause_s, error.strerror)  # noqa: TRY400 - no bug of ours
            return
        now = self._loop.time()
        self._in_row = self._in_row + 1 if now - self._taken_at < 10 * TURN_S else 1
        self._taken_at = now
        if self._in_row <= FEW:
            self._rest(TURN_S)
        task = self._loop.create_task(self._take(connection))
        self._taking.add(task)
        task.add_done_callback(self._taking.discard)

    def _rest(self, span_s: float) -> None:
        self._loop.remove_reader(self._listener)
        self._resuming = self._loop.call_later(span_s, self._resume)

    async def _take(self, connection: socket.socket) -> None:
        server = self._runner.server
        assert server is not None, "a site belongs to a runner that is set up"  # noqa: S101 - a bug of ours
        try:
            await self._loop.connect_accepted_socket(server, connection)
        except OSError as error:
            log.debug("a connection was lost as it was taken: %s", error)
            connection.close()
