"""All of it together: certificates in a folder that goes away, TLS taken off, a proxy, and the environment for it."""

import contextlib
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from mockserver.intercept import trust
from mockserver.intercept.authority import Issued, issue
from mockserver.intercept.environment import Places, for_program
from mockserver.intercept.hosts import HOSTS
from mockserver.intercept.outside import Outside
from mockserver.intercept.proxy import Mock, Proxy
from mockserver.intercept.streams import Address, Listener, Stream, connected, join


class Interception:
    """While it is entered, programs with its `environment` reach the mock at the vendor's addresses.

    Args:
        mock_url: where the mock listens, as `http://HOST:PORT`.
        base: the environment to start from, whose proxies lead to other hosts.
        now: seconds since the epoch, for the certificate's dates.
        is_offline: whether hosts of other machines are refused.
    """

    def __init__(self, mock_url: str, base: Mapping[str, str], now: float, *, is_offline: bool = False) -> None:
        self._mock_url, self._base, self._now, self._is_offline = mock_url, base, now, is_offline

    @property
    def vendor_connections(self) -> int:
        """Connections for the vendor's hosts, those included whose program did not take our certificate."""
        return self._proxy.vendor_connections

    @property
    def refused(self) -> Mapping[str, int]:
        """Hosts that were refused for being offline, and how often."""
        return self._proxy.refused

    async def __aenter__(self) -> Self:
        async with contextlib.AsyncExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mockserver-run-")))
            issued = issue(HOSTS, folder, self._now)
            url = urlsplit(self._mock_url)
            plain = Address(url.hostname or "", url.port or 0)
            endpoint = Listener(lambda client: _pass_on(client, plain), issued.context)
            secure = await endpoint.start()
            stack.push_async_callback(endpoint.close)
            self._proxy = Proxy(Mock(plain, secure), Outside(self._base), is_offline=self._is_offline)
            proxy_url = await self._proxy.start()
            stack.push_async_callback(self._proxy.close)
            places = self._places(folder, issued, proxy_url)
            self.environment = for_program(self._base, places)
            self._closing = stack.pop_all()
        return self

    def _places(self, folder: Path, issued: Issued, proxy_url: str) -> Places:
        bundle, extra = folder / "trusted.pem", folder / "mockserver.pem"
        bundle.write_bytes(trust.with_roots(issued.authority_pem, self._base))
        extra.write_bytes(trust.with_extra(issued.authority_pem, self._base))
        return Places(self._mock_url, proxy_url, str(bundle), str(extra))

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._closing.aclose()


async def _pass_on(client: Stream, mock: Address) -> None:
    """Take what came out of the TLS of a client to the mock, and back."""
    server = await connected(mock)
    try:
        await join(client, server)
    finally:
        server.writer.close()
