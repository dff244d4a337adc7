"""What came of a run, in lines for people."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any


def summary_lines(summary: Mapping[str, Any], found: Iterable[Mapping[str, Any]] = ()) -> list[str]:
    """`GET /_mock/summary` as lines: what was asked, what it would have cost, what was sent, what was found.

    Where *found*, the list of `GET /_mock/findings`, is given, each finding stands with its evidence and advice.
    """
    hooks = summary["webhooks"]
    requests, jobs = _counted(summary["requests"], "request"), _counted(summary["jobs"], "job")
    if len(summary["operations"]) > 1:
        jobs += f" ({', '.join(f'{number:,} {name}' for name, number in sorted(summary['operations'].items()))})"
    lines = [f"{requests}, {jobs}, {_counted(summary['creditsSpent'], 'credit')} that the real API would have taken"]
    if any(hooks.values()):
        lines.append("webhooks: " + ", ".join(f"{number:,} {status}" for status, number in hooks.items() if number))
    if summary["faults"]:
        lines.append(f"{_counted(summary['faults'], 'fault')} fired")
    told = {finding["id"]: finding for finding in found}
    findings = (_finding(name, times, told.get(name)) for name, times in summary.get("findings", {}).items())
    return [*lines, *chain.from_iterable(findings)]


def _finding(name: str, times: int, told: Mapping[str, Any] | None) -> Iterator[str]:
    if told is None:
        yield f"finding: {name}, {_counted(times, 'time')}"
        return
    yield f"finding: {name}, {_counted(times, 'time')}: {told['title']}"
    yield from (f"  {occurrence['evidence']}" for occurrence in told["occurrences"][-1:])
    yield f"  {told['advice']}"


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"
