"""Teams and keys as the scripts keep them: behind their number in the order of all, a key behind its team too."""

import struct
from collections.abc import Sequence

from mockserver.core.accounts import Key, Team
from mockserver.stores import entries
from mockserver.stores.redis.packing import text, texts

_ORDER = struct.Struct("<d")


def packed_team(team: Team) -> bytes:
    """A team, to which the script adds its number."""
    return entries.packed(team)


def team_of(value: bytes) -> Team:
    """The team again."""
    return entries.team_of(value[_ORDER.size :])


def packed_key(key: Key) -> bytes:
    """A key, to which the script adds its number."""
    return text(key.team_id.encode()) + entries.packed(key)


def key_of(value: bytes) -> Key:
    """The key again."""
    _, at = texts(value, _ORDER.size, 1)
    return entries.key_of(value[at:])


def in_order(values: Sequence[bytes]) -> list[bytes]:
    """Teams or keys, oldest first."""
    return sorted(values, key=_ORDER.unpack_from)
