"""Telling others that a server answers, and whoever started it what to do next."""

import contextlib
import errno
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import click

from mockserver.cli.catalogue import EXAMPLE
from mockserver.cli.main import Misuse
from mockserver.cli.options import program
from mockserver.settings import Settings


@contextlib.contextmanager
def told_in(name: str, url: str) -> Iterator[None]:
    """Keep the address in a file of this name for as long as the block lasts; no name, no file.

    The file appears whole: whoever sees it can read it.

    Raises:
        Misuse: it cannot be written.
    """
    if not name:
        yield
        return
    file = Path(name)
    try:
        _write(file, f"{url}\n")
    except OSError as error:
        msg = f'--ready-file: cannot write "{name}": {error.strerror or error}'
        raise Misuse(msg) from None
    try:
        yield
    finally:
        with contextlib.suppress(OSError, UnicodeDecodeError):
            if file.read_text(encoding="utf-8") == f"{url}\n":  # another server may have written its own since
                file.unlink()


def _write(file: Path, content: str) -> None:
    number, draft = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(number, "w", encoding="utf-8") as opened:
            opened.write(content)
        Path(draft).chmod(0o644)
        Path(draft).replace(file)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise


def greet(settings: Settings, url: str) -> None:
    """Say where it listens, and what to do next."""
    click.echo(f"listening on {url}")
    if not settings.quiet:
        control = "" if settings.no_control else f"control: {url}/_mock/health   "
        click.echo(f"key: afk_test   {control}stop: Ctrl-C", err=True)
        click.echo(f"try: {program()} sample --curl --url {url} {EXAMPLE} | sh", err=True)


def why(settings: Settings, error: OSError) -> str:
    """What keeps it from listening, and what to do."""
    place = f"{settings.host}:{settings.port}"
    if error.errno == errno.EADDRINUSE:
        taken = f'--port: "{settings.port}" is in use on {settings.host}'
        return f"{taken}; stop what runs there, or take a free one with --port 0"
    if error.errno == errno.EACCES:
        return f'--port: "{settings.port}" needs more rights than this user has; take one above 1023'
    return f"--host, --port: cannot listen on {place}: {error.strerror or error}"
