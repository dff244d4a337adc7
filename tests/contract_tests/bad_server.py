"""Servers that misbehave in one way each, over real sockets."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from ssl import SSLContext

Behaviour = Callable[[socket.socket, threading.Event], None]

ME = {
    "user": {"id": "d4e5f6a7-b8c9-0123-def4-567890123456", "email": "me@example.com", "role": "ADMIN"},
    "team": {
        "id": "e5f6a7b8-c9d0-1234-ef56-789012345678",
        "name": "Team",
        "credits": 50,
        "plan": "pro",
        "customerId": None,
    },
    "apiKey": None,
}


def answer(body: bytes, *, status: str = "200 OK", kind: str = "application/json", more: str = "") -> bytes:
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{more}Connection: close\r\n\r\n"
    )
    return head.encode() + body


def says(raw: bytes) -> Behaviour:
    def behave(connection: socket.socket, _: threading.Event) -> None:
        connection.sendall(raw)

    return behave


def hangs(_: socket.socket, over: threading.Event) -> None:
    over.wait(30)


def drips(connection: socket.socket, over: threading.Event) -> None:
    """A byte now and then: never silent for long, never done."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Drip: ")
    while not over.wait(0.05):
        connection.sendall(b"x")


def floods(connection: socket.socket, _: threading.Event) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 104857600\r\n\r\n")
    for _number in range(100):
        connection.sendall(b" " * 1_048_576)


BEHAVIOURS: dict[str, Behaviour] = {
    "hangs": hangs,
    "drips": drips,
    "closes": says(b""),
    "html": says(answer(b"<html><h1>It works!</h1></html>", kind="text/html")),
    "wrong JSON": says(answer(b'{"user": ')),
    "JSON of another shape": says(answer(b'[["user"], null, 7]')),
    "half a body": says(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n" + b'{"user"'
    ),
    "half a chunk": says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\nabc"),
    "100 MB": floods,
    "redirects": says(answer(b"", status="302 Found", more="Location: https://elsewhere.example/v2/me\r\n")),
    "no HTTP": says(b"220 mail.example.com ESMTP\r\n"),
    "bad gateway": says(answer(b"<html>502</html>", status="502 Bad Gateway", kind="text/html")),
    "odd types": says(
        answer(json.dumps({**ME, "jobs": {}, "jobId": 7, "status": [], "models": "x", "error": {}}).encode())
    ),
}


class BadServer:
    """Answers `/v2/me` as it should where *greets*, and anything else as *behave* does."""

    def __init__(self, behave: Behaviour, *, greets: bool, tls: SSLContext | None = None) -> None:
        self._behave, self._greets, self._tls = behave, greets, tls
        self._over = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.asked: list[bytes] = []
        self.url = f"http{'s' if tls else ''}://localhost:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(30)
        with suppress(OSError):
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True)
            with connection:
                request = connection.recv(65_536)
                self.asked.append(request)
                if self._greets and request.startswith(b"GET /v2/me"):
                    connection.sendall(answer(json.dumps(ME).encode()))
                elif request.startswith(b"GET /_mock"):
                    connection.sendall(answer(b'{"error": "Not found"}', status="404 Not Found"))
                else:
                    self._behave(connection, self._over)

    def close(self) -> None:
        self._over.set()
        self._listener.close()


@contextmanager
def bad_server(name: str, *, greets: bool = False, tls: SSLContext | None = None) -> Iterator[BadServer]:
    server = BadServer(BEHAVIOURS[name], greets=greets, tls=tls)
    try:
        yield server
    finally:
        server.close()
