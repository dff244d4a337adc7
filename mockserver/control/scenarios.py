"""/_mock/scenarios and /_mock/scenario: what can be played, and what is."""

from typing import Any

from mockserver.control.faults import refused
from mockserver.control.levers import PREFIX, Body, Levers, Problem, answer
from mockserver.control.queries import query_of
from mockserver.core.accounts import named
from mockserver.core.documents import DocumentError
from mockserver.core.instants import iso
from mockserver.core.signing import key_digest
from mockserver.http.answers import Answer
from mockserver.http.request import Request
from mockserver.http.router import Route
from mockserver.scenarios.shelf import Found, Known, UnknownScenario, find_named, known_in, scenario_in, scenario_of
from mockserver.scenarios.stage import Playing
from mockserver.settings import SettingsError

INLINE = "inline"
"""The name of a scenario that came in a request."""
_BODY = Body(
    name={"type": ["string", "null"], "minLength": 1, "maxLength": 500},
    scenario={"type": "object"},
    key={"type": "string", "minLength": 1, "maxLength": 200},
)


def routes(levers: Levers) -> list[Route]:
    """The routes of scenarios."""
    stage = levers.stage

    async def get_scenarios(_: Request) -> Answer:
        rows = [
            {
                "name": known.name,
                "about": _about(known.file),
                "file": None if known.is_shipped else str(known.file),
            }
            for known in _known(levers)
        ]
        return answer({"scenarios": rows})

    async def get_scenario(request: Request) -> Answer:
        key = query_of(request, "key").get("key", "")
        return answer({"scenario": _shown(stage.playing(key and key_digest(key)))})

    async def post_scenario(request: Request) -> Answer:
        body = await _BODY.read(request)
        key = body.get("key", "")
        if ("name" in body) == ("scenario" in body):
            raise Problem(400, "Invalid body", 'want a "name", or a "scenario" as in its file')
        if key and await levers.store.caller(key_digest(key)) is None:
            raise Problem(404, "No such key", f"this key does not exist; GET {PREFIX}/keys lists them")
        if body.get("name", "") is None:
            async with levers.sharing.turn():
                await stage.end(key and key_digest(key))
            return answer({"scenario": None})
        try:
            async with levers.sharing.turn():
                playing = await stage.play(_found(levers, body), named(key) if key else None)
        except DocumentError as error:
            raise refused(error.mistakes) from None
        return answer({"scenario": _shown(playing)})

    async def delete_scenario(request: Request) -> Answer:
        key = query_of(request, "key").get("key", "")
        async with levers.sharing.turn():
            await stage.end(key and key_digest(key))
        return Answer(204)

    return [
        Route("GET", f"{PREFIX}/scenarios", get_scenarios),
        Route("GET", f"{PREFIX}/scenario", get_scenario),
        Route("POST", f"{PREFIX}/scenario", post_scenario),
        Route("DELETE", f"{PREFIX}/scenario", delete_scenario),
    ]


def _known(levers: Levers) -> list[Known]:
    try:
        return known_in(levers.stage.settings.scenarios)
    except SettingsError as error:
        raise Problem(400, "No scenarios", str(error)) from None


def _found(levers: Levers, body: dict[str, Any]) -> Found:
    if "scenario" in body:
        return Found(scenario_of(body["scenario"], INLINE), None)
    try:
        return find_named(body["name"], levers.stage.settings.scenarios)
    except UnknownScenario as error:
        raise Problem(404, "No such scenario", str(error)) from None
    except SettingsError as error:
        raise Problem(400, "Invalid scenario", str(error)) from None


def _about(file: Any) -> str:
    try:
        return scenario_in(file).about
    except SettingsError as error:
        return str(error)


def _shown(playing: Playing | None) -> dict[str, Any] | None:
    if playing is None:
        return None
    return {
        "name": playing.name,
        "about": playing.about,
        "startedAt": iso(playing.began_at),
        "key": playing.key.prefix if playing.key else None,
        "faults": list(playing.faults),
    }
