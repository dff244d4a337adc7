"""The verb that creates a LoRA: a job that trains it."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from mockserver.core import directives, timeline
from mockserver.core.catalog import Operation
from mockserver.core.directives import Directives
from mockserver.core.errors import (
    InsufficientCredits,
    ModalityNotEnabled,
    OnDemand,
    QueueUnavailable,
    TooManyTrainings,
)
from mockserver.core.ids import uuid_from
from mockserver.core.instants import whole_ms
from mockserver.core.jobs import TRAINING, Job, Webhook, WebhookStatus, loras_of
from mockserver.core.jsontext import encode
from mockserver.core.loras import CREATION_CREDITS, MODEL, MOST_TRAININGS, TRAINING_CREDITS, TYPICAL_S
from mockserver.core.matching import Seen
from mockserver.core.timeline import JobStatus
from mockserver.service import Service
from mockserver.stores.protocol import Accepted, Caller, Clash, Draft, JobQuery, Replay, TooFewCredits, TooManyOpen

MODALITY = "image"
STUCK_RETRY_S = 60
"""When to come again where every training under way is stuck."""


class LoraForm(NamedTuple):
    """A form that fits its schema."""

    fields: dict[str, Any]
    """What the LoRA keeps of it, by the names of the wire, `imageCount` among them."""
    webhook_url: str | None
    webhook_events: Sequence[str]


class Created(NamedTuple):
    """A LoRA whose training was accepted."""

    lora: Job
    fired: tuple[str, ...]
    """The fault rules that changed it."""


class Trainings:
    """Starts trainings over the service's store, clock, rules and faults."""

    def __init__(self, service: Service) -> None:
        self._service = service

    @property
    def _operation(self) -> Operation:
        return self._service.catalog.operations[TRAINING]

    async def create(self, caller: Caller, form: LoraForm) -> Created:
        """Accept a training: two credits now, the rest when it starts.

        Raises:
            Refusal: one of those in docs/loras.md; then nothing has changed.
        """
        service = self._service
        if MODALITY not in caller.team.modalities:
            raise ModalityNotEnabled(MODALITY)
        orders, fired = await self._ordered(caller, form)
        now = service.clock.now()
        job = self._draw(caller, form, orders, whole_ms(now))
        outcome = await service.store.submit(Draft(job, None, None, MOST_TRAININGS), now)
        match outcome:
            case Accepted(lora):
                return Created(lora, fired)
            case TooFewCredits(required, available):
                raise InsufficientCredits(required=required, available=available)
            case TooManyOpen(until):
                raise TooManyTrainings(_wait_s(until, now))
            case Replay() | Clash():
                raise AssertionError(outcome)  # a training has no idempotency key

    async def _ordered(self, caller: Caller, form: LoraForm) -> tuple[Directives, tuple[str, ...]]:
        """What the name and fault rules order of the training, and the rules that did.

        Raises:
            Refusal: they order one, or the training would be refused anyway: what is refused uses no rule up.
        """
        service, key = self._service, caller.key
        orders = directives.read(form.fields["name"]) if service.rules.obeys_directives else directives.NONE
        if orders.status is not None or key.is_queue_down:
            await self._refuse(caller, orders)
        if not service.faults.of_jobs:
            return orders, ()
        await self._check_means(caller)
        operation = self._operation
        seen = Seen(operation.method, operation.path, operation.id, key.digest, {}, form.fields)
        return await service.faults.at_job(seen, orders)

    async def _refuse(self, caller: Caller, orders: Directives) -> None:
        available = await self._check_means(caller)
        if orders.status is None:
            raise QueueUnavailable
        raise OnDemand(orders.status, required=CREATION_CREDITS, available=min(available, CREATION_CREDITS - 1))

    async def _check_means(self, caller: Caller) -> int:
        """The team's credits, where they and its trainings under way allow another."""
        service, team = self._service, caller.team
        available = await service.balance(team.id)
        if available < CREATION_CREDITS:
            raise InsufficientCredits(required=CREATION_CREDITS, available=available)
        now = service.clock.now()
        ends: list[float] = []
        for status in (JobStatus.QUEUED, JobStatus.PROCESSING):
            query = JobQuery(loras_of(team.id), MOST_TRAININGS, status=status)
            ends += [lora.plan.ended_at for lora in (await service.store.page(query, now)).jobs]
        if len(ends) >= MOST_TRAININGS:
            raise TooManyTrainings(_wait_s(min(ends), now))
        return available

    def _draw(self, caller: Caller, form: LoraForm, orders: Directives, now: float) -> Job:
        service, team = self._service, caller.team
        typical_s = TYPICAL_S / (team.speed or service.rules.speed)
        draw = service.chance
        plan = timeline.draw_plan(now, typical_s, orders, marks=(), keeps_s=math.inf, chance=draw.random)
        webhook = None
        if form.webhook_url is not None:
            digest = caller.key.digest
            webhook = Webhook(form.webhook_url, form.webhook_events, digest, orders.webhook, orders.webhook_late_s)
        return Job(
            id=uuid_from(draw.getrandbits(128)),
            user_id=caller.key.user_id,
            team_id=team.id,
            operation=TRAINING,
            model=MODEL,
            created_at=now,
            cost=CREATION_CREDITS,
            outputs=0,
            result="",
            input_json=encode(form.fields),
            idempotency_key=None,
            webhook=webhook,
            webhook_status=webhook and WebhookStatus.PENDING,
            plan=plan,
            later_cost=TRAINING_CREDITS,
        )


def _wait_s(until: float, now: float) -> int:
    """Whole seconds from *now* on, at least one."""
    return max(1, math.ceil(until - now)) if math.isfinite(until) else STUCK_RETRY_S
