"""The `result` of a completed job, and which files it promises. Shapes are templates in schemas/results.json."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

GRID = "grid"
_FILE_NAME = re.compile(r"([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})-([1-9][0-9]{0,2}|grid)\.(png)")


class FileName(NamedTuple):
    """A file's address taken apart."""

    job_id: str
    part: str
    """The number of the output, or `grid`."""


def result_of(shape: Any, job_id: str, outputs: int, base_url: str) -> Any:
    """Fill a shape's template.

    `{"$each": t, "$from": n}` becomes a list with one *t* an output, numbered from n; `{"$file": p}` becomes an
    address below *base_url*, with `{job}` and `{n}` filled in.
    """
    return _filled(shape, job_id, outputs, base_url, "")


def _filled(node: Any, job_id: str, outputs: int, base_url: str, number: str) -> Any:
    if not isinstance(node, Mapping):
        return node
    if "$file" in node:
        return f"{base_url}/{node['$file'].replace('{job}', job_id).replace('{n}', number)}"
    if "$each" in node:
        numbers = range(node["$from"], node["$from"] + outputs)
        return [_filled(node["$each"], job_id, outputs, base_url, str(each)) for each in numbers]
    return {key: _filled(value, job_id, outputs, base_url, number) for key, value in node.items()}


def file_name(text: str) -> FileName | None:
    """Read the last part of a file's path; none for what no job could have made."""
    match = _FILE_NAME.fullmatch(text)
    return FileName(match[1], match[2]) if match else None
