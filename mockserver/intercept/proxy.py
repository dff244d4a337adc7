"""The proxy that programs are pointed to: the vendor's hosts lead to the mock, the others out or nowhere."""

import logging
from collections import Counter
from typing import NamedTuple

from mockserver.intercept.heads import ESTABLISHED, HEAD_TIMEOUT_S, Head, Refused, read_head, refuse
from mockserver.intercept.hosts import HOSTS, is_loopback
from mockserver.intercept.outside import Outside
from mockserver.intercept.streams import Address, Listener, Stream, connected, join, send

log = logging.getLogger(__name__)

OFFLINE = "Refused by mockserver run --offline"
"""Stands in the status line: of an answer to CONNECT, most clients show nothing else."""
HTTP_PORT = 80


class Mock(NamedTuple):
    """Where the mock answers."""

    plain: Address
    secure: Address
    """With TLS, as the vendor's hosts."""


class Proxy:
    """Tunnels and forwards; remembers what a person may have to be told.

    Args:
        mock: answers for the vendor's hosts; nothing for them leaves this machine.
        outside: the way to other hosts.
        is_offline: whether other machines are refused.
        head_timeout_s: how long a client may take to say what it wants.
    """

    def __init__(
        self, mock: Mock, outside: Outside, *, is_offline: bool = False, head_timeout_s: float = HEAD_TIMEOUT_S
    ) -> None:
        self._mock, self._outside, self._is_offline = mock, outside, is_offline
        self._head_timeout_s = head_timeout_s
        self._listener = Listener(self._serve)
        self.vendor_connections = 0
        """Connections for the vendor's hosts."""
        self.refused: Counter[str] = Counter()
        """Requests that were refused for being offline, by host."""

    async def start(self) -> str:
        """Listen, and give the address for `HTTPS_PROXY`."""
        host, port = await self._listener.start()
        return f"http://{host}:{port}"

    async def close(self) -> None:
        """Stop, and end what is open."""
        await self._listener.close()

    async def _serve(self, client: Stream) -> None:
        try:
            head = await read_head(client, self._head_timeout_s)
            server, opening = await self._reached(head)
        except Refused as refused:
            log.debug("%s", refused)
            await refuse(client, refused)
            return
        try:
            await (send(client.writer, ESTABLISHED) if head.is_tunnel else send(server.writer, opening))
            await join(client, server)
        finally:
            server.writer.close()

    async def _reached(self, head: Head) -> tuple[Stream, bytes]:
        """A connection to who answers, and what is to be sent there first."""
        if head.host in HOSTS:
            self.vendor_connections += 1
            return await connected(self._place_in_mock(head)), b"" if head.is_tunnel else head.to_server()
        if self._is_offline and not is_loopback(head.host):
            self.refused[head.host] += 1
            raise Refused(403, OFFLINE, f'--offline: "{head.host}" is not reached; without --offline it would be')
        if head.is_tunnel:
            return await self._outside.tunnel(head), b""
        return await self._outside.exchange(head)

    def _place_in_mock(self, head: Head) -> Address:
        return self._mock.secure if head.is_tunnel and head.port != HTTP_PORT else self._mock.plain
