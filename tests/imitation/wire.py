"""HTTP by hand for the imitation: strict in what it takes, unusual in what it sends."""

import itertools
import json
import re
import secrets
import socket
import socketserver
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus
from typing import Any, cast
from uuid import UUID

JsonObject = dict[str, Any]
HEAD_BYTES, BODY_BYTES, DRAINED_BYTES = 16_384, 15_000_000, 100_000_000
IDLE_S, STALLED_S = 60, 5
TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


class Refused(Exception):
    """An error that the API answers on purpose."""

    def __init__(self, status: int, text: str, *, headers: JsonObject | None = None, **more: Any) -> None:
        super().__init__(text)
        self.status, self.headers, self.body = status, headers or {}, {"error": text, **more}


def now_us() -> int:
    """Microseconds since the epoch."""
    return time.time_ns() // 1000  # noqa: TID251 - the imitation keeps real time


def uuid7() -> str:
    """A fresh time-ordered UUID, version 7."""
    text = f"{now_us() // 1000:012x}7{secrets.randbits(12):03x}{2 << 62 | secrets.randbits(62):016x}"
    return str(UUID(text))


@dataclass(frozen=True)
class Request:
    """One request as it came; `body` is None when it was too large to keep."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes | None
    lasting: bool


Answer = Callable[[Request], tuple[int, JsonObject, JsonObject]]


class Connection(socketserver.StreamRequestHandler):
    """The requests of one connection, one after the other."""

    disable_nagle_algorithm = True

    def handle(self) -> None:
        with suppress(OSError):
            while self.one():
                pass
            self.connection.shutdown(socket.SHUT_WR)  # what is still coming gets read, lest a reset eat the answer
            self.connection.settimeout(0.5)
            for _ in range(2_000):
                if not self.connection.recv(65_536):
                    break

    def one(self) -> bool:
        """Answer one request; whether another may follow."""
        try:
            request = self.request_read()
        except TimeoutError:
            return False
        except Refused as refusal:
            self.send("GET", refusal.status, {"connection": "close"}, {"help": None, **refusal.body}, split=False)
            return False
        if request is None:
            return False
        status, headers, body = cast("Server", self.server).answer(request)
        headers = headers if request.lasting else {**headers, "connection": "close"}
        split = request.lasting and request.target.startswith(("/v2/me", "/v2/jobs?", "/v2/models"))
        self.send(request.method, status, headers, body, split=split)
        return request.lasting

    def send(self, method: str, status: int, headers: JsonObject, body: JsonObject, *, split: bool) -> None:
        """Write an answer, in chunks or with its length."""
        data = json.dumps(body, indent=3).encode() + b"\n"
        length = {"transfer-encoding": "chunked"} if split else {"content-length": len(data)}
        fields = {
            "date": formatdate(usegmt=True),
            "content-type": "application/json; charset=utf-8",
            **length,
            **headers,
        }
        lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", f"X-Request-ID: {uuid7()}"]
        head = "\r\n".join([*lines, *(f"{name}: {value}" for name, value in fields.items()), "", ""]).encode()
        if split:
            parts = [data[:7], data[7:]]
            data = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
        self.wfile.write(head if method == "HEAD" else head + data)

    def request_read(self) -> Request | None:
        self.connection.settimeout(IDLE_S)
        if not self.rfile.peek(1):  # type: ignore[attr-defined] # a socket's file is buffered
            return None
        self.connection.settimeout(STALLED_S)
        try:
            return self.request_parsed(list(self.head()))
        except TimeoutError as reason:
            raise Refused(400, "The request stopped half way.") from reason

    def head(self) -> Iterator[bytes]:
        """The request line and the header lines."""
        left = HEAD_BYTES
        for number in itertools.count():
            line = self.rfile.readline(left + 1)
            left -= len(line)
            if left < 0:
                raise Refused(431 if number else 414, "The request's head is too long.")
            if not line.endswith(b"\n"):
                raise ConnectionError
            if not line.strip(b"\r\n"):
                return
            yield line.rstrip(b"\r\n")

    def request_parsed(self, lines: list[bytes]) -> Request:
        start = re.fullmatch(rb"([A-Za-z-]{1,40}) ([\x21-\x7e\x80-\xff]+) HTTP/1\.([01])", lines[0] if lines else b"")
        if not start:
            raise Refused(400, "The request line cannot be read.")
        headers: dict[str, str] = {}
        for line in lines[1:]:
            name, colon, raw = line.partition(b":")
            if not colon or not TOKEN.fullmatch(name) or re.search(rb"[\x00\r]", raw):
                raise Refused(400, "A header cannot be read.")
            value = raw.strip(b" \t").decode("latin-1")
            lower = name.decode().lower()
            headers[lower] = f"{headers[lower]}, {value}" if lower in headers else value
        newer = start[3] == b"1"
        if newer and "host" not in headers:
            raise Refused(400, "A Host header is needed.")
        lasting = newer and headers.get("connection", "").lower() != "close"
        if headers.get("expect", "").lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        return Request(start[1].decode(), start[2].decode("latin-1"), headers, self.body(headers), lasting)

    def body(self, headers: dict[str, str]) -> bytes | None:
        """The body, or None when it is larger than is allowed: then it was read and dropped."""
        kept, size = bytearray(), 0
        for part in self.parts(headers.get("transfer-encoding"), headers.get("content-length")):
            size += len(part)
            kept += part[: max(0, BODY_BYTES - len(kept))]
            if size > DRAINED_BYTES:
                raise Refused(413, "The body is larger than 15 MB.")
        return bytes(kept) if size <= BODY_BYTES else None

    def parts(self, coding: str | None, length: str | None) -> Iterator[bytes]:
        if coding is None:
            if not re.fullmatch(r"[0-9]{1,15}", length or "0"):
                raise Refused(400, "The body's length cannot be read.")
            if int(length or "0") > DRAINED_BYTES:
                raise Refused(413, "The body is larger than 15 MB.")
            yield from self.exactly(int(length or "0"))
            return
        if coding.lower() != "chunked" or length is not None:
            raise Refused(400, "The body's framing cannot be read.")
        while True:
            size = re.fullmatch(rb"([0-9A-Fa-f]{1,8})[ \t]*(;[^\r\n]*)?\r\n", self.rfile.readline(1024))
            if not size:
                raise Refused(400, "A chunk cannot be read.")
            if not int(size[1], 16):
                break
            yield from self.exactly(int(size[1], 16))
            if self.rfile.read(2) != b"\r\n":
                raise Refused(400, "A chunk cannot be read.")
        while self.rfile.readline(1024) not in {b"\r\n", b"\n", b""}:
            pass

    def exactly(self, size: int) -> Iterator[bytes]:
        """*size* bytes, in pieces."""
        while size:
            part = self.rfile.read(min(size, 65_536))
            if not part:
                raise ConnectionError
            size -= len(part)
            yield part


class Server(socketserver.ThreadingTCPServer):
    """A thread for each connection; closing ends them all."""

    allow_reuse_address = True
    daemon_threads = False
    request_queue_size = 128

    def __init__(self, port: int, answer: Answer) -> None:
        super().__init__(("127.0.0.1", port), Connection)
        self.answer, self.connections = answer, set[Any]()

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self.connections.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        for connection in list(self.connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        super().server_close()
