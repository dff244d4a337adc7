"""/_mock/keys."""

from typing import Any

from mockserver.control import teams
from mockserver.control.levers import PREFIX, Body, Levers, Problem, answer
from mockserver.core.accounts import Key, Team
from mockserver.core.catalog import Schema
from mockserver.core.signing import key_digest
from mockserver.http.answers import Answer
from mockserver.http.request import Request
from mockserver.http.router import Route
from mockserver.issuing import CREDITS, NAME, PACE, Unfit, changed, issue
from mockserver.stores.protocol import Caller, Store

_FIELDS: dict[str, Schema] = {
    "name": NAME,
    "role": {"type": "string", "enum": ["ADMIN", "MEMBER", "OWNER"]},
    "active": {"type": "boolean"},
    "rateLimit": {"type": ["string", "null"]},
    "queueDown": {"type": "boolean"},
}
_BODY = Body(**_FIELDS)
_NEW = Body(
    **_FIELDS,
    key={"type": "string", "minLength": 5, "maxLength": 200, "pattern": "^[!-~]+$"},
    team=NAME,
    user=NAME,
    credits=CREDITS,
    **PACE,
)


def routes(levers: Levers) -> list[Route]:
    """The routes of keys."""
    store = levers.store

    async def get_keys(_: Request) -> Answer:
        return answer({"keys": [_shown(key) for key in await store.keys()]})

    async def post_key(request: Request) -> Answer:
        body = await _NEW.read(request)
        if "key" in body and await store.caller(key_digest(body["key"])) is not None:
            raise Problem(409, "Key exists", "this key is there already; PATCH changes it")
        team, limit = await _team_of(levers, body), levers.stage.jobs_limit
        try:
            issued = await issue(store, levers.clock.now(), body, limit, team)
        except Unfit as error:
            raise Problem(400, "Invalid body", str(error)) from None
        shown = await teams.shown(levers, issued.team)
        await levers.journal.refresh()
        known = {"team": shown, "lastRequest": levers.journal.last}
        return answer({"key": issued.api_key, **_shown(issued.key), **known}, 201)

    async def get_key(request: Request) -> Answer:
        key, team = await _caller_of(store, request)
        return answer({**_shown(key), "team": await teams.shown(levers, team)})

    async def patch_key(request: Request) -> Answer:
        key = (await _caller_of(store, request)).key
        try:
            new = changed(key, await _BODY.read(request))
        except Unfit as error:
            raise Problem(400, "Invalid body", str(error)) from None
        await store.put_key(new)
        return answer(_shown(new))

    async def delete_key(request: Request) -> Answer:
        digest = (await _caller_of(store, request)).key.digest
        async with levers.sharing.turn():
            await levers.stage.end(digest)
            levers.service.faults.remove(lambda rule: rule.match.digest == digest)
        await store.remove_key(digest)
        return Answer(204)

    return [
        Route("GET", f"{PREFIX}/keys", get_keys),
        Route("POST", f"{PREFIX}/keys", post_key),
        Route("GET", f"{PREFIX}/keys/{{key}}", get_key),
        Route("PATCH", f"{PREFIX}/keys/{{key}}", patch_key),
        Route("DELETE", f"{PREFIX}/keys/{{key}}", delete_key),
    ]


async def _caller_of(store: Store, request: Request) -> Caller:
    caller = await store.caller(key_digest(request.path_values["key"]))
    if caller is None:
        raise Problem(404, "No such key", f"this key does not exist; GET {PREFIX}/keys lists them")
    return caller


async def _team_of(levers: Levers, body: dict[str, Any]) -> Team | None:
    """The team that a new key names; none where it is to have one of its own."""
    if "team" not in body:
        return None
    of_new = [name for name in ("credits", *PACE) if name in body]
    if of_new:
        raise Problem(400, "Invalid body", f"{of_new[0]} goes with a new team; PATCH the team that exists")
    return await teams.team_of(levers, body["team"])


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
