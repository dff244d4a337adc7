"""Following the settings file and the scenarios of a running server, as somebody edits them."""

import asyncio
import contextlib
import logging
import math
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from mockserver.app import App
from mockserver.core.accounts import RateLimit
from mockserver.scenarios.shelf import is_scenario, scenario_in
from mockserver.scenarios.stage import Playing
from mockserver.settings import LIVE, SETTINGS, Setting, Settings, SettingsError

log = logging.getLogger(__name__)

STEP_MS = 100
"""How long nothing has to change before one reads."""
DEBOUNCE_MS = 500
"""How long one waits for that at most: a log file beside the settings may grow all the time."""
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
        try:
            while True:
                folders = self._folders()
                try:
                    await self._follow(folders)
                except FileNotFoundError:  # a folder went just now
                    await asyncio.sleep(LOOK_MS / 1000)
                await self.reload()  # what has come between two looks
        except OSError as error:
            log.warning("edits of settings and scenarios are not followed any more: %s", error)
        except Exception:
            log.exception("edits of settings and scenarios are not followed any more")

    async def _follow(self, folders: frozenset[Path]) -> None:
        """Reload at every change in these folders, until there are others."""
        from watchfiles import awatch  # noqa: PLC0415 - only a server that watches loads it

        while not folders:
            await asyncio.sleep(LOOK_MS / 1000)
            if folders != self._folders():
                return
        changes = awatch(
            *folders,
            watch_filter=None,
            debounce=DEBOUNCE_MS,
            step=STEP_MS,
            recursive=False,
            rust_timeout=LOOK_MS,
            yield_on_timeout=True,
        )
        async with contextlib.aclosing(changes):
            async for found in changes:
                changed = {Path(name) for _, name in found}
                ours = [file for file in sorted(changed) if self._is_ours(file)]
                if ours:
                    await self.reload(*ours)
                if folders != self._folders() or changed & folders:  # one that came back has to be watched anew
                    return

    async def reload(self, *changed: Path) -> None:
        """Read everything again, and go on with it or with what was; say what is wrong with what has changed."""
        if not all(file.exists() for file in self._files()):
            await asyncio.sleep(REPLACED_S)
        wrong = await self._take_over() + await self._renew() + self._mistakes_in(changed)
        for text in dict.fromkeys(wrong):
            log.warning("the change is not taken over: %s", text)

    async def _take_over(self) -> list[str]:
        """Go on with the settings as they are now; what is wrong with them."""
        before, played = self._app.settings, self._app.stage.playing()
        try:
            settings = self._reload()
            await self._app.adopt(settings)
        except SettingsError as error:
            return [str(error)]
        changed = [row for row in SETTINGS if getattr(before, row.name) != getattr(settings, row.name)]
        news = [f"{row.key} is {_shown(row, getattr(settings, row.name))} now" for row in changed if row.name in LIVE]
        if before.faults != settings.faults:
            rules = len(settings.faults)
            news.append(f"{rules} fault rule{'' if rules == 1 else 's'}")
        later = [row.key for row in changed if row.name not in LIVE]
        if news:
            log.info("%s changed: %s", settings.file, ", ".join(news))
        if later:
            log.warning("%s changed: %s only after a restart", settings.file, ", ".join(later))
        playing = self._app.stage.playing()
        if playing is not None and not playing.is_same(played):
            _tell_begun(playing)
        return []

    async def _renew(self) -> list[str]:
        """Play scenarios of changed files anew; what is wrong with them."""
        stage, wrong = self._app.stage, []
        for playing in stage.all_playing():
            try:
                async with self._app.sharing.turn():
                    is_new = await stage.renew(playing)
                if is_new:
                    _tell_begun(playing)
            except SettingsError as error:
                wrong.append(str(error))
        return wrong

    def _mistakes_in(self, changed: Iterable[Path]) -> list[str]:
        """What is wrong with a person's scenarios that nobody plays yet."""
        folder = Path(self._app.settings.scenarios)
        mistakes = []
        for file in changed:
            if file.parent == folder.resolve() and is_scenario(file.name) and file.exists():
                try:
                    scenario_in(folder / file.name)
                except SettingsError as error:
                    mistakes.append(str(error))
        return mistakes

    def _folders(self) -> frozenset[Path]:
        """Those that are there, of the files, of what they are links to, and of the person's scenarios."""
        of_files = {each for file in self._files() for each in (file.parent.resolve(), file.resolve().parent)}
        return frozenset(each for each in of_files | {Path(self._app.settings.scenarios).resolve()} if each.is_dir())

    def _files(self) -> list[Path]:
        played = [Path(playing.file) for playing in self._app.stage.all_playing() if playing.file is not None]
        return played if self._app.settings.file is None else [self._app.settings.file, *played]

    def _is_ours(self, changed: Path) -> bool:
        in_folder = changed.parent == Path(self._app.settings.scenarios).resolve() and is_scenario(changed.name)
        names = {each for file in self._files() for each in (file.parent.resolve() / file.name, file.resolve())}
        return in_folder or changed in names


def _tell_begun(playing: Playing) -> None:
    log.info('scenario "%s" begins%s', playing.name, f", as in {playing.file}" if playing.file else "")


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
