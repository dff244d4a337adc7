"""A mock of its own whose time stands still, with a receiver of webhooks: what it answers is recorded."""

import asyncio
import contextlib
import hashlib
from collections.abc import Mapping
from types import TracebackType
from typing import Any, NamedTuple, Self
from urllib.parse import urlsplit

import aiohttp

from mockserver.app import App
from mockserver.clock import Clock
from mockserver.core.deliveries import Attempt, Delivery
from mockserver.core.instants import instant
from mockserver.core.jobs import Job
from mockserver.core.jsontext import parse
from mockserver.core.signing import EVENT_HEADER, HEADER, key_digest, signature
from mockserver.receiver import Receiver
from mockserver.settings import Settings

KEY = "afk_0000000000000000000000000000000000000000"
"""The documented key: every request and every signature is of it, unless said otherwise."""
START = instant("2026-03-15T10:00:00Z")
"""When every recording begins."""
PUBLIC_URL = "https://cdn2.apiframe.ai"
"""Where result addresses start, as the vendor shows them."""
HOOK = "https://example.com/webhooks/apiframe"
"""Stands in recorded requests for the address of the studio's receiver."""
SHOWN_HEADERS = ("Content-Type", "Retry-After", "Allow")
"""Of answers; the others differ each time, or say nothing of the API."""

Fixture = dict[str, Any]


class Answered(NamedTuple):
    """One answer of the mock."""

    status: int
    headers: Mapping[str, str]
    """Those that are worth recording."""
    body: Any
    """The JSON value; the bytes where it is no JSON; none where there are none."""

    def shown(self) -> Fixture:
        """Status and body."""
        return {"status": self.status, "body": self.body}

    def told(self) -> Fixture:
        """The same with headers."""
        return {"status": self.status, "headers": dict(self.headers), "body": self.body}


class Unexpected(Exception):
    """The mock answered otherwise than the recording needs: a bug of ours."""


class Studio:
    """An asynchronous context manager. Everything starts anew with each `start_over`, in the same way every time."""

    def __init__(self, **settings: Any) -> None:
        self.clock = Clock(START, is_frozen=True)
        self.app = App(Settings(port=0, seed=0, speed=1.0, public_url=PUBLIC_URL, **settings), self.clock)
        self.sent: list[Attempt] = []
        """Webhooks of this recording, oldest first."""
        self._receiver = Receiver([KEY], 200, lambda _: None)
        self._hook = ""
        self._closing = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with contextlib.AsyncExitStack() as stack:
            await stack.enter_async_context(self.app)
            self._hook = await self._receiver.start("127.0.0.1", 0)
            stack.push_async_callback(self._receiver.close)
            self._http = await stack.enter_async_context(aiohttp.ClientSession(self.app.url))
            self._closing = stack.pop_all()
        self.app.deliverer.watch(self._note)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._closing.aclose()

    def _note(self, _: Job, __: Delivery, attempt: Attempt) -> None:
        self.sent.append(attempt)

    async def start_over(self, **key: Any) -> None:
        """A mock as at its start, with the documented key, which the levers make with the fields *key*."""
        await self.pull("reset", {})
        await self.pull("keys", {"key": KEY, "name": "Documented Key", **key})
        self.sent.clear()

    def draw(self, name: str) -> None:
        """Let what comes next be drawn from *name* alone, so that a new model changes the fixtures of no other."""
        digest = hashlib.sha256(name.encode()).digest()
        self.app.service.chance.seed(int.from_bytes(digest[:8]))

    async def pull(self, lever: str, body: Any, method: str = "POST") -> Any:
        """What a lever of the control plane answers."""
        return (await self.ask(method, f"/_mock/{lever}", body, status=range(200, 300))).body

    async def move_to(self, at: float) -> None:
        """Let it be that instant, and every webhook that is due by then be sent."""
        self.clock.move_to(at)
        await self.app.deliverer.settled()

    async def kept(self, job_id: str) -> Job:
        """The job as it is kept."""
        job = await self.app.store.job(job_id)
        if job is None:
            raise Unexpected(job_id)
        return job

    async def ask(  # noqa: PLR0913 - all that a request may have
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        status: range | int | None = None,
        key: str | None = KEY,
        headers: Mapping[str, str] | None = None,
        raw: Any = None,
    ) -> Answered:
        """The answer to a request with a JSON *body*, or a *raw* one.

        Raises:
            Unexpected: it has another status than *status*.
        """
        sent = {**({} if key is None else {"X-API-Key": key}), **(headers or {})}
        json = None if body is None else self.really(body)
        async with self._http.request(method, path, json=json, data=raw, headers=sent) as answer:
            answered = Answered(answer.status, _worth(answer.headers), _value(await answer.read()))
        if status is not None and answered.status not in (status if isinstance(status, range) else (status,)):
            msg = f"{method} {path} with {json} was answered {answered.status} {answered.body}"
            raise Unexpected(msg)
        return answered

    async def ask_bare(self, text: str) -> Answered:
        """The answer to a request that is sent as it is."""
        place = urlsplit(self.app.url)
        reader, writer = await asyncio.open_connection(place.hostname, place.port)
        writer.write(text.encode())
        status, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").strip().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines)
        body = await reader.readexactly(int(headers["Content-Length"]))
        writer.close()
        return Answered(int(status.split()[1]), _worth(headers), _value(body))

    def really(self, body: Any) -> Any:
        """The body as it is really sent."""
        is_hooked = isinstance(body, dict) and body.get("webhookUrl") == HOOK
        return {**body, "webhookUrl": self._hook} if is_hooked else body

    def webhook(self, event: str, **fields: Any) -> Fixture:
        """The first webhook of this event whose body has these fields, with its exact bytes as text."""
        for attempt in self.sent:
            is_it = attempt.request_headers[EVENT_HEADER] == event
            if is_it and fields.items() <= parse(attempt.request_body).value.items():
                return _shown(attempt)
        msg = f"no webhook {event} with {fields}: {self.sent}"
        raise Unexpected(msg)


def _worth(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: headers[name] for name in SHOWN_HEADERS if name in headers}


def _value(raw: bytes) -> Any:
    if not raw:
        return None
    try:
        return parse(raw).value
    except ValueError:
        return raw


def _shown(attempt: Attempt) -> Fixture:
    digest, body = key_digest(KEY), attempt.request_body
    sent = attempt.request_headers
    return {
        "headers": {name: sent[name] for name in ("Content-Type", EVENT_HEADER, HEADER)},
        "signatures": {"hex": signature(digest, body, "hex"), "raw": signature(digest, body, "raw")},
        "body": body.decode(),
    }
