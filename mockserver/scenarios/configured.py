"""What the settings ask of a running server, beside numbers: the fault rules of their file, and a scenario."""

from mockserver.core.documents import DocumentError
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

    async def set_up(self) -> None:
        """Begin, or begin again; for a store that was reset.

        Raises:
            SettingsError: a fault rule or the scenario will not do.
        """
        await self._stage.start_over()
        self._add_faults(self._stage.settings)
        await self._play(self._found)

    async def adopt(self, wanted: Settings) -> Settings:
        """Go on with other settings, as far as a running server can; those that hold now.

        A scenario that a lever began goes on, unless another one is asked for.

        Raises:
            SettingsError: a fault rule or the scenario will not do; then nothing has changed.
        """
        before, stage = self._stage.settings, self._stage
        taken = {name: getattr(wanted, name) for name in (*LIVE, "faults", "file", "given")}
        after, found = before._replace(**taken), _named_in(wanted)
        is_ours = self._playing is not None and stage.playing() is self._playing
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
