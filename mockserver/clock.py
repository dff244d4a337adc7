"""The one reader of time. A clock can be real, faster, frozen, and moved forward; it never goes back."""

import asyncio
import contextlib
import json
import math
import time
from collections.abc import Callable

real_s = time.monotonic
"""Real seconds since some moment, for how long something takes; an event loop may count whole milliseconds only."""


def _wall_s() -> float:
    """Of several readings the one that took least: one in which the process was interrupted is wrong by that."""
    readings = []
    for _ in range(9):
        before, wall, after = time.monotonic(), time.time(), time.monotonic()
        readings.append((after - before, wall - (before + after) / 2))
    return min(readings)[1]


WALL_S = _wall_s()
"""What has to be added to `real_s` for seconds since the epoch, which other machines count too."""


class Clock:
    """Seconds since the epoch that the whole mock agrees on.

    Args:
        now: the first instant; the real time by default.
        is_frozen: whether time stands still until it is moved.
        source: a monotonic count of real seconds.
    """

    def __init__(
        self, now: float | None = None, *, is_frozen: bool = False, source: Callable[[], float] = time.monotonic
    ) -> None:
        self._source = source
        self._start = (now, is_frozen)
        self._changed: set[asyncio.Event] = set()
        self._set_up()

    def _set_up(self) -> None:
        now, is_frozen = self._start
        self._wall = time.time()
        self._base = self._wall if now is None else now
        self._since = self._source()
        self.speed = 1.0
        self.is_frozen = is_frozen
        self._told = b""

    def now(self) -> float:
        """The instant it is."""
        if self.is_frozen:
            return self._base
        return self._base + (self._source() - self._since) * self.speed

    def advance(self, span_s: float) -> None:
        """Move time forward.

        Raises:
            ValueError: the span is negative or not finite.
        """
        if not (math.isfinite(span_s) and span_s >= 0):
            msg = f"time only moves forward, not by {span_s} s"
            raise ValueError(msg)
        self._restart(self.now() + span_s)

    def move_to(self, instant: float) -> None:
        """Move time forward to an instant.

        Raises:
            ValueError: the instant has passed.
        """
        now = self.now()
        if instant < now:
            msg = f"time only moves forward, and that was {now - instant:.3f} s ago"
            raise ValueError(msg)
        self._restart(instant)

    def freeze(self, *, is_frozen: bool = True) -> None:
        """Stop time, or let it run again."""
        self._restart(self.now(), is_frozen=is_frozen)

    def set_speed(self, speed: float) -> None:
        """Let time run *speed* times as fast as real time.

        Raises:
            ValueError: the speed is not above 0, or not finite.
        """
        if not (math.isfinite(speed) and speed > 0):
            msg = f"speed must be above 0, not {speed}"
            raise ValueError(msg)
        self._restart(self.now(), speed=speed)

    def told(self) -> bytes:
        """How it was changed, as `take` reads it; empty for a clock that runs as it was made."""
        return self._told

    async def take(self, told: bytes) -> None:
        """Go on as another process has told; never back but with nothing told, which is a reset.

        The other counts the same real time as this one, as far as the clocks of their machines agree.
        """
        if not told:
            self.reset()
            return
        before, value = self.now(), json.loads(told)
        self.speed, self.is_frozen = value["speed"], value["frozen"]
        self._base, self._wall, self._told = value["base"], value["wall"], told
        self._since = self._source() - max(0.0, time.time() - self._wall)
        if not self.is_frozen and self._base <= before:
            self._base += max(0.0, before - self.now())
        self._tell()

    def reset(self) -> None:
        """Back to the time that the clock was made with: the real one, or its first instant."""
        self._set_up()
        self._tell()

    async def sleep_until(self, instant: float, wake: asyncio.Event) -> None:
        """Wait until the clock shows *instant* (infinite: for ever), or *wake* is set, or the clock is changed."""
        self._changed.add(wake)
        try:
            real_s = (instant - self.now()) / self.speed
            if real_s <= 0:
                return
            timeout = None if self.is_frozen or not math.isfinite(real_s) else min(real_s, 3600.0)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout):
                    await wake.wait()
        finally:
            self._changed.discard(wake)

    def _restart(self, now: float, *, is_frozen: bool | None = None, speed: float | None = None) -> None:
        self._base, self._since, self._wall = now, self._source(), time.time()
        self.is_frozen = self.is_frozen if is_frozen is None else is_frozen
        self.speed = speed or self.speed
        told = {"base": now, "wall": self._wall, "speed": self.speed, "frozen": self.is_frozen}
        self._told = json.dumps(told).encode()
        self._tell()

    def _tell(self) -> None:
        for event in self._changed:
            event.set()
