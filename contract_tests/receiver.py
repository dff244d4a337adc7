"""A webhook receiver for the checks: keeps the exact bytes of what comes, and answers as a check wants."""

import hashlib
import hmac
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from contract_tests.exchange import Exchange

MAX_BODY_BYTES = 4 * 1024 * 1024
SIGNATURE_HEADER = "X-Webhook-Signature"
EVENT_HEADER = "X-Webhook-Event"


class Received(NamedTuple):
    """One delivery as it came in; *at* is on the machine's monotonic clock."""

    path: str
    headers: Sequence[tuple[str, str]]
    body: bytes
    at: float

    def header(self, name: str) -> str | None:
        """The first header of that name, in any case."""
        return next((value for known, value in self.headers if known.lower() == name.lower()), None)

    @property
    def fields(self) -> Any:
        """The body's JSON object; empty where it is none."""
        return Exchange("POST", "", "", (), None, answer=self.body).fields

    @property
    def event(self) -> str:
        """The event that the body speaks of."""
        return str(self.fields.get("event"))

    @property
    def summary(self) -> str:
        """The body, shortened."""
        text = self.body[:300].decode("utf-8", "replace")
        return f"{self.header(EVENT_HEADER)}: {' '.join(text.split())}"


def signatures(api_key: str, body: bytes) -> dict[str, str]:
    """What the signature header may say, by the reading of the scheme. Source: facts.md section 9.

    The HMAC key is the SHA-256 of the API key: its hex text (`hex`) or its 32 bytes (`raw`).
    """
    digest = hashlib.sha256(api_key.encode())
    readings = {"hex": digest.hexdigest().encode(), "raw": digest.digest()}
    return {name: "sha256=" + hmac.new(key, body, "sha256").hexdigest() for name, key in readings.items()}


@dataclass
class Mailbox:
    """One webhook address of the receiver, and what came to it.

    *answer* is called with the number of the attempt, from 0, and gives status and headers; it may block.
    """

    url: str
    answer: Callable[[int], tuple[int, dict[str, str]]] = lambda _: (200, {})
    received: list[Received] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def wait(self, satisfied: Callable[[list[Received]], bool], timeout_s: float) -> bool:
        """Whether what came satisfies within that real time."""
        with self.changed:
            return self.changed.wait_for(lambda: satisfied(self.received), timeout_s)

    def of_job(self, job_id: str) -> list[Received]:
        """What came about one job, in order."""
        with self.changed:
            return [each for each in self.received if each.fields.get("jobId") == job_id]


class Receiver:
    """Listens on one address; a mailbox is a path of its own below it."""

    def __init__(self, listen: str = "127.0.0.1:0", public: str = "") -> None:
        host, _, port = listen.rpartition(":")
        self._boxes: dict[str, Mailbox] = {}
        self._server = _Server((host.strip("[]") or "127.0.0.1", int(port)), _Handler)
        self._server.boxes = self._boxes
        shown = host or "127.0.0.1"
        self.url = public or f"http://{shown}:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="receiver", daemon=True)
        self._thread.start()

    def mailbox(self, answer: Callable[[int], tuple[int, dict[str, str]]] = lambda _: (200, {})) -> Mailbox:
        """A new address that nothing has come to."""
        path = f"/hook/{len(self._boxes) + 1}"
        box = self._boxes[path] = Mailbox(self.url + path, answer)
        return box

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    allow_reuse_address = sys.platform != "win32"  # there it would let two servers share the port
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    boxes: dict[str, Mailbox]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A sender that went away is no error of ours."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        """Keep it, then answer as the mailbox says."""
        length = self.headers.get("Content-Length", "")
        size = int(length) if length.isdigit() else 0
        if size > MAX_BODY_BYTES:
            self.close_connection = True
            self.send_error(413)
            return
        body = self.rfile.read(size)
        box = self.server.boxes.get(self.path.partition("?")[0])
        if box is None:
            self.send_error(404)
            return
        with box.changed:
            number = len(box.received)
            box.received.append(Received(self.path, tuple(self.headers.items()), body, time.monotonic()))
            box.changed.notify_all()
        status, headers = box.answer(number)
        self.send_response(status)
        for name, value in {"Content-Length": "0", **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    do_GET = do_PUT = do_POST  # noqa: N815 - http.server's own names

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's own name
        """Nothing: the report says what came."""
