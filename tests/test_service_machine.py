"""Whatever is submitted, asked and ordered while the clock moves: no credit, job, key or event is made or lost."""

import asyncio
import math
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from mockserver.clock import Clock
from mockserver.core import timeline
from mockserver.core.accounts import Team, make_key
from mockserver.core.deliveries import Attempt, DeliveryStatus
from mockserver.core.errors import BrokenJson, InsufficientCredits, Invalid, JobNotFound, KeyReused, NotTeamAdmin
from mockserver.core.idempotency import LIFETIME_S
from mockserver.core.instants import iso
from mockserver.core.jobs import Job
from mockserver.core.timeline import JobStatus, Plan
from mockserver.service import ListRequest, Submitted
from mockserver.stores.memory import MemoryStore
from mockserver.stores.protocol import Caller, Store
from mockserver.stores.sqlite.store import SqliteStore
from tests.conftest import START
from tests.services import GENERATE, body, make_service

PRICES = {"flux-2-dev": 2, "flux-2-pro": 6, "midjourney": 16, "dall-e-3": 21}
DIRECTIVES = [
    "",
    "[[fail]]",
    "[[fail: no luck]]",
    "[[stuck]]",
    "[[instant]]",
    "[[cancel]]",
    "[[slow 2s]]",
    "[[instant]] [[fail]]",
]
OPENING = {"rich": 150, "poor": 20}
USERS = {"ann": ("rich", "ADMIN"), "bob": ("rich", "MEMBER"), "eve": ("poor", "OWNER")}
ORDER = [JobStatus.QUEUED, JobStatus.PROCESSING, JobStatus.COMPLETED]
HOOK = {"webhookUrl": "http://127.0.0.1:9/hook", "webhookEvents": ["completed", "failed"]}

users = st.sampled_from(sorted(USERS))
keys = st.sampled_from(["", "", "k1", "k2", "k3"])
models = st.sampled_from(sorted(PRICES))
directives = st.sampled_from(DIRECTIVES)
choices = st.integers(0, 99)
"""Which of the jobs there are: taken modulo their number, so that no draw depends on an answer."""
steps_s = st.sampled_from([0.001, 0.25, 1.0, 3.0, 10.0, 60.0, 3600.0, LIFETIME_S - 60, LIFETIME_S])
orders = st.sampled_from(["complete", "fail", "cancel", "expire", "progress"])


class Made(NamedTuple):
    """What the machine knows of a job that was accepted."""

    id: str
    user: str
    model: str
    cost: int
    created_at: float
    has_hook: bool


class Used(NamedTuple):
    """What a key stands for."""

    raw: bytes
    made: Made


class ServiceMachine(RuleBasedStateMachine):
    """The service over its store, with a clock that stands still until it is moved."""

    @initialize(seed=st.integers(0, 3), slots=st.sampled_from([None, None, 1, 2]))
    def open_for_business(self, seed: int, slots: int | None) -> None:
        self.runner = asyncio.Runner()
        self.clock = Clock(START, is_frozen=True)
        self.service = make_service(self.clock, seed=seed, store=self.run(self.open_store()))
        self.slots = slots
        self.teams = {name: Team(name, name, opening, max_concurrent_jobs=slots) for name, opening in OPENING.items()}
        drawn = [make_key(f"afk_{name}", name=name, team_id=team, role=role) for name, (team, role) in USERS.items()]
        self.run(self.service.store.reset(list(self.teams.values()), drawn))
        self.callers = {key.name: Caller(key, self.teams[key.team_id]) for key in drawn}
        self.made: list[Made] = []
        self.used: dict[tuple[str, str], Used] = {}
        self.seen: dict[str, tuple[JobStatus, int]] = {}
        self.ended: dict[str, tuple[Any, ...]] = {}
        self.sent: set[str] = set()
        self.has_jumped_the_queue = False

    def teardown(self) -> None:
        if not hasattr(self, "runner"):
            return
        try:
            self.clock.advance(365 * 86400.0)
            self.deliver(100_000)
            self.every_event_of_an_ended_job_was_sent()
        finally:
            self.run(self.service.store.close())
            self.runner.close()

    async def open_store(self) -> Store:
        return MemoryStore(100_000)

    def run(self, verb: Any) -> Any:
        return self.runner.run(verb)

    # Submissions

    @rule(user=users, key=keys, model=models, directive=directives, has_hook=st.booleans())
    def submit(self, user: str, key: str, model: str, directive: str, has_hook: bool) -> None:  # noqa: FBT001 - drawn
        hook = HOOK if has_hook else {}
        self.expect(user, key, body(f"a fox {directive}", model, **hook), model, has_hook=has_hook)

    @precondition(lambda self: self.used)
    @rule(choice=choices, user=users)
    def submit_again_what_was_submitted_with_a_key(self, choice: int, user: str) -> None:
        (_, key), used = list(self.used.items())[choice % len(self.used)]
        self.expect(user, key, used.raw, used.made.model, has_hook=used.made.has_hook)

    def expect(self, user: str, key: str, raw: bytes, model: str, *, has_hook: bool) -> None:
        """Submit, and hold the answer against what is known."""
        cost = PRICES[model]
        used = self.used.get((user, key))
        available = self.expected_balance(self.callers[user].team.id)
        if used is not None and self.clock.now() < used.made.created_at + LIFETIME_S:
            if raw != used.raw:
                with pytest.raises(KeyReused):
                    self.post(user, key, raw)
            else:
                status = self.job(used.made).moment(self.clock.now()).status
                assert self.post(user, key, raw) == Submitted(used.made.id, status, is_replay=True)
        elif cost > available:
            with pytest.raises(InsufficientCredits) as refused:
                self.post(user, key, raw)
            assert (refused.value.required, refused.value.available) == (cost, available)
        else:
            accepted = self.post(user, key, raw)
            assert (accepted.status, accepted.is_replay) == (JobStatus.QUEUED, False)
            assert accepted.job_id not in {made.id for made in self.made}
            job = self.run(self.service.store.job(accepted.job_id))
            assert abs(self.clock.now() - job.created_at) < 0.001
            made = Made(accepted.job_id, user, model, cost, job.created_at, has_hook)
            self.made.append(made)
            if key:
                self.used[user, key] = Used(raw, made)

    def post(self, user: str, key: str, raw: bytes) -> Submitted:
        accepted: Submitted = self.run(self.service.submit(self.callers[user], GENERATE, raw, key))
        return accepted

    @rule(user=users, key=keys)
    def submit_what_is_no_submission(self, user: str, key: str) -> None:
        for raw, refusal in (
            (b"{", BrokenJson),
            (body("", "midjourney"), Invalid),
            (body("a fox", "mona-lisa"), Invalid),
        ):
            with pytest.raises(refusal):
                self.post(user, key, raw)

    # Time and levers

    @rule(step_s=steps_s)
    def wait(self, step_s: float) -> None:
        self.clock.advance(step_s)

    @precondition(lambda self: self.made)
    @rule(choice=choices)
    def wait_until_just_before_a_job_ends_and_then_until_it_does(self, choice: int) -> None:
        end = self.job(self.made[choice % len(self.made)]).plan.ended_at
        if self.clock.now() < end < math.inf:
            self.clock.move_to(max(self.clock.now(), math.nextafter(end, 0)))
            self.credits_are_conserved()
            self.clock.move_to(end)

    @precondition(lambda self: self.made)
    @rule(choice=choices, order=orders, percentage=st.integers(0, 99))
    def pull_a_lever(self, choice: int, order: str, percentage: int) -> None:
        now, job = self.clock.now(), self.job(self.made[choice % len(self.made)])
        plan = ordered(job, order, percentage, now)
        if plan is not None:
            self.has_jumped_the_queue |= order == "progress" and job.moment(now).status is JobStatus.QUEUED
            changed = self.run(self.service.store.change_plan(job.id, plan, now))
            assert changed == [self.run(self.service.store.job(each.id)) for each in changed]
            assert changed[0].plan == plan
            assert all(each.plan.started_at >= now for each in changed[1:])

    @rule(limit=st.integers(1, 5))
    def deliver(self, limit: int) -> None:
        now, store = self.clock.now(), self.service.store
        for delivery, job in self.run(store.claim_due(now, limit)):
            assert delivery.id not in self.sent
            assert {"completed": "COMPLETED", "failed": "FAILED"}[delivery.event] == job.moment(now).status
            self.sent.add(delivery.id)
            attempt = Attempt(delivery.id, 1, now, 0.0, "", {}, b"", 204, "", None)
            self.run(store.settle(delivery._replace(attempts=1, status=DeliveryStatus.DELIVERED), attempt))

    # Looks

    @precondition(lambda self: self.made)
    @rule(choice=choices, user=users)
    def poll(self, choice: int, user: str) -> None:
        made = self.made[choice % len(self.made)]
        may_see = user == made.user or (USERS[user][1] != "MEMBER" and USERS[user][0] == USERS[made.user][0])
        if may_see:
            found = self.run(self.service.job(self.callers[user], made.id.upper()))
            assert (found.id, found.cost, found.created_at) == (made.id, made.cost, made.created_at)
        else:
            with pytest.raises(JobNotFound):
                self.run(self.service.job(self.callers[user], made.id))

    @rule(user=users, limit=st.integers(1, 4), is_team=st.booleans(), status=st.none() | st.sampled_from(JobStatus))
    def walk_the_list(self, user: str, limit: int, is_team: bool, status: JobStatus | None) -> None:  # noqa: FBT001 - drawn
        wanted = ListRequest(limit, is_team, status, model=None, search=None, cursor=None, with_models=True)
        if is_team and USERS[user][1] == "MEMBER":
            with pytest.raises(NotTeamAdmin):
                self.run(self.service.jobs(self.callers[user], wanted))
            return
        found: list[Job] = []
        while True:
            listing = self.run(self.service.jobs(self.callers[user], wanted))
            found += listing.jobs
            if listing.next_cursor is None:
                break
            assert len(listing.jobs) == limit
            wanted = wanted._replace(cursor=listing.next_cursor)
        team = USERS[user][0]
        own = [made for made in self.made if made.user == user or (is_team and USERS[made.user][0] == team)]
        statuses = self.statuses()
        fitting = [made for made in own if status in (None, statuses[made.id])]
        newest_first = sorted(fitting, key=lambda made: (made.created_at, made.id), reverse=True)
        assert [job.id for job in found] == [made.id for made in newest_first]
        assert listing.models == sorted({made.model for made in own})

    # What always holds

    @invariant()
    def credits_are_conserved(self) -> None:
        for team in OPENING:
            assert self.run(self.service.balance(team)) == self.expected_balance(team)

    def expected_balance(self, team: str) -> int:
        """What was there, less what was charged, and with what failed or was cancelled by now given back."""
        statuses = self.statuses()
        given_back = (JobStatus.FAILED, JobStatus.CANCELLED)
        charged = [made for made in self.made if USERS[made.user][0] == team]
        return OPENING[team] - sum(made.cost for made in charged if statuses[made.id] not in given_back)

    @invariant()
    def jobs_only_move_forward_and_end_for_good(self) -> None:
        now = self.clock.now()
        for made, job in zip(self.made, self.jobs(), strict=True):
            status, progress, is_expired = job.moment(now)
            before, least = self.seen.get(job.id, (JobStatus.QUEUED, 0))
            assert progress >= least
            if before.is_final:
                assert self.ended[job.id] == (status, progress, job.plan.ended_at, job.plan.error)
            elif not status.is_final:
                assert ORDER.index(status) >= ORDER.index(before)
            else:
                assert iso(made.created_at) <= iso(job.plan.ended_at) <= iso(now)
                self.ended[job.id] = (status, progress, job.plan.ended_at, job.plan.error)
            assert (progress == 100) == (status is JobStatus.COMPLETED)
            assert not is_expired or status is JobStatus.COMPLETED
            self.seen[job.id] = (status, progress)

    @invariant()
    def no_team_runs_more_jobs_than_it_may(self) -> None:
        if self.slots is not None and not self.has_jumped_the_queue:
            statuses = self.statuses()
            running = [made for made in self.made if statuses[made.id] is JobStatus.PROCESSING]
            for team in OPENING:
                assert sum(USERS[made.user][0] == team for made in running) <= self.slots

    def every_event_of_an_ended_job_was_sent(self) -> None:
        events = {JobStatus.COMPLETED: "completed", JobStatus.FAILED: "failed"}
        ends = {made.id: events.get(self.statuses()[made.id]) for made in self.made if made.has_hook}
        assert self.sent == {f"{job_id}_{event}" for job_id, event in ends.items() if event}

    def job(self, made: Made) -> Job:
        found = self.run(self.service.store.job(made.id))
        assert isinstance(found, Job)
        return found

    def jobs(self) -> list[Job]:
        """All jobs there are, in the order in which they were made."""

        async def every() -> list[Job | None]:
            return [await self.service.store.job(made.id) for made in self.made]

        found = self.run(every())
        assert None not in found
        return list(found)

    def statuses(self) -> dict[str, JobStatus]:
        now = self.clock.now()
        return {job.id: job.moment(now).status for job in self.jobs()}


def ordered(job: Job, order: str, percentage: int, now: float) -> Plan | None:
    """The plan that a lever gives the job; none where the job is not such that it may be pulled."""
    status, progress, _ = job.moment(now)
    if order == "expire":
        return timeline.expired_by(job.plan, now) if status is JobStatus.COMPLETED else None
    if status.is_final or (order == "progress" and percentage < progress):
        return None
    match order:
        case "complete":
            return timeline.completed_by(job.plan, now)
        case "fail":
            return timeline.failed_by(job.plan, now, "by hand")
        case "cancel":
            return timeline.cancelled_by(job.plan, now)
        case _:
            return timeline.progressed_by(job.plan, now, percentage)


class ServiceOverAFileMachine(ServiceMachine):
    """The same over a store in a file."""

    async def open_store(self) -> Store:
        self.folder = TemporaryDirectory()
        return await SqliteStore.opened(Path(self.folder.name) / "state.db", 100_000)

    def teardown(self) -> None:
        super().teardown()
        if hasattr(self, "folder"):
            self.folder.cleanup()


TestService = ServiceMachine.TestCase
TestService.settings = settings(max_examples=60, stateful_step_count=30)
TestServiceOverAFile = ServiceOverAFileMachine.TestCase
TestServiceOverAFile.settings = settings(max_examples=20, stateful_step_count=30)
