"""Playing scenarios: one for the whole server, or one for each of some keys."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from mockserver.core.accounts import Team
from mockserver.core.documents import DocumentError, Mistake
from mockserver.core.scenario import Scenario
from mockserver.core.signing import key_digest
from mockserver.issuing import issue
from mockserver.scenarios.shelf import Found, settings_of
from mockserver.service import Rules, Service
from mockserver.settings import Settings

ORIGIN = "scenario"
DEFAULT_KEY = "afk_test"
"""Whose team gets the credits of a scenario for the whole server."""
LONGEST_ID, TAG_LENGTH = 64, 10
OF_RULES = {"speed": "speed", "retention": "keeps_s", "rate_limit": "rate_limit"}
"""Settings of the whole server, by their names in `Rules`."""
OF_TEAMS = {"max_concurrent_jobs": "max_concurrent_jobs"}
OF_ONE_TEAM = OF_TEAMS | {"speed": "speed", "retention": "keeps_s"}


class Playing(NamedTuple):
    """A scenario that is being played, and how things were when it began."""

    scenario: Scenario
    file: Path | None
    """Where it was read, for those that a person wrote."""
    began_at: float
    key: str
    """The API key that it is for; empty for all."""
    rules: Mapping[str, Any]
    """What it sets of `Rules`."""
    faults: Sequence[str]
    """Its fault rules, by id."""
    teams: Sequence[Team]
    balances: Mapping[str, int]
    """By team."""
    limits: Mapping[str, Any]
    """Rate limits of keys, by digest."""
    added: Sequence[str]
    """Digests of keys that it brought."""


class Stage:
    """Plays scenarios. A setting that was given by hand stays as given."""

    def __init__(self, service: Service, settings: Settings) -> None:
        self._service, self._settings = service, settings
        self._base = service.rules
        self._playing: dict[str, Playing] = {}

    @property
    def settings(self) -> Settings:
        """Those that hold now: the file of some may have changed since the start."""
        return self._settings

    def playing(self, key: str = "") -> Playing | None:
        """What is played for a key, or for the whole server; none for nothing."""
        return self._playing.get(_place(key))

    async def play(self, found: Found, key: str = "") -> Playing:
        """Begin a scenario in the place of the one before; with a key, for this key and its team alone.

        Raises:
            DocumentError: a key that it brings is there already; then the one before goes on.
        """
        scenario, file = found
        await self._check_keys(scenario, key)
        await self.end(key)
        service, changes = self._service, settings_of(scenario)
        store, now = service.store, service.clock.now()
        if not key:
            changes = {name: value for name, value in changes.items() if name not in self._settings.given}
        added = [await self._brought(body) for body in scenario.keys]
        playing = Playing(
            scenario,
            file,
            now,
            key,
            rules={} if key else _renamed(changes, OF_RULES),
            faults=self._add_faults(scenario, key),
            teams=await self._teams_for(key),
            balances=await self._set_credits(scenario, key),
            limits=await self._limit(key, changes),
            added=added,
        )
        of_teams = _renamed(changes, OF_ONE_TEAM if key else OF_TEAMS)
        for team in playing.teams if of_teams else ():
            await store.put_team(team._replace(**of_teams))
            await store.move_up(team.id, now)
        self._playing[_place(key)] = playing
        self._overlay()
        return playing

    async def end(self, key: str = "") -> None:
        """Put everything back to what it was before the scenario, credits included."""
        playing = self._playing.pop(_place(key), None)
        if playing is None:
            return
        store, now = self._service.store, self._service.clock.now()
        self._service.faults.remove(lambda rule: rule.id in playing.faults)
        self._overlay()
        for digest, limit in playing.limits.items():
            caller = await store.caller(digest)
            if caller is not None:
                await store.put_key(caller.key._replace(rate_limit=limit))
        for team in playing.teams:
            await store.put_team(team)
            await store.move_up(team.id, now)
        for team_id, balance in playing.balances.items():
            await store.set_balance(team_id, balance, now)
        for digest in playing.added:
            await store.remove_key(digest)

    def start_over(self) -> None:
        """Forget what is played; for a store that was reset."""
        self._playing.clear()
        self._overlay()

    def adopt(self, settings: Settings, base: Rules) -> None:
        """Go on with other settings; what is played goes on as well."""
        self._settings, self._base = settings, base
        self._overlay()

    def _overlay(self) -> None:
        playing = self._playing.get("")
        self._service.rules = self._base if playing is None else self._base._replace(**playing.rules)

    async def _check_keys(self, scenario: Scenario, key: str) -> None:
        before = self._playing.get(_place(key))
        leaving = before.added if before is not None else ()
        mistakes = []
        for number, body in enumerate(scenario.keys):
            digest = key_digest(body["key"])
            if digest not in leaving and await self._service.store.caller(digest) is not None:
                mistakes.append(Mistake(f"keys[{number}].key", "this key is there already; take another"))
        if mistakes:
            raise DocumentError(mistakes)

    async def _brought(self, body: Mapping[str, Any]) -> str:
        service = self._service
        issued = await issue(service.store, service.clock.now(), body, self._settings.max_concurrent_jobs)
        return issued.key.digest

    def _add_faults(self, scenario: Scenario, key: str) -> list[str]:
        tag = f".{key_digest(key)[: TAG_LENGTH - 1]}" if key else ""
        named = [{"id": f"{scenario.name}-{number}", **rule} for number, rule in enumerate(scenario.faults, 1)]
        cut = [{**rule, "id": rule["id"][: LONGEST_ID - TAG_LENGTH]} for rule in named]
        return [rule.id for rule in self._service.faults.add(cut, ORIGIN, key, tag)]

    async def _teams_for(self, key: str) -> list[Team]:
        store = self._service.store
        if not key:
            return await store.teams()
        caller = await store.caller(key_digest(key))
        return [] if caller is None else [caller.team]

    async def _set_credits(self, scenario: Scenario, key: str) -> dict[str, int]:
        """Give the team its credits; what it had."""
        store, now = self._service.store, self._service.clock.now()
        caller = await store.caller(key_digest(key or DEFAULT_KEY))
        if scenario.credits is None or caller is None:
            return {}
        before = await store.balance(caller.team.id, now)
        await store.set_balance(caller.team.id, scenario.credits, now)
        return {caller.team.id: before}

    async def _limit(self, key: str, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Give the key its rate limit; what it had."""
        store = self._service.store
        caller = await store.caller(key_digest(key)) if key else None
        if caller is None or "rate_limit" not in changes:
            return {}
        await store.put_key(caller.key._replace(rate_limit=changes["rate_limit"]))
        return {caller.key.digest: caller.key.rate_limit}


def _place(key: str) -> str:
    return key_digest(key) if key else ""


def _renamed(changes: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {names[name]: value for name, value in changes.items() if name in names}
