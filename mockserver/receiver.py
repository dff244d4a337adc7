"""A receiver of webhooks that verifies signatures: behind `mockserver listen` and the demo."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from aiohttp import web

from mockserver.core.jsontext import parse
from mockserver.core.signing import EVENT_HEADER, HEADER, Scheme, matching_scheme

MAX_BODY_BYTES = 4 * 1024 * 1024
REJECTED = 401


class Received(NamedTuple):
    """One delivery as it came in."""

    event: str
    body: Any
    """The JSON value; a text where it is no JSON."""
    signature: str
    scheme: Scheme | None
    """Which HMAC key makes the signature true; none where it is false."""


class Receiver:
    """Listens on one address and hands on what comes. False signatures are answered 401, others with *status*."""

    def __init__(self, keys: Sequence[str], status: int, on_delivery: Callable[[Received], None]) -> None:
        self._keys, self._status, self._on_delivery = keys, status, on_delivery
        self._runner: web.AppRunner | None = None

    async def start(self, host: str, port: int) -> str:
        """Listen (port 0: a free one) and give the address.

        Raises:
            OSError: the address cannot be listened on.
        """
        app = web.Application(client_max_size=MAX_BODY_BYTES)
        app.router.add_post("/{path:.*}", self._receive)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        await site.start()
        name, number = self._runner.addresses[0][:2]
        return f"http://{f'[{name}]' if ':' in name else name}:{number}/webhooks"

    async def close(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _receive(self, request: web.Request) -> web.Response:
        raw = await request.read()
        sent = request.headers.get(HEADER, "")
        scheme = next((found for key in self._keys if (found := matching_scheme(key, raw, sent))), None)
        try:
            body = parse(raw).value
        except ValueError:
            body = raw.decode("utf-8", "replace")
        self._on_delivery(Received(request.headers.get(EVENT_HEADER, ""), body, sent, scheme))
        return web.json_response({"ok": scheme is not None}, status=self._status if scheme else REJECTED)
