"""The verbs for LoRAs that are there: look, list, archive, and ask for one that is ready."""

from typing import NamedTuple

from mockserver.clock import Clock
from mockserver.core import timeline
from mockserver.core.errors import Invalid, LoraNotFound, LoraNotReady
from mockserver.core.ids import is_uuid
from mockserver.core.jobs import Job, loras_of
from mockserver.core.loras import LoraStatus, lora_status
from mockserver.core.messages import wrong_format
from mockserver.core.paging import Place
from mockserver.stores.protocol import Caller, JobQuery, Store


class LoraPage(NamedTuple):
    """A page of a team's LoRAs, newest first."""

    loras: list[Job]
    next_cursor: str | None
    """The id of the last one; none where nothing follows."""


class Loras:
    """The LoRAs of all teams. Whoever belongs to a team sees and archives every one of it."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock

    async def look(self, caller: Caller, lora_id: str) -> Job:
        """A LoRA of the caller's team, archived or not.

        Raises:
            Invalid, LoraNotFound: the id is no UUID; the team has no such LoRA.
        """
        if not is_uuid(lora_id):
            raise Invalid({"id": [wrong_format("uuid")]})
        lora = await self._store.job(lora_id.lower())
        if lora is None or loras_of(caller.team.id) not in lora.lists:
            raise LoraNotFound
        return lora

    async def ready(self, caller: Caller, lora_id: str) -> Job:
        """A LoRA of the caller's team that can be used now.

        Raises:
            Invalid, LoraNotFound, LoraNotReady: the id is no UUID; none, or archived; its training has not ended well.
        """
        lora = await self.look(caller, lora_id)
        match lora_status(lora, self._clock.now()):
            case LoraStatus.READY:
                return lora
            case LoraStatus.ARCHIVED:
                raise LoraNotFound
            case _:
                raise LoraNotReady

    async def page(self, caller: Caller, *, limit: int, cursor: str | None, with_archived: bool) -> LoraPage:
        """A page of the team's LoRAs behind the one whose id is *cursor*.

        Raises:
            Invalid: the team has no LoRA of this id.
        """
        after = None
        if cursor is not None:
            try:
                last = await self.look(caller, cursor)
            except LoraNotFound:
                raise Invalid({"cursor": ["Invalid cursor"]}) from None
            after = Place(last.created_at, last.id)
        query = JobQuery(loras_of(caller.team.id), limit, after, hides_archived=not with_archived)
        page = await self._store.page(query, self._clock.now())
        return LoraPage(page.jobs, page.jobs[-1].id if page.has_more else None)

    async def archive(self, caller: Caller, lora_id: str) -> Job:
        """Archive a LoRA of the caller's team; a training under way is cancelled, and its credits come back.

        Raises:
            Invalid, LoraNotFound: as above.
        """
        lora, now = await self.look(caller, lora_id), self._clock.now()
        end = timeline.expired_by if lora.moment(now).status.is_final else timeline.cancelled_by
        await self._store.change_plan(lora.id, end(lora.plan, now), now)
        return lora
