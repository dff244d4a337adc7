"""The scenarios that there are: those that ship, and those in a person's folder."""

import json
import math
import tomllib
from collections import Counter
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, NamedTuple

from mockserver.core.documents import DocumentCheck, DocumentError
from mockserver.core.durations import duration_s
from mockserver.core.plainvalues import strangers
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
    """Every scenario by its name, one of a person's *folder* before a shipped one of the same name.

    Raises:
        SettingsError: the folder cannot be read.
    """
    own, shipped = _files(Path(folder)), _files(data_folder("fixtures") / "scenarios")
    return [Known(name, file, name not in own) for name, file in sorted((shipped | own).items())]


def is_scenario(file_name: str) -> bool:
    """Whether a file of this name in a folder is one; what editors and systems hide there is none."""
    return file_name.endswith(ENDINGS) and not file_name.startswith(".")


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
        own = "" if Path(folder).is_dir() else f'; and no folder "{folder}" for your own'
        msg = f'there is no scenario "{name[:80]}"; {hint}there are {", ".join(known)}{own}'
        raise UnknownScenario(msg)
    found = known[name]
    return Found(scenario_in(found.file), None if found.is_shipped else Path(str(found.file)))


def scenario_in(file: Traversable) -> Scenario:
    """The scenario of a file.

    Raises:
        SettingsError: it cannot be read, or has mistakes, all of which it names with their places.
    """
    document = _document_in(file)
    try:
        return scenario_of(document, Path(file.name).stem)
    except DocumentError as error:
        raise SettingsError("; ".join(f"{file}: {mistake}" for mistake in error.mistakes)) from None


def scenario_of(document: Any, name: str) -> Scenario:
    """The scenario of a JSON value.

    Raises:
        DocumentError: with every mistake and its place.
    """
    return read_scenario(document, name, _check("scenario"), _check("fault"))


def read_settings(given: Mapping[str, Any]) -> dict[str, Any]:
    """What a scenario sets, by the names of `Settings`."""
    found: dict[str, Any] = {}
    if "speed" in given:
        found["speed"] = math.inf if given["speed"] == "instant" else float(given["speed"])
    if "rate-limit" in given:
        found["rate_limit"] = read_rate_limit(given["rate-limit"])
    if "max-concurrent-jobs" in given:
        found["max_concurrent_jobs"] = None if given["max-concurrent-jobs"] == "off" else given["max-concurrent-jobs"]
    if "retention" in given:
        found["retention"] = duration_s(given["retention"])
    return found


@cache
def _check(name: str) -> DocumentCheck:
    return DocumentCheck(control_schema(name))


def _files(folder: Traversable) -> dict[str, Traversable]:
    """The scenarios of a folder by their names.

    Raises:
        SettingsError: the folder cannot be read.
    """
    try:
        files = sorted(folder.iterdir(), key=lambda file: file.name) if folder.is_dir() else []
    except OSError as error:
        msg = f"{folder}: cannot be read: {error.strerror or error}"
        raise SettingsError(msg) from None
    return {Path(file.name).stem: file for file in files if is_scenario(file.name) and file.is_file()}


def _document_in(file: Traversable) -> Any:
    """The value that a file holds.

    Raises:
        SettingsError: it cannot be read.
    """
    kind, read = ("TOML", tomllib.loads) if file.name.endswith(".toml") else ("JSON", _json)
    try:
        document = read(file.read_text(encoding="utf-8-sig"))
        odd = list(strangers(document))
    except OSError as error:
        msg = f"cannot be read: {error.strerror or error}"
    except UnicodeDecodeError:
        msg = "is no text in UTF-8"
    except (ValueError, RecursionError) as error:
        msg = f"is no {kind}: {error}"
    else:
        if not odd:
            return document
        msg = f"; {file}: ".join(odd)
    text = f"{file}: {msg}"
    raise SettingsError(text)


def _json(text: str) -> Any:
    return json.loads(text, object_pairs_hook=_once)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object of these fields.

    Raises:
        ValueError: one of them stands twice.
    """
    [(name, count), *_] = Counter(name for name, _ in pairs).most_common(1) or [("", 0)]
    if count > 1:
        msg = f'"{name[:80]}" stands twice in one object'
        raise ValueError(msg)
    return dict(pairs)
