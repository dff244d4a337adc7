"""HTTP as the checks need it: exact bytes out, everything that comes back kept, a limit on time and size."""

import http.client
import select
import socket
import ssl
import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from urllib.parse import urlsplit

from contract_tests.exchange import Exchange

MAX_ANSWER_BYTES = 20 * 1024 * 1024
_CHUNK = 256 * 1024
_FEW_MS = 0.25
Header = tuple[str, str]
BODY_METHODS = ("POST", "PUT", "PATCH")


class BadAddress(Exception):
    """The base URL will not do, and why."""


class Wire:
    """Sends requests to one server over kept connections, from any thread, each request with a deadline of its own."""

    def __init__(self, base_url: str, *, timeout_s: float = 30.0, insecure: bool = False) -> None:
        parts = urlsplit(base_url.rstrip("/"))
        try:
            port = parts.port
        except ValueError as error:
            msg = f'"{base_url}": {error}'
            raise BadAddress(msg) from None
        if (
            parts.scheme not in ("http", "https")
            or not parts.hostname
            or parts.query
            or parts.fragment
            or parts.username
        ):
            msg = f'"{base_url}" is no address of a server; want something like https://api.example.com'
            raise BadAddress(msg)
        self.base_url = base_url.rstrip("/")
        self.host, self.prefix = parts.hostname, parts.path
        self._is_tls = parts.scheme == "https"
        self.port = port or (443 if self._is_tls else 80)
        self.authority = parts.netloc
        """Host and port as the Host header has them."""
        self._timeout_s = timeout_s
        self._context = ssl.create_default_context() if self._is_tls else None
        if self._context and insecure:
            self._context.check_hostname = False
            self._context.verify_mode = ssl.CERT_NONE
        self._idle: list[http.client.HTTPConnection] = []
        self._watch = _Watchdog()

    def send(
        self, method: str, path: str, headers: Iterable[Header] = (), body: bytes | Iterable[bytes] | None = None
    ) -> Exchange:
        """The exchange, whatever becomes of it: an answer, part of one, or an error. Redirects are not followed.

        An iterable *body* goes out in chunks of HTTP.
        """
        kept = body if isinstance(body, bytes) or body is None else None
        exchange = Exchange(method, self.base_url + path, path, tuple(headers), kept)
        began = time.monotonic()
        connection = self._connection()
        deadline = self._watch.guard(connection, self._timeout_s)
        try:
            self._ask(connection, exchange, body)
            self._read(connection, exchange)
        except (OSError, http.client.HTTPException, ValueError) as error:
            exchange.timed_out = isinstance(error, TimeoutError)
            exchange.error = _named(error)
            connection.close()
        finally:
            self._watch.done(deadline)
            self._idle.append(connection)
        exchange.timed_out |= deadline.passed  # cut off, what came may look like the end of an answer
        if exchange.timed_out:
            exchange.error = f"timed out after {self._timeout_s:g} s"
            connection.close()
        exchange.took_s = time.monotonic() - began
        return exchange

    def _ask(
        self, connection: http.client.HTTPConnection, exchange: Exchange, body: bytes | Iterable[bytes] | None
    ) -> None:
        names = {name.lower() for name, _ in exchange.headers}
        if connection.sock is None:
            connection.connect()
        connection.putrequest(exchange.method, self.prefix + exchange.path, skip_host=True, skip_accept_encoding=True)
        connection.putheader("Host", self.authority)
        for name, value in exchange.headers:
            connection.putheader(name, value.encode("utf-8", "surrogateescape"))
        is_chunked = body is not None and not isinstance(body, bytes)
        if is_chunked:
            connection.putheader("Transfer-Encoding", "chunked")
        elif "content-length" not in names and (body is not None or exchange.method in BODY_METHODS):
            connection.putheader("Content-Length", str(len(body) if isinstance(body, bytes) else 0))
        with suppress(ConnectionError):  # the server may refuse before it has read everything: its answer counts
            connection.endheaders(body, encode_chunked=is_chunked)

    @staticmethod
    def _read(connection: http.client.HTTPConnection, exchange: Exchange) -> None:
        response = connection.getresponse()
        exchange.status = response.status
        exchange.answer_headers = tuple(response.getheaders())
        taken: list[bytes] = []
        size = 0
        try:
            while piece := response.read(_CHUNK):
                taken.append(piece)
                size += len(piece)
                if size > MAX_ANSWER_BYTES:
                    exchange.error = f"the answer has more than {MAX_ANSWER_BYTES:,} bytes"
                    connection.close()
                    break
            if response.length and not exchange.error:  # read in pieces, http.client does not complain
                exchange.error = f"the answer ended {response.length} bytes early"
                connection.close()
        finally:
            exchange.answer = b"".join(taken)
        if response.will_close:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        try:
            kept = self._idle.pop()
        except IndexError:
            return self._opened()
        if kept.sock is not None and _is_stale(kept.sock):
            kept.close()
        return kept

    def _opened(self) -> http.client.HTTPConnection:
        if self._context:
            return http.client.HTTPSConnection(self.host, self.port, timeout=self._timeout_s, context=self._context)
        return http.client.HTTPConnection(self.host, self.port, timeout=self._timeout_s)

    def raw(self, data: bytes | Sequence[bytes], *, half_close: bool = False, wait_s: float = 5.0) -> bytes:
        """What the server answers to these bytes until it closes or is silent for a while; nothing is checked."""
        with self.open_socket(wait_s) as sock:
            with suppress(OSError):
                for piece in [data] if isinstance(data, bytes) else data:
                    sock.sendall(piece)
                if half_close:
                    sock.shutdown(socket.SHUT_WR)
            taken = b""
            end = time.monotonic() + wait_s
            with suppress(OSError):
                while time.monotonic() < end and len(taken) < MAX_ANSWER_BYTES:
                    if not select.select([sock], [], [], _FEW_MS if _is_whole(taken) else wait_s)[0]:
                        break
                    piece = sock.recv(_CHUNK)
                    if not piece:
                        break
                    taken += piece
            return taken

    def open_socket(self, timeout_s: float = 5.0) -> socket.socket:
        """A connection of its own, for what no HTTP client would send."""
        sock = socket.create_connection((self.host, self.port), timeout_s)
        return self._context.wrap_socket(sock, server_hostname=self.host) if self._context else sock

    def close(self) -> None:
        """Let go of every connection; stop watching."""
        while self._idle:
            self._idle.pop().close()
        self._watch.stop()


def _is_whole(taken: bytes) -> bool:
    """Whether an answer's declared length has come."""
    head, separator, body = taken.partition(b"\r\n\r\n")
    lengths = [line[15:] for line in head.split(b"\r\n") if line[:15].lower() == b"content-length:"]
    return bool(separator and lengths) and len(body) >= int(lengths[0])


def _is_stale(sock: socket.socket) -> bool:
    return bool(select.select([sock], [], [], 0)[0])


def _named(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate is not trusted ({error.verify_message}); --insecure accepts it"
    if isinstance(error, http.client.IncompleteRead):
        return f"the answer ended early, after {len(error.partial)} bytes"
    text = str(error) or type(error).__name__
    return " ".join(text.split())[:200]


class _Deadline:
    def __init__(self, connection: http.client.HTTPConnection, at: float) -> None:
        self.connection, self.at, self.passed = connection, at, False


class _Watchdog:
    """Cuts connections whose exchange takes too long, however busily they drip; socket time-outs see only silence."""

    def __init__(self) -> None:
        self._deadlines: set[_Deadline] = set()
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def guard(self, connection: http.client.HTTPConnection, timeout_s: float) -> _Deadline:
        deadline = _Deadline(connection, time.monotonic() + timeout_s)
        with self._lock:
            self._deadlines.add(deadline)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="deadlines", daemon=True)
                self._thread.start()
        return deadline

    def done(self, deadline: _Deadline) -> None:
        with self._lock:
            self._deadlines.discard(deadline)

    def stop(self) -> None:
        self._stopped.set()

    def _run(self) -> None:
        while not self._stopped.wait(_FEW_MS):
            now = time.monotonic()
            with self._lock:
                late = [each for each in self._deadlines if each.at < now]
            for each in late:
                each.passed = True
                if each.connection.sock is not None:
                    with suppress(OSError):
                        each.connection.sock.shutdown(socket.SHUT_RDWR)
