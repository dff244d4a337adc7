"""What one check works with: requests, requirements, generated input, and calls at the same moment."""

import json
import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

import hypothesis
from hypothesis import HealthCheck, Phase, Verbosity
from hypothesis.strategies import SearchStrategy

from contract_tests.clause import Clause
from contract_tests.client import Client
from contract_tests.contract import Contract, Model
from contract_tests.exchange import Exchange
from contract_tests.levers import Levers
from contract_tests.outcome import Enough, Skip, Step, Violation
from contract_tests.receiver import Mailbox
from contract_tests.session import Session
from contract_tests.strategies import minimal_body

if TYPE_CHECKING:
    from contract_tests.story import Poll, Story

T = TypeVar("T")
ACCEPTED, OK, BAD_REQUEST, UNAUTHORIZED, NOT_FOUND, CONFLICT = 202, 200, 400, 401, 404, 409
SHRINK_S = 4.0
"""Real time that a failing example is made smaller."""
PROMPT = "a lighthouse in a storm"


class Trial:
    """One clause on its way to a verdict; without one, the state machine, whose every requirement names its own."""

    def __init__(self, session: Session, clause: Clause | None = None) -> None:
        self.session, self.clause = session, clause
        self.exercised = 0
        """How often a requirement was really put to the test."""
        self.tally: Counter[str] = Counter()
        """The same, by the clause that a requirement names."""
        self.at: Exchange | None = None
        """Where what is judged now was seen, if that is no exchange itself."""
        self.muted: set[str] = set()
        """Clauses whose violation is known and looked at no further."""
        self.recorded: dict[str, Any] = {}
        self.first_steps: int | None = None
        """Steps of the first trace that showed a violation, before it was shrunk."""
        self.shortest: Violation | None = None
        """The violation with the fewest steps so far."""
        self._shrinks_until = 0.0

    @property
    def contract(self) -> Contract:
        """The promises as data."""
        return self.session.contract

    @property
    def levers(self) -> Levers:
        """The mock's control plane.

        Raises:
            Skip: the target has none.
        """
        if self.session.target.levers is None:
            msg = "needs a control plane: time, keys and credits at will"
            raise Skip(msg)
        return self.session.target.levers

    # Users and requests

    def client(self, **wanted: Any) -> Client:
        """A user; on a mock a new one."""
        return self.session.client(**wanted)

    def mailbox(self, answer: Callable[[int], tuple[int, dict[str, str]]] = lambda _: (200, {})) -> Mailbox:
        """A new webhook address.

        Raises:
            Skip: no receiver can be reached by the target.
        """
        if self.session.receiver is None:
            msg = "needs a webhook receiver that the target can reach: --receiver HOST:PORT"
            raise Skip(msg)
        return self.session.receiver.mailbox(answer)

    @property
    def cheapest(self) -> Model:
        """The model whose plainest job costs least; the first of those."""
        return cheapest_of(self.contract)

    def body(self, prompt: str = PROMPT, **more: Any) -> dict[str, Any]:
        """A small valid body of the cheapest model."""
        return {**minimal_body(self.cheapest, prompt), **more}

    def accepted(self, client: Client, value: Any, key: str | None = None) -> str:
        """Submit what must be accepted, at a price; the job's id."""
        self.buy(value)
        return str(self.expect(client.submit(value, key), ACCEPTED)["jobId"])

    def buy(self, value: Any) -> None:
        """Agree to pay for a submission of this body.

        Raises:
            Stop: the budget does not reach.
        """
        model = self.contract.model(value["model"])
        self.session.purse.buy(model.price_of(value))

    def price(self, value: dict[str, Any]) -> int:
        """What this body costs on a mock, found out by a submission; the same body is asked about once."""
        known, name = self.session.prices, json.dumps(value)
        if name not in known:
            client = self.client()
            before = self.balance(client)
            self.accepted(client, value)
            known[name] = before - self.balance(client)
        return known[name]

    def job(self, client: Client, job_id: str) -> dict[str, Any]:
        """Look at a job that must be there."""
        return self.expect(client.job(job_id), OK)

    def balance(self, client: Client) -> int:
        """The team's credits."""
        team = self.expect(client.me(), OK)["team"]
        if team is None:
            msg = "the key belongs to no team, so that its balance cannot be read"
            raise Skip(msg)
        return int(team["credits"])

    def listed(self, client: Client, **query: Any) -> list[dict[str, Any]]:
        """Every entry of the list, page by page."""
        return [entry for page in client.pages(**query) for entry in self.expect(page, OK)["jobs"]]

    def stories(self) -> "Iterator[Story]":
        """Jobs that were watched to their end: several on a mock, the golden job elsewhere."""
        from contract_tests.story import told  # noqa: PLC0415 - stories are told with trials

        return told(self)

    def looks(self, story: "Story") -> "Iterator[Poll]":
        """What each look at the story's job showed, in order; a violation found there shows that look."""
        for poll in story.polls:
            self.at = poll.exchange
            yield poll
        self.at = None

    # Requirements

    def require(self, is_so: object, expected: str, seen: str | Exchange, *, clause: str = "", cause: str = "") -> None:
        """Put a promise to the test.

        Raises:
            Violation: it does not hold.
        """
        self.exercised += 1
        if clause:
            self.tally[clause] += 1
        if is_so or clause in self.muted:
            return
        raise self.violation(Violation(expected, seen, clause=clause, cause=cause, at=self.at))

    def require_balance(self, client: Client, wanted: int, expected: str) -> None:
        """Read the balance and put it to the test."""
        seen = self.balance(client)
        self.require(seen == wanted, expected, f"balance {seen}")

    def violation(self, violation: Violation) -> Violation:
        """A broken promise with the trace that led there, up to the exchange that shows it.

        Raises:
            Enough: smaller examples have been looked for long enough.
        """
        steps = list(self.session.trace)
        shown = violation.exchange and Step(violation.exchange.asked, violation.exchange.summary)
        if shown in steps:
            steps = steps[: len(steps) - steps[::-1].index(shown)]
        violation.steps = tuple(steps)
        if self.first_steps is None:
            self.first_steps, self.shortest = len(steps), violation
            self._shrinks_until = time.monotonic() + SHRINK_S
        if self.shortest is None or len(steps) <= len(self.shortest.steps):
            self.shortest = violation
        if time.monotonic() > self._shrinks_until:
            raise Enough
        return violation

    def start_over(self) -> None:
        """Forget what was found: the next violation is another."""
        self.first_steps = self.shortest = None

    def expect(self, exchange: Exchange, status: int, *, clause: str = "") -> dict[str, Any]:
        """The answer's JSON object, once status and shape are those of the contract."""
        operation = self.contract.operation_for(exchange.method, exchange.path.partition("?")[0])
        self.require(
            exchange.status == status and not exchange.error,
            f"status {status}",
            exchange,
            clause=clause,
            cause=f"{operation.id if operation else exchange.path} not {status}",
        )
        value = exchange.value
        self.require(isinstance(value, dict), "a JSON object", exchange, clause=clause)
        name = operation.answers.get(status) if operation else None
        if name is not None:
            error = next(iter(self.contract.validator(name).iter_errors(value)), None)
            place = "/".join(str(part) for part in error.instance_path) if error else ""
            fault = f"{place}: {error.message}"[:200] if error else ""
            self.require(error is None, f"a body as in {name} ({fault})", exchange, clause=clause)
        return dict(exchange.fields)

    def refused(self, exchange: Exchange, *statuses: int) -> dict[str, Any]:
        """The error object of a refusal with one of these statuses."""
        wanted = " or ".join(str(status) for status in statuses)
        self.require(
            exchange.status in statuses, f"status {wanted}", exchange, cause=f"{exchange.status} instead of {wanted}"
        )
        self.require(isinstance(exchange.fields.get("error"), str), "a JSON object with a text `error`", exchange)
        return dict(exchange.fields)

    def record(self, name: str, value: Any) -> None:
        """Note what the server does where nothing is promised."""
        self.exercised += 1
        self.recorded[name] = value

    # Input and company

    def each(self, strategy: SearchStrategy[T], check: Callable[[T], object], examples: int | None = None) -> None:
        """Try the check on generated values; a failing one is shrunk."""

        @hypothesis.seed(self.session.seed)
        @hypothesis.settings(settings_for(examples or self.session.examples))
        @hypothesis.given(strategy)
        def run(value: T) -> None:
            self.session.trace.clear()
            check(value)

        run()

    def together(self, *calls: Callable[[], T]) -> list[T]:
        """Call them all at one moment; what they return, in order."""
        barrier = threading.Barrier(len(calls))

        def call(one: Callable[[], T]) -> T:
            barrier.wait()
            return one()

        with ThreadPoolExecutor(len(calls)) as pool:
            futures = [pool.submit(call, one) for one in calls]
            return [future.result() for future in futures]


def cheapest_of(contract: Contract) -> Model:
    """The model whose plainest job costs least; the first of those."""
    models = [model for op in contract.submissions for model in contract.models_of(op.id)]
    plain = [model for model in models if not model.parameters_required and model.prompt_max is not None]
    return min(plain, key=lambda model: model.price_of(minimal_body(model, PROMPT)))


def jobs_for_all(contract: Contract) -> int:
    """How many jobs of the cheapest model cost as much as one of each model."""
    prices = [model.price_of(minimal_body(model, PROMPT)) for model in contract.models]
    return math.ceil(sum(prices) / min(prices))


def settings_for(examples: int, **more: Any) -> hypothesis.settings:
    """Hypothesis as a run wants it: repeatable by its seed, nothing kept on disk, one failure at a time."""
    return hypothesis.settings(
        max_examples=examples,
        database=None,
        deadline=None,
        derandomize=False,
        report_multiple_bugs=False,
        print_blob=False,
        verbosity=Verbosity.quiet,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        **more,
    )


def same(values: Sequence[Any]) -> bool:
    """Whether all are equal."""
    return all(value == values[0] for value in values)
