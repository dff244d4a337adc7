"""POST /v2/assets/create and GET /v2/assets/{assetId}: addresses that a provider wants to know beforehand."""

from mockserver.api.gate import Gate
from mockserver.assets import Assets
from mockserver.core.errors import BrokenJson, Invalid
from mockserver.core.jsontext import parse
from mockserver.core.validation import SchemaCheck, details_of
from mockserver.http.answers import Answer, json_answer
from mockserver.http.request import Request
from mockserver.http.router import Route
from mockserver.service import Service


def routes(service: Service, gate: Gate, assets: Assets) -> list[Route]:
    """The two routes."""
    check = SchemaCheck(service.catalog.schemas["requests/create-asset.json"])

    async def create_asset(request: Request) -> Answer:
        try:
            parsed = parse(await request.json_body())
        except ValueError as error:
            raise BrokenJson from error
        problems = check.problems(parsed)
        if problems:
            raise Invalid(details_of([each._replace(path=each.path or ("body",)) for each in problems]))
        asset = await assets.create(request.known_caller.team.id, parsed.value["url"], parsed.value["type"])
        return json_answer(201, {"assetId": asset.id})

    async def get_asset(request: Request) -> Answer:
        asset = await assets.find(request.known_caller.team.id, request.path_values["assetId"])
        return json_answer(200, {**asset._asdict(), "status": "active"})

    return [
        Route("POST", "/v2/assets/create", gate.keyed("assets.create", create_asset)),
        Route("GET", "/v2/assets/{assetId}", gate.keyed("assets.get", get_asset)),
    ]
