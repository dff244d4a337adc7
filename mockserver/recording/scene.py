"""What a refusal is played with: a mock, a tape, and valid requests of every kind."""

from collections.abc import Callable, Mapping
from typing import Any

from mockserver.core.catalog import Catalog, Model
from mockserver.recording.jobs import Body
from mockserver.recording.scripts import Ask
from mockserver.recording.studio import Studio
from mockserver.recording.tape import KEY, Asking, Tape

NO_HEADERS: Mapping[str, str] = {}


class Scene:
    """What there is for playing a refusal: a tape, and valid requests of each kind."""

    def __init__(self, studio: Studio, contract: Catalog, ask: Ask) -> None:
        self.studio, self.tape = studio, Tape(studio)
        self._contract, self._ask = contract, ask

    def first(self, fits: Callable[[Model], Any]) -> Model:
        """The first row of the tables that fits."""
        return next(row for rows in self._contract.models.values() for row in rows.values() if fits(row))

    @property
    def plain(self) -> Model:
        """A model whose requests name nothing that has to be there."""
        return self.first(lambda row: not row.needs_sources)

    def body(self, row: Model) -> Body:
        """A valid body."""
        return self._ask(row).least

    def path(self, row: Model) -> str:
        """Where it is sent."""
        return self._contract.operations[row.operation].path

    async def submit(self, row: Model, fields: Body, key: str = KEY, headers: Mapping[str, str] = NO_HEADERS) -> Any:
        """The answer to a submission with these fields."""
        return await self.tape.ask(Asking("POST", self.path(row), {**self.body(row), **fields}, key, headers))
