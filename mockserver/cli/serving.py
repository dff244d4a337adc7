"""One server in this process: from its settings to its end, and what came of it."""

import asyncio
import logging
from collections.abc import Callable

from mockserver.app import App, tune_collector
from mockserver.cli.main import Misuse
from mockserver.cli.ready import greet, told_in, why
from mockserver.cli.running import Stop
from mockserver.cli.summary import summary_lines
from mockserver.clock import real_s
from mockserver.settings import Settings
from mockserver.watching import Watcher

log = logging.getLogger(__name__)

FOUND = 1


async def serve(settings: Settings, reload: Callable[[], Settings]) -> int:
    """Serve until Ctrl-C or SIGTERM; the exit code. *reload* reads the settings again.

    Raises:
        Misuse: it cannot listen there.
    """
    stop = Stop()
    app = App(settings)
    try:
        url = await app.start()
    except OSError as error:
        raise Misuse(why(settings, error)) from None
    tune_collector()
    try:
        with told_in(settings.ready_file, url):
            greet(settings, url)
            await until_stopped(stop, app, reload)
        return await judged(app)
    finally:
        await app.close()


async def until_stopped(stop: Stop, app: App, reload: Callable[[], Settings]) -> None:
    """Serve and follow the settings file until a signal comes, or nobody has asked for long enough."""
    ends = [asyncio.create_task(end) for end in (stop.wait(), idle(app, app.settings.exit_after_idle))]
    watching = asyncio.create_task(Watcher(app, reload).run())
    await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    for task in (*ends, watching):
        task.cancel()
    await asyncio.wait([*ends, watching])


async def idle(app: App, span_s: float | None) -> None:
    """Return when no request has come for so many real seconds and none is under way; never, for no span."""
    if span_s is None:
        await asyncio.Event().wait()
        return
    began = real_s()
    while True:
        server = app.server
        quiet_s = 0.0 if server.under_way else real_s() - max(began, server.last_request_at)
        if quiet_s >= span_s:
            log.info("no request for %g s: stopping, as --exit-after-idle says", span_s)
            return
        await asyncio.sleep(span_s - quiet_s)


async def judged(app: App) -> int:
    """Say what came of the run; the exit code."""
    summary = await app.summary()
    is_failed = app.settings.fail_on_findings and bool(summary["findings"])
    for line in summary_lines(summary, app.findings.shown()) if summary["requests"] else ():
        log.log(logging.WARNING if is_failed else logging.INFO, line)
    return FOUND if is_failed else 0
