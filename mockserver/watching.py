"""Following the settings file and the scenarios of a running server, as somebody edits them."""

import asyncio
import contextlib
import logging
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mockserver.app import App
from mockserver.core.accounts import RateLimit
from mockserver.scenarios.stage import Playing
from mockserver.settings import SETTINGS, Setting, Settings, SettingsError

log = logging.getLogger(__name__)

LIVE = frozenset({"speed", "rate_limit", "retention", "max_concurrent_jobs", "scenario", "scenarios"})
"""Settings that a running server can change; the rest waits for a restart."""
DEBOUNCE_MS = 50
LOOK_MS = 1000
"""How often one looks for folders that come and go."""
REPLACED_S = 0.2
"""How long a file may be away while an editor puts a new one in its place."""


class Watcher:
    """Reloads when a file changes. What is broken changes nothing, and the log says why."""

    def __init__(self, app: App, reload: Callable[[], Settings]) -> None:
        self._app, self._reload = app, reload

    async def run(self) -> None:
        """Watch until cancelled."""
        from watchfiles import awatch  # noqa: PLC0415 - only a server that watches loads it

        while True:
            folders = self._folders()
            if folders:
                changes = awatch(
                    *folders,
                    watch_filter=lambda _, name: self._is_ours(Path(name)),
                    debounce=DEBOUNCE_MS,
                    step=DEBOUNCE_MS // 2,
                    recursive=False,
                    rust_timeout=LOOK_MS,
                    yield_on_timeout=True,
                )
                async with contextlib.aclosing(changes):
                    async for changed in changes:
                        if changed:
                            await self.reload()
                        if folders != self._folders():
                            break
            else:
                await asyncio.sleep(LOOK_MS / 1000)
            if folders != self._folders():
                await self.reload()  # what has come between two looks

    async def reload(self) -> None:
        """Read everything again, and go on with it or with what was."""
        before, played = self._app.settings, self._app.stage.playing()
        if before.file is not None and not before.file.exists():
            await asyncio.sleep(REPLACED_S)
        try:
            settings = self._reload()
            await self._app.adopt(settings)
        except SettingsError as error:
            log.warning("the change is not taken over: %s", error)
        else:
            self._tell(before, settings, played)

    def _tell(self, before: Settings, after: Settings, played: Playing | None) -> None:
        changed = [row for row in SETTINGS if getattr(before, row.name) != getattr(after, row.name)]
        live = [f"{row.key} is {_shown(row, getattr(after, row.name))}" for row in changed if row.name in LIVE]
        if before.faults != after.faults:
            live.append(f"{len(after.faults)} of [[faults]]")
        playing = self._app.stage.playing()
        if playing is not None and playing is not played:
            live.append(f'"{playing.scenario.name}" begins')
        later = [row.key for row in changed if row.name not in LIVE]
        if live:
            log.info("changed: %s", ", ".join(live))
        if later:
            log.warning("%s: %s needs a restart", after.file, ", ".join(later))

    def _folders(self) -> set[Path]:
        """Those that are there, of the files and of the person's scenarios."""
        folders = {file.parent.resolve() for file in self._files()} | {Path(self._app.settings.scenarios).resolve()}
        return {folder for folder in folders if folder.is_dir()}

    def _files(self) -> list[Path]:
        settings, playing = self._app.settings, self._app.stage.playing()
        files = [settings.file, None if playing is None else playing.file]
        return [file for file in files if file is not None]

    def _is_ours(self, changed: Path) -> bool:
        in_folder = changed.parent == Path(self._app.settings.scenarios).resolve()
        return in_folder or changed in {file.parent.resolve() / file.name for file in self._files()}


def _shown(row: Setting, value: Any) -> str:
    """A value as it is written."""
    match value:
        case None | "":
            return row.shown_default
        case RateLimit(requests=requests, per_s=per_s):
            return f"{requests}/{per_s:g}s"
        case float() if math.isinf(value):
            return "instant"
        case float():
            return f"{value:g}" + ("s" if row.form == "SPAN" else "")
        case _:
            return str(value)
