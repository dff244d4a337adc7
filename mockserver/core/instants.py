"""Instants as the wire writes them: ISO 8601 in UTC with milliseconds."""

import math
from datetime import UTC, datetime, timedelta
from functools import lru_cache

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST, _LAST = -62_135_596_800.0, 253_402_300_799.999


def whole_ms(at: float) -> float:
    """The instant cut to the millisecond that `iso` shows."""
    return math.floor(at * 1000 + 1e-3) / 1000


@lru_cache(maxsize=4096)
def iso(at: float) -> str:
    """`2026-03-15T10:00:32.000Z` for seconds since the epoch; the years 1 to 9999 are as far as it goes."""
    second, ms = divmod(math.floor(min(max(at, _FIRST), _LAST) * 1000 + 1e-3), 1000)
    return f"{_to_the_second(second)}.{ms:03}Z"


@lru_cache(maxsize=1024)
def _to_the_second(second: int) -> str:
    return (_EPOCH + timedelta(seconds=second)).replace(tzinfo=None).isoformat()


def instant(text: str) -> float:
    """Seconds since the epoch for an ISO 8601 text; without a zone it counts as UTC.

    Raises:
        ValueError: the text is no instant.
    """
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
