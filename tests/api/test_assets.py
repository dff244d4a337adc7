"""Assets: an address that a provider knows from now on, for the team that registered it."""

import json
from typing import Any

import aiohttp
import pytest

from mockserver.assets import ROOM, Assets
from mockserver.core.errors import AssetNotFound
from mockserver.stores.memory import MemoryStore
from tests.api.conftest import Fits, TeamKeys
from tests.driver import Driver

FOX = {"url": "https://example.com/fox.png", "type": "image"}
MISSING = (404, {"error": "Asset not found"})


async def created(http: aiohttp.ClientSession, body: Any, key: str = "afk_test") -> tuple[int, Any]:
    """Status and JSON of a creation."""
    async with http.post("/v2/assets/create", json=body, headers={"X-API-Key": key}) as answer:
        return answer.status, await answer.json()


async def looked(http: aiohttp.ClientSession, asset_id: str, key: str = "afk_test") -> tuple[int, Any]:
    """Status and JSON of a look."""
    async with http.get(f"/v2/assets/{asset_id}", headers={"X-API-Key": key}) as answer:
        return answer.status, await answer.json()


async def test_an_asset_is_there_from_its_creation_on(client: aiohttp.ClientSession, fits: Fits) -> None:
    bodies: list[dict[str, Any]] = [
        FOX,
        {"url": "data:,x", "type": "video", "more": 1},
        {"url": "s3:/é", "type": "audio"},
        FOX,
    ]
    for number, body in enumerate(bodies, 1):
        asset_id = f"kie-asset-{number}"
        status, told = await created(client, body)
        fits(told, "asset-created")
        assert (status, told) == (201, {"assetId": asset_id})
        shown = {"id": asset_id, "url": body["url"], "type": body["type"], "status": "active"}
        assert await looked(client, asset_id) == (200, shown)


async def test_an_asset_is_seen_by_its_team_alone_and_until_the_mock_is_reset(
    driver: Driver, team_keys: TeamKeys
) -> None:
    _, told = await created(driver.http, FOX, team_keys.admin)
    keys = (team_keys.admin, team_keys.member, team_keys.stranger)
    assert [(await looked(driver.http, told["assetId"], key))[0] for key in keys] == [200, 200, 404]
    assert await looked(driver.http, told["assetId"], team_keys.stranger) == MISSING
    await created(driver.http, FOX)
    await driver.pull("POST", "reset")
    assert await looked(driver.http, "kie-asset-2") == MISSING
    assert await created(driver.http, FOX) == (201, {"assetId": "kie-asset-1"})


@pytest.mark.parametrize(
    ("body", "details"),
    [
        ({}, ["url", "type"]),
        ({"url": "example.com/fox.png", "type": "image"}, ["url"]),
        ({"url": "", "type": "image"}, ["url"]),
        ({"url": 1, "type": None}, ["url", "type"]),
        ({"url": "https://a", "type": "text"}, ["type"]),
        ([], ["body"]),
        (None, ["body"]),
    ],
)
async def test_a_body_that_breaks_its_schema_is_refused_with_details(
    client: aiohttp.ClientSession, body: Any, details: list[str]
) -> None:
    raw = json.dumps(body)
    headers = {"Content-Type": "application/json"}
    async with client.post("/v2/assets/create", data=raw, headers=headers) as answer:
        told = await answer.json()
    assert (answer.status, told["error"], sorted(told["details"])) == (400, "Validation error", sorted(details))


async def test_a_body_that_is_no_json_and_an_unknown_id_are_refused(client: aiohttp.ClientSession) -> None:
    async with client.post("/v2/assets/create", data="{", headers={"Content-Type": "application/json"}) as answer:
        assert (answer.status, await answer.json()) == (400, {"error": "Invalid JSON"})
    assert [await looked(client, name) for name in ("x", "kie-asset-1", "%00")] == [MISSING] * 3


async def test_a_provider_that_fails_is_a_fault_rule(driver: Driver) -> None:
    await driver.pull("POST", "faults", {"match": {"path": "/v2/assets/*"}, "respond": {"status": 502}}, status=201)
    seen = [await created(driver.http, FOX), await looked(driver.http, "kie-asset-1")]
    assert seen == [(502, {"error": "Asset creation failed"}), (502, {"error": "Asset query failed"})]


async def test_the_oldest_assets_of_a_team_leave_when_there_are_too_many_or_they_are_too_long() -> None:
    assets = Assets(MemoryStore(1))
    first = await assets.create("one", "https://a", "image")
    other = await assets.create("two", "https://a", "image")
    for _ in range(ROOM.most - 1):
        await assets.create("one", "https://b", "image")
    last = await assets.create("one", "https://b", "image")
    with pytest.raises(AssetNotFound):
        await assets.find("one", first.id)
    assert (await assets.find("one", last.id), await assets.find("two", other.id)) == (last, other)
    long = await assets.create("one", "x" * (ROOM.most_size + 1), "image")
    assert await assets.find("one", long.id) == long
    with pytest.raises(AssetNotFound):
        await assets.find("one", last.id)
