"""/_mock/teams and /_mock/keys."""

import secrets
from typing import Any

from mockserver.control.levers import PREFIX, Body, Levers, Problem, answer
from mockserver.core.accounts import Key, RateLimit, Team, make_key, make_team
from mockserver.core.signing import key_digest
from mockserver.http.answers import Answer
from mockserver.http.request import Request
from mockserver.http.router import Route
from mockserver.settings import read_rate_limit

_NAME = {"type": "string", "minLength": 1, "maxLength": 200}
_CREDITS = {"type": "integer", "minimum": 0, "maximum": 10**12}
_TEAM = {
    "name": _NAME,
    "credits": _CREDITS,
    "plan": _NAME,
    "maxConcurrentJobs": {"type": ["integer", "null"], "minimum": 1},
    "modalities": {"type": "array", "items": {"type": "string", "enum": ["image", "video", "music"]}},
}
_KEY = {
    "name": _NAME,
    "role": {"type": "string", "enum": ["ADMIN", "MEMBER", "OWNER"]},
    "active": {"type": "boolean"},
    "rateLimit": {"type": ["string", "null"]},
    "queueDown": {"type": "boolean"},
}
_TEAM_BODY = Body(**_TEAM)
_KEY_BODY = Body(**_KEY)
_NEW_KEY_BODY = Body(**_KEY, key={"type": "string", "minLength": 5, "maxLength": 200}, team=_NAME, user=_NAME, credits=_CREDITS)


def routes(levers: Levers) -> list[Route]:
    """The routes of teams and keys."""
    store, clock = levers.store, levers.clock

    async def get_teams(_: Request) -> Answer:
        return answer({"teams": [await shown_team(team) for team in await store.teams()]})

    async def shown_team(team: Team) -> dict[str, Any]:
        return {
            "id": team.id,
            "name": team.name,
            "credits": await store.balance(team.id, clock.now()),
            "plan": team.plan,
            "maxConcurrentJobs": team.max_concurrent_jobs,
            "modalities": list(team.modalities),
        }

    async def team_of(team_id: str) -> Team:
        teams = {team.id: team for team in await store.teams()}
        if team_id not in teams:
            raise Problem(404, "No such team", f'there is no team "{team_id[:80]}"; GET {PREFIX}/teams lists them')
        return teams[team_id]

    async def patch_team(request: Request) -> Answer:
        team = await team_of(request.values["id"])
        body = await _TEAM_BODY.read(request)
        changed = team._replace(
            name=body.get("name", team.name),
            plan=body.get("plan", team.plan),
            max_concurrent_jobs=body.get("maxConcurrentJobs", team.max_concurrent_jobs),
            modalities=tuple(body.get("modalities", team.modalities)),
        )
        await store.put_team(changed)
        if "credits" in body:
            await store.set_balance(team.id, body["credits"], clock.now())
        return answer(await shown_team(changed))

    async def get_keys(_: Request) -> Answer:
        return answer({"keys": [_shown_key(key) for key in await store.keys()]})

    async def post_key(request: Request) -> Answer:
        body = await _NEW_KEY_BODY.read(request)
        api_key = body.get("key") or f"afk_{secrets.token_hex(20)}"
        if await store.caller(key_digest(api_key)) is not None:
            raise Problem(409, "Key exists", "this key is there already; PATCH changes it")
        name = body.get("name", "Key")
        if "team" in body:
            if "credits" in body:
                raise Problem(400, "Invalid body", "credits go with a new team; PATCH the team that exists")
            team = await team_of(body["team"])
        else:
            opening = body.get("credits", 1_000_000)
            limit = levers.settings.max_concurrent_jobs
            team = make_team(f"Team of {key_digest(api_key)[:12]}", opening=opening, max_concurrent_jobs=limit)
            await store.put_team(team)
            await store.set_balance(team.id, opening, clock.now())
        user = body.get("user", name)
        made = make_key(api_key, name=name, team_id=team.id, user=user, role=body.get("role", "ADMIN"))
        key = _changed(made, body)
        await store.put_key(key)
        return answer({"key": api_key, **_shown_key(key), "team": await shown_team(team)}, 201)

    async def key_of(request: Request) -> Key:
        caller = await store.caller(key_digest(request.values["key"]))
        if caller is None:
            raise Problem(404, "No such key", f"this key does not exist; GET {PREFIX}/keys lists them")
        return caller.key

    async def patch_key(request: Request) -> Answer:
        key = await key_of(request)
        changed = _changed(key, await _KEY_BODY.read(request))
        await store.put_key(changed)
        return answer(_shown_key(changed))

    async def delete_key(request: Request) -> Answer:
        await store.remove_key((await key_of(request)).digest)
        return Answer(204)

    return [
        Route("GET", f"{PREFIX}/teams", get_teams),
        Route("PATCH", f"{PREFIX}/teams/{{id}}", patch_team),
        Route("GET", f"{PREFIX}/keys", get_keys),
        Route("POST", f"{PREFIX}/keys", post_key),
        Route("PATCH", f"{PREFIX}/keys/{{key}}", patch_key),
        Route("DELETE", f"{PREFIX}/keys/{{key}}", delete_key),
    ]


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
        raise Problem(400, "Invalid body", f'rateLimit: "{text[:40] if text else ""}" will not do: {error}') from None


def _shown_key(key: Key) -> dict[str, Any]:
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
