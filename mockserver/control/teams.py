"""/_mock/teams."""

import math
from dataclasses import replace
from typing import Any

from mockserver.control.levers import PREFIX, Body, Levers, Problem, answer
from mockserver.core.accounts import Team
from mockserver.http.answers import Answer
from mockserver.http.request import Request
from mockserver.http.router import Route
from mockserver.issuing import CREDITS, NAME, PACE, Unfit, paced

_BODY = Body(
    name=NAME,
    credits=CREDITS,
    plan=NAME,
    maxConcurrentJobs={"type": ["integer", "null"], "minimum": 1},
    modalities={"type": "array", "items": {"type": "string", "enum": ["image", "video", "music"]}},
    **PACE,
)


def routes(levers: Levers) -> list[Route]:
    """The two routes."""
    store, clock = levers.store, levers.clock

    async def get_teams(_: Request) -> Answer:
        return answer({"teams": [await shown(levers, team) for team in await store.teams()]})

    async def patch_team(request: Request) -> Answer:
        team = await team_of(levers, request.path_values["id"])
        body = await _BODY.read(request)
        changed = replace(
            team,
            name=body.get("name", team.name),
            plan=body.get("plan", team.plan),
            max_concurrent_jobs=body.get("maxConcurrentJobs", team.max_concurrent_jobs),
            modalities=tuple(body.get("modalities", team.modalities)),
        )
        try:
            changed = paced(changed, body)
        except Unfit as error:
            raise Problem(400, "Invalid body", str(error)) from None
        await store.put_team(changed)
        if "maxConcurrentJobs" in body:
            await store.move_up(team.id, clock.now())
        if "credits" in body:
            await store.set_balance(team.id, body["credits"], clock.now())
        return answer(await shown(levers, changed))

    return [Route("GET", f"{PREFIX}/teams", get_teams), Route("PATCH", f"{PREFIX}/teams/{{id}}", patch_team)]


async def shown(levers: Levers, team: Team) -> dict[str, Any]:
    """A team as JSON, with its balance of this moment."""
    return {
        "id": team.id,
        "name": team.name,
        "credits": await levers.store.balance(team.id, levers.clock.now()),
        "plan": team.plan,
        "maxConcurrentJobs": team.max_concurrent_jobs,
        "modalities": list(team.modalities),
        "speed": "instant" if team.speed == math.inf else team.speed,
        "retention": None if team.keeps_s is None else f"{team.keeps_s:g}s",
    }


async def team_of(levers: Levers, team_id: str) -> Team:
    """The team with this id.

    Raises:
        Problem: 404.
    """
    teams = {team.id: team for team in await levers.store.teams()}
    if team_id not in teams:
        raise Problem(404, "No such team", f'there is no team "{team_id[:80]}"; GET {PREFIX}/teams lists them')
    return teams[team_id]
