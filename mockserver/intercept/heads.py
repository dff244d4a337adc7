"""What clients ask of a proxy: the heads of their requests read, rewritten and answered."""

import asyncio
from typing import NamedTuple
from urllib.parse import urlsplit

from mockserver.intercept.hosts import plain_name
from mockserver.intercept.streams import Address, Stream, send
from mockserver.logs import on_one_line

HEAD_TIMEOUT_S = 30.0
LINGER_S = 2.0
"""How long an answer waits for a client that still sends."""
ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"
_PORTS = {"http": 80, "https": 443}
_FOR_THE_PROXY = (b"connection", b"keep-alive", b"proxy-authorization", b"proxy-connection", b"upgrade")
"""Headers about the connection to the proxy, which go no further."""


class Refused(Exception):
    """The proxy will not or cannot do what it is asked; the text says why."""

    def __init__(self, status: int, reason: str, text: str) -> None:
        super().__init__(text)
        self.status, self.reason = status, reason


class Head(NamedTuple):
    """The head of a request to a proxy."""

    method: str
    host: str
    port: int
    is_secure: bool
    """Whether the address asks for TLS, which then is the proxy's to do."""
    target: str
    """As it was sent."""
    version: str
    headers: tuple[bytes, ...]

    @property
    def is_tunnel(self) -> bool:
        """Whether the connection is to be passed on as it is."""
        return self.method == "CONNECT"

    @property
    def address(self) -> Address:
        """Where the client wants to go."""
        return Address(self.host, self.port)

    def to_server(self) -> bytes:
        """The head as the server itself gets it."""
        url = urlsplit(self.target)
        path = (url.path or "/") + ("?" + url.query if "?" in self.target else "")
        return self._with_target(path)

    def to_proxy(self, authorization: bytes) -> bytes:
        """The head as another proxy gets it, with a line that lets us in there."""
        return self._with_target(self.target, authorization)

    def _with_target(self, target: str, *more: bytes) -> bytes:
        kept = [line for line in self.headers if line.partition(b":")[0].strip().lower() not in _FOR_THE_PROXY]
        first = f"{self.method} {target} {self.version}".encode("latin-1")
        return b"\r\n".join([first, *kept, *filter(None, more), b"Connection: close", b"", b""])


async def read_head(client: Stream, timeout_s: float = HEAD_TIMEOUT_S) -> Head:
    """The head of the client's request.

    Raises:
        Refused: it comes too slowly, is too large, or is no request to a proxy.
        EOFError: the client went away before its end.
    """
    try:
        async with asyncio.timeout(timeout_s):
            text = await client.reader.readuntil(b"\r\n\r\n")
    except TimeoutError:
        raise Refused(408, "Request Timeout", f"the request did not come within {timeout_s:g} s") from None
    except asyncio.LimitOverrunError:
        raise Refused(431, "Request Header Fields Too Large", "the head of the request is too large") from None
    return parsed(text)


def parsed(text: bytes) -> Head:
    """A head from its text.

    Raises:
        Refused: it is no request to a proxy.
    """
    first, *headers = text.removesuffix(b"\r\n\r\n").split(b"\r\n")
    words = first.decode("latin-1").split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):  # noqa: PLR2004 - method, target, version
        raise Refused(400, "Bad Request", "this is a proxy for HTTP/1.1, and that was none")
    method, target, version = words
    scheme, host, port = _place(f"//{target}" if method == "CONNECT" else target)
    if not host or not port or scheme not in (("",) if method == "CONNECT" else _PORTS):
        wanted = "CONNECT HOST:PORT, or an address with http:// or https://"
        raise Refused(400, "Bad Request", f'this is a proxy: it wants {wanted}, not "{on_one_line(target[:200])}"')
    return Head(method, host, port, scheme == "https", target, version, tuple(headers))


def _place(target: str) -> tuple[str, str, int]:
    """The scheme, host and port of an address, each empty or 0 where it has none."""
    try:
        url = urlsplit(target)
        return url.scheme, plain_name(url.hostname or ""), url.port or _PORTS.get(url.scheme, 0)
    except ValueError:
        return "", "", 0


async def refuse(client: Stream, refused: Refused) -> None:
    """Answer with the reason, and let the client finish sending, so that it reads the answer."""
    body = f"mockserver run: {refused}\n".encode()
    head = (
        f"HTTP/1.1 {refused.status} {refused.reason}\r\nContent-Type: text/plain; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n"
    )
    await send(client.writer, head.encode() + body)
    if not client.writer.is_closing():
        client.writer.write_eof()
    try:
        async with asyncio.timeout(LINGER_S):
            while await client.reader.read(65_536):
                pass
    except TimeoutError:
        return
