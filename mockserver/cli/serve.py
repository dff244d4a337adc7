"""`mockserver serve`."""

import asyncio
import errno
import logging
from collections.abc import Callable
from functools import partial
from typing import Any

import click

from mockserver import logs
from mockserver.app import App, tune_collector
from mockserver.cli.catalogue import EXAMPLE
from mockserver.cli.main import Misuse
from mockserver.cli.options import examples, program, settings_of, with_settings
from mockserver.cli.ready import idle, told_in
from mockserver.cli.running import Stop, run_loop
from mockserver.cli.summary import summary_lines
from mockserver.settings import Settings
from mockserver.watching import Watcher

log = logging.getLogger(__name__)

FOUND = 1


@click.command(
    "serve",
    epilog=examples(
        "mockserver serve",
        "mockserver serve --port 0 --speed instant",
        "mockserver serve --rate-limit 500/60s --max-concurrent-jobs 10   (the real API's limits)",
        "mockserver serve --store sqlite:mock.db --workers 2   (survives restarts)",
        "MOCKSERVER_SEED=7 mockserver serve --log-format json",
    )
    + """\n
\b
Keys that work at once:
  afk_test           1,000,000 credits
  afk_test_poor      1 credit: 402 on anything dearer
  afk_test_inactive  403
  afk_test_limited   429 above one request a second
  afk_test_down      503 on every submission""",
)
@with_settings()
def command(**given: Any) -> int:
    """Run the fake until Ctrl-C or SIGTERM. The first line on standard output is `listening on http://HOST:PORT`."""
    settings = settings_of(given)
    logs.set_up(settings.log_format, is_quiet=settings.quiet)
    if settings.workers > 1:
        from mockserver.cli.workers.supervising import serve_with  # noqa: PLC0415 - one process needs none of it

        return serve_with(settings, given)
    return run_loop(_serve(settings, partial(settings_of, given)))


async def _serve(settings: Settings, reload: Callable[[], Settings]) -> int:
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


def greet(settings: Settings, url: str) -> None:
    """Say where it listens, and what to do next."""
    click.echo(f"listening on {url}")
    if not settings.quiet:
        control = "" if settings.no_control else f"control: {url}/_mock/health   "
        click.echo(f"key: afk_test   {control}stop: Ctrl-C", err=True)
        click.echo(f"try: {program()} sample --curl --url {url} {EXAMPLE} | sh", err=True)


async def until_stopped(stop: Stop, app: App, reload: Callable[[], Settings]) -> None:
    """Serve and follow the settings file until a signal comes, or nobody has asked for long enough."""
    ends = [asyncio.create_task(end) for end in (stop.wait(), idle(app, app.settings.exit_after_idle))]
    watching = asyncio.create_task(Watcher(app, reload).run())
    await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    for task in (*ends, watching):
        task.cancel()
    await asyncio.wait([*ends, watching])


async def judged(app: App) -> int:
    """Say what came of the run; the exit code."""
    summary = await app.summary()
    is_failed = app.settings.fail_on_findings and bool(summary["findings"])
    for line in summary_lines(summary, app.findings.shown()) if summary["requests"] else ():
        log.log(logging.WARNING if is_failed else logging.INFO, line)
    return FOUND if is_failed else 0


def why(settings: Settings, error: OSError) -> str:
    """What keeps it from listening, and what to do."""
    place = f"{settings.host}:{settings.port}"
    if error.errno == errno.EADDRINUSE:
        taken = f'--port: "{settings.port}" is in use on {settings.host}'
        return f"{taken}; stop what runs there, or take a free one with --port 0"
    if error.errno == errno.EACCES:
        return f'--port: "{settings.port}" needs more rights than this user has; take one above 1023'
    return f"--host, --port: cannot listen on {place}: {error.strerror or error}"
