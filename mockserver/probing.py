"""How large or long an input is: assumed, or with `--probe-inputs` measured, without the internet ever being asked.

Measured are uploads of this server, read from disk, and what loopback addresses give. Source: facts.md sections 12
and 14.
"""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import aiohttp
import yarl

from mockserver import __version__, measuring
from mockserver.core.errors import InputUnreadable
from mockserver.core.filekinds import MEGABYTE
from mockserver.core.targets import is_allowed
from mockserver.core.urls import normal_form
from mockserver.measuring import Unmeasurable
from mockserver.resolver import AllowedResolver, TargetRefused, is_literal
from mockserver.spool import Spool

log = logging.getLogger(__name__)

ASSUMED_IMAGE = (1024, 1024)
"""Pixels."""
ASSUMED_S = 5.0
MOST_BYTES = 50 * MEGABYTE
PATIENCE_S = 5.0
AT_ONCE = 8
BLOCK_BYTES = 256 * 1024
LOOPBACK = ("loopback",)
ONLY_LOOPBACK = "only loopback addresses and uploads of this server are probed"
Found = TypeVar("Found")


class Prober:
    """Measures inputs by their addresses; *own_url* is where this server listens, *public_url* what it is called."""

    def __init__(
        self, spool: Spool, own_url: str, public_url: str, *, is_on: bool, patience_s: float = PATIENCE_S
    ) -> None:
        self._spool, self._own_url, self._is_on, self._patience_s = spool, own_url, is_on, patience_s
        self._own = {normal_form(start + "/") for start in (own_url, public_url)}
        self._session: aiohttp.ClientSession | None = None
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def image(self, url: str, place: str) -> tuple[int, int]:
        """Width and height in pixels of the image at *url*, which stands in the input at the dotted path *place*.

        Raises:
            InputUnreadable: it may not be fetched, cannot be, or is no image.
        """
        return await self._measured(url, place, measuring.image_size) if self._is_on else ASSUMED_IMAGE

    async def seconds(self, url: str, place: str) -> float:
        """How long the video or track at *url* lasts, which stands in the input at the dotted path *place*.

        Raises:
            InputUnreadable: it may not be fetched, cannot be, or does not say.
        """
        return await self._measured(url, place, measuring.seconds) if self._is_on else ASSUMED_S

    async def close(self) -> None:
        """Let go of connections."""
        if self._session is not None:
            await self._session.close()

    async def _measured(self, url: str, place: str, measure: Callable[[Path], Found]) -> Found:
        try:
            async with self._turns, asyncio.timeout(self._patience_s):
                return await self._found(url, measure)
        except TimeoutError:
            reason = f"it did not come within {self._patience_s:g} s"
        except TargetRefused:
            reason = ONLY_LOOPBACK
        except Unmeasurable as error:
            reason = str(error)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            reason = ONLY_LOOPBACK if isinstance(error.__cause__, TargetRefused) else "it cannot be fetched"
            log.info("input %s cannot be read: %s", url, error)
        raise InputUnreadable(place, f"Cannot be read: {reason}")

    async def _found(self, address: str, measure: Callable[[Path], Found]) -> Found:
        """Raises what can go wrong as it is."""
        url = yarl.URL(normal_form(address), encoded=True)
        path = self._own_path(url)
        if path is not None and path.startswith("/uploads/"):
            upload = await self._spool.find(path.removeprefix("/uploads/").partition(".")[0])
            if upload is None:
                msg = "there is no such upload, or its time is over"
                raise Unmeasurable(msg)
            return await asyncio.to_thread(measure, self._spool.path(upload.id))
        if path is not None:
            url = yarl.URL(self._own_url + path, encoded=True)
        if url.scheme != "http" or not url.host:
            raise TargetRefused
        if is_literal(url.host) and not is_allowed(url.host, [url.host], LOOPBACK):
            raise TargetRefused
        return await self._fetched(url, measure)

    def _own_path(self, url: yarl.URL) -> str | None:
        """The path below this server's address; none for others."""
        return next(("/" + str(url).removeprefix(start) for start in self._own if str(url).startswith(start)), None)

    async def _fetched(self, url: yarl.URL, measure: Callable[[Path], Found]) -> Found:
        with self._spool.incoming() as incoming:
            async with self._client().get(url, allow_redirects=False) as answer:
                if answer.status != 200:  # noqa: PLR2004 - OK
                    msg = f"the address answered {answer.status}"
                    raise Unmeasurable(msg)
                async for block in answer.content.iter_chunked(BLOCK_BYTES):
                    if incoming.byte_size + len(block) > MOST_BYTES:
                        msg = f"it has more than {MOST_BYTES} bytes"
                        raise Unmeasurable(msg)
                    await incoming.write(block)
            if not incoming.byte_size:
                msg = "it is empty"
                raise Unmeasurable(msg)
            await incoming.finish()
            return await asyncio.to_thread(measure, incoming.path)

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(
                resolver=AllowedResolver(LOOPBACK), use_dns_cache=False, force_close=True, limit=AT_ONCE
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None),
                headers={"User-Agent": f"apiframe-mockserver/{__version__} (probe)", "Accept-Encoding": "identity"},
            )
        return self._session
