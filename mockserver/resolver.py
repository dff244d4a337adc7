"""Host names to addresses, as far as they may be reached: what was judged is what gets connected."""

import asyncio
import ipaddress
import socket
from collections.abc import Sequence

from aiohttp.abc import AbstractResolver, ResolveResult

from mockserver.core.targets import is_allowed, refusal_text


class TargetRefused(Exception):
    """The webhook's host may not be reached."""


class AllowedResolver(AbstractResolver):
    """Names to addresses, and only to those that webhooks may reach: what was judged is what gets connected."""

    def __init__(self, allow: Sequence[str]) -> None:
        self._allow = allow

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of *host*, all of them allowed.

        Raises:
            TargetRefused: one of them is not, or the host has none and may not be tried.
        """
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):  # the latter for a label of over 63 characters
            found = []
        if not is_allowed(host, [str(info[4][0]) for info in found], self._allow):
            raise TargetRefused(refusal_text(host))
        if not found:
            msg = f'"{host}" cannot be resolved'
            raise OSError(msg)
        return [
            ResolveResult(
                hostname=host,
                host=str(info[4][0]),
                port=port,
                family=info[0],
                proto=info[2],
                flags=socket.AI_NUMERICHOST,
            )
            for info in found
        ]

    async def close(self) -> None:
        """Nothing to close."""


def is_literal(host: str) -> bool:
    """Whether the host is an address, which is resolved by nobody."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
