"""/_mock/keys."""

import secrets
from typing import Any

from mockserver.control import teams
from mockserver.control.levers import PREFIX, Body, Levers, Problem, answer
from mockserver.core.accounts import Key, RateLimit, Team, make_key, make_team
from mockserver.core.catalog import Schema
from mockserver.core.signing import key_digest
from mockserver.http.answers import Answer
from mockserver.http.request import Request
from mockserver.http.router import Route
from mockserver.settings import read_rate_limit

OPENING_CREDITS = 1_000_000
_FIELDS: dict[str, Schema] = {
    "name": teams.NAME,
    "role": {"type": "string", "enum": ["ADMIN", "MEMBER", "OWNER"]},
    "active": {"type": "boolean"},
    "rateLimit": {"type": ["string", "null"]},
    "queueDown": {"type": "boolean"},
}
_BODY = Body(**_FIELDS)
_NEW = Body(
    **_FIELDS,
    key={"type": "string", "minLength": 5, "maxLength": 200, "pattern": "^[!-~]+$"},
    team=teams.NAME,
    user=teams.NAME,
    credits=teams.CREDITS,
    speed=teams.SPEED,
    retention=teams.RETENTION,
)


def routes(levers: Levers) -> list[Route]:
    """The routes of keys."""
    store = levers.store

    async def key_of(request: Request) -> Key:
        caller = await store.caller(key_digest(request.path_values["key"]))
        if caller is None:
            raise Problem(404, "No such key", f"this key does not exist; GET {PREFIX}/keys lists them")
        return caller.key

    async def get_keys(_: Request) -> Answer:
        return answer({"keys": [_shown(key) for key in await store.keys()]})

    async def post_key(request: Request) -> Answer:
        body = await _NEW.read(request)
        api_key = body.get("key") or f"afk_{secrets.token_hex(20)}"
        if await store.caller(key_digest(api_key)) is not None:
            raise Problem(409, "Key exists", "this key is there already; PATCH changes it")
        name, role, rate = body.get("name", "Key"), body.get("role", "ADMIN"), body.get("rateLimit")
        _rate(rate)
        team = await _team_for(levers, body, api_key)
        made = make_key(api_key, name=name, team_id=team.id, user=body.get("user", name), role=role)
        key = _changed(made, body)
        await store.put_key(key)
        return answer({"key": api_key, **_shown(key), "team": await teams.shown(levers, team)}, 201)

    async def patch_key(request: Request) -> Answer:
        key = await key_of(request)
        changed = _changed(key, await _BODY.read(request))
        await store.put_key(changed)
        return answer(_shown(changed))

    async def delete_key(request: Request) -> Answer:
        await store.remove_key((await key_of(request)).digest)
        return Answer(204)

    return [
        Route("GET", f"{PREFIX}/keys", get_keys),
        Route("POST", f"{PREFIX}/keys", post_key),
        Route("PATCH", f"{PREFIX}/keys/{{key}}", patch_key),
        Route("DELETE", f"{PREFIX}/keys/{{key}}", delete_key),
    ]


async def _team_for(levers: Levers, body: dict[str, Any], api_key: str) -> Team:
    """The team that a new key names, or one of its own."""
    if "team" in body:
        of_new = [name for name in ("credits", "speed", "retention") if name in body]
        if of_new:
            raise Problem(400, "Invalid body", f"{of_new[0]} goes with a new team; PATCH the team that exists")
        return await teams.team_of(levers, body["team"])
    opening = body.get("credits", OPENING_CREDITS)
    limit = levers.settings.max_concurrent_jobs
    made = make_team(f"Team of {key_digest(api_key)[:12]}", opening=opening, max_concurrent_jobs=limit)
    team = teams.paced(made, body)
    await levers.store.put_team(team)
    await levers.store.set_balance(team.id, opening, levers.clock.now())
    return team


def _changed(key: Key, body: dict[str, Any]) -> Key:
    return key._replace(
        name=body.get("name", key.name),
        role=body.get("role", key.role),
        is_active=body.get("active", key.is_active),
        rate_limit=_rate(body["rateLimit"]) if "rateLimit" in body else key.rate_limit,
        is_queue_down=body.get("queueDown", key.is_queue_down),
    )


def _rate(text: str | None) -> RateLimit | None:
    try:
        return None if text is None else read_rate_limit(text)
    except ValueError as error:
        shown = (text or "")[:40]
        raise Problem(400, "Invalid body", f'rateLimit: "{shown}" will not do: {error}') from None


def _shown(key: Key) -> dict[str, Any]:
    limit = key.rate_limit
    return {
        "id": key.id,
        "name": key.name,
        "prefix": key.prefix,
        "teamId": key.team_id,
        "userId": key.user_id,
        "role": key.role,
        "active": key.is_active,
        "rateLimit": None if limit is None else f"{limit.requests}/{limit.per_s:g}s",
        "queueDown": key.is_queue_down,
    }
