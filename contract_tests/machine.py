"""The state machine: random histories of several users, held against a model of what they must see.

Rules are synchronous and draw indices alone, so that no draw depends on an answer; the model keeps what is possible.
Every requirement names its clause.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import hypothesis
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from contract_tests.clauses.idempotency import rank
from contract_tests.clauses.lifecycle import at, at_one_moment
from contract_tests.contract import Model
from contract_tests.history import MEANWHILE
from contract_tests.outcome import Enough, Violation
from contract_tests.receiver import Mailbox
from contract_tests.story import TERMINAL
from contract_tests.strategies import minimal_body
from contract_tests.trial import ACCEPTED, BAD_REQUEST, CONFLICT, NOT_FOUND, OK, PROMPT, Trial, settings_for

MOST_FAULTS = 4
"""Broken clauses after which a run looks for no more."""
USERS = 2
OPENING = 60
KEYS = ("alpha", "beta", "gamma")
FAULTY: tuple[dict[str, Any], ...] = (
    {"prompt": ""},
    {"prompt": 7},
    {"model": "no-such-model"},
    {"noSuchField": True},
    {"webhookEvents": []},
)
_NUMBERS = {
    "AUTH": (5,),
    "VAL": (6,),
    "IDEMP": (1, 3, 4, 5, 6, 10, 14),
    "LIFE": (1, 2, 3, 5, 7, 8, 10),
    "LIST": (1, 3, 4, 5),
    "CRED": (1, 2, 5, 6),
    "WH": (2, 3, 10),
}
SETTLES = frozenset(f"{area}-{number}" for area, numbers in _NUMBERS.items() for number in numbers)
"""What the machine's requirements speak of."""
indices = st.integers(0, 7)


@dataclass
class Known:
    """What the model knows of one job."""

    id: str
    user: int
    model: str
    cost: int
    """As its first look said, or else by the price table."""
    mailbox: Mailbox | None
    status: str = "QUEUED"
    """The furthest that was seen."""
    progress: int = 0
    created_at: str = ""
    completed_at: str = ""


def explore(trial: Trial) -> dict[str, Violation]:
    """Run the machine until it finds nothing new; what it found, by clause. The trial's tally says what it looked at.

    A clause that was found broken is muted and the machine starts again: one defect does not hide the next.
    """
    found: dict[str, Violation] = {}
    profile = trial.session.profile
    settings = settings_for(profile.walks, stateful_step_count=profile.steps)

    class Bound(Machine):
        TRIAL = trial

    hypothesis.seed(trial.session.seed)(Bound)
    while len(found) < MOST_FAULTS:
        trial.start_over()
        try:
            run_state_machine_as_test(Bound, settings=settings)
        except (Violation, Enough, hypothesis.errors.Flaky):
            violation = trial.shortest
        except Exception:
            if not found:  # what is broken already may show in more than one way
                raise
            break
        else:
            break
        name = violation.clause or "HDR-1" if violation else ""
        if violation is None or name in found:
            break
        found[name] = violation
        trial.muted.add(name)
    return found


class Machine(RuleBasedStateMachine):
    """Two users of a mock, their jobs, and the passing of time."""

    TRIAL: Trial

    def __init__(self) -> None:
        super().__init__()
        self.trial = self.TRIAL
        self.session = self.trial.session
        self.session.trace.clear()
        self.jobs: list[Known] = []
        self.by_key: dict[tuple[int, str], tuple[Known, dict[str, Any]]] = {}
        self.unknown: dict[tuple[int, str], dict[str, Any]] = {}
        """Submissions with a key whose answer nobody read."""

    @initialize()
    def open(self) -> None:
        """Two users with teams of their own, models of different prices, and a first job of each user."""
        trial = self.trial
        self.clients = [trial.client(credits=OPENING) for _ in range(USERS)]
        models = [model for op in trial.contract.submissions for model in trial.contract.models_of(op.id)]
        self.models: list[Model] = sorted(models, key=lambda model: model.price_of(minimal_body(model, PROMPT)))[::7]
        for user in range(USERS):
            self._submit(user, user, None, hooked=user == 0)

    # Submissions

    @rule(user=indices, model=indices, hooked=st.booleans())
    def submit(self, user: int, model: int, hooked: bool) -> None:  # noqa: FBT001 - drawn by Hypothesis
        """Without a key: always a job of its own, while the credits last."""
        self._submit(user % USERS, model, None, hooked=hooked)

    @rule(user=indices, model=indices, key=st.sampled_from(KEYS))
    def submit_with_key(self, user: int, model: int, key: str) -> None:
        """With one of a few keys: the same job, a refusal, or a new one, as the model says."""
        self._submit(user % USERS, model, key)

    @rule(model=indices, key=st.sampled_from(KEYS))
    def submit_as_both(self, model: int, key: str) -> None:
        """Both users with one key."""
        for user in range(USERS):
            self._submit(user, model, key)

    @rule(user=indices, model=indices, key=st.sampled_from(KEYS), crowd=st.integers(2, 4))
    def submit_at_once(self, user: int, model: int, key: str, crowd: int) -> None:
        """Several times at one moment with one key."""
        place = (user % USERS, key)
        self._resolve(place)
        if place in self.by_key or self._balance(place[0]) < self._cost(model):
            return
        client, body = self.clients[place[0]], self._body(model)
        answers = self.trial.together(*[lambda: client.submit(body, key)] * crowd)
        ids = {str(each.fields.get("jobId")) for each in answers if each.status == ACCEPTED}
        others = [each for each in answers if each.status not in (ACCEPTED, MEANWHILE)]
        shown = others[0] if others else "; ".join(each.summary for each in answers)
        self.trial.require(len(ids) == 1 and not others, "one job for one key", shown, clause="IDEMP-3")
        self._note(ids.pop() if ids else "", place[0], body, place, None)

    @rule(user=indices, fault=st.integers(0, len(FAULTY) - 1), key=st.sampled_from([None, *KEYS]))
    def submit_nonsense(self, user: int, fault: int, key: str | None) -> None:
        """Refused, and nothing comes of it: balance, list and key are looked at by later rules."""
        exchange = self.clients[user % USERS].submit({**self._body(0), **FAULTY[fault]}, key)
        self.trial.require(exchange.status == BAD_REQUEST, "status 400", exchange, clause="VAL-6")

    @rule(user=indices, model=indices, key=st.sampled_from(KEYS))
    def submit_and_hang_up(self, user: int, model: int, key: str) -> None:
        """Send a submission and read no answer: it may have happened or not."""
        place = (user % USERS, key)
        if place in self.by_key or place in self.unknown or self._balance(place[0]) < self._cost(model):
            return
        body = self._body(model)
        self.clients[place[0]].submit_and_hang_up(body, key)
        self.unknown[place] = body

    def _submit(self, user: int, model: int, key: str | None, *, hooked: bool = False) -> None:
        place = (user, key or "")
        if key is not None:
            self._resolve(place)
        box = self.trial.mailbox() if hooked else None
        body = self._body(model) | ({} if box is None else {"webhookUrl": box.url})
        known = self.by_key.get(place) if key is not None else None
        before = self._balance(user)
        if known is None and before < self._cost(model):
            exchange = self.clients[user].submit(body, key)
            self.trial.require(exchange.status == 402, "status 402", exchange, clause="CRED-2")  # noqa: PLR2004
            return
        exchange = self.clients[user].submit(body, key)
        if known is not None and known[1] != body:
            fine = exchange.status in (CONFLICT, 422) or (exchange.fields.get("jobId") == known[0].id)
            self.trial.require(fine, "no second job for one key", exchange, clause="IDEMP-1")
            return
        clause = "IDEMP-1" if known else "IDEMP-10" if key else "IDEMP-4"
        job_id = self.trial.expect(exchange, ACCEPTED, clause=clause).get("jobId", "")
        if not job_id:
            return
        if known is not None:
            self.trial.require(job_id == known[0].id, f"the first job, {known[0].id}", exchange, clause="IDEMP-1")
            self._see_status(known[0], str(exchange.fields["status"]), "IDEMP-5")
            return
        taken = any(job.id == job_id for job in self.jobs)
        others = any(job.id == job_id and job.user != user for job in self.jobs)
        self.trial.require(not others, "a job of the user's own", exchange, clause="IDEMP-6")
        self.trial.require(not taken, "a new job", exchange, clause="IDEMP-4")
        self._note(job_id, user, body, place if key else None, box)
        charged, job = before - self._balance(user), self.jobs[-1]
        if job.status not in TERMINAL:
            self.trial.require(charged == job.cost, f"creditCost {charged}", f"creditCost {job.cost}", clause="CRED-6")

    def _note(
        self, job_id: str, user: int, body: dict[str, Any], place: tuple[int, str] | None, box: Mailbox | None
    ) -> None:
        if not job_id:
            return
        model = self.trial.contract.model(body["model"])
        job = Known(job_id, user, body["model"], model.price_of(body), box)
        self.jobs.append(job)
        if place is not None:
            self.by_key[place] = job, body
        self._look(job, first=True)

    def _resolve(self, place: tuple[int, str]) -> None:
        """Find out what became of a submission nobody read the answer of: repeat it with its key."""
        body = self.unknown.pop(place, None)
        if body is None:
            return
        exchange = self.clients[place[0]].submit(body, place[1])
        if exchange.status == MEANWHILE:
            exchange = self.clients[place[0]].submit(body, place[1])
        job_id = self.trial.expect(exchange, ACCEPTED, clause="IDEMP-14").get("jobId", "")
        self._note(job_id, place[0], body, place, None)

    # Time and looking

    @rule(seconds=st.sampled_from([0.5, 1.0, 3.0, 10.0, 60.0]))
    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.session.pass_time(seconds)

    @rule(job=indices, looks=st.integers(2, 6))
    def live_through(self, job: int, looks: int) -> None:
        """Look at a job again and again as its time goes by."""
        for known in self._job(job):
            for _ in range(looks):
                self._look(known)
                self.session.pass_time(known.cost / 2 + 1)

    @rule(job=indices)
    def poll(self, job: int) -> None:
        """Look at a job, twice at one moment."""
        for known in self._job(job):
            first, second = at_one_moment(self._look(known)), at_one_moment(self._look(known))
            self.trial.require(first == second, f"{first}"[:300], f"{second}"[:300], clause="LIFE-10")

    @rule(job=indices)
    def fail(self, job: int) -> None:
        """Make a job fail that has not ended."""
        for known in self._job(job):
            if self._look(known).get("status") not in TERMINAL:
                self.session.note(f"make {known.id} fail", "")
                self.trial.levers.end_job(known.id, fail="no capacity")
                self._look(known)

    @rule(job=indices)
    def poll_as_stranger(self, job: int) -> None:
        """Look at another user's job."""
        for known in self._job(job):
            exchange = self.clients[1 - known.user].job(known.id)
            self.trial.require(exchange.status == NOT_FOUND, "status 404", exchange, clause="AUTH-5")

    @rule(user=indices, limit=st.integers(1, 5))
    def walk_the_list(self, user: int, limit: int) -> None:
        """The list has each job of the user once, newest first, as it looks on its own."""
        self._resolve_all()
        user %= USERS
        trial, client = self.trial, self.clients[user]
        entries = []
        for page in client.pages(limit=limit):
            answer = trial.expect(page, OK, clause="LIST-4")
            is_text = isinstance(answer["nextCursor"], str)
            trial.require(answer["hasMore"] is is_text, "hasMore with a cursor alone", page, clause="LIST-3")
            entries += answer["jobs"]
        ids = [entry["id"] for entry in entries]
        wanted = {job.id for job in self.jobs if job.user == user}
        shown = f"{len(ids)} entries, {len(set(ids))} different"
        trial.require(set(ids) <= wanted, "no job but the user's own", shown, clause="VAL-6")
        trial.require(set(ids) == wanted and len(ids) == len(wanted), f"{len(wanted)} jobs", shown, clause="LIST-4")
        places = [(at(entry["createdAt"]), entry["id"]) for entry in entries]
        trial.require(places == sorted(places, reverse=True), "the newest first", f"{ids}"[:300], clause="LIST-1")
        by_id = {job.id: job for job in self.jobs}
        for entry in entries:
            self._see_status(by_id[entry["id"]], entry["status"], "LIFE-8")

    @rule(user=indices, status=st.sampled_from(["QUEUED", "PROCESSING", "COMPLETED", "FAILED"]))
    def filter_the_list(self, user: int, status: str) -> None:
        """The filter selects the jobs that look so at the same moment."""
        self._resolve_all()
        user %= USERS
        page = self.clients[user].jobs(limit=100, status=status)
        chosen = {entry["id"] for entry in self.trial.expect(page, OK, clause="LIST-5")["jobs"]}
        wanted = {job.id for job in self.jobs if job.user == user and self._look(job).get("status") == status}
        self.trial.require(chosen == wanted, f"{len(wanted)} jobs with {status}", page, clause="LIST-5")

    @rule(user=indices)
    def read_the_balance(self, user: int) -> None:
        """What was there, less the price of every job, plus what failed ones gave back."""
        self._resolve_all()
        user %= USERS
        wanted, failed = OPENING, []
        for job in self.jobs:
            if job.user == user:
                looked = self._look(job)
                wanted -= job.cost
                if looked.get("status") in ("FAILED", "CANCELLED"):
                    failed.append(job.cost)
        seen = self._balance(user)
        fine = {wanted}
        for cost in failed:
            fine |= {balance + cost for balance in fine}
        full = wanted + sum(failed)
        self.trial.require(seen in fine, f"balance {full}", f"balance {seen}", clause="CRED-1")
        self.trial.require(seen == full, f"balance {full}, failed jobs refunded", f"balance {seen}", clause="CRED-5")

    @rule(job=indices)
    def read_the_mail(self, job: int) -> None:
        """One final event of a job with an address, once it has ended."""
        for known in self._job(job, hooked=True):
            self.session.pass_time(60.0)
            status = self._look(known).get("status")
            if known.mailbox is None or status not in TERMINAL:
                continue
            wanted = [status.lower()] if status in ("COMPLETED", "FAILED") else []
            if wanted:
                known.mailbox.wait(bool, 1.0)
            events = [mail.event for mail in known.mailbox.of_job(known.id)]
            stray = [event for event in events if event not in ("completed", "failed")]
            self.trial.require(not stray, "completed and failed alone", f"{events}", clause="WH-2")
            self.trial.require(events == wanted, f"events {wanted}", f"{events}", clause="WH-3")

    def _look(self, known: Known, *, first: bool = False) -> dict[str, Any]:
        exchange = self.clients[known.user].job(known.id)
        job = self.trial.expect(exchange, OK, clause="LIFE-1" if first else "LIFE-2")
        require = self.trial.require
        require(
            job["id"] == known.id and job["model"] == known.model,
            "the job that was asked for",
            exchange,
            clause="LIFE-1",
        )
        self._see_status(known, job["status"], "LIFE-2")
        progress = job["progress"]
        if isinstance(progress, int) and job["status"] not in ("FAILED", "CANCELLED"):
            require(progress >= known.progress, f"progress {known.progress} or more", exchange, clause="LIFE-3")
            known.progress = max(known.progress, progress)
        known.created_at = known.created_at or job["createdAt"]
        require(job["createdAt"] == known.created_at, f"createdAt {known.created_at}", exchange, clause="LIFE-7")
        has_ended = job["status"] in TERMINAL
        require(
            (job["completedAt"] is not None) is has_ended, "completedAt at the end alone", exchange, clause="LIFE-5"
        )
        if has_ended:
            known.completed_at = known.completed_at or job["completedAt"]
            require(job["completedAt"] == known.completed_at, known.completed_at, exchange, clause="LIFE-5")
        if first and isinstance(job["creditCost"], int):
            known.cost = job["creditCost"]
        if known.mailbox is None:
            require(job["webhookStatus"] is None, "webhookStatus null", exchange, clause="WH-10")
        return job

    def _see_status(self, known: Known, status: str, clause: str) -> None:
        is_on = rank(status) >= rank(known.status) and (known.status not in TERMINAL or status == known.status)
        self.trial.require(is_on, f"{known.status} or later", f"{status} of {known.id}", clause=clause)
        if is_on:
            known.status = status

    def _job(self, index: int, *, hooked: bool = False) -> Iterator[Known]:
        jobs = [job for job in self.jobs if job.mailbox is not None or not hooked]
        if jobs:
            yield jobs[index % len(jobs)]

    def _resolve_all(self) -> None:
        for place in list(self.unknown):
            self._resolve(place)

    def _balance(self, user: int) -> int:
        for place in [place for place in self.unknown if place[0] == user]:
            self._resolve(place)
        return int(self.trial.expect(self.clients[user].me(), OK, clause="CRED-1")["team"]["credits"])

    def _body(self, model: int) -> dict[str, Any]:
        return minimal_body(self.models[model % len(self.models)], PROMPT)

    def _cost(self, model: int) -> int:
        return self.trial.price(self._body(model))
