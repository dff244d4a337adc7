"""Making and changing keys and their teams, for levers and scenarios alike."""

import math
import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from mockserver.core.accounts import Key, RateLimit, Team, make_key, make_team
from mockserver.core.catalog import Schema
from mockserver.core.durations import duration_s
from mockserver.core.signing import key_digest
from mockserver.settings import read_rate_limit
from mockserver.stores.protocol import Store

OPENING_CREDITS = 1_000_000
NAME: Schema = {"type": "string", "minLength": 1, "maxLength": 200}
CREDITS: Schema = {"type": "integer", "minimum": 0, "maximum": 10**12}
PACE: dict[str, Schema] = {
    "speed": {"type": ["number", "string", "null"], "minimum": 0.001, "maximum": 1e6, "pattern": "^instant$"},
    "retention": {"type": ["string", "null"]},
}
"""Fields of a team that decide how its jobs go."""


class Unfit(ValueError):
    """A field of a key or a team will not do; the text says which and what is wanted."""


class Issued(NamedTuple):
    """A key that was made, which nobody can read later, and what it stands for."""

    api_key: str
    key: Key
    team: Team


async def issue(
    store: Store, now: float, body: Mapping[str, Any], max_concurrent_jobs: int | None, team: Team | None = None
) -> Issued:
    """Make a key from a body as POST /_mock/keys takes it, in *team* or in one of its own.

    Raises:
        Unfit: a field will not do, and nothing is made.
    """
    api_key = body.get("key") or f"afk_{secrets.token_hex(20)}"
    name, role = body.get("name", "Key"), body.get("role", "ADMIN")
    own = team is None
    if team is None:
        opening = body.get("credits", OPENING_CREDITS)
        named = f"Team of {key_digest(api_key)[:12]}"
        team = paced(make_team(named, opening=opening, max_concurrent_jobs=max_concurrent_jobs), body)
    made = make_key(api_key, name=name, team_id=team.id, user=body.get("user", name), role=role)
    key = changed(made, body)
    if own:
        await store.put_team(team)
        await store.set_balance(team.id, team.opening, now)
    await store.put_key(key)
    return Issued(api_key, key, team)


def changed(key: Key, body: Mapping[str, Any]) -> Key:
    """The key with the fields of a body that are about it.

    Raises:
        Unfit: its rate limit is none.
    """
    return replace(
        key,
        name=body.get("name", key.name),
        role=body.get("role", key.role),
        is_active=body.get("active", key.is_active),
        rate_limit=_rate(body["rateLimit"]) if "rateLimit" in body else key.rate_limit,
        is_queue_down=body.get("queueDown", key.is_queue_down),
    )


def paced(team: Team, body: Mapping[str, Any]) -> Team:
    """The team with the `speed` and `retention` of a body, where it has them.

    Raises:
        Unfit: the retention is no span.
    """
    if "speed" in body:
        speed = body["speed"]
        team = replace(team, speed=math.inf if speed == "instant" else speed)
    if "retention" in body:
        span = body["retention"]
        try:
            team = replace(team, keeps_s=None if span is None else duration_s(span))
        except ValueError as error:
            msg = f"retention: {error}"
            raise Unfit(msg) from None
    return team


def _rate(text: str | None) -> RateLimit | None:
    try:
        return None if text is None else read_rate_limit(text)
    except ValueError as error:
        msg = f'rateLimit: "{(text or "")[:40]}" will not do: {error}'
        raise Unfit(msg) from None
