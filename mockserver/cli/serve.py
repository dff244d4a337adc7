"""`mockserver serve`."""

from functools import partial
from typing import Any

import click

from mockserver import logs
from mockserver.cli.options import examples, settings_of, with_settings
from mockserver.cli.running import run_loop


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
    from mockserver.cli.serving import serve  # noqa: PLC0415 - whoever asks for help, or mistypes, waits for none of it

    return run_loop(serve(settings, partial(settings_of, given)))
