"""Assets that were registered with a provider, of each team, until the mock is reset. Source: facts.md section 18."""

from collections import OrderedDict
from typing import NamedTuple

from mockserver.core.errors import AssetNotFound

MOST_OF_A_TEAM = 10_000
MOST_CHARACTERS = 16 * 1024 * 1024
"""Of the addresses of one team's assets: some are whole files, written as `data:`."""


class Asset(NamedTuple):
    """An address that a provider knows."""

    id: str
    url: str
    type: str


class Assets:
    """The assets of all teams: the newest of each, at most 10,000, and at most 16 MB of addresses."""

    def __init__(self) -> None:
        self._made = 0
        self._of_team: dict[str, OrderedDict[str, Asset]] = {}
        self._characters: dict[str, int] = {}

    async def create(self, team_id: str, url: str, kind: str) -> Asset:
        """A new asset of the team; the same address again is another one."""
        self._made += 1
        asset = Asset(f"kie-asset-{self._made}", url, kind)
        kept = self._of_team.setdefault(team_id, OrderedDict())
        kept[asset.id] = asset
        characters = self._characters.get(team_id, 0) + len(url)
        while len(kept) > MOST_OF_A_TEAM or (characters > MOST_CHARACTERS and len(kept) > 1):
            characters -= len(kept.popitem(last=False)[1].url)
        self._characters[team_id] = characters
        return asset

    async def find(self, team_id: str, asset_id: str) -> Asset:
        """The team's asset with this id.

        Raises:
            AssetNotFound: it has none, or had it before 10,000 others.
        """
        kept = self._of_team.get(team_id)
        if kept is None or asset_id not in kept:
            raise AssetNotFound
        return kept[asset_id]

    def clear(self) -> None:
        """Forget every asset, and count from 1 again."""
        self._made = 0
        self._of_team.clear()
        self._characters.clear()
