"""The way to all other hosts: straight there, or through the proxy that this machine has to use."""

import asyncio
import logging
import ssl
from base64 import b64encode
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from mockserver.intercept.heads import ESTABLISHED, Head, Refused
from mockserver.intercept.hosts import covers, entries, is_loopback
from mockserver.intercept.streams import Address, Stream, connected, send

log = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 30.0


class Upstream(NamedTuple):
    """A proxy that is not ours."""

    address: Address
    is_secure: bool
    authorization: bytes
    """A header line, empty where none is needed."""

    async def connected(self) -> Stream:
        """A connection to it."""
        context = ssl.create_default_context() if self.is_secure else None
        return await connected(self.address, context, self.address.host if context else None)


class Outside:
    """Connects to hosts by the proxy variables of *environment*."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        def given(name: str) -> str:
            return environment.get(name) or environment.get(name.upper(), "")

        everything = given("all_proxy")
        self._for_tunnels = _upstream(given("https_proxy") or everything)
        self._for_plain = _upstream(given("http_proxy") or everything)
        self._left_out = entries(given("no_proxy"))

    async def tunnel(self, head: Head) -> Stream:
        """A connection to the host that a CONNECT names, ready for the client's own bytes.

        Raises:
            Refused: it cannot be reached.
        """
        via = self._upstream_for(self._for_tunnels, head.host)
        server = await _reached(head.address, via)
        if via is not None:
            try:
                await _ask_for_tunnel(server, head, via)
            except BaseException:
                server.writer.transport.abort()
                raise
        return server

    async def exchange(self, head: Head) -> tuple[Stream, bytes]:
        """A connection to the host of any other request, or to the proxy before it, and the head to send there.

        Raises:
            Refused: it cannot be reached.
        """
        via = self._upstream_for(self._for_plain, head.host)
        server = await _reached(head.address, via, is_secure=head.is_secure)
        return server, head.to_server() if via is None else head.to_proxy(via.authorization)

    def _upstream_for(self, upstream: Upstream | None, host: str) -> Upstream | None:
        return None if is_loopback(host) or any(covers(entry, host) for entry in self._left_out) else upstream


async def _reached(address: Address, via: Upstream | None, *, is_secure: bool = False) -> Stream:
    shown = f'"{address.host}:{address.port}"' + (f" through the proxy {via.address.host}" if via else "")
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            if via is not None:
                return await via.connected()
            return await connected(address, ssl.create_default_context() if is_secure else None)
    except TimeoutError:
        raise Refused(504, "Gateway Timeout", f"{shown} did not answer within {CONNECT_TIMEOUT_S:g} s") from None
    except (OSError, UnicodeError) as error:  # the latter for a name that cannot be one
        raise Refused(502, "Bad Gateway", f"cannot reach {shown}: {error}") from None


async def _ask_for_tunnel(server: Stream, head: Head, via: Upstream) -> None:
    place = f"[{head.host}]:{head.port}" if ":" in head.host else f"{head.host}:{head.port}"
    lines = [f"CONNECT {place} HTTP/1.1".encode(), f"Host: {place}".encode(), via.authorization]
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            await send(server.writer, b"\r\n".join([*filter(None, lines), b"", b""]))
            answer = await server.reader.readuntil(b"\r\n\r\n")
    except (OSError, EOFError, asyncio.LimitOverrunError) as error:
        said = str(error) or "no answer"
    else:
        said = answer.partition(b"\r\n")[0].decode("latin-1")[:200]
        if said.split(" ")[1:2] == [ESTABLISHED.split(b" ")[1].decode()]:
            return
    raise Refused(502, "Bad Gateway", f'the proxy {via.address.host} gave no way to "{place}": {said}')


def _upstream(url: str) -> Upstream | None:
    """A proxy from its address; none where there is no address, or it is no HTTP proxy."""
    if not url:
        return None
    parts = urlsplit(url if "://" in url else f"http://{url}")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        log.warning('"%s" is no HTTP proxy; other hosts are reached without it', parts.scheme + "://...")
        return None
    is_secure = parts.scheme == "https"
    return Upstream(
        Address(parts.hostname, parts.port or (443 if is_secure else 80)),
        is_secure,
        _authorization(parts.username, parts.password),
    )


def _authorization(user: str | None, password: str | None) -> bytes:
    if user is None:
        return b""
    pair = f"{unquote(user)}:{unquote(password or '')}"
    return b"Proxy-Authorization: Basic " + b64encode(pair.encode())
