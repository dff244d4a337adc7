"""The parent: listens, starts the workers, says when all of them answer, and ends with them."""

import asyncio
import socket
import sys
from typing import Any

from mockserver.cli.main import Misuse
from mockserver.cli.ready import greet, told_in, why
from mockserver.cli.running import Stop
from mockserver.cli.workers.crew import Crew
from mockserver.cli.workers.process import starter
from mockserver.http.listening import address_of, listen
from mockserver.settings import Settings


def serve_with(settings: Settings, given: dict[str, Any]) -> int:
    """Serve with several workers until Ctrl-C or SIGTERM; the exit code.

    Raises:
        Misuse: these settings do not go with several workers, or will not do at all.
    """
    refuse_what_cannot_be_shared(settings)
    return asyncio.run(supervise(settings, given))


def refuse_what_cannot_be_shared(settings: Settings) -> None:
    """Say what several processes cannot have in common.

    Raises:
        Misuse: there is something.
    """
    number = settings.workers
    if sys.platform == "win32":
        msg = f"--workers: {number} processes cannot share a port on Windows; start one for each port, with one --store"
        raise Misuse(msg)
    if settings.store == "memory":
        msg = f"--workers: {number} processes share nothing in memory; add --store sqlite:PATH or redis://HOST:PORT"
        raise Misuse(msg)
    if settings.exit_after_idle is not None:
        msg = f"--exit-after-idle: {number} processes do not know of each other's requests; leave out it or --workers"
        raise Misuse(msg)


async def supervise(settings: Settings, given: dict[str, Any]) -> int:
    """Serve until stopped; the exit code. *given* are the options that each worker reads its settings from."""
    stop = Stop()
    try:
        listener = listen(settings.host, settings.port)
    except OSError as error:
        raise Misuse(why(settings, error)) from None
    crew = Crew(settings.workers, starter(listener, given))
    ending = asyncio.create_task(_end(stop, crew, listener))
    working = asyncio.create_task(crew.run())
    answering = asyncio.create_task(crew.all_answer.wait())
    await asyncio.wait([working, answering], return_when=asyncio.FIRST_COMPLETED)
    try:
        if crew.all_answer.is_set():
            with told_in(settings.ready_file, address_of(listener)):
                greet(settings, address_of(listener))
                await asyncio.wait([working])
    finally:
        stop.set()
        await asyncio.wait([working, ending])
        answering.cancel()
    return working.result()


async def _end(stop: Stop, crew: Crew, listener: socket.socket) -> None:
    """Let the workers end once that is wanted; who comes to the socket from then on is refused, not kept waiting."""
    await stop.wait()
    crew.stop()
    listener.close()
