"""Playing scenarios: one for the whole server, or one for each of some keys."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, NamedTuple

from mockserver.core.documents import DocumentError, Mistake
from mockserver.core.scenario import Scenario
from mockserver.core.signing import key_digest
from mockserver.faults import MAX_RULES
from mockserver.scenarios.changes import Changes
from mockserver.scenarios.shelf import Found, scenario_in, settings_of
from mockserver.service import Service
from mockserver.settings import Settings, SettingsError

DEFAULT_KEY = "afk_test"
"""Whose team gets the credits of a scenario for the whole server."""
OF_RULES = {"speed": "speed", "retention": "keeps_s", "rate_limit": "rate_limit"}
"""Settings of the whole server, by their names in `Rules`."""
OF_ONE_TEAM = {"speed": "speed", "retention": "keeps_s", "max_concurrent_jobs": "max_concurrent_jobs"}
"""Settings that a team can have for itself, by their names in `Team`."""


class Playing(NamedTuple):
    """A scenario that is being played."""

    scenario: Scenario
    file: Path | None
    """Where it was read, for those that a person wrote."""
    began_at: float
    key: str
    """The API key that it is for; empty for all."""
    settings: Mapping[str, Any]
    """What it sets, by the names of `Settings`."""
    faults: Sequence[str]
    """Its fault rules, by id."""
    undo: AsyncExitStack
    """Puts back what it changed of keys, teams and rules."""


class Stage:
    """Plays scenarios. A setting that was given by hand stays as given, but for a key that plays one of its own."""

    def __init__(self, service: Service, settings: Settings) -> None:
        self._service, self._settings = service, settings
        self._jobs_limit = settings.max_concurrent_jobs
        self._playing: dict[str, Playing] = {}
        self._turn = asyncio.Lock()

    @property
    def settings(self) -> Settings:
        """Those that hold now: the file of some may have changed since the start."""
        return self._settings

    @property
    def jobs_limit(self) -> int | None:
        """How many jobs run at once, of teams that nobody gave a limit of their own."""
        return self._jobs_limit

    def playing(self, key: str = "") -> Playing | None:
        """What is played for a key, or for the whole server; none for nothing."""
        return self._playing.get(_place(key))

    def all_playing(self) -> list[Playing]:
        """What is played for the server and for keys."""
        return list(self._playing.values())

    async def play(self, found: Found, key: str = "") -> Playing:
        """Begin a scenario in the place of the one before; with a key, for this key and its team alone.

        Raises:
            DocumentError: a key that it brings is there already, or it has too many rules; then nothing has changed.
        """
        async with self._turn:
            await self.check(found.scenario, key)
            await self._end(key)
            playing = self._playing[_place(key)] = await self._begun(found, key)
            await self._settle()
            return playing

    async def check(self, scenario: Scenario, key: str = "") -> None:
        """Return for a scenario that can be played now.

        Raises:
            DocumentError: as above.
        """
        before = self.playing(key)
        leaving = [] if before is None else [key_digest(each["key"]) for each in before.scenario.keys]
        mistakes = []
        for number, body in enumerate(scenario.keys):
            digest = key_digest(body["key"])
            if digest not in leaving and await self._service.store.caller(digest) is not None:
                mistakes.append(Mistake(f"keys[{number}].key", "this key is there already; take another"))
        others = len(self._service.faults.rules()) - (0 if before is None else len(before.faults))
        if others + len(scenario.faults) > MAX_RULES:
            mistakes.append(Mistake("faults", f"{MAX_RULES} rules are the most, and {others} are there already"))
        if mistakes:
            raise DocumentError(mistakes)

    async def end(self, key: str = "") -> None:
        """Put everything back to what it was before the scenario, credits included."""
        async with self._turn:
            await self._end(key)
            await self._settle()

    async def renew(self, playing: Playing) -> bool:
        """Begin a scenario anew if its file says something else now; whether it does.

        Raises:
            SettingsError: the file will not do; then the scenario goes on as it was.
        """
        if playing.file is None or playing is not self.playing(playing.key):
            return False
        scenario = scenario_in(playing.file)
        if scenario == playing.scenario:
            return False
        try:
            await self.play(Found(scenario, playing.file), playing.key)
        except DocumentError as error:
            raise SettingsError(_lines(str(playing.file), error)) from None
        return True

    async def start_over(self) -> None:
        """Forget what is played; for a store that was reset."""
        self._playing.clear()
        self._jobs_limit = self._settings.max_concurrent_jobs
        await self._settle()

    async def adopt(self, settings: Settings) -> None:
        """Go on with other settings; what is played goes on as well."""
        async with self._turn:
            self._settings = settings
            await self._settle()

    async def _begun(self, found: Found, key: str) -> Playing:
        scenario, service = found.scenario, self._service
        sets = settings_of(scenario)
        async with AsyncExitStack() as undo:
            changes = Changes(service, undo)
            for body in scenario.keys:
                await changes.add_key(body, self._jobs_limit)
            if scenario.credits is not None:
                await changes.set_credits(key or DEFAULT_KEY, scenario.credits)
            if key:
                await changes.of_team(key, _renamed(sets, OF_ONE_TEAM))
                if "rate_limit" in sets:
                    await changes.limit_key(key, sets["rate_limit"])
            rules = changes.add_faults(scenario, key)
            return Playing(scenario, found.file, service.clock.now(), key, sets, rules, undo.pop_all())

    async def _end(self, key: str) -> None:
        playing = self._playing.pop(_place(key), None)
        if playing is not None:
            await playing.undo.aclose()

    async def _settle(self) -> None:
        """Let the server's own settings hold, and over them those of its scenario that nobody gave by hand."""
        service, store = self._service, self._service.store
        service.rules = service.rules._replace(**_renamed({name: self._held(name) for name in OF_RULES}, OF_RULES))
        before, self._jobs_limit = self._jobs_limit, self._held("max_concurrent_jobs")
        for team in await store.teams() if before != self._jobs_limit else ():
            if team.max_concurrent_jobs == before:  # else a lever gave it one of its own
                await store.put_team(team._replace(max_concurrent_jobs=self._jobs_limit))
                await store.move_up(team.id, service.clock.now())

    def _held(self, name: str) -> Any:
        playing = self.playing()
        is_set = playing is not None and name in playing.settings and name not in self._settings.given
        return playing.settings[name] if playing is not None and is_set else getattr(self._settings, name)


def _place(key: str) -> str:
    return key_digest(key) if key else ""


def _renamed(values: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {names[name]: value for name, value in values.items() if name in names}


def _lines(place: str, error: DocumentError) -> str:
    return "; ".join(f"{place}: {mistake}" for mistake in error.mistakes)
