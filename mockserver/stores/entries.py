"""Teams and keys as JSON, for stores that keep bytes.

They are read at every request and seldom change, so that what was read is remembered.
"""

import json
from dataclasses import asdict
from functools import lru_cache
from typing import Any

from mockserver.core.accounts import Key, RateLimit, Team


def packed(row: Team | Key) -> bytes:
    """A team or a key as JSON, of the kind that knows an infinite speed."""
    return json.dumps(asdict(row)).encode()


@lru_cache(1000)
def team_of(value: bytes) -> Team:
    """The team again."""
    fields: dict[str, Any] = json.loads(value)
    return Team(**fields | {"modalities": tuple(fields["modalities"])})


@lru_cache(1000)
def key_of(value: bytes) -> Key:
    """The key again."""
    fields: dict[str, Any] = json.loads(value)
    limit = fields["rate_limit"]
    return Key(**fields | {"rate_limit": None if limit is None else RateLimit(*limit)})
