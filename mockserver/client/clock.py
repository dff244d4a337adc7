"""The mock's clock, as a lever."""

from datetime import UTC, datetime
from typing import Any

from mockserver.client.cutter import Cutter
from mockserver.client.values import Span, instant, span_text
from mockserver.client.waiting import Waited, waited
from mockserver.client.wire import Wire


class ClockLever:
    """Reads and moves the clock that all of the mock goes by, whoever asks: there is one for all keys."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._before: dict[str, Any] = {}

    @property
    def now(self) -> datetime:
        """What it shows, in UTC."""
        return instant(self._look()["now"])

    @property
    def is_frozen(self) -> bool:
        """Whether it stands still until it is moved."""
        return bool(self._look()["frozen"])

    @property
    def speed(self) -> float:
        """How many times as fast as real time it runs; settable. The length of jobs is another thing: `team.speed`."""
        return float(self._look()["speed"])

    @speed.setter
    def speed(self, speed: float) -> None:
        self._change(speed=speed)

    def freeze(self) -> None:
        """Let it stand still; `advance` and `set` move it."""
        self._change(freeze=True)

    def thaw(self) -> None:
        """Let it run again."""
        self._change(freeze=False)

    def advance(self, span: Span) -> Waited[datetime]:
        """Move it forward, and wait for the webhooks that fall due; what it shows then.

        Raises:
            ControlError: the span is none, or is longer than 100 years.
        """
        return self._moved("clock.advance()", {"advance": span_text(span)})

    def set(self, moment: datetime | str) -> Waited[datetime]:
        """Move it forward to an instant, which counts as UTC where it has no zone, and wait for the webhooks due.

        Raises:
            ControlError: the instant has passed, or is more than 100 years away.
        """
        if isinstance(moment, datetime):
            moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat()
        return self._moved("clock.set()", {"now": moment})

    def restore(self) -> None:
        """Let it run, or stand still, as before the first `freeze`, `thaw` or `speed` of this object."""
        if self._before:
            before, self._before = self._before, {}
            self._wire.ask("POST", "clock", {"freeze": before["frozen"], "speed": before["speed"]})

    def _look(self) -> dict[str, Any]:
        shown: dict[str, Any] = self._wire.ask("GET", "clock")
        return shown

    def _change(self, **fields: Any) -> None:
        self._before = self._before or self._look()
        self._wire.ask("POST", "clock", fields)

    def _moved(self, verb: str, body: dict[str, Any]) -> Waited[datetime]:
        def move(cutter: Cutter) -> datetime:
            return instant(self._wire.ask("POST", "clock", body, cutter=cutter)["now"])

        return waited(verb, move)
