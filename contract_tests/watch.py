"""Promises about every answer, looked at while other clauses are tested."""

import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from contract_tests.exchange import Exchange
from contract_tests.outcome import Step, Violation

Look = Callable[[Exchange, str], str | None]
"""What is wrong with an exchange, given the key that was sent; none where all is well."""


class Watch:
    """Shows every exchange to the clauses that want it, and keeps the first fault of each."""

    def __init__(self, looks: Mapping[str, Look]) -> None:
        self._looks = looks
        self._lock = threading.Lock()
        self.looks: Counter[str] = Counter()
        self.faults: dict[str, Violation] = {}

    def see(self, exchange: Exchange, key: str, trace: Sequence[Step]) -> None:
        """Look at one exchange."""
        for name, look in self._looks.items():
            with self._lock:
                self.looks[name] += 1
                fault = look(exchange, key)
                if fault and name not in self.faults:
                    violation = Violation("every answer to keep the promise", exchange, clause=name, cause=fault)
                    violation.seen = f"{fault}: {exchange.summary}"
                    violation.steps = tuple(trace)
                    self.faults[name] = violation
