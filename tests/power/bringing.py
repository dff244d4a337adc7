"""Defects in what is made from jobs and brought to the API beside submissions: MODEL-7, UPLOAD, LORA, ASSET."""

from functools import partial
from typing import Any

from mockserver import sources, training
from mockserver.api import uploads
from mockserver.assets import Asset, Assets
from mockserver.core.filekinds import KINDS, FileKind, kind_of
from tests.power import planting
from tests.power.planting import Defect, Swap

DEFECTS: dict[str, Defect] = {}
breaks = partial(planting.breaks, defects=DEFECTS)


@breaks("MODEL-7")
def any_parent_will_do() -> list[Swap]:
    """An action takes every job of the caller as its parent."""

    def anything(*_: Any) -> None:
        return None

    return [Swap(sources, "source_of", anything)]


@breaks("UPLOAD-1")
def uploads_are_pictures() -> list[Swap]:
    """Every upload of a known type is taken for a picture."""

    def picture(head: bytes) -> FileKind | None:
        return KINDS["png"] if kind_of(head) else None

    return [Swap(uploads, "kind_of", picture)]


@breaks("UPLOAD-2")
def any_upload_passes() -> list[Swap]:
    """An upload of an unknown type is taken for a picture."""

    def something(head: bytes) -> FileKind | None:
        return kind_of(head) or KINDS["png"]

    return [Swap(uploads, "kind_of", something)]


@breaks("LORA-1")
def training_is_free() -> list[Swap]:
    """Nothing is taken when a training starts."""
    return [Swap(training, "TRAINING_CREDITS", 0)]


@breaks("LORA-2")
def trainings_without_end() -> list[Swap]:
    """A team may train as many LoRAs at once as it likes."""
    return [Swap(training, "MOST_TRAININGS", 1000)]


@breaks("ASSET-1")
def assets_for_all() -> list[Swap]:
    """Every team sees every asset."""
    find, teams = Assets.find, set[str]()
    create = Assets.create

    async def created(self: Assets, team_id: str, url: str, kind: str) -> Asset:
        teams.add(team_id)
        return await create(self, team_id, url, kind)

    async def found(self: Assets, team_id: str, asset_id: str) -> Asset:
        del team_id
        return await find(self, next(iter(teams)), asset_id)

    return [Swap(Assets, "create", created), Swap(Assets, "find", found)]
