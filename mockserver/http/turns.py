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


class Turns(web.BaseSite):
    """Takes one connection each time that some wait, so that a burst is spread over the processes.

    An event loop's own way takes all that wait at once: the process that happens to look first would have them all.
    """

    def __init__(self, runner: web.BaseRunner, listener: socket.socket, pause_s: float = PAUSE_S) -> None:
        super().__init__(runner)
        self._listener, self._pause_s = listener, pause_s
        self._loop = asyncio.get_running_loop()
        self._taking: set[asyncio.Task[None]] = set()
        self._resuming: asyncio.TimerHandle | None = None

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
        if self._resuming is not None:
            self._resuming.cancel()
        self._loop.remove_reader(self._listener)
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
            self._loop.remove_reader(self._listener)
            self._resuming = self._loop.call_later(self._pause_s, self._resume)
            log.error("no connection can be taken for %g s: %s", self._pause_s, error.strerror)  # noqa: TRY400 - no bug of ours
            return
        task = self._loop.create_task(self._take(connection))
        self._taking.add(task)
        task.add_done_callback(self._taking.discard)

    async def _take(self, connection: socket.socket) -> None:
        server = self._runner.server
        assert server is not None, "a site belongs to a runner that is set up"  # noqa: S101 - a bug of ours
        try:
            await self._loop.connect_accepted_socket(server, connection)
        except OSError as error:
            log.debug("a connection was lost as it was taken: %s", error)
            connection.close()
