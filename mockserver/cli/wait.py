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
from mockserver.logs import on_one_line

PAUSE_S = 0.05
TRY_S = 5.0
LEAST_TRY_S = 0.2
NOT_READY = 1
MOST_BYTES = 1_000_000
OK, FAILED = 200, 500
CLOSED = ("Control plane closed", "Token required")
"""Titles of what the control plane answers to strangers: nobody else would."""


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
    until = _checked(url, ready_file, timeout)
    while True:
        found, seen = _look(url, ready_file, until)
        if found:
            if not quiet:
                click.echo(found)
            return 0
        if _left_s(until) <= 0:
            click.echo(f"mockserver: not ready after {timeout}: {on_one_line(seen)}", err=True)
            return NOT_READY
        time.sleep(PAUSE_S)  # noqa: TID251 - real servers start in real time


def _checked(url: str | None, file: Path | None, timeout: str) -> float:
    """When to give up.

    Raises:
        Misuse: what was typed makes no sense.
    """
    if (url is None) == (file is None):
        msg = "wait: want the URL of a server, as in http://127.0.0.1:4010, or --ready-file FILE"
        raise Misuse(msg)
    if url is not None and not _is_address(url):
        msg = f'wait: "{url[:200]}" is no address; want one such as http://127.0.0.1:4010'
        raise Misuse(msg)
    try:
        return time.monotonic() + duration_s(timeout)  # noqa: TID251 - real servers start in real time
    except ValueError as error:
        msg = f"--timeout: {error}"
        raise Misuse(msg) from None


def _left_s(until: float) -> float:
    return until - time.monotonic()  # noqa: TID251 - real servers start in real time


def _look(url: str | None, file: Path | None, until: float) -> tuple[str, str]:
    """The URL of a server that is ready, or an empty text; and what was seen instead."""
    if file is not None:
        try:
            url = file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            return "", f'cannot read "{file}": {getattr(error, "strerror", None) or error}'
        if not _is_address(url):  # mktemp makes the file before the server fills it
            return "", f'"{file}" holds no address yet: "{url[:80]}"'
    assert url is not None  # noqa: S101 - one of the two is given
    try:
        return _seen_at(url, until)
    except (OSError, HTTPException) as error:
        return "", f"{url}: {getattr(error, 'strerror', None) or error or type(error).__name__}"


def _seen_at(url: str, until: float) -> tuple[str, str]:
    where = urlsplit(url)
    status, body = _ask(where, "/_mock/health", until)
    if isinstance(body, dict) and (body.get("status") == "ok" or body.get("title") in CLOSED):
        return url, ""  # the imitated API is not asked: what waits or checks health stands in no journal
    if status != OK:  # without a control plane there is an address that needs no key
        status, body = _ask(where, "/v2/models", until)
        if status == OK and isinstance(body, (dict, list)):
            return url, ""
    return "", f"{url} answers {status}" + ("" if status >= FAILED else ", as no mock server does")


def _ask(where: SplitResult, path: str, until: float) -> tuple[int, object]:
    kind = HTTPSConnection if where.scheme == "https" else HTTPConnection
    timeout_s = min(max(_left_s(until), LEAST_TRY_S), TRY_S)
    connection = kind(where.hostname or "", where.port, timeout=timeout_s)
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


def _is_address(url: str) -> bool:
    if " " in url or not url.isprintable():
        return False
    try:
        where = urlsplit(url)
        (where.hostname or "").encode("idna")
        return where.scheme in ("http", "https") and bool(where.hostname) and where.port != 0 and where.path.isascii()
    except ValueError:
        return False
