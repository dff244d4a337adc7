"""All fixtures by their names: where each stands, and how it is recorded."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from functools import partial
from pathlib import PurePosixPath
from typing import NamedTuple

from mockserver.core.catalog import Catalog, Model
from mockserver.recording.assets import asset_fixture
from mockserver.recording.errors import error_fixture
from mockserver.recording.jobs import job_fixture
from mockserver.recording.loras import lora_fixture
from mockserver.recording.scripts import Ask, script_of
from mockserver.recording.studio import Fixture, Studio
from mockserver.recording.uploads import upload_fixture

MODELS = "models"
"""The folder that holds a folder for each operation."""
OTHERS = ("loras", "uploads", "assets", "errors")
"""What is recorded beside models and actions."""

Record = Callable[[Studio], Awaitable[Fixture]]


class Piece(NamedTuple):
    """One file."""

    name: str
    """What it is called on the command line."""
    path: PurePosixPath
    """Below the folder of all fixtures."""
    record: Record


def pieces_of(contract: Catalog, rows: Mapping[str, Model], ask: Ask) -> list[Piece]:
    """Every fixture: of models and actions by their names, as *rows* has them, and of all else."""
    found = [
        Piece(
            name,
            PurePosixPath(MODELS, row.operation, f"{row.id}.json"),
            partial(_job, contract=contract, row=row, ask=ask),
        )
        for name, row in rows.items()
    ]
    records: tuple[Record, ...] = (
        lora_fixture,
        upload_fixture,
        partial(asset_fixture, contract=contract),
        partial(_errors, contract=contract, ask=ask),
    )
    others = zip(OTHERS, records, strict=True)
    return [*found, *(Piece(name, PurePosixPath(f"{name}.json"), record) for name, record in others)]


async def recorded(pieces: Iterable[Piece]) -> AsyncIterator[tuple[Piece, Fixture]]:
    """Each of them with what the mock answers."""
    async with Studio() as studio:
        for piece in pieces:
            yield piece, await piece.record(studio)


async def _job(studio: Studio, *, contract: Catalog, row: Model, ask: Ask) -> Fixture:
    return await job_fixture(studio, contract, script_of(contract, row, ask))


async def _errors(_: Studio, *, contract: Catalog, ask: Ask) -> Fixture:
    return await error_fixture(contract, ask)
