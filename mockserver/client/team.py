"""Keys and the teams behind them, as levers."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from mockserver.client.values import Span, span_text
from mockserver.client.wire import Wire, escaped

SPELLED = {"rate_limit": "rateLimit", "queue_down": "queueDown"}


class NewKey(TypedDict, total=False):
    """What a key and its team can be made with."""

    name: str
    credits: int
    """The balance; 1,000,000 where nothing is said."""
    speed: float | str
    """What the time of its jobs is divided by, or `"instant"`."""
    retention: Span
    """How long its result files stay."""
    rate_limit: str
    """As in `"1/1s"`."""
    active: bool
    """An inactive key is answered 403."""
    queue_down: bool
    """Every submission is answered 503."""
    key: str
    """The key itself; a made-up one where nothing is said."""
    scenario: str | Mapping[str, Any]
    """What is played for it, by name or content."""


class TeamLever:
    """Reads and changes the team of one API key."""

    def __init__(self, wire: Wire, key: str) -> None:
        self._wire, self._key = wire, key

    @property
    def id(self) -> str:
        """Its UUID."""
        return str(self._look()["id"])

    @property
    def name(self) -> str:
        """Settable."""
        return str(self._look()["name"])

    @name.setter
    def name(self, name: str) -> None:
        self._change(name=name)

    @property
    def plan(self) -> str:
        """As `/v2/me` shows it, such as `pro`; settable."""
        return str(self._look()["plan"])

    @plan.setter
    def plan(self, plan: str) -> None:
        self._change(plan=plan)

    @property
    def credits(self) -> int:
        """The balance; settable."""
        return int(self._look()["credits"])

    @credits.setter  # noqa: A003 - the property above, not the builtin
    def credits(self, balance: int) -> None:
        self._change(credits=balance)

    @property
    def max_concurrent_jobs(self) -> int | None:
        """How many jobs run at once, none for any number; settable."""
        limit: int | None = self._look()["maxConcurrentJobs"]
        return limit

    @max_concurrent_jobs.setter
    def max_concurrent_jobs(self, limit: int | None) -> None:
        self._change(maxConcurrentJobs=limit)

    @property
    def modalities(self) -> Sequence[str]:
        """What it may make: `image`, `video`, `music`; settable."""
        return tuple(self._look()["modalities"])

    @modalities.setter
    def modalities(self, modalities: Sequence[str]) -> None:
        self._change(modalities=list(modalities))

    @property
    def speed(self) -> float | None:
        """What the time of its jobs is divided by, infinite for `"instant"`, none for the server's own; settable."""
        speed = self._look()["speed"]
        return math.inf if speed == "instant" else speed

    @speed.setter
    def speed(self, speed: float | str | None) -> None:
        self._change(speed=wire_speed(speed))

    @property
    def retention(self) -> str | None:
        """How long result files stay, as in `"10s"`, none for the server's own; settable."""
        kept: str | None = self._look()["retention"]
        return kept

    @retention.setter
    def retention(self, span: Span | None) -> None:
        self._change(retention=None if span is None else span_text(span))

    def _look(self) -> dict[str, Any]:
        team: dict[str, Any] = self._wire.ask("GET", f"keys/{escaped(self._key)}")["team"]
        return team

    def _change(self, **fields: Any) -> None:
        self._wire.ask("PATCH", f"teams/{self.id}", fields)


def wire_key(fields: NewKey) -> dict[str, Any]:
    """A new key as the control plane reads it."""
    body: dict[str, Any] = {SPELLED.get(name, name): value for name, value in fields.items() if name != "scenario"}
    if "speed" in fields:
        body["speed"] = wire_speed(fields["speed"])
    if "retention" in fields:
        body["retention"] = span_text(fields["retention"])
    return body


def wire_speed(speed: float | str | None) -> float | str | None:
    """A speed of jobs as the control plane reads it."""
    return "instant" if speed == math.inf else speed
