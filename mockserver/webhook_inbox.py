"""A receiver of webhooks for tests: it listens in a thread of its own, verifies signatures, and keeps what came."""

import secrets
import threading
import weakref
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from mockserver.client.cutter import Cutter
from mockserver.client.values import Headers, Span, seconds
from mockserver.client.waiting import Found, found
from mockserver.core.jsontext import parse
from mockserver.core.signing import EVENT_HEADER, HEADER, Scheme, matching_scheme
from mockserver.hosted import Hosted
from mockserver.receiver import REJECTED

__tracebackhide__ = True  # pytest shows the line of the test instead


@dataclass(frozen=True, slots=True)
class ReceivedWebhook:
    """One request that came in."""

    event: str
    """As `X-Webhook-Event` says."""
    body: Any
    """The JSON value, or the text."""
    headers: Headers
    scheme: Scheme | None
    """Which HMAC key makes the signature true; none where it is false."""
    answered: int
    """The status that it was answered with."""

    @property
    def is_signed(self) -> bool:
        """Whether the signature is true."""
        return self.scheme is not None

    @property
    def job_id(self) -> str:
        """The job that the body names; empty where it names none."""
        return str(self.body.get("jobId", "")) if isinstance(self.body, dict) else ""


class WebhookInbox:
    """One address for webhooks that are signed with *key*.

    Those with a true signature are answered *status*, which may be set at any time, the others 401.
    """

    def __init__(self, address: str, key: str, status: int = 200) -> None:
        self.url = address
        """For `webhookUrl`."""
        self.status = status
        self.received: list[ReceivedWebhook] = []
        """What came, oldest first, those with a false signature too."""
        self._key = key
        self._came = threading.Condition()

    def wait(
        self, *, event: str | None = None, job: str | None = None, count: int = 1, timeout: Span = 5.0
    ) -> Found[ReceivedWebhook]:
        """Wait until so many with a true signature that fit are there, those of before included; all that fit then.

        Raises:
            TimeoutError: fewer came within so many real seconds; the text shows what came.
        """

        def those() -> list[ReceivedWebhook]:
            return [
                each
                for each in self.received
                if each.is_signed and event in (None, each.event) and job in (None, each.job_id)
            ]

        def wait(cutter: Cutter) -> list[ReceivedWebhook]:
            patience_s = seconds(timeout)
            cutter.hold(self._look_again)
            with self._came:
                self._came.wait_for(lambda: cutter.is_cut or len(those()) >= count, patience_s)
                if len(those()) < count:
                    came = ", ".join(f"{each.event} ({each.answered})" for each in self.received) or "nothing"
                    msg = f"within {patience_s:g} s {len(those())} of {count} webhooks came; received: {came}"
                    raise TimeoutError(msg)
                return those()

        return found("webhook_inbox.wait()", wait)

    def clear(self) -> None:
        """Forget what came."""
        self.received.clear()

    def take(self, headers: Headers, raw: bytes) -> int:
        """Keep a request; the status to answer with."""
        scheme = matching_scheme(self._key, raw, headers.get(HEADER, ""))
        try:
            body = parse(raw).value
        except ValueError:
            body = raw.decode("utf-8", "replace")
        answered = self.status if scheme else REJECTED
        with self._came:
            self.received.append(ReceivedWebhook(headers.get(EVENT_HEADER, ""), body, headers, scheme, answered))
            self._came.notify_all()
        return answered

    def _look_again(self) -> None:
        with self._came:
            self._came.notify_all()


class WebhookInboxes:
    """Listens on loopback, in a thread of its own from `with` to its end, for any number of inboxes.

    What comes for an inbox that was closed is answered 200 and forgotten: it belongs to a test that is over.
    """

    def __init__(self) -> None:
        self._hosted = Hosted(_Listening(self._receive), "webhook inboxes")
        self._open: weakref.WeakValueDictionary[str, WebhookInbox] = weakref.WeakValueDictionary()
        self._url = ""

    def open(self, key: str) -> WebhookInbox:
        """A new inbox, for as long as somebody has it."""
        name = secrets.token_hex(8)
        inbox = self._open[name] = WebhookInbox(f"{self._url}/{name}", key)
        return inbox

    async def _receive(self, request: web.BaseRequest) -> web.StreamResponse:
        inbox = self._open.get(request.path.split("/")[1])
        raw = await request.read()
        status = 200 if inbox is None else inbox.take(Headers(dict(request.headers)), raw)
        return web.json_response({"ok": status == 200}, status=status)  # noqa: PLR2004 - what it says

    def __enter__(self) -> Self:
        self._url = self._hosted.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._hosted.stop()


class _Listening:
    """A bare server on a free port of loopback; entered, it gives its address."""

    def __init__(self, receive: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]) -> None:
        self._receive = receive

    async def __aenter__(self) -> str:
        self._runner = web.ServerRunner(web.Server(self._receive, access_log=None), shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        return f"http://{host}:{port}"

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()
