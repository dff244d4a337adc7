"""Waiting for something to have happened: whoever makes it happen rings, whoever waits looks again."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable


class Bell:
    """Rings for all who wait. Ringing for nobody costs next to nothing.

    Where other processes may make it happen too, who cannot ring here, one looks every so many real seconds.
    """

    def __init__(self, look_every_s: float | None = None) -> None:
        self.waiting: set[asyncio.Event] = set()
        """What those who wait for it to ring are woken by."""
        self._look_every_s = look_every_s
        self._is_closed = False

    def ring(self) -> None:
        """Let those who wait look again."""
        for event in self.waiting:
            event.set()

    async def wait(self, until: Callable[[], Awaitable[bool]], patience_s: float) -> bool:
        """Whether the condition came to hold within so many real seconds; it is looked at now and at each ring."""
        event = asyncio.Event()
        self.waiting.add(event)
        try:
            async with asyncio.timeout(patience_s):
                while not await until():
                    if self._is_closed:
                        return False
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(self._look_every_s):
                            await event.wait()
                    event.clear()
        except TimeoutError:
            return False
        finally:
            self.waiting.discard(event)
        return True

    def close(self) -> None:
        """End every wait."""
        self._is_closed = True
        self.ring()
