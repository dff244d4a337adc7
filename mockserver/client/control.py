"""`Control`: every lever of a running mock, from Python."""

from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Literal, Self, Unpack

from mockserver.client.clock import ClockLever
from mockserver.client.cutter import Cutter
from mockserver.client.faults import Fault, FaultLevers
from mockserver.client.findings import Findings, Summary, summary_of
from mockserver.client.jobs import Jobs
from mockserver.client.journal import Match, Requests
from mockserver.client.team import NewKey, TeamLever, wire_key
from mockserver.client.values import Span, seconds, span_text, without_none
from mockserver.client.waiting import Waited, waited
from mockserver.client.webhooks import Webhooks
from mockserver.client.wire import PREFIX, ControlError, Wire, escaped

__tracebackhide__ = True  # pytest shows the line of the test instead
KEY = "afk_test"
GONE = 404
OF_TEAM = ("credits", "speed", "retention")


class Control:
    """The levers of a mock at *url*, whose `--admin-token` is *token*; *key* is the API key that tests work with.

    What takes no time is done at once, by a call over HTTP. Verbs that wait give back a `Waited`: in synchronous code
    they have waited already, in code that runs in an event loop they are awaited. A `with` statement, plain or async,
    closes the connections at its end; without one they close when the object goes.
    """

    def __init__(self, url: str, *, token: str = "", key: str = KEY) -> None:
        self._set_up(Wire(url, token), key)

    def _set_up(self, wire: Wire, key: str, scope: str = "", since: int = 0) -> None:
        self._wire, self._scope = wire, scope
        self.key = key
        """The API key to send."""
        self.clock = ClockLever(wire)
        self.team = TeamLever(wire, key)
        """The team of `key`."""
        self.faults = FaultLevers(wire, scope)
        self.requests = Requests(wire, scope, since)
        self.webhooks = Webhooks(wire, scope)
        self.jobs = Jobs(wire, scope)
        self.findings = Findings(wire, scope)

    @property
    def url(self) -> str:
        """Where the imitated API is, as in `http://127.0.0.1:4010`; empty for a server that is not running."""
        return self._wire.url

    @property
    def control_url(self) -> str:
        """Where the control plane is."""
        return f"{self.url}{PREFIX}"

    @property
    def token(self) -> str:
        """What the control plane wants in `X-Mock-Token`; empty where it wants nothing."""
        return self._wire.token

    def summary(self) -> Summary:
        """What came of all so far, or of this view's key."""
        return summary_of(self._wire.ask("GET", "summary", query={"key": self._scope} if self._scope else {}))

    def fail_next(
        self,
        error: str | Literal[True] = True,  # noqa: FBT002 - as in the control plane
        *,
        model: str | None = None,
        prompt: str | None = None,
        times: int = 1,
    ) -> Fault:
        """Let the next jobs of `key` fail with this error: so many, or of this model, or with this in their prompt."""
        match = without_none({"key": self.key, "model": model, "prompt": prompt})
        return self.faults.add(match=match, job={"fail": error}, times=times)

    def expect(
        self,
        count: int | None = None,
        *,
        min: int | None = None,  # noqa: A002 - how people say it
        max: int | None = None,  # noqa: A002 - how people say it
        timeout: Span = 0,
        **match: Unpack[Match],
    ) -> Waited[None]:
        """Make sure that so many requests fit, at least one where no number is given.

        With a *timeout* it waits so many real seconds for them; only then it has to be awaited in an event loop.

        Raises:
            AssertionError: there are others; the text shows the nearest misses.
            ControlError: the match will not do.
        """
        wanted = without_none({"min": min, "max": max}) or {"min": 1} if count is None else count
        return self._expected("expect()", timeout, lambda wait, cut: self.requests.mismatch(match, wanted, wait, cut))

    def expect_order(self, matches: Sequence[Match], *, timeout: Span = 0) -> Waited[None]:
        """Make sure that requests which fit came in this order, with any others between them; else as `expect`."""
        return self._expected("expect_order()", timeout, lambda wait, cut: self.requests.disorder(matches, wait, cut))

    def _expected(self, verb: str, timeout: Span, look: Callable[[str, Cutter], str]) -> Waited[None]:
        def check(cutter: Cutter) -> None:
            unmet = look(span_text(timeout), cutter)
            if unmet:
                raise AssertionError(unmet)

        if seconds(timeout) > 0:
            return waited(verb, check)
        check(Cutter())
        return Waited(verb, None)

    def scenario(self, name: str | Mapping[str, Any] | None) -> Waited[None]:
        """Play a scenario, by its name or its content, for the server or for this view's key; none ends it.

        Raises:
            ControlError: there is none of this name, or its content will not do; the text says where, and what would.
        """
        return waited("scenario()", lambda cutter: self._play(name, cutter))

    def _play(self, name: str | Mapping[str, Any] | None, cutter: Cutter | None = None) -> None:
        body: dict[str, Any] = {"scenario": dict(name)} if isinstance(name, Mapping) else {"name": name}
        if self._scope:
            body["key"] = self._scope
        self._wire.ask("POST", "scenario", body, cutter=cutter)

    def reset(self) -> Waited[None]:
        """Put the server back to its start: jobs, credits, keys, faults, journal, clock."""

        def start_over(cutter: Cutter) -> None:
            self._wire.ask("POST", "reset", cutter=cutter)

        return waited("reset()", start_over)

    def new_key(self, **fields: Unpack[NewKey]) -> "KeyView":
        """A fresh API key with a team of its own, and the levers for this key alone.

        Raises:
            ControlError: a field will not do.
        """
        view = KeyView(self._wire, self._wire.ask("POST", "keys", wire_key(fields)))
        if "scenario" in fields:
            try:
                view.begin(fields)
            except BaseException:
                view.close()
                raise
        return view

    def close(self) -> None:
        """Let go of the connections."""
        self._wire.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.url or 'not running'}>"


class KeyView(Control):
    """The levers for one API key: its requests, webhooks, findings, faults, jobs and scenario, apart from all others.

    The clock is the server's. When it is closed, the key is gone, with its faults and its scenario.
    """

    def __init__(self, wire: Wire, made: Mapping[str, Any]) -> None:
        self._set_up(wire, made["key"], made["key"], made["lastRequest"])
        self._opening = made["team"]["credits"]

    def begin(self, fields: NewKey) -> None:
        """Play the scenario that a new key wants; what is said beside it stays as it is said."""
        self._play(fields["scenario"])
        said = wire_key(fields)
        of_team = {name: said[name] for name in OF_TEAM if name in said}
        if of_team:
            self._wire.ask("PATCH", f"teams/{self.team.id}", of_team)
        if "rateLimit" in said:
            self._wire.ask("PATCH", f"keys/{escaped(self.key)}", {"rateLimit": said["rateLimit"]})

    def reset(self) -> Waited[None]:
        """Take the faults and the scenario away, give the team its first credits, and forget the requests so far."""

        def start_over(cutter: Cutter) -> None:
            query = {"key": self._scope}
            self._wire.ask("DELETE", "scenario", query=query, cutter=cutter)
            self._wire.ask("DELETE", "faults", query=query, cutter=cutter)
            self.team.credits = self._opening
            self.requests.clear()

        return waited("reset()", start_over)

    def close(self) -> None:
        """End the key, and give back the clock as it was found."""
        self.clock.restore()
        try:
            self._wire.ask("DELETE", f"keys/{escaped(self.key)}")
        except ControlError as error:
            if error.status != GONE:  # after a reset of the server
                raise
