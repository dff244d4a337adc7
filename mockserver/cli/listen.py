"""`mockserver listen`."""

import json
import os

import click

from mockserver import logs
from mockserver.cli.catalogue import EXAMPLE
from mockserver.cli.main import Misuse
from mockserver.cli.options import examples, program
from mockserver.cli.running import Stop, run_loop
from mockserver.logs import masked
from mockserver.receiver import Received, Receiver


@click.command(
    "listen",
    epilog=examples(
        "mockserver listen",
        f"mockserver sample --curl --webhook http://127.0.0.1:4011/webhooks {EXAMPLE} | sh   (in another window)",
        "mockserver listen --port 0 --json --status 500   (to see retries)",
    ),
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", default=4011, show_default=True, type=click.IntRange(0, 65535), help="Port; 0 takes a free one."
)
@click.option("--key", "keys", multiple=True, help="API keys that sign; else APIFRAME_API_KEY, else afk_test.")
@click.option(
    "--status", default=200, show_default=True, type=click.IntRange(200, 599), help="Answer to true deliveries."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def command(host: str, port: int, keys: tuple[str, ...], status: int, *, as_json: bool) -> None:
    """Receive webhooks until Ctrl-C, verify their signatures, and print them. A false signature is answered 401."""
    logs.set_up("text", is_quiet=True)
    known = keys or (os.environ.get("APIFRAME_API_KEY") or "afk_test",)
    run_loop(_listen(host, port, known, status, as_json=as_json))


async def _listen(host: str, port: int, keys: tuple[str, ...], status: int, *, as_json: bool) -> None:
    stop = Stop()
    gone: list[BrokenPipeError] = []

    def show(received: Received) -> None:
        try:
            click.echo(_as_json(received) if as_json else _as_text(received))
        except BrokenPipeError as error:
            gone.append(error)
            stop.set()

    receiver = Receiver(keys, status, show)
    try:
        url = await receiver.start(host, port)
    except (OSError, UnicodeError) as error:  # the latter for a name that cannot be one
        why = getattr(error, "strerror", None) or error
        msg = f'--port: cannot listen on "{host}:{port}": {why}; --port 0 takes a free one'
        raise Misuse(msg) from None
    try:
        click.echo(f"listening on {url}")
        click.echo(f"try: {program()} sample --curl --webhook {url} {EXAMPLE} | sh", err=True)
        await stop.wait()
    finally:
        await receiver.close()
    if gone:
        raise gone[0]


def _as_json(received: Received) -> str:
    signature = {"valid": received.scheme is not None, "scheme": received.scheme}
    return masked(json.dumps({"event": received.event, "signature": signature, "body": received.body}))


def _as_text(received: Received) -> str:
    verdict = f"signature true ({received.scheme})" if received.scheme else "SIGNATURE FALSE"
    body = json.dumps(received.body, indent=2, ensure_ascii=False)
    return masked(f"{received.event or 'no event'}: {verdict}\n{body}")
