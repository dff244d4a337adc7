"""What stands behind the ids and addresses of a submission: the parent job, the LoRA, the input."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple, Protocol

from mockserver.clock import Clock
from mockserver.core.catalog import Model
from mockserver.core.jobs import Job
from mockserver.core.parents import PARENT, source_of
from mockserver.core.pricing import ASSUMED, Measured, value_at
from mockserver.core.songs import Note
from mockserver.loras import Loras
from mockserver.stores.protocol import Caller


class Prober(Protocol):
    """Looks at inputs; both methods raise `InputUnreadable`, naming the field's dotted path *place*."""

    async def image(self, url: str, place: str) -> tuple[int, int]:
        """Width and height in pixels."""

    async def seconds(self, url: str, place: str) -> float:
        """How long it plays."""


class Sources(NamedTuple):
    """What a job is made from, where that is more than words."""

    measured: Measured = ASSUMED
    track: Note | None = None
    """The track that is acted on."""


NO_SOURCES = Sources()


class Looker:
    """Looks at what a body names, before anything is charged. Without a prober, inputs are assumed."""

    def __init__(
        self, job: Callable[[Caller, str], Awaitable[Job]], loras: Loras, clock: Clock, prober: Prober | None
    ) -> None:
        self._job, self._loras, self._clock, self._prober = job, loras, clock, prober

    async def look(self, caller: Caller, model: Model, body: Mapping[str, Any]) -> Sources:
        """What there is.

        Raises:
            JobNotFound, Invalid, ActionUnavailable: there is no such parent job, or it cannot be acted on that way.
            LoraNotFound, LoraNotReady: there is no such LoRA, or not yet.
            InputUnreadable: the input cannot be looked at.
        """
        track, measured = None, ASSUMED
        if model.parent is not None:
            parent = await self._job(caller, body[PARENT])
            track = source_of(model.parent, parent, body, self._clock.now())
        if model.lora:
            await self._loras.ready(caller, value_at(body, model.lora.split(".")))
        if model.probe is not None and self._prober is not None:
            place = model.probe["param"]
            measured = await self._measured(self._prober, value_at(body, place.split(".")), place, model.probe["as"])
        return Sources(measured, track)

    async def _measured(self, prober: Prober, url: str, place: str, what: str) -> Measured:
        if what == "seconds":
            return ASSUMED._replace(seconds=await prober.seconds(url, place))
        width, height = await prober.image(url, place)
        return ASSUMED._replace(width=width, height=height)
