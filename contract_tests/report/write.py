"""A report on disk: four files made from one value, and the way back."""

import json
import os
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
from jsonschema.exceptions import best_match

from contract_tests.report.html import html
from contract_tests.report.junit import junit
from contract_tests.report.markdown import markdown
from contract_tests.report.summary import Report
from contract_tests.report.text import one_line, shortened
from contract_tests.report.values import writable

VERSION = 1


class ReportError(Exception):
    """A report cannot be written or read; *problem* says what is wrong."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"{path}: {problem}")


def write(report: Report, folder: Path) -> dict[str, Path]:
    """Write the report in every form into *folder*, made if missing; gives the paths by `json`, `xml`, `html`, `md`.

    Each file appears whole or not at all. Raises `ReportError`.
    """
    forms: dict[str, Callable[[Report], str]] = {"json": _json, "xml": junit, "html": html, "md": markdown}
    paths = {form: folder / f"report.{form}" for form in forms}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for form, path in paths.items():
            _replace(path, forms[form](report))
    except OSError as error:
        raise ReportError(Path(error.filename or folder), f"cannot be written: {error.strerror or error}") from error
    except RecursionError as error:
        raise ReportError(folder, "the report holds a value too deep to be written") from error
    return paths


def read(path: Path) -> Report:
    """The report in the file *path*, checked against the schema. Raises `ReportError`."""
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ReportError(path, f"cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise ReportError(path, f"is damaged, not JSON: {one_line(str(error))}") from error
    if not isinstance(report, dict) or "version" not in report:
        raise ReportError(path, 'is no report: it has no "version"')
    if report["version"] != VERSION:
        found = shortened(json.dumps(report["version"]), 40)
        raise ReportError(path, f"is a report of version {found}, want {VERSION}: run the contract again to renew it")
    if problem := problem_in(report):
        raise ReportError(path, f"is damaged: {problem}")
    return report


def problem_in(report: Any) -> str | None:
    """Where *report* breaks the schema first, such as `clauses/3/verdict: 'GREEN' is not one of [...]`, or None."""
    validator = jsonschema.Draft202012Validator(schema())
    error = best_match(validator.iter_errors(report))
    if error is None:
        return None
    place = "/".join(map(str, error.absolute_path)) or "the top"
    return f"{place}: {shortened(one_line(error.message), 300)}"


def schema() -> Any:
    """The JSON Schema of a report."""
    return json.loads((files("contract_tests.report") / "report.schema.json").read_text(encoding="utf-8"))


def _json(report: Report) -> str:
    return json.dumps(writable(report), indent=2, allow_nan=False) + "\n"


def _replace(path: Path, text: str) -> None:
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        fresh.write_bytes(text.encode("utf-8", errors="backslashreplace"))
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
