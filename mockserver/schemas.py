"""The one finder of the data that ships with the project: schemas/, in a checkout or in an installed wheel."""

import json
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from mockserver.core.catalog import Catalog, build_catalog

_CHECKOUT = Path(__file__).parent.parent


def data_folder(name: str) -> Traversable:
    """The folder `schemas` or `fixtures`."""
    installed = files("mockserver") / "_data" / name
    return installed if installed.is_dir() else _CHECKOUT / name


CONTROL = "control/"
"""Where schemas/ holds the mock's own documents, which are no part of the contract."""


@cache
def schema_files() -> dict[str, Any]:
    """Every JSON file of the contract in schemas/, parsed, by its path below it, with forward slashes."""
    return {name: file for name, file in _all_files().items() if not name.startswith(CONTROL)}


def control_schema(name: str) -> dict[str, Any]:
    """The schema of a document that people write for the control plane: `fault` or `scenario`."""
    schema: dict[str, Any] = _all_files()[f"{CONTROL}{name}.json"]
    return schema


@cache
def catalog() -> Catalog:
    """The contract, from the files."""
    return build_catalog(schema_files())


@cache
def _all_files() -> dict[str, Any]:
    return dict(sorted(_read(data_folder("schemas"), "")))


def _read(folder: Traversable, prefix: str) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for entry in folder.iterdir():
        if entry.is_dir():
            found += _read(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith(".json"):
            found.append((prefix + entry.name, json.loads(entry.read_text(encoding="utf-8"))))
    return found
