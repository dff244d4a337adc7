"""Assets that were registered with a provider, of each team, until the mock is reset. Source: facts.md section 18."""

import json
import math
from typing import NamedTuple

from mockserver.core.errors import AssetNotFound
from mockserver.stores.protocol import Record, Room, Store

KIND = "asset"
ROOM = Room(10_000, 16 * 1024 * 1024)
"""Of one team: so many assets, and so many characters of addresses: some are whole files, written as `data:`."""


class Asset(NamedTuple):
    """An address that a provider knows."""

    id: str
    url: str
    type: str


class Assets:
    """The assets of all teams: the newest of each, as many as `ROOM` says."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def create(self, team_id: str, url: str, kind: str) -> Asset:
        """A new asset of the team; the same address again is another one."""
        asset = Asset(f"kie-asset-{await self._store.next_number('assets')}", url, kind)
        row = json.dumps([url, kind]).encode()
        await self._store.put_record(Record(KIND, asset.id, team_id, row, math.inf, len(url)), ROOM)
        return asset

    async def find(self, team_id: str, asset_id: str) -> Asset:
        """The team's asset with this id.

        Raises:
            AssetNotFound: it has none, or had it before too many others.
        """
        found = await self._store.record(KIND, asset_id, 0.0)
        if found is None or found[0] != team_id:
            raise AssetNotFound
        return Asset(asset_id, *json.loads(found[1]))
