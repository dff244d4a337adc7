"""What the settings ask of a running server, beside numbers: the fault rules of their file, and a scenario."""

import hashlib

from mockserver.core.documents import DocumentError
from mockserver.core.jsontext import encode
from mockserver.scenarios.shelf import Found, UnknownScenario, find
from mockserver.scenarios.stage import Playing, Stage
from mockserver.service import Service
from mockserver.settings import LIVE, Settings, SettingsError

ORIGIN = "config"
"""Of the fault rules of the settings file."""


class Configured:
    """Brings about what settings ask for: at the start, after a reset, and when they change.

    Raises:
        SettingsError: their scenario will not do.
    """

    def __init__(self, service: Service, stage: Stage) -> None:
        self._faults, self._stage = service.faults, stage
        self._found = _named_in(stage.settings)
        self._playing: Playing | None = None
        self._print = b""

    def told(self) -> bytes:
        """Which settings the rules and the scenario in the store come from."""
        return self._print

    async def take(self, told: bytes) -> None:
        """Go on as another process has told."""
        self._print = told

    async def go_on(self) -> None:
        """Begin on a store that somebody has set up: with its rules and scenario, unless other settings asked for them.

        Raises:
            SettingsError: a fault rule or the scenario will not do.
        """
        if self._print != self._wanted():
            self._faults.remove(lambda rule: rule.origin == ORIGIN)
            self._add_faults(self._stage.settings)
            await self._play(self._found)
            self._print = self._wanted()

    def _wanted(self) -> bytes:
        asked = [list(self._stage.settings.faults), self._found and self._found.scenario._asdict()]
        return hashlib.sha256(encode(asked)).hexdigest().encode()

    async def set_up(self) -> None:
        """Begin, or begin again; for a store that was reset.

        Raises:
            SettingsError: a fault rule or the scenario will not do.
        """
        await self._stage.start_over()
        self._add_faults(self._stage.settings)
        await self._play(self._found)
        self._print = self._wanted()

    async def adopt(self, wanted: Settings) -> Settings:
        """Go on with other settings, as far as a running server can; those that hold now.

        A scenario that a lever began goes on, unless another one is asked for.

        Raises:
            SettingsError: a fault rule or the scenario will not do; then nothing has changed.
        """
        before, stage = self._stage.settings, self._stage
        taken = {name: getattr(wanted, name) for name in (*LIVE, "faults", "file", "given")}
        after, found = before._replace(**taken), _named_in(wanted)
        is_ours = self._playing is not None and self._playing.is_same(stage.playing())
        is_new = found != self._found and (is_ours or after.scenario != before.scenario)
        if is_new and found is not None:
            await self._check(found)
        if after.faults != before.faults:
            old = {id(rule) for rule in self._faults.rules() if rule.origin == ORIGIN}
            self._add_faults(after)
            self._faults.remove(lambda rule: id(rule) in old)
        self._found = found
        await stage.adopt(after)
        if is_new and found is not None:
            await self._play(found)
        elif is_new and is_ours:
            await stage.end()
        self._print = self._wanted()
        return after

    def _add_faults(self, settings: Settings) -> None:
        try:
            self._faults.add(settings.faults, ORIGIN)
        except DocumentError as error:
            msg = "; ".join(f"{settings.file}: faults{mistake}" for mistake in error.mistakes)
            raise SettingsError(msg) from None

    async def _play(self, found: Found | None) -> None:
        if found is not None:
            await self._check(found)
            self._playing = await self._stage.play(found)

    async def _check(self, found: Found) -> None:
        try:
            await self._stage.check(found.scenario)
        except DocumentError as error:
            place = found.file or f'--scenario: "{found.scenario.name}"'
            raise SettingsError("; ".join(f"{place}: {mistake}" for mistake in error.mistakes)) from None


def _named_in(settings: Settings) -> Found | None:
    """What `--scenario` names, if anything."""
    try:
        return find(settings.scenario, settings.scenarios) if settings.scenario else None
    except UnknownScenario as error:
        msg = f"--scenario: {error}"
        raise SettingsError(msg) from None
