"""Telling others that a server answers, and ending one that nobody asks any more."""

import asyncio
import contextlib
import logging
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from mockserver.app import App
from mockserver.cli.main import Misuse
from mockserver.clock import real_s

log = logging.getLogger(__name__)


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
