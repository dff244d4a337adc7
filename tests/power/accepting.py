"""Defects in how a submission takes effect, once or not at all: IDEMP, CRED, RATE, AVAIL."""

import asyncio
import math
import sys
from collections import Counter, defaultdict
from contextvars import ContextVar
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

from mockserver import service as verbs
from mockserver import webhooks
from mockserver.api import errors as answers
from mockserver.api import jobs, me, models, submissions
from mockserver.core.accounts import RateLimit
from mockserver.core.catalog import Operation
from mockserver.core.deliveries import Delivery, payload
from mockserver.core.directives import Directives
from mockserver.core.errors import (
    BrokenJson,
    InsufficientCredits,
    Invalid,
    JobNotFound,
    KeyReused,
    OnDemand,
    QueueUnavailable,
    RateLimited,
    Refusal,
)
from mockserver.core.idempotency import LIFETIME_S, MAX_LENGTH, Claim, Record, fingerprint
from mockserver.core.jobs import Job
from mockserver.core.signing import key_digest
from mockserver.core.timeline import JobStatus, Plan, failed_by
from mockserver.http.answers import Answer, json_answer
from mockserver.http.request import Request
from mockserver.http.router import Handler
from mockserver.service import Service, Submitted
from mockserver.stores import memory
from mockserver.stores.memory import MemoryStore
from mockserver.stores.protocol import Accepted, Caller, Clash, Draft, JobQuery, Outcome, Replay, Store
from tests.power import planting
from tests.power.planting import Defect, Swap, around, genuine, take

DEFECTS: dict[str, Defect] = {}
breaks = partial(planting.breaks, defects=DEFECTS)

WINDOW_S = 0.05
"""Real time between the two halves of what should have been one step."""


# IDEMP


@breaks("IDEMP-1")
def key_ignored() -> list[Swap]:
    """An idempotency key of a lawful length does nothing."""
    submitted = Service.submit

    async def submit(self: Service, caller: Caller, operation: Operation, raw: bytes, key: str) -> Submitted:
        return await submitted(self, caller, operation, raw, key if len(key) > MAX_LENGTH else "")

    return [Swap(Service, "submit", submit)]


@breaks("IDEMP-2")
def replay_charges() -> list[Swap]:
    """A replay gives the first job's id and takes its price once more."""
    recalled = MemoryStore.recall

    async def recall(self: MemoryStore, user_id: str, claim: Claim, now: float) -> Replay | Clash | None:
        known = await recalled(self, user_id, claim, now)
        job = await self.job(known.job_id) if isinstance(known, Replay) else None
        if job is not None:
            await take(self, job.team_id, job.cost, now)
        return known

    return [Swap(MemoryStore, "recall", recall)]


@breaks("IDEMP-3")
def concurrent_key_makes_two() -> list[Swap]:
    """A key is looked up, and stored a moment later without another look: whoever comes between makes a second job."""
    recalled, stored = MemoryStore.recall, MemoryStore.submit

    async def recall(self: MemoryStore, user_id: str, claim: Claim, now: float) -> Replay | Clash | None:
        known = await recalled(self, user_id, claim, now)
        if known is None:
            await asyncio.sleep(WINDOW_S)
        return known

    async def submit(self: MemoryStore, draft: Draft, now: float) -> Outcome:
        outcome = await stored(self, draft._replace(claim=None), now)
        if isinstance(outcome, Accepted) and draft.claim is not None:
            remember(self, outcome.job, draft.claim)
        return outcome

    return [Swap(MemoryStore, "recall", recall), Swap(MemoryStore, "submit", submit)]


def remember(store: MemoryStore, job: Job, claim: Claim) -> None:
    """What the store itself does with a key, by hand."""
    place = (job.user_id, claim.key)
    record = Record(job.id, claim.fingerprint, job.created_at + LIFETIME_S)
    genuine(store, "_claims")[place] = record
    genuine(store, "_records_by_age").append((record.expires_at, place))


@breaks("IDEMP-4")
def equal_bodies_merge() -> list[Swap]:
    """Without a key, a body equal to one of the last minute gives the earlier job."""
    submitted = Service.submit
    earlier: WeakKeyDictionary[Store, dict[tuple[str, str, bytes], tuple[str, float]]] = WeakKeyDictionary()

    async def submit(self: Service, caller: Caller, operation: Operation, raw: bytes, key: str) -> Submitted:
        now, sent = self.clock.now(), (caller.key.user_id, operation.id, raw)
        known = earlier.setdefault(self.store, {})
        job_id, at = known.get(sent, ("", -math.inf))
        job = await self.store.job(job_id) if at <= now < at + 60 else None
        if job is not None and not key:
            return Submitted(job_id, job.moment(now).status, is_replay=False)
        made = await submitted(self, caller, operation, raw, key)
        if not key:
            known[sent] = (made.job_id, now)
        return made

    return [Swap(Service, "submit", submit)]


@breaks("IDEMP-5")
def replay_says_queued() -> list[Swap]:
    """A replay says QUEUED, however far the job is."""
    submitted = Service.submit

    async def submit(self: Service, caller: Caller, operation: Operation, raw: bytes, key: str) -> Submitted:
        made = await submitted(self, caller, operation, raw, key)
        return made._replace(status=JobStatus.QUEUED)

    return [Swap(Service, "submit", submit)]


@breaks("IDEMP-6")
def keys_shared_by_all_users() -> list[Swap]:
    """One user's idempotency key stands for all users: another's submission gets the first one's job."""
    recalled = genuine(MemoryStore, "_recall")

    def recall(self: MemoryStore, user_id: str, claim: Claim, now: float) -> Replay | Clash | None:
        holders = [user for (user, key), kept in self._claims.items() if key == claim.key and kept.expires_at > now]
        known: Replay | Clash | None = recalled(self, holders[0] if holders else user_id, claim, now)
        return known

    return [Swap(MemoryStore, "_recall", recall)]


@breaks("IDEMP-7")
def long_key_accepted() -> list[Swap]:
    """An idempotency key of more than 255 characters is taken."""
    return [Swap(verbs, "MAX_LENGTH", sys.maxsize)]


@breaks("IDEMP-10")
def refusal_burns_key() -> list[Swap]:
    """A key whose first submission was refused with 400, 402 or 503 is used up: whatever comes with it is a clash."""
    submitted = Service.submit
    used: WeakKeyDictionary[Store, dict[tuple[str, str], bool]] = WeakKeyDictionary()

    async def submit(self: Service, caller: Caller, operation: Operation, raw: bytes, key: str) -> Submitted:
        place, good = (caller.key.user_id, key), used.setdefault(self.store, {})
        if good.get(place) is False:
            raise KeyReused
        try:
            made = await submitted(self, caller, operation, raw, key)
        except (BrokenJson, Invalid, InsufficientCredits, QueueUnavailable):
            if 0 < len(key) <= MAX_LENGTH:
                good.setdefault(place, False)
            raise
        good[place] = True
        return made

    return [Swap(Service, "submit", submit)]


@breaks("IDEMP-11")
def body_compared_by_bytes() -> list[Swap]:
    """A replay whose body says the same in other bytes, such as keys in another order, is a clash."""
    submitted = Service.submit
    arrived: ContextVar[bytes] = ContextVar("arrived")

    async def submit(self: Service, caller: Caller, operation: Operation, raw: bytes, key: str) -> Submitted:
        arrived.set(raw)
        return await submitted(self, caller, operation, raw, key)

    def of_bytes(operation: str, _: Any) -> bytes:
        return fingerprint(operation, {"raw": arrived.get().decode("latin-1")})

    return [Swap(Service, "submit", submit), Swap(verbs, "fingerprint", of_bytes)]


@breaks("IDEMP-12")
def key_never_forgotten() -> list[Swap]:
    """A key still stands for its job when its 24 hours are long over."""
    return [Swap(memory, "LIFETIME_S", math.inf)]


@breaks("IDEMP-14")
def claim_after_answer() -> list[Swap]:
    """A key is kept only where the client is still there to be answered; who hangs up and retries gets a second job."""
    stored = MemoryStore.submit
    unclaimed: ContextVar[list[tuple[MemoryStore, Job, Claim]]] = ContextVar("unclaimed")
    turns: WeakKeyDictionary[Service, dict[tuple[str, str], asyncio.Lock]] = WeakKeyDictionary()

    async def submit(self: MemoryStore, draft: Draft, now: float) -> Outcome:
        outcome = await stored(self, draft._replace(claim=None), now)
        if isinstance(outcome, Accepted) and draft.claim is not None:
            unclaimed.get().append((self, outcome.job, draft.claim))
        return outcome

    async def answered(service: Service, request: Request, handler: Handler) -> Answer:
        key = request.headers.get("Idempotency-Key", "")
        if not key:
            return await handler(request)
        waiting = turns.setdefault(service, defaultdict(asyncio.Lock))
        async with waiting[request.headers.get("X-API-Key", ""), key]:  # those who wait for the answer share one job
            made: list[tuple[MemoryStore, Job, Claim]] = []
            unclaimed.set(made)
            answer = await handler(request)
            if made:
                await asyncio.sleep(WINDOW_S)
            if not (request.is_last or request.transport is None or request.transport.is_closing()):
                for claimed in made:
                    remember(*claimed)
            return answer

    return [Swap(MemoryStore, "submit", submit), around(submissions, answered)]


@breaks("IDEMP-15")
def key_checked_on_get() -> list[Swap]:
    """A GET with an idempotency key of more than 255 characters is answered 400."""

    async def checked(_: Service, request: Request, handler: Handler) -> Answer:
        answer = await handler(request)
        if len(request.headers.get("Idempotency-Key", "")) > MAX_LENGTH:
            raise Invalid({"Idempotency-Key": [f"Too big: expected string to have <={MAX_LENGTH} characters"]})
        return answer

    return [around(part, checked) for part in (jobs, me, models)]


# CRED


@breaks("CRED-1")
def balance_drifts() -> list[Swap]:
    """Every third job of a team takes one credit more than it costs."""
    stored = MemoryStore.submit
    charges: WeakKeyDictionary[MemoryStore, Counter[str]] = WeakKeyDictionary()

    async def submit(self: MemoryStore, draft: Draft, now: float) -> Outcome:
        outcome = await stored(self, draft, now)
        if isinstance(outcome, Accepted):
            team = outcome.job.team_id
            counts = charges.setdefault(self, Counter())
            counts[team] += 1
            if counts[team] % 3 == 0:
                await take(self, team, 1, now)
        return outcome

    return [Swap(MemoryStore, "submit", submit)]


async def on_credit(store: MemoryStore, draft: Draft, now: float) -> Outcome:
    """Submit whatever the balance is, which may end below zero."""
    team = draft.job.team_id
    missing = max(0, draft.job.cost - await store.balance(team, now))
    await store.set_balance(team, await store.balance(team, now) + missing, now)
    outcome = await STORED(store, draft, now)
    await store.set_balance(team, await store.balance(team, now) - missing, now)
    return outcome


STORED = MemoryStore.submit


@breaks("CRED-2")
def debt_allowed() -> list[Swap]:
    """A team that holds anything at all may submit once more, and owes the rest."""

    async def submit(self: MemoryStore, draft: Draft, now: float) -> Outcome:
        has_some = await self.balance(draft.job.team_id, now) > 0
        return await (on_credit if has_some else STORED)(self, draft, now)

    return [Swap(MemoryStore, "submit", submit)]


@breaks("CRED-3")
def numbers_swapped() -> list[Swap]:
    """A 402 says what is available as required, and what is required as available."""
    refuse = answers.refuse

    def swapped(refusal: Refusal, request: Request) -> Answer:
        if isinstance(refusal, InsufficientCredits):
            refusal = InsufficientCredits(required=refusal.available, available=refusal.required)
        return refuse(refusal, request)

    return [Swap(answers, "refuse", swapped)]


@breaks("CRED-4")
def overspend_by_race() -> list[Swap]:
    """The balance is checked, and charged a moment later without another look: many at once spend it twice."""

    async def submit(self: MemoryStore, draft: Draft, now: float) -> Outcome:
        balance = await self.balance(draft.job.team_id, now)
        if balance < draft.job.cost:
            return await STORED(self, draft, now)
        if balance < 20 * draft.job.cost:  # only there can a race overspend; the rich need not wait
            await asyncio.sleep(WINDOW_S)
        return await on_credit(self, draft, now)

    return [Swap(MemoryStore, "submit", submit)]


@breaks("CRED-5")
def failure_keeps_the_money() -> list[Swap]:
    """A job that fails is not paid back."""

    def refunds(plan: Plan) -> bool:
        return plan.outcome is JobStatus.CANCELLED

    return [Swap(Plan, "refunds", property(refunds))]


@breaks("CRED-6")
def cost_misstated() -> list[Swap]:
    """A job says, in answers and webhooks, that it cost one credit more than was taken."""
    told = jobs.job_json

    def job_json(service: Service, job: Job, now: float) -> str:
        return told(service, job._replace(cost=job.cost + 1), now)

    def body(job: Job, delivery: Delivery, result_json: str) -> bytes:
        return payload(job._replace(cost=job.cost + 1), delivery, result_json)

    return [Swap(jobs, "job_json", job_json), Swap(webhooks, "payload", body)]


@breaks("CRED-7")
def not_found_costs() -> list[Swap]:
    """Looking at a job that does not exist takes a credit."""
    look = Service.job

    async def job(self: Service, caller: Caller, job_id: str) -> Job:
        try:
            return await look(self, caller, job_id)
        except JobNotFound:
            await take(self.store, caller.team.id, 1, self.clock.now())
            raise

    return [Swap(Service, "job", job)]


# RATE


@breaks("RATE-1")
def no_retry_after() -> list[Swap]:
    """A 429 does not say when to come again."""
    refuse = answers.refuse

    def silent(refusal: Refusal, request: Request) -> Answer:
        answer = refuse(refusal, request)
        if isinstance(refusal, RateLimited):
            answer.extra = ()
        return answer

    return [Swap(answers, "refuse", silent)]


@breaks("RATE-2")
def retry_after_too_short() -> list[Swap]:
    """A 429 always says to come again in a second."""
    refuse = answers.refuse

    def hasty(refusal: Refusal, request: Request) -> Answer:
        return refuse(RateLimited(1) if isinstance(refusal, RateLimited) else refusal, request)

    return [Swap(answers, "refuse", hasty)]


@breaks("RATE-3")
def limited_request_takes_effect() -> list[Swap]:
    """A submission over the limit is answered 429, and makes its job all the same."""

    async def submit(service: Service, request: Request, handler: Handler) -> Answer:
        try:
            return await handler(request)
        except RateLimited as limited:
            sent = request.headers.get("X-API-Key") or request.headers.get("Authorization", "").partition(" ")[2]
            caller = await service.store.caller(key_digest(sent.strip()))
            operation = next(op for op in service.catalog.operations.values() if op.path == request.path_text)
            key = request.headers.get("Idempotency-Key", "")
            try:
                raw = await request.json_body()
                if caller is not None:
                    await service.submit(caller, operation, raw, key)
            except Refusal:
                raise limited from None
            raise

    return [around(submissions, submit)]


@breaks("RATE-4")
def limits_shared_by_keys() -> list[Swap]:
    """The requests of all limited keys count against each of them."""
    admitted = MemoryStore.admit

    async def admit(self: MemoryStore, digest: str, limit: RateLimit, now: float) -> float:
        return await admitted(self, digest[:0], limit, now)

    return [Swap(MemoryStore, "admit", admit)]


# AVAIL


def is_outage(refusal: Refusal) -> bool:
    return isinstance(refusal, QueueUnavailable) or (isinstance(refusal, OnDemand) and refusal.status == 503)


@breaks("AVAIL-1")
def outage_still_charges() -> list[Swap]:
    """A submission that is answered 503 takes its price."""
    refused = genuine(Service, "_refuse")

    async def refuse(self: Service, caller: Caller, orders: Directives, cost: int) -> None:
        try:
            await refused(self, caller, orders, cost)
        except Refusal as refusal:
            if is_outage(refusal):
                await take(self.store, caller.team.id, cost, self.clock.now())
            raise

    return [Swap(Service, "_refuse", refuse)]


@breaks("AVAIL-2")
def outage_is_502() -> list[Swap]:
    """While the queue is down, submissions are answered 502."""
    refuse = answers.refuse

    def gateway(refusal: Refusal, request: Request) -> Answer:
        return json_answer(502, {"error": "Bad gateway"}) if is_outage(refusal) else refuse(refusal, request)

    return [Swap(answers, "refuse", gateway)]


@breaks("AVAIL-3")
def outage_fails_jobs() -> list[Swap]:
    """A submission that is answered 503 makes the user's unfinished jobs fail."""
    refused = genuine(Service, "_refuse")

    async def refuse(self: Service, caller: Caller, orders: Directives, cost: int) -> None:
        try:
            await refused(self, caller, orders, cost)
        except Refusal as refusal:
            now = self.clock.now()
            page = await self.store.page(JobQuery(caller.key.user_id, sys.maxsize - 1), now)
            for job in page.jobs if is_outage(refusal) else []:
                if not job.moment(now).status.is_final:
                    await self.store.change_plan(job.id, failed_by(job.plan, now, "The queue was lost"), now)
            raise

    return [Swap(Service, "_refuse", refuse)]
