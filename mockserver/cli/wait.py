"""`mockserver wait`."""

import json
import time
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

import click

from mockserver.cli.main import Misuse
from mockserver.cli.options import examples
from mockserver.core.durations import duration_s

PAUSE_S = 0.05
TRY_S = 5.0
NOT_READY = 1
MOST_BYTES = 1_000_000
OK, FAILED = 200, 500


@click.command(
    "wait",
    epilog=examples(
        "mockserver wait http://127.0.0.1:4010",
        "mockserver wait --ready-file url.txt   (what mockserver serve --ready-file url.txt writes)",
    ),
)
@click.argument("url", required=False)
@click.option("--ready-file", metavar="FILE", type=click.Path(path_type=Path), help="Take the URL from this file.")
@click.option("--timeout", default="30s", show_default=True, metavar="SPAN", help="Give up after so long.")
@click.option("--quiet", is_flag=True, help="Say nothing but errors.")
def command(url: str | None, ready_file: Path | None, timeout: str, *, quiet: bool) -> int:
    """Wait until a mock server answers at URL: exit 0, and print the URL; or exit 1 and say what was seen last."""
    if (url is None) == (ready_file is None):
        msg = "wait: want the URL of a server, as in http://127.0.0.1:4010, or --ready-file FILE"
        raise Misuse(msg)
    if url is not None:
        _where(url)
    try:
        until = time.monotonic() + duration_s(timeout)  # noqa: TID251 - real servers start in real time
    except ValueError as error:
        msg = f"--timeout: {error}"
        raise Misuse(msg) from None
    while True:
        found, seen = _look(url, ready_file)
        if found:
            if not quiet:
                click.echo(found)
            return 0
        if time.monotonic() >= until:  # noqa: TID251 - as above
            click.echo(f"mockserver: not ready after {timeout}: {seen}", err=True)
            return NOT_READY
        time.sleep(PAUSE_S)  # noqa: TID251 - as above


def _look(url: str | None, file: Path | None) -> tuple[str, str]:
    """The URL of a server that is ready, or an empty text; and what was seen instead."""
    if file is not None:
        try:
            url = file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            return "", f'cannot read "{file}": {getattr(error, "strerror", None) or error}'
    assert url is not None  # noqa: S101 - one of the two is given
    where = _where(url)
    try:
        status, body = _ask(where, "/_mock/health")
        if status != OK:  # closed or left out; the imitated API has an address that needs no key
            status, body = _ask(where, "/v2/models")
    except (OSError, HTTPException) as error:
        return "", f"{url}: {getattr(error, 'strerror', None) or error or type(error).__name__}"
    if status == OK and isinstance(body, (dict, list)):
        return url, ""
    return "", f"{url} answers {status}" + ("" if status >= FAILED else ", as no mock server does")


def _ask(where: SplitResult, path: str) -> tuple[int, object]:
    kind = HTTPSConnection if where.scheme == "https" else HTTPConnection
    connection = kind(where.hostname or "", where.port, timeout=TRY_S)
    try:
        connection.request("GET", where.path.rstrip("/") + path)
        answer = connection.getresponse()
        content = answer.read(MOST_BYTES)
    finally:
        connection.close()
    try:
        return answer.status, json.loads(content)
    except (ValueError, RecursionError):
        return answer.status, None


def _where(url: str) -> SplitResult:
    """The parts of an address.

    Raises:
        Misuse: it is none.
    """
    try:
        where = urlsplit(url)
        if where.scheme in ("http", "https") and where.hostname and where.port != 0:
            return where
    except ValueError:
        pass
    msg = f'wait: "{url[:200]}" is no address; want one such as http://127.0.0.1:4010'
    raise Misuse(msg)
