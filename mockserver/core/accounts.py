"""Teams, users and keys, and the ready-made ones that work at once.

Every request reads teams and keys, so they have slots: Python 3.11 reads a named tuple's fields more slowly.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

from mockserver.core.ids import named_uuid
from mockserver.core.signing import key_digest

ADMIN_ROLES = frozenset({"ADMIN", "OWNER"})

PREFIX_LENGTH = 8


class RateLimit(NamedTuple):
    """At most so many requests in any span of so many seconds."""

    requests: int
    per_s: float


@dataclass(frozen=True, slots=True)
class Team:
    """Who pays."""

    id: str
    name: str
    opening: int
    """Credits at the start."""
    plan: str = "pro"
    customer_id: str | None = None
    max_concurrent_jobs: int | None = None
    """Jobs that may run at once; none: as many as come."""
    modalities: tuple[str, ...] = ("image", "video", "music")
    speed: float | None = None
    """What job times are divided by; none: the server's own holds."""
    keeps_s: float | None = None
    """How long result files stay; none: as the server has it."""


@dataclass(frozen=True, slots=True)
class Key:
    """An API key with the user and team behind it; of the key itself only the digest is kept."""

    digest: str
    id: str
    name: str
    prefix: str
    team_id: str
    user_id: str
    email: str
    role: str = "ADMIN"
    is_active: bool = True
    rate_limit: RateLimit | None = None
    """None: the server's own limit holds."""
    is_queue_down: bool = False
    """Every submission is answered 503."""

    @property
    def is_admin(self) -> bool:
        """Whether the user may see what the whole team made."""
        return self.role in ADMIN_ROLES


class KeyName(NamedTuple):
    """What is kept of an API key where it limits something: enough to know it by, not enough to use it."""

    digest: str
    """SHA-256, as hex text."""
    prefix: str


def named(api_key: str) -> KeyName:
    """The name of a key."""
    return KeyName(key_digest(api_key), shown_prefix(api_key))


def make_key(api_key: str, *, name: str, team_id: str, user: str = "", role: str = "ADMIN") -> Key:
    """The record of a new key; ids derive from the key and the user, so that they are the same in every run."""
    user = user or name
    return Key(
        digest=key_digest(api_key),
        id=named_uuid(f"key:{api_key}"),
        name=name,
        prefix=shown_prefix(api_key),
        team_id=team_id,
        user_id=named_uuid(f"user:{team_id}:{user}"),
        email=f"{user.lower().replace(' ', '.')}@example.com" if "@" not in user else user,
        role=role,
    )


def make_team(name: str, *, opening: int, max_concurrent_jobs: int | None = None) -> Team:
    """A new team whose id derives from its name."""
    return Team(named_uuid(f"team:{name}"), name, opening, max_concurrent_jobs=max_concurrent_jobs)


def shown_prefix(api_key: str) -> str:
    """The part of a key that may be shown: eight characters, four of a short key, never the whole."""
    return api_key[:PREFIX_LENGTH] if len(api_key) > PREFIX_LENGTH + 4 else api_key[:4]


def ready_made(max_concurrent_jobs: int | None = None) -> tuple[list[Team], list[Key]]:
    """The teams and keys that every mock starts with; what each behaves as: docs/design.md, section 4."""
    rich = make_team("Test Team", opening=1_000_000, max_concurrent_jobs=max_concurrent_jobs)
    poor = make_team("Poor Team", opening=1, max_concurrent_jobs=max_concurrent_jobs)
    keys = [
        make_key("afk_test", name="Test Key", team_id=rich.id),
        make_key("afk_test_poor", name="Poor Key", team_id=poor.id),
        replace(make_key("afk_test_inactive", name="Inactive Key", team_id=rich.id), is_active=False),
        replace(make_key("afk_test_limited", name="Limited Key", team_id=rich.id), rate_limit=RateLimit(1, 1.0)),
        replace(make_key("afk_test_down", name="Down Key", team_id=rich.id), is_queue_down=True),
    ]
    return [rich, poor], keys
