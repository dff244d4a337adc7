"""The results as files: `latest.json` for programs and for whoever quotes figures, `results.md` for people."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from bench.rows import Row

COMMITTED = Path(__file__).parent / "results"
"""Those of the last full run, which the docs quote."""
JSON, TABLE = "latest.json", "results.md"
MARKS = {True: "", False: ", MISSED", None: ""}
ANSWERS = {True: "yes", False: "**no**", None: ""}


class Results(NamedTuple):
    """One run."""

    at: str
    """When it began, in UTC."""
    scale: str
    machine: Mapping[str, str]
    rows: Sequence[Row]


def write(results: Results, folder: Path) -> None:
    """Both files, in a folder that is made where there is none."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [{**row._asdict(), "about": dict(row.about)} for row in results.rows]
    data = {**results._asdict(), "rows": rows}
    (folder / JSON).write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    (folder / TABLE).write_text(table(results), encoding="utf-8")


def read(folder: Path) -> Results:
    """The results that `write` wrote."""
    data = json.loads((folder / JSON).read_text(encoding="utf-8"))
    rows = [Row(**{**row, "span": row["span"] and tuple(row["span"])}) for row in data["rows"]]
    return Results(**{**data, "rows": rows})


def line(row: Row) -> str:
    """A row as it is printed while the benchmark runs."""
    goal = f"goal: {row.goal}{MARKS[row.holds]}" if row.goal else ""
    return f"  {row.name:<50} {row.figure:<36} {goal:<26} {row.note}".rstrip()


def verdict(rows: Sequence[Row]) -> str:
    """How many goals hold, and which do not."""
    goals = [row for row in rows if row.goal]
    missed = [row.name for row in goals if not row.holds]
    return f"{len(goals) - len(missed)} of {len(goals)} goals hold{': not ' if missed else ''}{'; '.join(missed)}."


def table(results: Results) -> str:
    """All rows in Markdown, topic after topic."""
    return "\n".join(_lines(results)) + "\n"


def _lines(results: Results) -> Iterator[str]:
    yield "# Results of `make bench`"
    yield ""
    yield f"Measured {results.at}, scale {results.scale}. Medians of several rounds; in brackets the span of them."
    yield verdict(results.rows)
    yield ""
    yield "| | |"
    yield "| --- | --- |"
    yield from (f"| {what} | {which} |" for what, which in results.machine.items())
    yield ""
    yield "![throughput by store, and cost against the number of stored jobs](plot.png)"
    for topic in dict.fromkeys(row.topic for row in results.rows):
        yield ""
        yield f"## {topic.capitalize()}"
        yield ""
        yield "| what | figure | goal | holds | note |"
        yield "| --- | --- | --- | --- | --- |"
        for row in results.rows:
            if row.topic == topic:
                note = row.note.replace("|", "/").replace("\n", " ")
                yield f"| {row.name} | {row.figure} | {row.goal} | {ANSWERS[row.holds]} | {note} |"
