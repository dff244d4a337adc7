"""Playing scenarios: one for the whole server, or one for each of some keys."""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from mockserver.core.accounts import KeyName
from mockserver.core.documents import DocumentError, Mistake
from mockserver.core.jsontext import encode, parse
from mockserver.core.scenario import Scenario
from mockserver.core.signing import key_digest
from mockserver.faults import MAX_RULES
from mockserver.scenarios.changes import Changes, Undo, Undoing
from mockserver.scenarios.shelf import Found, read_settings, scenario_in
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

    name: str
    about: str
    print: str
    """The same for scenarios that say the same."""
    file: str | None
    """Where it was read, for those that a person wrote."""
    began_at: float
    key: KeyName | None
    """The API key that it is for; none for all."""
    given: Mapping[str, Any]
    """What it sets, as it was written."""
    faults: Sequence[str]
    """Its fault rules, by id."""
    brought: Sequence[str]
    """The keys that it brought, by SHA-256."""
    undo: Sequence[Undo]
    """What puts back what it changed of keys, teams and rules."""

    @property
    def place(self) -> str:
        """Where it is played: the digest of its key, or empty for the whole server."""
        return self.key.digest if self.key else ""

    def is_same(self, other: "Playing | None") -> bool:
        """Whether the other is the same scenario, begun at the same instant."""
        return other is not None and (self.print, self.began_at, self.place) == (
            other.print,
            other.began_at,
            other.place,
        )

    @property
    def settings(self) -> Mapping[str, Any]:
        """What it sets, by the names of `Settings`."""
        return read_settings(self.given)


class Stage:
    """Plays scenarios. A setting that was given by hand stays as given, but for a key that plays one of its own."""

    def __init__(self, service: Service, settings: Settings) -> None:
        self._service, self._settings = service, settings
        self._jobs_limit = settings.max_concurrent_jobs
        self._playing: dict[str, Playing] = {}
        self._turn = asyncio.Lock()
        self._undoing = Undoing(service)

    @property
    def settings(self) -> Settings:
        """Those that hold now: the file of some may have changed since the start."""
        return self._settings

    @property
    def jobs_limit(self) -> int | None:
        """How many jobs run at once, of teams that nobody gave a limit of their own."""
        return self._jobs_limit

    def playing(self, digest: str = "") -> Playing | None:
        """What is played for a key by its SHA-256, or for the whole server; none for nothing."""
        return self._playing.get(digest)

    def all_playing(self) -> list[Playing]:
        """What is played for the server and for keys."""
        return list(self._playing.values())

    async def play(self, found: Found, key: KeyName | None = None) -> Playing:
        """Begin a scenario in the place of the one before; with a key, for this key and its team alone.

        Raises:
            DocumentError: a key that it brings is there already, or it has too many rules; then nothing has changed.
        """
        place = key.digest if key else ""
        async with self._turn:
            await self.check(found.scenario, place)
            await self._end(place)
            playing = self._playing[place] = await self._begun(found, key)
            await self._settle()
            return playing

    async def check(self, scenario: Scenario, place: str = "") -> None:
        """Return for a scenario that can be played now, for the key with this SHA-256 or for all.

        Raises:
            DocumentError: as above.
        """
        before = self.playing(place)
        leaving = () if before is None else before.brought
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

    async def end(self, digest: str = "") -> None:
        """Put everything back to what it was before the scenario, credits included."""
        async with self._turn:
            await self._end(digest)
            await self._settle()

    async def renew(self, playing: Playing) -> bool:
        """Begin a scenario anew if its file says something else now; whether it does.

        Raises:
            SettingsError: the file will not do; then the scenario goes on as it was.
        """
        if playing.file is None or not playing.is_same(self.playing(playing.place)):
            return False
        file = Path(playing.file)
        scenario = scenario_in(file)
        if _print(scenario) == playing.print:
            return False
        try:
            await self.play(Found(scenario, file), playing.key)
        except DocumentError as error:
            raise SettingsError(_lines(playing.file, error)) from None
        return True

    def told(self) -> bytes:
        """What is played, as `take` reads it; empty for nothing."""
        return encode([playing._asdict() for playing in self._playing.values()]) if self._playing else b""

    async def take(self, told: bytes) -> None:
        """Go on with what another process has told."""
        rows = parse(told).value if told else []
        known = [Playing(**row | {"key": row["key"] and KeyName(*row["key"])}) for row in rows]
        self._playing = {playing.place: playing for playing in known}
        self._let_hold()

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

    async def _begun(self, found: Found, key: KeyName | None) -> Playing:
        scenario, service = found.scenario, self._service
        given, began_at = scenario.settings, service.clock.now()
        sets, changes = read_settings(given), Changes(service)
        try:
            for body in scenario.keys:
                await changes.add_key(body, self._jobs_limit)
            brought = [key_digest(body["key"]) for body in scenario.keys]
            if scenario.credits is not None:
                await changes.set_credits(key.digest if key else key_digest(DEFAULT_KEY), scenario.credits)
            if key:
                await changes.of_team(key.digest, _renamed(sets, OF_ONE_TEAM))
                if "rate_limit" in sets:
                    await changes.limit_key(key.digest, sets["rate_limit"])
            rules = changes.add_faults(scenario, key)
        except BaseException:
            await self._undoing.put_back(changes.undo)
            raise
        about, file = scenario.about, None if found.file is None else str(found.file)
        return Playing(scenario.name, about, _print(scenario), file, began_at, key, given, rules, brought, changes.undo)

    async def _end(self, place: str) -> None:
        playing = self._playing.pop(place, None)
        if playing is not None:
            await self._undoing.put_back(playing.undo)

    async def _settle(self) -> None:
        """Let the server's own settings hold, and over them those of its scenario that nobody gave by hand."""
        store, before = self._service.store, self._jobs_limit
        self._let_hold()
        for team in await store.teams() if before != self._jobs_limit else ():
            if team.max_concurrent_jobs == before:  # else a lever gave it one of its own
                await store.put_team(replace(team, max_concurrent_jobs=self._jobs_limit))
                await store.move_up(team.id, self._service.clock.now())

    def _let_hold(self) -> None:
        service = self._service
        service.rules = service.rules._replace(**_renamed({name: self._held(name) for name in OF_RULES}, OF_RULES))
        self._jobs_limit = self._held("max_concurrent_jobs")

    def _held(self, name: str) -> Any:
        playing = self.playing()
        is_set = playing is not None and name in playing.settings and name not in self._settings.given
        return playing.settings[name] if playing is not None and is_set else getattr(self._settings, name)


def _print(scenario: Scenario) -> str:
    return hashlib.sha256(encode(scenario._asdict())).hexdigest()


def _renamed(values: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {names[name]: value for name, value in values.items() if name in names}


def _lines(place: str, error: DocumentError) -> str:
    return "; ".join(f"{place}: {mistake}" for mistake in error.mistakes)
