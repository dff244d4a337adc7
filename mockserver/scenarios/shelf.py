"""The scenarios that there are: those that ship, and those in a person's folder."""

import json
import math
import tomllib
from difflib import get_close_matches
from functools import cache
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, NamedTuple

from mockserver.core.documents import DocumentCheck, DocumentError, Mistake
from mockserver.core.durations import duration_s
from mockserver.core.scenario import Scenario, read_scenario
from mockserver.schemas import control_schema, data_folder
from mockserver.settings import SettingsError, read_rate_limit

ENDINGS = (".json", ".toml")


class Known(NamedTuple):
    """A scenario that can be played by its name."""

    name: str
    file: Traversable
    is_shipped: bool


class UnknownScenario(LookupError):
    """There is none of this name; the text lists those that there are."""


class Found(NamedTuple):
    """A scenario, and the file where a person wrote it."""

    scenario: Scenario
    file: Path | None


def known_in(folder: str) -> list[Known]:
    """Every scenario by its name, one of a person's *folder* before a shipped one of the same name."""
    own, shipped = _files(Path(folder)), _files(data_folder("fixtures") / "scenarios")
    return [Known(name, file, name not in own) for name, file in sorted((shipped | own).items())]


def find(name: str, folder: str) -> Found:
    """The scenario of this name, or in the file of this path.

    Raises:
        UnknownScenario: there is none.
        SettingsError: its file cannot be read, or has mistakes, all of which it names.
    """
    if name.endswith(ENDINGS) or "/" in name or "\\" in name:
        return Found(scenario_in(Path(name)), Path(name))
    return find_named(name, folder)


def find_named(name: str, folder: str) -> Found:
    """The scenario of this name, and no path.

    Raises:
        UnknownScenario, SettingsError: as above.
    """
    known = {each.name: each for each in known_in(folder)}
    if name not in known:
        alike = get_close_matches(name, known, n=1)
        hint = f'did you mean "{alike[0]}"? ' if alike else ""
        msg = f'there is no scenario "{name[:80]}"; {hint}there are {", ".join(known)}'
        raise UnknownScenario(msg)
    found = known[name]
    return Found(scenario_in(found.file), None if found.is_shipped else Path(str(found.file)))


def scenario_in(file: Traversable) -> Scenario:
    """The scenario of a file.

    Raises:
        SettingsError: it cannot be read, or has mistakes, all of which it names with their places.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        msg = f"{file}: cannot be read: {error.strerror or error}"
        raise SettingsError(msg) from None
    except UnicodeDecodeError:
        msg = f"{file}: is no text in UTF-8"
        raise SettingsError(msg) from None
    kind = "TOML" if file.name.endswith(".toml") else "JSON"
    try:
        document = tomllib.loads(text) if kind == "TOML" else json.loads(text)
    except (ValueError, RecursionError) as error:
        msg = f"{file}: is no {kind}: {error}"
        raise SettingsError(msg) from None
    try:
        return scenario_of(document, Path(file.name).stem)
    except DocumentError as error:
        raise SettingsError("; ".join(f"{file}: {mistake}" for mistake in error.mistakes)) from None


def scenario_of(document: Any, name: str) -> Scenario:
    """The scenario of a JSON value.

    Raises:
        DocumentError: with every mistake and its place.
    """
    scenario = read_scenario(document, name, _check("scenario"), _check("fault"))
    settings_of(scenario)
    for number, key in enumerate(scenario.keys):
        _rate_limit(f"keys[{number}].rateLimit", key.get("rateLimit"))
    return scenario


def settings_of(scenario: Scenario) -> dict[str, Any]:
    """What it sets, by the names of `Settings`.

    Raises:
        DocumentError: a value will not do.
    """
    given = scenario.settings
    found: dict[str, Any] = {}
    if "speed" in given:
        found["speed"] = math.inf if given["speed"] == "instant" else float(given["speed"])
    if "rate-limit" in given:
        found["rate_limit"] = _rate_limit("settings.rate-limit", given["rate-limit"])
    if "max-concurrent-jobs" in given:
        found["max_concurrent_jobs"] = None if given["max-concurrent-jobs"] == "off" else given["max-concurrent-jobs"]
    if "retention" in given:
        found["retention"] = duration_s(given["retention"])
    return found


@cache
def _check(name: str) -> DocumentCheck:
    return DocumentCheck(control_schema(name))


def _files(folder: Traversable) -> dict[str, Traversable]:
    found = [file for file in folder.iterdir() if file.name.endswith(ENDINGS)] if folder.is_dir() else []
    return {Path(file.name).stem: file for file in found}


def _rate_limit(place: str, text: str | None) -> Any:
    try:
        return None if text is None else read_rate_limit(text)
    except ValueError as error:
        raise DocumentError([Mistake(place, f'"{text}" will not do: {error}')]) from None
