"""One run: plan, tests, verdicts, and the report as one value."""

import contextlib
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import hypothesis

from contract_tests import contract, machine, plan
from contract_tests.clause import Clause, Level, Verdict
from contract_tests.clauses import CLAUSES, WATCHERS
from contract_tests.coverage import coverage
from contract_tests.options import Listener, Options
from contract_tests.outcome import Inconclusive, Skip, Stop, Violation
from contract_tests.plan import FURTHER, GOLDEN, MOCK, Means
from contract_tests.preflight import CannotRun, Greeting, check
from contract_tests.purse import Purse
from contract_tests.receiver import Receiver
from contract_tests.session import Session
from contract_tests.strategies import minimal_body
from contract_tests.target import Target, is_loopback, own_mock, reach
from contract_tests.trial import PROMPT, Trial, cheapest_of
from contract_tests.verdicts import INTERRUPTED, ended, final_code, verdict_of
from contract_tests.watch import Watch
from contract_tests.wire import BadAddress

LISTEN = "127.0.0.1:0"
FIRST_PORT, PORTS = 20_000, 10_000
STARTED_FOR_THE_RUN = "started for this run"
NEARBY_TIMEOUT_S, FAR_TIMEOUT_S = 10.0, 30.0


def verify(options: Options, listener: Listener) -> dict[str, Any]:
    """Run the clauses; the report, as contract_tests/report/report.schema.json says, without comparison and baseline.

    Raises:
        CannotRun: there is nothing that could be tested, and why.
    """
    with prepared(options, listener) as run:
        return run.report()


@contextlib.contextmanager
def prepared(options: Options, listener: Listener) -> "Iterator[Run]":
    """A run that is ready to test clauses: target, receiver and plan.

    Raises:
        CannotRun: there is nothing that could be tested, and why.
    """
    with contextlib.ExitStack() as stack:
        url = options.target or stack.enter_context(own_mock(options.seed))
        try:
            timeout_s = options.timeout_s or (NEARBY_TIMEOUT_S if is_loopback(url) else FAR_TIMEOUT_S)
            target = reach(
                url,
                options.key,
                options.second_key,
                insecure=options.insecure,
                rehearse=options.rehearse,
                timeout_s=timeout_s,
            )
        except BadAddress as error:
            raise CannotRun(str(error)) from None
        stack.callback(target.close)
        if not options.target:
            target.about = f"{target.about}, {STARTED_FOR_THE_RUN}"
        levers = target.levers
        if levers is not None:
            try:
                levers.freeze()
                target.key = target.key or levers.new_key(name="contract tests")["key"]
            except Inconclusive as error:
                raise CannotRun(str(error)) from None
            if options.target:
                stack.callback(_quietly(levers.thaw))
        greeting = check(target)
        receiver = _receiver(options.receiver, target, options.seed)
        if receiver is not None:
            stack.callback(receiver.close)
        yield Run(options, target, receiver, greeting, listener)


def _quietly(act: Callable[[], None]) -> Callable[[], None]:
    def try_it() -> None:
        with contextlib.suppress(Inconclusive):
            act()

    return try_it


def _receiver(wanted: str | None, target: Target, seed: int) -> Receiver | None:
    """The receiver that was asked for, or on this machine one that nobody had to ask for.

    Raises:
        CannotRun: its address cannot be listened on.
    """
    if wanted is None and target.is_paid:
        return None
    try:
        if wanted is None:
            return _near_receiver(seed)
        port = wanted.rpartition(":")[2]
        # A public name is where deliveries are sent; they come in on every address of this machine.
        return Receiver(f"0.0.0.0:{port}" if target.is_paid else wanted, f"http://{wanted}" if target.is_paid else "")
    except (OSError, ValueError, OverflowError) as error:
        msg = f'--receiver: "{wanted}" cannot be listened on: {error}; want HOST:PORT, such as hooks.example.com:8080'
        raise CannotRun(msg) from None


def _near_receiver(seed: int) -> Receiver:
    """On this machine, where possible at the same address for the same seed.

    Bodies name it, and a rerun whose bodies are those of the run before gets that one's jobs back.
    """
    try:
        return Receiver(f"127.0.0.1:{FIRST_PORT + seed % PORTS}")
    except OSError:
        return Receiver(LISTEN)


class Run:
    """One run against one target; `report` does all of it, `test` one clause."""

    def __init__(
        self,
        options: Options,
        target: Target,
        receiver: Receiver | None,
        greeting: Greeting,
        listener: Listener,
    ) -> None:
        self.options, self.target, self.listener = options, target, listener
        self.contract = contract.load()
        job_cost = _worst_price(self.contract, greeting.models)
        may_submit = not target.is_paid or options.yes_spend
        self.purse = Purse(
            is_counted=target.levers is None, budget=options.budget, job_cost=job_cost, may_submit=may_submit
        )
        self.session = Session(
            target,
            self.contract,
            options.profile,
            seed=options.seed,
            purse=self.purse,
            receiver=receiver,
            began_at=greeting.at,
        )
        chosen = [clause for clause in CLAUSES.values() if not options.only or clause.id in options.only]
        means = Means(receiver is not None, self.session.examples, options.profile)
        self.plan = plan.made(chosen, target, self._tier(), self.purse, means)
        self.watch = Watch({name: WATCHERS[name]() for name in WATCHERS if any(c.id == name for c in chosen)})
        self.session.watcher = self.watch
        self.rows: dict[str, dict[str, Any]] = {}
        self.stopped: str | None = None

    def _tier(self) -> int:
        if self.target.levers is not None:
            return MOCK if self.options.tier is None else self.options.tier
        may_pay = self.purse.affords(1) and (self.options.yes_spend or not self.target.is_paid)
        wanted = self.options.tier if self.options.tier is not None else GOLDEN if may_pay else 0
        highest = FURTHER if self.target.is_paid else MOCK
        return min(wanted, highest)

    def report(self) -> dict[str, Any]:
        """Run everything, then say what came of it."""
        began, started = time.monotonic(), datetime.now(UTC)
        self.listener.on_plan(self.plan, self.target, self.purse)
        before = None
        try:
            before = self._balance()
            self._test_all()
        except Stop as stop:
            self.stopped = self.session.masked(str(stop))
        except KeyboardInterrupt:
            self.stopped = INTERRUPTED
        for planned in self.plan.clauses:
            if planned.clause.id not in self.rows:
                self._note(
                    planned.clause, Verdict.SKIPPED, reason=planned.skipped or f"the run stopped: {self.stopped}"
                )
        report = {
            "version": 1,
            "tool": {"name": "contract_tests", "version": tool_version()},
            "startedAt": started.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "tookS": round(time.monotonic() - began, 3),
            "seed": self.options.seed,
            "profile": self.options.profile.name,
            "clock": "virtual" if self.target.time.is_virtual else "real",
            "target": {"kind": self.target.kind, "url": self.target.wire.base_url, "about": self.target.about},
            "environment": {
                "python": platform.python_version(),
                "platform": platform.system(),
                "hypothesis": hypothesis.__version__,
            },
            "contract": {
                "sha256": self.contract.sha256,
                "operations": len(self.contract.operations),
                "models": len(self.contract.models),
            },
            "plan": self._plan(),
            "ledger": self._ledger(before),
            "requests": self.session.requests,
            "stopped": self.stopped,
            "exitCode": 0,
            "counts": {verdict.value: self._count(verdict) for verdict in Verdict},
            "clauses": [self.rows[planned.clause.id] for planned in self.plan.clauses],
            "coverage": coverage(self.contract, self.session),
            "comparison": None,
            "baseline": None,
        }
        report["exitCode"] = final_code(report)
        shown: dict[str, Any] = self.session.masked(report)
        return shown

    # Testing

    def _test_all(self) -> None:
        runnable = self.plan.runnable
        watching = [clause for clause in runnable if clause.id in WATCHERS]
        settled_later = machine.SETTLES if self.target.levers is not None else frozenset()
        for area in dict.fromkeys(clause.area for clause in runnable):
            clauses = [clause for clause in runnable if clause.area == area and clause not in watching]
            with self.money_is_watched(area):
                for clause in clauses:
                    self.test(clause)
                    if clause.id not in settled_later:
                        self.listener.on_verdict(self.rows[clause.id])
        later = [clause for clause in runnable if clause.id in settled_later]
        if any(self.rows[clause.id]["failure"] is None for clause in later):
            self.explore(later)
        for clause in later:
            self.listener.on_verdict(self.rows[clause.id])
        for clause in watching:
            self.test(clause)
            self.listener.on_verdict(self.rows[clause.id])

    def test(self, clause: Clause) -> dict[str, Any]:
        """Put one clause to the test; its row of the report.

        Raises:
            Stop: the run must not go on.
        """
        self.listener.on_clause_start(clause.id, clause.promise)
        session, trial = self.session, Trial(self.session, clause)
        session.trace.clear()
        session.story_fault = ""
        began, sent, accepted = time.monotonic(), session.requests, len(self.purse.jobs)
        end = ended(clause, trial)
        verdict, reason = end.verdict, end.reason
        violation = end.violation or self.watch.faults.get(clause.id)
        trial.exercised += self.watch.looks[clause.id]
        if violation is not None:
            verdict, reason = verdict_of(clause, violation)
        elif verdict is Verdict.PASS and not trial.exercised:
            verdict, reason = Verdict.NOT_EXERCISED, session.story_fault or "the check never met its precondition"
        elif verdict is Verdict.PASS and clause.level is Level.RECORD:
            verdict = Verdict.RECORDED
        row = self._note(clause, verdict, reason=reason, trial=trial, violation=violation)
        row["requests"], row["tookS"] = session.requests - sent, round(time.monotonic() - began, 3)
        self.listener.on_requests(session.requests)
        if end.stop is not None:
            raise end.stop
        self._check_unplanned(clause, accepted)
        return row

    def _check_unplanned(self, clause: Clause, before: int) -> None:
        if self.target.is_paid and self.purse.unplanned:
            new = ", ".join(self.purse.jobs[before:])
            msg = f"{clause.id}: the target accepted what it should refuse, and jobs cost credits there: {new}"
            raise Stop(msg)

    def explore(self, later: list[Clause]) -> None:
        """Run the state machine and add what it says of these clauses to their rows."""
        self.listener.on_clause_start("", "the state machine")
        trial = Trial(self.session)
        failed = {name for name, row in self.rows.items() if row["failure"] is not None}
        trial.muted |= failed | (machine.SETTLES - {clause.id for clause in later})
        reason = ""
        found: dict[str, Violation] = {}
        try:
            found = machine.explore(trial)
        except (Inconclusive, Skip) as error:
            reason = str(error)
        except Exception as error:  # noqa: BLE001 - as for a check
            reason = f"the state machine broke: {type(error).__name__}: {error}"[:300]
            if trial.shortest is not None and trial.shortest.clause:
                found = {trial.shortest.clause: trial.shortest}
        for clause in later:
            row = self.rows[clause.id]
            row["exercised"] += trial.tally[clause.id]
            if clause.id in found and row["failure"] is None:
                violation = found[clause.id]
                verdict, why = verdict_of(clause, violation)
                row["verdict"], row["reason"] = verdict.value, why or None
                row["failure"] = self._failure(clause, violation, trial)
            elif row["verdict"] == Verdict.NOT_EXERCISED and trial.tally[clause.id]:
                row["verdict"], row["reason"] = Verdict.PASS.value, None
            elif reason and row["verdict"] == Verdict.PASS:
                row["verdict"], row["reason"] = Verdict.INCONCLUSIVE.value, reason
        self.listener.on_requests(self.session.requests)

    # Money

    @contextlib.contextmanager
    def money_is_watched(self, area: str) -> Iterator[None]:
        """Compare what the balance lost in a group of clauses with the prices of the jobs that it made.

        Raises:
            Stop: something else changed the balance.
        """
        before, known = self._balance(), len(self.purse.jobs)
        yield
        after = self._balance()
        if before is None or after is None:
            return
        jobs = self.purse.jobs[known:]
        prices = [self._price(job_id) for job_id in jobs]
        if before - after != sum(prices):
            spent = f"the balance went from {before} to {after} in the group {area}"
            made = f"its jobs cost {sum(prices)}: {', '.join(jobs)}" if jobs else "it made no job"
            msg = f"{spent}, but {made}; a change that nobody expected"
            raise Stop(msg)

    def _balance(self) -> int | None:
        """The credits of the run's own team, where it matters; none elsewhere or when it cannot be read."""
        if self.target.levers is not None:
            return None
        try:
            team = self.session.client().me().fields.get("team")
        except Inconclusive:
            return None
        credits_left = team.get("credits") if isinstance(team, dict) else None
        return credits_left if isinstance(credits_left, int) else None

    def _price(self, job_id: str) -> int:
        try:
            job = self.session.client().job(job_id).fields
        except Inconclusive:
            return 0
        is_given_back = job.get("status") in ("FAILED", "CANCELLED")
        return 0 if is_given_back or self.session.is_older(job) else int(job.get("creditCost") or 0)

    def _ledger(self, before: int | None) -> dict[str, Any] | None:
        if before is None:
            return None
        try:
            after = self._balance()
        except Stop:
            after = None
        now = before if after is None else after
        return {"before": before, "after": now, "spent": before - now, "jobs": self.purse.jobs}

    # The report

    def expect_from_the_machine(self, clause: Clause) -> None:
        """A row for a clause that only the state machine will look at."""
        self._note(clause, Verdict.NOT_EXERCISED, reason="only the state machine looked")

    def _note(
        self,
        clause: Clause,
        verdict: Verdict,
        *,
        reason: str = "",
        trial: Trial | None = None,
        violation: Violation | None = None,
    ) -> dict[str, Any]:
        row = self.rows[clause.id] = {
            "id": clause.id,
            "area": clause.area,
            "promise": clause.promise,
            "level": clause.level.value,
            "source": clause.source,
            "method": clause.method.value,
            "tier": clause.tier,
            "verdict": verdict.value,
            "reason": self.session.masked(reason) or None,
            "exercised": trial.exercised if trial else 0,
            "requests": 0,
            "tookS": 0.0,
            "recorded": dict(trial.recorded) if trial else {},
            "accepted": None,
            "failure": self._failure(clause, violation, trial) if violation and trial else None,
        }
        return row

    def _failure(self, clause: Clause, violation: Violation, trial: Trial) -> dict[str, Any] | None:
        if clause.level is Level.RECORD:
            return None
        steps = list(violation.steps)[-60:]
        shrunk = trial.first_steps if trial.first_steps and trial.first_steps > len(violation.steps) else None
        exchange = violation.exchange
        where = f" --target {self.options.target}" if self.options.target else ""
        return {
            "expected": violation.expected[:2000],
            "seen": violation.seen[:2000],
            "cause": violation.cause[:200],
            "steps": [{"text": step.text, "result": step.result} for step in steps],
            "shrunkFrom": shrunk,
            "curl": exchange.curl(self.session.secrets) if exchange else None,
            "reproduce": f"mockserver verify --only {clause.id} --seed {self.options.seed}"
            f" --profile {self.options.profile.name}{where}",
            "exchange": exchange.shown(self.session.secrets) if exchange else None,
        }

    def _plan(self) -> dict[str, int]:
        return {
            "tier": self.plan.tier,
            "budget": self.options.budget,
            "clauses": len(self.plan.runnable),
            "requests": self.plan.requests,
            "jobs": self.plan.jobs,
            "worstCaseCredits": self.plan.worst_case,
        }

    def _count(self, verdict: Verdict) -> int:
        return sum(row["verdict"] == verdict.value for row in self.rows.values())


def _worst_price(known: contract.Contract, catalogue: Sequence[dict[str, Any]]) -> int:
    """The most that a plain job of the cheapest model can cost: by the target's own catalogue, and never below ours."""
    model = cheapest_of(known)
    ours = model.price_of(minimal_body(model, PROMPT))
    theirs = [row.get("costMax") for row in catalogue if row.get("id") == model.id]
    return max([ours, *(int(cost) for cost in theirs if isinstance(cost, (int, float)))])


def tool_version() -> str:
    """The version of the distribution that the suite ships in."""
    try:
        return version("apiframe-mockserver")
    except PackageNotFoundError:
        return "unknown"
