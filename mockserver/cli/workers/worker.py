"""The program of one worker: a server on the socket that its parent listens on."""

import socket
import sys
from functools import partial

from mockserver import logs
from mockserver.app import App, tune_collector
from mockserver.cli.main import Misuse
from mockserver.cli.options import settings_of
from mockserver.cli.running import Stop, run_loop
from mockserver.cli.serving import judged, until_stopped
from mockserver.cli.workers.link import Link, News, Word
from mockserver.settings import SettingsError

UNFIT = 2


async def _work(listener: socket.socket, link: Link) -> int:
    stop = Stop()
    link.follow(stop.set)
    reload = partial(settings_of, link.orders.given)
    try:
        settings = reload()
        logs.set_up(settings.log_format, is_quiet=settings.quiet)
        app = App(settings, listener=listener)
        await app.start()
    except (SettingsError, Misuse) as error:
        link.say(News(is_ready=False, why=str(error)))
        return UNFIT
    tune_collector()
    try:
        link.say(News(is_ready=True))
        await until_stopped(stop, app, reload)
        await app.drain()
        return await judged(app) if await link.last_word() is Word.TELL else 0
    finally:
        await app.close()


def main() -> None:
    """Serve on the socket whose number is the argument, until the parent says to stop or is gone."""
    listener = socket.socket(fileno=int(sys.argv[1]))
    listener.setblocking(False)  # noqa: FBT003 - the socket's own interface
    sys.exit(run_loop(_work(listener, Link())))


if __name__ == "__main__":
    main()
