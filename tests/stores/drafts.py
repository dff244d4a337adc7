"""Jobs for the suite of the stores, made by hand, and the whole of a store as one value."""

import math
from dataclasses import replace
from typing import Any

from mockserver.core.accounts import Key, Team, make_key
from mockserver.core.deliveries import Attempt, Delivery, DeliveryStatus
from mockserver.core.idempotency import Claim
from mockserver.core.ids import uuid_from
from mockserver.core.jobs import TRAINING, Job, Webhook, WebhookStatus, loras_of
from mockserver.core.timeline import JobStatus, Plan
from mockserver.stores.protocol import Accepted, Draft, JobQuery, Store

NOW = 1_800_000_000.0
NEVER = math.inf
TEAM = Team("team-1", "First", opening=100)
OTHER_TEAM = Team("team-2", "Second", opening=50)
TEAMS = [TEAM, OTHER_TEAM]
ANN, BOB, EVE = (
    replace(make_key(f"afk_{user}", name=user, team_id=team.id), user_id=user)
    for user, team in (("ann", TEAM), ("bob", TEAM), ("eve", OTHER_TEAM))
)
KEYS = [ANN, BOB, EVE]
HOOK = Webhook("http://127.0.0.1:9/hook", ("progress", "completed", "failed"), ANN.digest)


def job_id(number: int) -> str:
    """Rises with the number."""
    return uuid_from(number << 80)


def plan(*, starts_at: float = NOW, runs_s: float = 10.0, outcome: JobStatus = JobStatus.COMPLETED) -> Plan:
    """A plan with marks of 25 and 50 per cent, at a quarter and half of the way."""
    pace_s = runs_s if math.isfinite(runs_s) else 10.0
    error = "no luck" if outcome is JobStatus.FAILED else None
    return Plan(starts_at, runs_s, pace_s, ((0.25, 25), (0.5, 50)), outcome, error, keeps_s=60.0)


def draft(
    number: int,
    *,
    at: float = NOW,
    owner: Key = ANN,
    cost: int = 1,
    model: str = "model-a",
    life: Plan | None = None,
    key: str | None = None,
    request: bytes = b"request",
    hook: Webhook | None = None,
    slots: int | None = None,
) -> Draft:
    """A submission of job *number*, which starts at once and takes ten seconds unless its *life* says otherwise."""
    job = Job(
        job_id(number),
        owner.user_id,
        owner.team_id,
        "images.generate",
        model,
        at,
        cost,
        2,
        "images",
        b'{"prompt":"a fox"}',
        key,
        hook,
        hook and WebhookStatus.PENDING,
        plan(starts_at=at) if life is None else life,
    )
    return Draft(job, None if key is None else Claim(key, request), slots)


def lora(
    number: int,
    *,
    at: float = NOW,
    owner: Key = ANN,
    later_cost: int = 0,
    life: Plan | None = None,
    hook: Webhook | None = None,
    most_open: int | None = None,
) -> Draft:
    """The training of a LoRA for 2 credits, which stays once it has ended."""
    wanted = draft(number, at=at, owner=owner, cost=2, model="training", life=life, hook=hook)
    kept = wanted.job.plan._replace(keeps_s=NEVER, marks=())
    job = wanted.job._replace(operation=TRAINING, later_cost=later_cost, plan=kept)
    return wanted._replace(job=job, most_open=most_open)


async def accepted(store: Store, wanted: Draft, now: float | None = None) -> Job:
    """The job that a submission made, by default in the instant of its `created_at`."""
    outcome = await store.submit(wanted, wanted.job.created_at if now is None else now)
    assert isinstance(outcome, Accepted)
    return outcome.job


async def listed(store: Store, owner: str, now: float = NOW, **filters: Any) -> list[str]:
    """The ids of an owner's jobs on one page that holds them all."""
    page = await store.page(JobQuery(owner, 10_000, **filters), now)
    assert not page.has_more
    return [job.id for job in page.jobs]


async def whole(store: Store, now: float) -> dict[str, Any]:
    """All that a store shows of its state: two equal ones mean that nothing happened between."""
    teams = await store.teams()
    return {
        "teams": teams,
        "keys": await store.keys(),
        "jobs": {team.id: await store.page(JobQuery(team.id, 10_000), now) for team in teams},
        "lists": {key.user_id: await listed(store, key.user_id, now) for key in await store.keys()},
        "loras": {team.id: await listed(store, loras_of(team.id), now) for team in teams},
        "models": {team.id: await store.models_of(team.id) for team in teams},
        "balances": {team.id: await store.balance(team.id, now) for team in teams},
        "deliveries": await store.deliveries(),
        "next_due_at": await store.next_due_at(),
        "counts": await store.counts(),
    }


def attempt(delivery: Delivery, status: int | None = 200, *, at: float = NOW) -> Attempt:
    """One HTTP try of a delivery."""
    error = None if status == 200 else "no"
    return Attempt(delivery.id, delivery.attempts + 1, at, 0.1, HOOK.url, {}, b"{}", status, "ok", error)


def delivered(delivery: Delivery) -> Delivery:
    """The delivery after a try that went well."""
    return delivery._replace(attempts=delivery.attempts + 1, status=DeliveryStatus.DELIVERED)


def failed(delivery: Delivery) -> Delivery:
    """The delivery after its last try."""
    return delivery._replace(attempts=delivery.attempts + 1, status=DeliveryStatus.FAILED)


def due_again(delivery: Delivery, due_at: float) -> Delivery:
    """The delivery after a try that failed, to be tried once more at *due_at*."""
    return delivery._replace(attempts=delivery.attempts + 1, due_at=due_at)
