"""What the checks of one run share: the target, the users, the trace, what was covered and what was paid."""

import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any

from contract_tests.client import Client
from contract_tests.contract import Contract
from contract_tests.exchange import Exchange
from contract_tests.outcome import Inconclusive, Skip, Step, Stop
from contract_tests.profile import EXAMPLES_NEARBY, EXAMPLES_ON_A_REAL_ENDPOINT, Profile
from contract_tests.purse import Purse
from contract_tests.receiver import Receiver
from contract_tests.target import Target
from contract_tests.watch import Watch

if TYPE_CHECKING:
    from contract_tests.story import Story

PATIENCE, MOST_LATE = 3, 12
"""Time-outs in a row, and in all, after which the target counts as gone."""
LATE = "no answer in time"
TOO_MANY = 429
LONGEST_WAIT_S = 60
CREDITS = 100_000
UNLIMITED = "1000000/1s"
"""Whatever a mock's own default is: what a check is not about must not get in its way."""
CLOCKS_DIFFER = timedelta(seconds=2)


class Session:
    """One run against one target."""

    def __init__(  # noqa: PLR0913 - the parts of a run
        self,
        target: Target,
        contract: Contract,
        profile: Profile,
        *,
        seed: int,
        purse: Purse,
        receiver: Receiver | None,
        began_at: datetime,
    ) -> None:
        self.target, self.contract, self.profile, self.seed = target, contract, profile, seed
        self.purse, self.receiver, self._began_at = purse, receiver, began_at
        self.requests = 0
        self.trace: list[Step] = []
        self.secrets: dict[str, str] = {}
        """What must not be shown, and what is shown instead."""
        self.statuses: Counter[tuple[str, int]] = Counter()
        self.models: set[str] = set()
        self.limits: set[str] = set()
        self.watcher: Watch | None = None
        self.stories: list[Story] = []
        self.prices: dict[str, int] = {}
        """Credits that bodies cost there, as far as that was found out."""
        self.story_fault = ""
        """Why a story could not be told."""
        self._late = self._late_in_a_row = 0
        self._numbers = count(1)
        self._lock = threading.Lock()
        self._own: Client | None = None
        for secret, name in ((target.key, "$APIFRAME_API_KEY"), (target.second_key, "$APIFRAME_SECOND_API_KEY")):
            if secret:
                self.secrets[secret] = name

    @property
    def examples(self) -> int:
        """How many examples a property gets here."""
        if self.target.levers is not None:
            return self.profile.examples
        most = EXAMPLES_ON_A_REAL_ENDPOINT if self.target.is_paid else EXAMPLES_NEARBY
        return min(self.profile.examples, most)

    def is_older(self, job: Mapping[str, Any]) -> bool:
        """Whether the job was made before this run: its key was used again."""
        if self.target.levers is not None:
            return False
        try:
            made_at = datetime.fromisoformat(str(job.get("createdAt")))
            return made_at < self._began_at - CLOCKS_DIFFER
        except (ValueError, TypeError):
            return False

    # Users

    def client(self, **wanted: Any) -> Client:
        """A user: on a mock a new one with a team of its own, elsewhere the one whose key was given."""
        levers = self.target.levers
        if levers is None:
            if self._own is None:
                self._own = Client(self, self.target.key)
            return self._own
        wanted = {"rateLimit": UNLIMITED, **wanted}
        if "team" not in wanted:  # a team that is there has its credits
            wanted = {"credits": CREDITS, **wanted}
        made = levers.new_key(**wanted)
        self.secrets[made["key"]] = "$APIFRAME_API_KEY"
        return Client(self, made["key"], made["team"]["id"])

    def other_client(self) -> Client:
        """A user of another team.

        Raises:
            Skip: no second key was given.
        """
        if self.target.levers is not None:
            return self.client()
        if not self.target.second_key:
            msg = "needs the key of a second user: --second-key-env NAME"
            raise Skip(msg)
        return Client(self, self.target.second_key)

    def new_name(self, about: str) -> str:
        """An idempotency key that no other check of the run uses and that a rerun with this seed uses again."""
        with self._lock:
            return f"contract-{self.seed}-{about}-{next(self._numbers)}"

    # Exchanges

    def exchange(
        self,
        method: str,
        path: str,
        headers: Iterable[tuple[str, str]],
        body: bytes | Iterable[bytes] | None,
        key: str,
    ) -> Exchange:
        """Send, and note what came.

        Raises:
            Skip: the request could cost something that nobody agreed to.
            Inconclusive: no answer came in time.
            Stop: the target is gone, or the money is.
        """
        operation = self.contract.operation_for(method, path.partition("?")[0])
        if operation is not None and operation.is_submission and key in (self.target.key, self.target.second_key):
            self.purse.before_submission()
        exchange = self._sent(method, path, tuple(headers), body)
        with self._lock:
            self.requests += 1
            self.trace.append(Step(exchange.asked, exchange.summary))
            self._late_in_a_row = self._late_in_a_row + 1 if exchange.timed_out else 0
            self._late += exchange.timed_out
            if operation is not None and exchange.status is not None:
                self.statuses[operation.id, exchange.status] += 1
            if operation is not None and operation.is_submission:
                self._note_submission(exchange)
        if self._late_in_a_row >= PATIENCE or self._late >= MOST_LATE:
            msg = f"the target stopped answering: {exchange.asked} {exchange.error}"
            raise Stop(msg)
        if exchange.timed_out:
            msg = f"{LATE}: {exchange.asked}"
            raise Inconclusive(msg)
        if self.watcher is not None:
            self.watcher.see(exchange, key, self.trace)
        return exchange

    def _sent(
        self, method: str, path: str, headers: Sequence[tuple[str, str]], body: bytes | Iterable[bytes] | None
    ) -> Exchange:
        """Send; a real endpoint gets time between requests, and is asked again once it said there were too many."""
        time.sleep(self.target.pause_s)
        exchange = self.target.wire.send(method, path, headers, body)
        said = exchange.header("Retry-After") or ""
        if self.target.is_paid and exchange.status == TOO_MANY and said.isdigit():
            time.sleep(min(int(said), LONGEST_WAIT_S))
            exchange = self.target.wire.send(method, path, headers, body)
        return exchange

    def _note_submission(self, exchange: Exchange) -> None:
        if exchange.status != 202:  # noqa: PLR2004 - accepted
            return
        self.purse.note_job(str(exchange.fields.get("jobId")))
        asked = Exchange("POST", "", "", (), None, answer=exchange.body or b"").fields
        self.models.add(str(asked.get("model")))

    def pass_time(self, seconds: float) -> None:
        """Let the target live on for so long."""
        self.target.time.advance(seconds)
        if self.target.time.is_virtual:
            self.note(f"advance the clock by {seconds:g} s", "")

    def note(self, text: str, result: str) -> None:
        """A line of the trace that is no request."""
        with self._lock:
            self.trace.append(Step(text, result))

    # What is shown

    def masked(self, value: Any) -> Any:
        """The value without secrets: texts in any depth."""
        if isinstance(value, str):
            for secret, name in self._real_secrets():
                value = value.replace(secret, name)
            return value
        if isinstance(value, dict):
            return {self.masked(key): self.masked(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.masked(item) for item in value]
        return value

    def _real_secrets(self) -> Sequence[tuple[str, str]]:
        """Those that are worth something: a mock's keys are thrown away with it."""
        pairs = self.secrets.items() if self.target.levers is None else ()
        return sorted(pairs, key=lambda pair: -len(pair[0]))
