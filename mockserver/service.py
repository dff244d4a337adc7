"""The verbs of the API over core, store and clock: who is calling, submit, look, list.

Order of the checks on a submission: docs/design.md, section 5. What must be atomic is one call of the store.
"""

import random
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from mockserver.abreast import abreast
from mockserver.clock import Clock
from mockserver.core import directives, timeline
from mockserver.core.accounts import RateLimit
from mockserver.core.catalog import WEBHOOK_FIELDS, Catalog, Model, Operation
from mockserver.core.deliveries import DEFAULT_EVENTS
from mockserver.core.directives import Directives
from mockserver.core.errors import (
    BadJobId,
    BrokenJson,
    InactiveKey,
    InsufficientCredits,
    Invalid,
    JobNotFound,
    KeyReused,
    MissingKey,
    ModalityNotEnabled,
    NotTeamAdmin,
    OnDemand,
    QueueUnavailable,
    RateLimited,
    UnknownKey,
)
from mockserver.core.idempotency import MAX_LENGTH, Claim, fingerprint
from mockserver.core.ids import is_uuid, uuid_from
from mockserver.core.instants import whole_ms
from mockserver.core.jobs import Job, Webhook, WebhookStatus
from mockserver.core.jsontext import Parsed, encode, parse
from mockserver.core.matching import Seen
from mockserver.core.messages import out_of_range
from mockserver.core.paging import Place, cursor, place_of
from mockserver.core.pricing import count_of, price, value_at
from mockserver.core.results import result_of
from mockserver.core.signing import key_digest
from mockserver.core.songs import notes_of
from mockserver.core.timeline import JobStatus, Mark
from mockserver.core.validation import BodyValidator
from mockserver.faults import Faults
from mockserver.loras import Loras
from mockserver.sharing import Sharing
from mockserver.sources import NO_SOURCES, Looker, Prober
from mockserver.stores.protocol import (
    Accepted,
    Caller,
    Clash,
    Draft,
    JobQuery,
    Replay,
    Store,
    TooFewCredits,
    TooManyOpen,
)

MARK_PATTERNS = 64
"""Rows of progress marks that jobs share: drawn once, so that a job costs neither the time nor the memory."""

PROMPT = ("prompt",)
"""Where most prompts stand."""

JOB_ID = "00000000-0000-0000-0000-000000000000"
"""Stands for the job's id in results that are kept as templates; no drawn id is equal to it."""


_new = tuple.__new__
"""A named tuple of a tuple with as many values as it has fields: a third of what calling its class takes."""


class Rules(NamedTuple):
    """The settings that the verbs depend on."""

    speed: float
    """Job time is divided by it; infinite: jobs are done at once."""
    keeps_s: float
    """How long result files stay."""
    rate_limit: RateLimit | None
    """Of keys without one of their own."""
    obeys_directives: bool
    public_url: str
    """Where result addresses start, without a slash at the end."""


class ListRequest(NamedTuple):
    """A job list's parameters, already valid by their schema."""

    limit: int
    is_team: bool
    status: JobStatus | None
    model: str | None
    search: str | None
    cursor: str | None
    with_models: bool


class Submitted(NamedTuple):
    """A job that was accepted now, or before with the same idempotency key."""

    job_id: str
    status: JobStatus
    is_replay: bool
    fired: tuple[str, ...] = ()
    """The fault rules that changed it."""
    cost: int = 0
    """Credits that were taken for it now."""
    model: str = ""
    """Where it was accepted now."""


class Listing(NamedTuple):
    """A page of jobs."""

    jobs: list[Job]
    next_cursor: str | None
    models: list[str] | None


class Service:
    """What the API can do. One instance a process; *seed* makes its ids and outcomes repeatable."""

    def __init__(  # noqa: PLR0913, PLR0917 - the parts come in from outside, each once
        self,
        catalog: Catalog,
        store: Store,
        clock: Clock,
        rules: Rules,
        faults: Faults,
        seed: int,
        prober: Prober | None = None,
    ) -> None:
        self.catalog, self.store, self.clock, self.rules, self.faults = catalog, store, clock, rules, faults
        self._looker = Looker(self.job, Loras(store, clock), clock, prober)
        self._validator = BodyValidator(catalog)
        self._results: dict[tuple[str, int], str] = {}
        self.sharing: Sharing | None = None
        """How this process keeps in step with others, where there may be some."""
        self.start_over(seed)

    def start_over(self, seed: int, process: int = 1) -> None:
        """Draw the same ids and outcomes again as from the start.

        Processes that share a store have one *seed* and each a number of its own, so that no two draw the same ids.
        """
        self.seed = seed
        first = _first_draws(seed)
        self._secret, self._marks = first.secret, first.marks
        self._random = random.Random(f"{seed} {process}")  # noqa: S311 - repeatable outcomes, not secrets
        if process == 1:
            self._random.setstate(first.state)

    @property
    def chance(self) -> random.Random:
        """What ids and outcomes are drawn from."""
        return self._random

    def draw_id(self) -> str:
        """A new id."""
        return uuid_from(self._random.getrandbits(128))

    # Who is calling

    async def caller(self, api_key: str) -> Caller:
        """The key and team behind a request, counted against the key's rate limit.

        Raises:
            MissingKey, UnknownKey, InactiveKey, RateLimited: as named.
        """
        if not api_key:
            raise MissingKey
        digest = key_digest(api_key)
        caller = await self.store.caller(digest)
        if self.sharing is not None and self.sharing.is_behind:
            await self.sharing.follow()
            caller = await self.store.caller(digest)
        if caller is None:
            raise UnknownKey
        key = caller.key
        if not key.is_active:
            raise InactiveKey
        limit = key.rate_limit or self.rules.rate_limit
        if limit is not None:
            wait_s = await self.store.admit(key.digest, limit, self.clock.now())
            if wait_s > 0:
                raise RateLimited(max(1, -int(-wait_s // 1)))
        return caller

    # Submit

    async def submit(self, caller: Caller, operation: Operation, raw: bytes, idempotency_key: str) -> Submitted:
        """Accept a job, or say which job the idempotency key already made.

        Raises:
            Refusal: one of those in docs/design.md, section 5; then nothing has changed.
        """
        parsed = _parsed(raw)
        model = self._validator.model_of(operation.id, parsed)
        body: Mapping[str, Any] = parsed.value
        await abreast()  # here alone: from the look for the key on, a store in memory lets nothing come between
        claim = _claim(idempotency_key, operation, body)
        prompt = body.get("prompt") if model.prompt_at == PROMPT else value_at(body, model.prompt_at)
        orders = directives.read(prompt) if prompt and self.rules.obeys_directives else directives.NONE
        if claim is not None and self._looks_first(caller, model, orders):
            known = await self.store.recall(caller.key.user_id, claim, self.clock.now())
            if known is not None:
                return _replayed(known)
        sources = NO_SOURCES
        if model.needs_sources:
            sources = await self._looker.look(caller, model, body)
        if model.modality not in caller.team.modalities:
            raise ModalityNotEnabled(model.modality)
        cost = price(model, body, sources.measured)
        fired: tuple[str, ...] = ()
        if orders.status is not None or caller.key.is_queue_down:
            await self._refuse(caller, orders, cost)
        if self.faults.of_jobs:
            seen = Seen(operation.method, operation.path, operation.id, caller.key.digest, {}, body, model=model.shown)
            orders, fired = await self._faulted(caller, seen, orders, cost)
        now = self.clock.now()
        order = _new(_Order, (operation, model, body, orders, cost, claim))
        job = self._draw_job(caller, order, whole_ms(now))
        if model.songs is not None:
            notes = notes_of(model.songs, body, prompt or "", job.id, job.outputs, sources.track)
            job = job._replace(notes=encode(notes))
        outcome = await self.store.submit(_new(Draft, (job, claim, caller.team.max_concurrent_jobs, None)), now)
        if isinstance(outcome, Accepted):  # the ordinary end, and a match statement takes longer
            return _new(Submitted, (job.id, timeline.QUEUED, False, fired, cost, model.shown))
        if isinstance(outcome, TooFewCredits):
            raise InsufficientCredits(required=outcome.required, available=outcome.available)
        assert not isinstance(outcome, TooManyOpen), "the draft sets no bound"  # noqa: S101 - a bug of ours
        return _replayed(outcome)

    def _looks_first(self, caller: Caller, model: Model, orders: Directives) -> bool:
        """Whether to look for an idempotency key before the step that stores the job, which looks for it in any case.

        For a shared store it is one way more, made where something in between could refuse a repetition, or use a
        fault rule up for it. In memory it costs nothing, and no id is drawn for a repetition.
        """
        return (
            not self.store.is_shared
            or model.needs_sources
            or model.modality not in caller.team.modalities
            or orders.status is not None
            or caller.key.is_queue_down
            or bool(self.faults.of_jobs)
        )

    async def _faulted(
        self, caller: Caller, seen: Seen, orders: Directives, cost: int
    ) -> tuple[Directives, tuple[str, ...]]:
        """What the fault rules make of the orders, and which did.

        Raises:
            Refusal: they order one, or the job cannot be paid.
        """
        if await self.balance(caller.team.id) < cost:  # what is refused uses no rule up
            await self._refuse(caller, orders, cost)
        return await self.faults.at_job(seen, orders)

    async def _refuse(self, caller: Caller, orders: Directives, cost: int) -> None:
        available = await self.store.balance(caller.team.id, self.clock.now())
        if available < cost:
            raise InsufficientCredits(required=cost, available=available)
        if orders.status is None:
            raise QueueUnavailable
        raise OnDemand(orders.status, required=cost, available=min(available, max(0, cost - 1)))

    def _draw_job(self, caller: Caller, order: "_Order", now: float) -> Job:
        operation, model, body, orders, cost, claim = order
        draw = self._random
        key, team = caller
        webhook, rules = _webhook(body, orders, key.digest), self.rules
        plan = timeline.draw_plan(
            now,
            model.typical_s / (team.speed or rules.speed),
            orders,
            marks=self._marks[draw.getrandbits(32) % MARK_PATTERNS],
            keeps_s=rules.keeps_s if team.keeps_s is None else team.keeps_s,
            chance=draw.random,
        )
        kept = body
        if webhook is not None or model.unkept:
            kept = {k: v for k, v in body.items() if k not in WEBHOOK_FIELDS and k not in model.unkept}
        return _new(
            Job,
            (
                self.draw_id(),
                key.user_id,
                team.id,
                operation.id,
                model.shown,
                now,
                cost,
                count_of(model.outputs, body),
                model.result,
                encode(kept),
                claim and claim.key,
                webhook,
                webhook and WebhookStatus.PENDING,
                plan,
                0,
                b"",
            ),
        )

    # Look

    async def job(self, caller: Caller, job_id: str) -> Job:
        """A job of the caller, or for an admin of the caller's team.

        Raises:
            BadJobId, JobNotFound: as named.
        """
        job = await self.store.job(job_id.lower())
        if job is None and not is_uuid(job_id):
            raise BadJobId
        key = caller.key
        if job is None or not (job.user_id == key.user_id or (key.is_admin and job.team_id == key.team_id)):
            raise JobNotFound
        if job.is_lora:
            raise JobNotFound
        return job

    async def jobs(self, caller: Caller, wanted: ListRequest) -> Listing:
        """A page of the caller's jobs, or of the team's.

        Raises:
            NotTeamAdmin: the team's jobs are asked for by somebody who is no admin.
            Invalid: the cursor was not given to this caller.
        """
        if wanted.is_team and not caller.key.is_admin:
            raise NotTeamAdmin
        owner = caller.team.id if wanted.is_team else caller.key.user_id
        after = None
        if wanted.cursor is not None:
            after = place_of(wanted.cursor, owner, self._secret)
            if after is None:
                raise Invalid({"cursor": ["Invalid cursor"]})
        search = wanted.search.lower() if wanted.search else None
        query = JobQuery(owner, wanted.limit, after, wanted.status, wanted.model, search)
        page = await self.store.page(query, self.clock.now())
        following = None
        if page.has_more:
            last = page.jobs[-1]
            following = cursor(Place(last.created_at, last.id), owner, self._secret)
        return Listing(page.jobs, following, await self.store.models_of(owner) if wanted.with_models else None)

    async def balance(self, team_id: str) -> int:
        """Credits that the team can spend now."""
        return await self.store.balance(team_id, self.clock.now())

    def result_json(self, job: Job) -> str:
        """The `result` that the job has once it is completed, as JSON text."""
        shape = (job.result, job.outputs)
        if job.notes:
            template_of = self.catalog.shapes[job.result]
            notes = parse(job.notes).value
            return encode(result_of(template_of, job.id, job.outputs, self.rules.public_url, notes)).decode()
        template = self._results.get(shape)
        if template is None:
            filled = result_of(self.catalog.shapes[job.result], JOB_ID, job.outputs, self.rules.public_url)
            template = self._results[shape] = encode(filled).decode()
        return template.replace(JOB_ID, job.id)


class _FirstDraws(NamedTuple):
    """What is drawn from a seed before the first request, and the state in which that leaves the generator."""

    secret: bytes
    marks: tuple[tuple[Mark, ...], ...]
    state: Any


@lru_cache(maxsize=4)
def _first_draws(seed: int) -> _FirstDraws:
    """The same for each start with a seed: tests start over again and again, and a third of that went in here."""
    draw = random.Random(seed)  # noqa: S311 - repeatable outcomes, not secrets
    secret = draw.randbytes(32)
    marks = tuple(timeline.draw_marks(draw.random) for _ in range(MARK_PATTERNS))
    return _FirstDraws(secret, marks, draw.getstate())


class _Order(NamedTuple):
    """A submission that passed every check but those of the store."""

    operation: Operation
    model: Model
    body: Mapping[str, Any]
    directives: Directives
    cost: int
    claim: Claim | None


def _parsed(raw: bytes) -> Parsed:
    try:
        return parse(raw)
    except ValueError as error:
        raise BrokenJson from error


def _claim(idempotency_key: str, operation: Operation, body: Mapping[str, Any]) -> Claim | None:
    if not idempotency_key:
        return None
    if len(idempotency_key) > MAX_LENGTH:
        raise Invalid({"Idempotency-Key": [out_of_range("maxLength", MAX_LENGTH)]})
    return Claim(idempotency_key, fingerprint(operation.id, body))


def _replayed(known: Replay | Clash) -> Submitted:
    if isinstance(known, Clash):
        raise KeyReused
    return Submitted(known.job_id, known.status, is_replay=True)


def _webhook(body: Mapping[str, Any], orders: Directives, digest: str) -> Webhook | None:
    url = body.get("webhookUrl")
    if url is None:
        return None
    events = tuple(dict.fromkeys(body.get("webhookEvents", DEFAULT_EVENTS)))
    return Webhook(url, events, digest, orders.webhook, orders.webhook_late_s)
