"""The `result` of a completed job, and which files it promises. Shapes are templates in schemas/results.json."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

GRID = "grid"
_FILE_NAME = re.compile(
    r"(images|videos|audio)/"
    r"([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"
    r"(?:-(0|[1-9][0-9]{0,2}|grid))?"
    r"\.(png|mp4|mp3|jpeg)"
)


class FileName(NamedTuple):
    """A file's address taken apart."""

    folder: str
    job_id: str
    part: str
    """The number of the output, or `grid`; empty for the only one of its kind."""
    ending: str
    """Without the dot."""

    @property
    def path(self) -> str:
        """What follows the base of the address."""
        return f"{self.folder}/{self.job_id}{self.part and '-'}{self.part}.{self.ending}"


def result_of(shape: Any, job_id: str, outputs: int, base_url: str, notes: Sequence[Mapping[str, Any]] = ()) -> Any:
    """Fill a shape's template.

    `{"$each": t, "$from": n}` becomes a list with one *t* an output, numbered from n; `{"$file": p}` an address below
    *base_url*, with `{job}` and `{n}` filled in; `{"$value": v}` the value of this name in the output's *notes*, in the
    first one's outside of a list.
    """

    def filled(node: Any, number: str, note: Mapping[str, Any]) -> Any:
        if isinstance(node, list):
            return [filled(each, number, note) for each in node]
        if not isinstance(node, Mapping):
            return node
        if "$file" in node:
            return f"{base_url}/{node['$file'].replace('{job}', job_id).replace('{n}', number)}"
        if "$value" in node:
            return note[node["$value"]]
        if "$each" in node:
            start = node["$from"]
            each_note = notes or [{}] * outputs
            return [filled(node["$each"], str(start + place), each_note[place]) for place in range(outputs)]
        return {key: filled(value, number, note) for key, value in node.items()}

    return filled(shape, "", notes[0] if notes else {})


def has_values(shape: Any) -> bool:
    """Whether the template needs notes."""
    if isinstance(shape, Mapping):
        return "$value" in shape or any(map(has_values, shape.values()))
    return isinstance(shape, list) and any(map(has_values, shape))


def file_name(path: str) -> FileName | None:
    """Read the folder and the name of a file; none for what no job could have made."""
    match = _FILE_NAME.fullmatch(path)
    return FileName(match[1], match[2], match[3] or "", match[4]) if match else None
