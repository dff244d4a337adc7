"""`mockserver run`."""

import contextlib
import os
from typing import Any

import click

from mockserver import logs
from mockserver.app import App
from mockserver.cli.child import Child, NotStarted
from mockserver.cli.main import Misuse
from mockserver.cli.options import examples, settings_of, with_settings
from mockserver.cli.running import run_loop
from mockserver.cli.summary import summary_lines
from mockserver.clock import Clock
from mockserver.settings import Settings

try:
    from mockserver.cli.hints import hints
    from mockserver.intercept.hosts import API, FILES
    from mockserver.intercept.interception import Interception
except ModuleNotFoundError as missing:
    if (missing.name or "").partition(".")[0] not in ("trustme", "cryptography", "idna"):
        raise
    msg = f'run needs {missing.name}; install it with: pip install "apiframe-mockserver[run]"'
    raise Misuse(msg) from None

FOUND = 1
NOT_FOR_RUN = ("host", "workers", "public_url", "admin_token", "ready_file", "exit_after_idle")
"""Settings of a server that others find; this one is for one program, and lives as long."""


@click.command(
    "run",
    context_settings={"allow_interspersed_args": False},
    epilog=examples(
        "mockserver run -- pytest",
        "mockserver run --fail-on-findings -- npm test",
        "mockserver run --offline --vendor-urls -- python my_program.py",
        "mockserver run --speed instant -- sh -c 'curl -s $APIFRAME_BASE_URL/v2/models'",
    ),
)
@with_settings(*NOT_FOR_RUN, "port")
@click.option("--port", metavar="PORT", help="Port of the fake instead of a free one.")
@click.option("--offline", is_flag=True, help="Refuse all other hosts but those of this machine.")
@click.option(
    "--vendor-urls", is_flag=True, help=f"Make result addresses the vendor's own, https://{FILES}/..., and answer them."
)
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="-- COMMAND [ARGUMENTS]...")
def command(words: tuple[str, ...], *, offline: bool, vendor_urls: bool, **given: Any) -> int:
    """Run a command for which the fake is the real API, without any change to its code.

    APIFRAME_BASE_URL and APIFRAME_API_KEY are set, and what goes to the constant address https://api.apiframe.ai
    arrives at the fake too, by a proxy and a certificate for this command alone. The exit code is the command's.
    """
    if not words:
        msg = "run: what is to be run? Put it behind --, as in mockserver run -- npm test"
        raise Misuse(msg)
    port = given.pop("port")
    settings = settings_of({**given, "port": port or "0"})._replace(
        host="127.0.0.1",
        public_url=f"https://{FILES}" if vendor_urls else "",
        admin_token="",
        ready_file="",
        exit_after_idle=None,
    )
    logs.set_up(settings.log_format, is_quiet=not settings.verbose)
    return run_loop(_run(words, settings, is_offline=offline))


async def _run(words: tuple[str, ...], settings: Settings, *, is_offline: bool) -> int:
    child = Child()
    async with contextlib.AsyncExitStack() as closing:
        app = await _started(settings, closing)
        now = Clock().now()  # the certificate is for clients, who live in real time
        interception = await _intercepting(Interception(app.url, os.environ, now, is_offline=is_offline), closing)
        if not settings.quiet:
            _say(f"https://{API} is {app.url} for this command", *app.notes)
        try:
            code = await child.run(words, interception.environment)
        except NotStarted as error:
            _say(str(error))
            return error.code
        summary = await app.summary()
        is_failed = code == 0 and settings.fail_on_findings and bool(summary["findings"])
        if is_failed or not settings.quiet:
            _say(*summary_lines(summary, app.findings.shown()), *hints(app, summary, interception))
        return FOUND if is_failed else code


async def _started(settings: Settings, closing: contextlib.AsyncExitStack) -> App:
    app = App(settings)
    closing.push_async_callback(app.close)
    try:
        await app.start()
    except OSError as error:
        place = f"{settings.host}:{settings.port}"
        msg = f'--port: cannot listen on "{place}": {error.strerror or error}; without --port a free one is taken'
        raise Misuse(msg) from None
    return app


async def _intercepting(interception: Interception, closing: contextlib.AsyncExitStack) -> Interception:
    try:
        return await closing.enter_async_context(interception)
    except OSError as error:
        msg = f"run: cannot write certificates: {error}; is there a folder for temporary files (TMPDIR)?"
        raise Misuse(msg) from None


def _say(*lines: str) -> None:
    """Speak beside the program: each line says whose it is. Where nobody listens, the exit code stays the program's."""
    with contextlib.suppress(BrokenPipeError):
        for line in lines:
            click.echo(f"mockserver: {logs.masked(logs.on_one_line(line))}", err=True)
