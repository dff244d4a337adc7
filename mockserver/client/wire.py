"""HTTP to the control plane of a mock: JSON over kept connections, from any thread."""

import contextlib
import json
import socket
import threading
import weakref
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from mockserver.client.cutter import Cutter

__tracebackhide__ = True  # pytest shows the line of the test instead
PREFIX = "/_mock"
CALL_S = 120.0
"""How long a call may take beside what it is told to wait: moving the clock waits for receivers of webhooks."""
REFUSED, CONFLICT = 400, 409


class ControlError(Exception):
    """The mock refused what was asked of it, or could not be asked; the text says what and why."""

    def __init__(self, text: str, status: int | None = None, problem: Mapping[str, Any] | None = None) -> None:
        super().__init__(text)
        self.status = status
        """The HTTP status; none where no answer came."""
        self.problem = problem or {}
        """The problem body (RFC 9457)."""
        self.title = str(self.problem.get("title", ""))
        """What kind of mistake it is; empty where the mock has said nothing."""
        self.detail = str(self.problem.get("detail", text))
        """What is wrong, and what would do."""


class Wire:
    """Asks one server. Calls of several threads go over connections of their own, which are kept for the next call."""

    def __init__(self, url: str = "", token: str = "") -> None:
        self._idle: list[HTTPConnection] = []
        self._lock = threading.Lock()
        weakref.finalize(self, _close_all, self._idle)
        self.token = token
        self.url = ""
        """Without a slash at its end; empty where nothing has been started yet."""
        if url:
            self.open(url, token)

    def open(self, url: str, token: str = "") -> None:
        """Ask this server from now on.

        Raises:
            ValueError: this is no http address.
        """
        parts = urlsplit(url if "://" in url else f"http://{url}")
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            msg = f'"{url}" is no address of a mock: want one as in "http://127.0.0.1:4010"'
            raise ValueError(msg)
        self._make = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._host, self._port = parts.hostname, parts.port
        self._base = parts.path.rstrip("/")
        self.url = f"{parts.scheme}://{parts.netloc}{self._base}"
        self.token = token

    def ask(  # noqa: PLR0913 - what a call is made of, named where it matters
        self,
        method: str,
        lever: str,
        body: Any = None,
        *,
        query: Mapping[str, Any] | None = None,
        patience_s: float = 0.0,
        cutter: Cutter | None = None,
    ) -> Any:
        """What a lever answers, as JSON; none for an empty answer.

        Raises:
            ControlError: the lever refuses, or cannot be reached.
            RuntimeError: the server is not running.
        """
        if not self.url:
            msg = "the mock is not running: ask it within `with MockServer() as mock:`"
            raise RuntimeError(msg)
        path = f"{self._base}{PREFIX}/{lever}" + (f"?{urlencode(query)}" if query else "")
        raw = None if body is None else json.dumps(body).encode()
        connection = self._taken(CALL_S + patience_s)
        is_used = connection.sock is not None
        try:
            if cutter is not None:
                cutter.hold(lambda: _cut(connection))
            connection.request(method, path, raw, self._headers(raw))
            response = connection.getresponse()
            answer = response.read()
        except (OSError, HTTPException) as error:
            connection.close()
            if is_used and method == "GET" and isinstance(error, ConnectionError) and not _is_cut(cutter):
                return self.ask(method, lever, query=query, patience_s=patience_s, cutter=cutter)  # closed meanwhile
            msg = f"{method} {self.url}{PREFIX}/{lever}: {str(error) or type(error).__name__}; is the mock running?"
            raise ControlError(msg) from error
        except BaseException:
            connection.close()
            raise
        self._give_back(connection, response)
        return _value(method, f"{self.url}{PREFIX}/{lever}", response, answer)

    def _headers(self, raw: bytes | None) -> dict[str, str]:
        headers = {} if raw is None else {"Content-Type": "application/json"}
        return {**headers, "X-Mock-Token": self.token} if self.token else headers

    def _taken(self, timeout_s: float) -> HTTPConnection:
        with self._lock:
            while self._idle:
                connection = self._idle.pop()
                if _is_alive(connection):
                    connection.timeout = timeout_s
                    connection.sock.settimeout(timeout_s)
                    return connection
                connection.close()
        return self._make(self._host, self._port, timeout=timeout_s)

    def _give_back(self, connection: HTTPConnection, response: HTTPResponse) -> None:
        if response.will_close or connection.sock is None:
            connection.close()
            return
        with self._lock:
            self._idle.append(connection)

    def close(self) -> None:
        """Let go of the connections that are not in use; the next call makes a new one."""
        with self._lock:
            _close_all(self._idle)


def escaped(text: str) -> str:
    """A text as one segment of a path."""
    return quote(text, safe="")


def _close_all(connections: list[HTTPConnection]) -> None:
    while connections:
        connections.pop().close()


def _is_cut(cutter: Cutter | None) -> bool:
    return cutter is not None and cutter.is_cut


def _cut(connection: HTTPConnection) -> None:
    """End a call that is under way: it raises OSError or HTTPException in its own thread."""
    if connection.sock is not None:
        with contextlib.suppress(OSError):
            connection.sock.shutdown(socket.SHUT_RDWR)


def _is_alive(connection: HTTPConnection) -> bool:
    """Whether the server still holds its end of an idle connection."""
    connection.sock.setblocking(False)  # noqa: FBT003 - the socket's own interface
    try:
        socket.socket.recv(connection.sock, 1, socket.MSG_PEEK)  # TLS sockets have no peeking of their own
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _value(method: str, place: str, response: HTTPResponse, answer: bytes) -> Any:
    try:
        value = json.loads(answer) if answer else None
    except ValueError:
        value = answer[:200].decode("utf-8", "replace")
    if response.status < REFUSED:
        return value
    if isinstance(value, dict) and "detail" in value:
        msg = f"{value['title']}: {value['detail']}"
        raise ControlError(msg, response.status, value)
    msg = f"{method} {place} was answered {response.status} {value}; is this a mock, and without --no-control?"
    raise ControlError(msg, response.status)
