"""The fixture of assets: one of each type, as it is created and as it is shown."""

from mockserver.core.catalog import Catalog
from mockserver.recording.studio import KEY, Fixture, Studio

PATH = "/v2/assets/create"
ENDINGS = {"image": "png", "video": "mp4", "audio": "mp3"}


async def asset_fixture(studio: Studio, contract: Catalog) -> Fixture:
    """All that a client sees of assets."""
    await studio.start_over()
    kinds = contract.schemas["requests/create-asset.json"]["properties"]["type"]["enum"]
    head = {"operation": "assets.create", "method": "POST", "path": PATH, "apiKey": KEY}
    return {**head, "assets": [await _asset(studio, kind) for kind in kinds]}


async def _asset(studio: Studio, kind: str) -> Fixture:
    request = {"url": f"https://example.com/input.{ENDINGS[kind]}", "type": kind}
    answer = await studio.ask("POST", PATH, request, status=201)
    path = f"/v2/assets/{answer.body['assetId']}"
    shown = await studio.ask("GET", path, status=200)
    return {
        "request": request,
        "answer": answer.shown(),
        "get": {"method": "GET", "path": path, "answer": shown.shown()},
    }
