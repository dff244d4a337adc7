"""The store in this process's memory: gone with the process, bounded, the fastest."""

import asyncio
import heapq
import logging
import math
from collections import deque
from collections.abc import Iterable, Sequence
from itertools import islice

from mockserver.core.accounts import Key, RateLimit, Team
from mockserver.core.deliveries import Attempt, Delivery, reschedule, schedule, webhook_status
from mockserver.core.idempotency import LIFETIME_S, Claim, Record
from mockserver.core.jobs import TRAINING, Job
from mockserver.core.ledger import Ledger
from mockserver.core.slots import take_slot
from mockserver.core.timeline import COMPLETED, JobStatus, Plan
from mockserver.stores.commons import Commons
from mockserver.stores.index import Entry, JobIndex
from mockserver.stores.outbox import Outbox
from mockserver.stores.protocol import (
    Accepted,
    Caller,
    Clash,
    Counts,
    Draft,
    JobQuery,
    Outcome,
    Page,
    Replay,
    TooFewCredits,
    TooManyOpen,
)
from mockserver.stores.rows import Row, packed, unpacked, with_webhook_status

log = logging.getLogger(__name__)

SCAN = 2000
"""Jobs that a filtered page looks at before it lets other requests have a turn."""
_new = tuple.__new__
_DONE, _OUTCOME = COMPLETED.value, Plan._fields.index("outcome")
_STATUSES = {status.value: status for status in JobStatus}


class MemoryStore(Commons):
    """A Store without files. *max_jobs* bounds it: beyond that number finished jobs leave, the first to end first."""

    name, folder, is_shared = "memory", None, False

    def __init__(self, max_jobs: int) -> None:
        super().__init__()
        self._max_jobs = max_jobs
        self.due_changed = asyncio.Event()
        self._clear()

    def _clear(self) -> None:
        self._rows: dict[str, Row] = {}
        self._ends: list[tuple[float, str]] = []  # when which job may leave; an entry that its plan belies is stale
        self._undelivered: set[str] = set()  # jobs that could leave but for their webhooks
        self._indexes: dict[str, JobIndex] = {}
        self._members: dict[str, list[str]] = {}
        self._claims: dict[tuple[str, str], Record] = {}
        self._claims_by_age: deque[tuple[float, tuple[str, str]]] = deque()
        self._teams: dict[str, Team] = {}
        self._ledgers: dict[str, Ledger] = {}
        self._keys: dict[str, Key] = {}
        self._requests: dict[str, deque[float]] = {}
        self._free_at: dict[str, list[float]] = {}
        self._open: dict[str, dict[str, float]] = {}  # of each team, by job: when it was ready to start
        self._open_checks: dict[str, deque[str]] = {}
        self._bounded: dict[str, list[str]] = {}  # jobs of a list that may have only so many unfinished ones
        self._outbox = Outbox()
        self._evicted = 0

    # Keys and limits

    async def caller(self, digest: str) -> Caller | None:
        key = self._keys.get(digest)
        return None if key is None else _new(Caller, (key, self._teams[key.team_id]))

    async def admit(self, digest: str, limit: RateLimit, now: float) -> float:
        seen = self._requests.setdefault(digest, deque())
        while seen and seen[0] + limit.per_s <= now:
            seen.popleft()
        if len(seen) >= limit.requests:
            return seen[len(seen) - limit.requests] + limit.per_s - now
        seen.append(now)
        return 0.0

    # Submission

    async def recall(self, user_id: str, claim: Claim, now: float) -> Replay | Clash | None:
        return self._recall(user_id, claim, now)

    def _recall(self, user_id: str, claim: Claim, now: float) -> Replay | Clash | None:
        record = self._claims.get((user_id, claim.key))
        if record is None or record.expires_at <= now:
            return None
        if record.fingerprint != claim.fingerprint:
            return Clash()
        row = self._rows.get(record.job_id)
        status = unpacked(row).moment(now).status if row else _STATUSES[record.final_status or "COMPLETED"]
        return Replay(record.job_id, status)

    async def submit(self, draft: Draft, now: float) -> Outcome:
        job, claim, slots, most_open = draft
        if claim is not None and (known := self._recall(job.user_id, claim, now)) is not None:
            return known
        cost = job.cost
        ledger = self._ledgers.get(job.team_id)
        if ledger is None:
            return TooFewCredits(cost, 0)
        if most_open is not None and ledger.balance(now) >= cost and (full := self._count(job, most_open, now)):
            return full
        available = ledger.charge(cost, now)
        if available < cost:
            return TooFewCredits(cost, available)
        if slots is not None:
            job = self._with_slot(job, slots, now)
        row = packed(job)
        # From here on by the row: a plain tuple is taken apart in less time than two fields of a named one are read.
        job_id, _, _, _, _, _, _, _, _, _, _, hook, _, plan, later_cost, _ = row
        if later_cost or plan[_OUTCOME] != _DONE:
            self._book(ledger, job)
        if claim is not None:
            self._remember(claim, row, now)
        self._rows[job_id] = row
        self._enlist(row, job)
        if hook is not None:
            self._schedule(schedule(job))
        if len(self._rows) > self._max_jobs:
            self._evict(now)
        return _new(Accepted, (job,))

    def _remember(self, claim: Claim, row: Row, now: float) -> None:
        self._forget_old_claims(now)
        job_id, user_id, _, _, _, created_at, *_ = row
        record = Record(job_id, claim.fingerprint, created_at + LIFETIME_S)
        self._claims[user_id, claim.key] = record
        self._claims_by_age.append((record.expires_at, (user_id, claim.key)))

    def _enlist(self, row: Row, job: Job) -> None:
        """Put a new job into its list, and note when it may leave."""
        job_id, user_id, _, operation, model, created_at, _, _, _, _, _, _, _, plan, _, _ = row
        index = None if operation == TRAINING else self._indexes.get(user_id)
        (index or self._index(job)).add((created_at, job_id), model)
        ended_at = plan[0] + plan[1]
        if operation == TRAINING:
            self._note_end(job)
        elif ended_at < math.inf:
            heapq.heappush(self._ends, (ended_at, job_id))

    def _index(self, job: Job) -> JobIndex:
        lists = job.lists
        index = self._indexes.get(lists[0])
        if index is None:
            index = self._indexes[lists[0]] = JobIndex(self._rows.__contains__)
            for group in lists[1:]:
                self._members.setdefault(group, []).append(lists[0])
        return index

    @staticmethod
    def _book(ledger: Ledger, job: Job, *, has_started: bool = False) -> None:
        """Book what the job's plan takes when it starts, unless it has, and what comes back at its end."""
        plan, later_cost = job.plan, job.later_cost
        if later_cost and not has_started:
            ledger.book(f"{job.id} start", -later_cost, plan.started_at)
        ledger.book(job.id, job.cost + later_cost, plan.ended_at if plan.refunds else math.inf)

    def _count(self, job: Job, most_open: int, now: float) -> TooManyOpen | None:
        """Count a new job of a bounded list, unless that has as many unfinished ones as it may."""
        name = job.lists[0]
        ends = self._unfinished(name, now)
        if len(ends) >= most_open:
            return TooManyOpen(min(ends.values()))
        self._bounded[name].append(job.id)
        return None

    def _unfinished(self, name: str, now: float) -> dict[str, float]:
        """When those jobs of a bounded list end that have not ended by *now*."""
        known = [self._rows[job_id] for job_id in self._bounded.get(name, ()) if job_id in self._rows]
        ends = {job.id: job.plan.ended_at for job in map(unpacked, known) if job.plan.ended_at > now}
        self._bounded[name] = [*ends]
        return ends

    def _indexes_of(self, owner: str) -> list[JobIndex]:
        """The index of a user or of a team's LoRAs, or those of every member of a team."""
        return [self._indexes[name] for name in self._members.get(owner, [owner]) if name in self._indexes]

    def _with_slot(self, job: Job, limit: int, now: float) -> Job:
        team = job.team_id
        free_at = self._free_at.setdefault(team, [])
        while len(free_at) > limit:  # the limit was lowered
            heapq.heappop(free_at)
        starts_at = take_slot(free_at, limit, job.plan.started_at, job.plan.runs_s)
        self._forget_ended(team, now)
        self._open.setdefault(team, {})[job.id] = job.plan.started_at
        self._open_checks.setdefault(team, deque()).append(job.id)
        return job._replace(plan=job.plan._replace(started_at=starts_at))

    def _forget_ended(self, team: str, now: float) -> None:
        still_open, checks = self._open.get(team, {}), self._open_checks.get(team, deque())
        for _ in range(min(2, len(checks))):  # two out for one in: no more are kept than the jobs that are open
            other = checks.popleft()
            if other in still_open and unpacked(self._rows[other]).plan.ended_at <= now:
                del still_open[other]
            elif other in still_open:
                checks.append(other)

    def _forget_old_claims(self, now: float) -> None:
        while self._claims_by_age and self._claims_by_age[0][0] <= now:
            expires_at, place = self._claims_by_age.popleft()
            record = self._claims.get(place)
            if record is not None and record.expires_at == expires_at:
                del self._claims[place]

    def _note_end(self, job: Job) -> None:
        leaves_at = job.leaves_at
        if math.isfinite(leaves_at):
            heapq.heappush(self._ends, (leaves_at, job.id))

    def _evict(self, now: float) -> None:
        while len(self._rows) > self._max_jobs and self._ends and self._ends[0][0] <= now:
            leaves_at, job_id = heapq.heappop(self._ends)
            row = self._rows.get(job_id)
            job = None if row is None else unpacked(row)
            if job is None or job.leaves_at != leaves_at:
                continue
            if self._outbox.waits_for(job_id):
                self._undelivered.add(job_id)
            else:
                self._remove(job, job.plan.outcome)

    def _remove(self, job: Job, status: JobStatus) -> None:
        del self._rows[job.id]
        self._indexes[job.lists[0]].remove(job.model)
        self._open.get(job.team_id, {}).pop(job.id, None)
        place = (job.user_id, job.idempotency_key or "")
        record = self._claims.get(place)
        if record is not None and record.job_id == job.id:
            self._claims[place] = record._replace(final_status=status.value)
        self._evicted += 1
        if self._evicted == 1 or self._evicted % 10_000 == 0:
            log.warning("%d finished jobs have left to keep at most %d (--max-jobs)", self._evicted, self._max_jobs)

    # Jobs

    async def job(self, job_id: str) -> Job | None:
        row = self._rows.get(job_id)
        return None if row is None else unpacked(row)

    async def page(self, query: JobQuery, now: float) -> Page:
        if query.job_id is not None:
            job = await self.job(query.job_id)
            is_there = job is not None and query.owner in job.lists
            return Page([job] if is_there and job is not None and _fits(job, query, now) else [], has_more=False)
        found: list[Job] = []
        after: Entry | None = query.after
        step = SCAN if query.status or query.model or query.hides_archived else query.limit + 1
        while entries := self._before(query.owner, after, step):
            for _, job_id in entries:
                job = unpacked(self._rows[job_id])
                if _fits(job, query, now):
                    if len(found) == query.limit:
                        return Page(found, has_more=True)
                    found.append(job)
            after = entries[-1]
            if len(entries) < step:
                break
            await asyncio.sleep(0)
        return Page(found, has_more=False)

    def _before(self, owner: str, after: Entry | None, limit: int) -> list[Entry]:
        """Up to *limit* entries of an owner that follow *after* in the list, newest first."""
        found = [index.before(after, limit) for index in self._indexes_of(owner)]
        return found[0] if len(found) == 1 else list(islice(heapq.merge(*found, reverse=True), limit))

    async def models_of(self, owner: str) -> list[str]:
        return sorted({model for index in self._indexes_of(owner) for model, count in index.models.items() if count})

    async def change_plan(self, job_id: str, plan: Plan, now: float) -> list[Job]:
        job = await self.job(job_id)
        if job is None:
            return []
        was_final = job.moment(now).status.is_final
        changed = self._give_plan(job, plan, now, was_final=was_final)
        moved = [] if was_final else await self.move_up(job.team_id, now)
        return [changed, *moved]

    def _give_plan(self, job: Job, plan: Plan, now: float, *, was_final: bool) -> Job:
        changed = job._replace(plan=plan)
        self._rows[job.id] = packed(changed)
        if changed.leaves_at != job.leaves_at:
            self._note_end(changed)
        if not was_final:
            self._book(self._ledgers[job.team_id], changed, has_started=job.plan.started_at <= now)
            self._outbox.drop(job.id)
            self._schedule(reschedule(job, changed, now))
        return changed

    async def move_up(self, team_id: str, now: float) -> list[Job]:
        still_open = self._open.get(team_id)
        if not still_open:
            return []
        limit = self._teams[team_id].max_concurrent_jobs or len(still_open)
        jobs = [unpacked(self._rows[job_id]) for job_id in still_open]
        jobs = [job for job in jobs if job.plan.ended_at > now]
        free_at = sorted(job.plan.ended_at for job in jobs if job.plan.started_at <= now)[-limit:]
        self._free_at[team_id] = free_at
        moved = []
        for job in jobs:
            if job.plan.started_at <= now:
                continue
            starts_at = take_slot(free_at, limit, max(now, still_open[job.id]), job.plan.runs_s)
            if starts_at != job.plan.started_at:
                moved.append(self._give_plan(job, job.plan._replace(started_at=starts_at), now, was_final=False))
        return moved

    # Credits and accounts

    async def balance(self, team_id: str, now: float) -> int:
        ledger = self._ledgers.get(team_id)
        return 0 if ledger is None else ledger.balance(now)

    async def set_balance(self, team_id: str, credit: int, now: float) -> None:
        self._ledgers[team_id].set_balance(credit, now)

    async def teams(self) -> list[Team]:
        return list(self._teams.values())

    async def put_team(self, team: Team) -> None:
        self._teams[team.id] = team
        self._ledgers.setdefault(team.id, Ledger(team.opening))

    async def keys(self) -> list[Key]:
        return list(self._keys.values())

    async def put_key(self, key: Key) -> None:
        self._keys[key.digest] = key

    async def remove_key(self, digest: str) -> bool:
        self._requests.pop(digest, None)
        return self._keys.pop(digest, None) is not None

    # Deliveries

    def _schedule(self, deliveries: Iterable[Delivery]) -> None:
        if self._outbox.put(deliveries):
            self.due_changed.set()

    async def claim_due(self, now: float, limit: int) -> list[tuple[Delivery, Job]]:
        return [(each, unpacked(self._rows[each.job_id])) for each in self._outbox.take(now, limit)]

    async def next_due_at(self) -> float:
        return self._outbox.next_due_at()

    async def settle(self, delivery: Delivery, attempt: Attempt) -> None:
        is_done = self._outbox.settle(delivery, attempt)
        if not is_done:
            self.due_changed.set()
            return
        job_id = delivery.job_id
        if delivery.is_about_the_end:
            self._rows[job_id] = with_webhook_status(self._rows[job_id], webhook_status(delivery))
        if job_id in self._undelivered and not self._outbox.waits_for(job_id):
            self._undelivered.remove(job_id)
            self._note_end(unpacked(self._rows[job_id]))

    async def is_settled(self, now: float) -> bool:
        return self._outbox.is_settled(now)

    async def deliveries(self, job_id: str | None = None) -> list[tuple[Delivery, list[Attempt]]]:
        return self._outbox.remembered(job_id)

    async def redeliver(self, delivery_id: str, now: float) -> Delivery | None:
        delivery = self._outbox.find(delivery_id)
        if delivery is None or delivery.job_id not in self._rows:
            return None
        again = self._outbox.again(delivery, now)
        self.due_changed.set()
        return again

    # All of it

    async def counts(self) -> Counts:
        return Counts(len(self._rows), self._evicted, len(self._outbox))

    async def set_up(self, teams: Sequence[Team], keys: Sequence[Key]) -> bool:
        if self._teams:
            return False
        await self.reset(teams, keys)
        return True

    async def reset(self, teams: Sequence[Team], keys: Sequence[Key]) -> None:
        self._clear()
        self._forget_commons()
        for team in teams:
            await self.put_team(team)
        for key in keys:
            await self.put_key(key)
        self.due_changed.set()

    async def close(self) -> None:
        self._clear()


def _fits(job: Job, query: JobQuery, now: float) -> bool:
    return (
        (query.model is None or job.model == query.model)
        and (query.status is None or job.moment(now).status is query.status)
        and not (query.hides_archived and job.is_archived(now))
    )
