"""Teams and keys as bytes: what the scripts read, then JSON.

They are read at every request and seldom change, so that what was read is remembered.
"""

import json
import struct
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from mockserver.core.accounts import Key, RateLimit, Team
from mockserver.stores.redis.packing import text, texts

_ORDER = struct.Struct("<d")
_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode
_decode = json.JSONDecoder().decode


def packed_team(team: Team) -> bytes:
    """A team, as it stands behind its number in the order of teams."""
    return _encode(team._asdict()).encode()


@lru_cache(1000)
def team_of(value: bytes) -> Team:
    """The team again."""
    fields: dict[str, Any] = _decode(value[_ORDER.size :].decode())
    return Team(**fields | {"modalities": tuple(fields["modalities"])})


def packed_key(key: Key) -> bytes:
    """A key, with its team first."""
    return text(key.team_id.encode()) + _encode(key._asdict()).encode()


@lru_cache(1000)
def key_of(value: bytes) -> Key:
    """The key again."""
    _, at = texts(value, _ORDER.size, 1)
    fields: dict[str, Any] = _decode(value[at:].decode())
    limit = fields["rate_limit"]
    return Key(**fields | {"rate_limit": None if limit is None else RateLimit(*limit)})


def in_order(values: Sequence[bytes]) -> list[bytes]:
    """Teams or keys, oldest first."""
    return sorted(values, key=_ORDER.unpack_from)
