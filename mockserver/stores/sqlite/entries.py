"""Teams and keys as JSON. They are read at every request and seldom change, so that what was read is remembered."""

import json
from functools import lru_cache
from typing import Any

from mockserver.core.accounts import Key, RateLimit, Team


def packed_team(team: Team) -> bytes:
    """A team as JSON."""
    return json.dumps(team._asdict()).encode()  # which knows an infinite speed, as orjson does not


@lru_cache(1000)
def team_of(value: bytes) -> Team:
    """The team again."""
    fields: dict[str, Any] = json.loads(value)
    return Team(**fields | {"modalities": tuple(fields["modalities"])})


def packed_key(key: Key) -> bytes:
    """A key as JSON."""
    return json.dumps(key._asdict()).encode()


@lru_cache(1000)
def key_of(value: bytes) -> Key:
    """The key again."""
    fields: dict[str, Any] = json.loads(value)
    limit = fields["rate_limit"]
    return Key(**fields | {"rate_limit": None if limit is None else RateLimit(*limit)})
