"""Markdown for the summary of a CI job, as GitHub shows it."""

import re
from itertools import starmap

from contract_tests.report.summary import (
    VERDICTS,
    Area,
    Clause,
    Report,
    areas,
    buckets,
    failures,
    headline,
    shares,
    spent,
    undocumented,
    untested,
)
from contract_tests.report.text import one_line, shortened, visible
from contract_tests.report.values import as_text

_LONGEST = 1_500
_MOST_FAILURES = 40
"""GitHub refuses a summary of more than 1 MiB."""
_MOST_STEPS = 25
_MARKS = {"kept": "✅", "broken": "❌", "incomplete": "⚠️"}
_SPECIAL = re.compile(r"[\\`*_{}\[\]()#+!|~:-]")


def markdown(report: Report) -> str:
    """The report as a page of Markdown: verdict, areas, failures, what was not tested, coverage."""
    outcome = headline(report)
    bad = buckets(failures(report, accepted=False))
    parts = [
        f"## {_MARKS[outcome.state]} {escaped(outcome.title)}",
        escaped(outcome.why),
        _facts(report),
        _table(report),
        *_comparison(report),
        *starmap(_failure, bad[:_MOST_FAILURES]),
    ]
    if len(bad) > _MOST_FAILURES:
        parts.append(f"… and {len(bad) - _MOST_FAILURES} more causes of failure: see report.html.")
    parts += [*_accepted(report), *_warnings(report), *_untested(report), *_recorded(report), *_coverage(report)]
    return "\n\n".join(parts) + "\n"


def escaped(text: str) -> str:
    """*text* on one line, so that neither Markdown nor HTML in it means anything."""
    plain = one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("@", "&#64;")
    return _SPECIAL.sub(r"\\\g<0>", plain)


def fenced(text: str, language: str = "") -> str:
    """*text* as a code block; its fence is longer than any row of backticks in it."""
    longest = max((len(found) for found in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{visible(text)}\n{fence}"


def _facts(report: Report) -> str:
    target, contract = report["target"], report["contract"]
    facts = [
        f"**{escaped(target['about'])}** ({escaped(target['kind'])}, {escaped(target['url'])})",
        f"profile {report['profile']}",
        f"seed {report['seed']}",
        f"{report['clock']} clock",
        f"{report['tookS']:,.1f} s",
        f"{report['requests']:,} requests",
        spent(report),
        f"contract {contract['sha256'][:12]}",
    ]
    return " · ".join(facts)


def _table(report: Report) -> str:
    verdicts = [verdict for verdict in ("PASS", *VERDICTS[:-1]) if report["counts"][verdict]]
    rows = [f"| area | {' | '.join(verdict.lower() for verdict in verdicts)} |"]
    rows.append(f"| :--- |{' ---: |' * len(verdicts)}")
    rows += [_row(area, verdicts) for area in areas(report["clauses"])]
    total = (f"**{report['counts'][verdict]:,}**" for verdict in verdicts)
    return "\n".join([*rows, f"| **all** | {' | '.join(total)} |"])


def _row(area: Area, verdicts: list[str]) -> str:
    counts = dict(area.counts())
    return f"| {escaped(area.name)} | {' | '.join(str(counts.get(verdict, '')) for verdict in verdicts)} |"


def _failure(cause: str, clauses: list[Clause]) -> str:
    clause = clauses[0]
    failure = clause["failure"]
    parts = [f"### ❌ {escaped(clause['id'])}: {escaped(clause['promise'])}"]
    if others := [escaped(other["id"]) for other in clauses[1:]]:
        parts.append(f"The same cause ({escaped(cause)}) fails {', '.join(others)}.")
    parts.append(
        f"- **expected** {escaped(shortened(failure['expected'], _LONGEST))}\n"
        f"- **seen** {escaped(shortened(failure['seen'], _LONGEST))}\n"
        f"- **source** {escaped(clause['source'])}"
    )
    steps = [
        f"{number}. {one_line(shortened(step['text'], 300))}"
        + ("" if step["result"] is None else f"\n   {one_line(shortened(step['result'], 300))}")
        for number, step in enumerate(failure["steps"][:_MOST_STEPS], start=1)
    ]
    if steps:
        more = len(failure["steps"]) - _MOST_STEPS
        steps += [f"… {more} more steps in report.html"] if more > 0 else []
        shrunk = "" if failure["shrunkFrom"] is None else f", shrunk from {failure['shrunkFrom']} steps"
        parts.append(_folded(f"Trace{shrunk}", fenced("\n".join(steps))))
    if failure["curl"] is not None:
        parts.append(fenced(shortened(failure["curl"], _LONGEST), "sh"))
    parts.append(fenced(failure["reproduce"], "sh"))
    return "\n\n".join(parts)


def _folded(title: str, text: str) -> str:
    return f"<details><summary>{title}</summary>\n\n{text}\n\n</details>"


def _comparison(report: Report) -> list[str]:
    change = report["comparison"]
    if change is None:
        return []
    rows = [
        f"- {name}: {', '.join(map(escaped, change[key]))}"
        for name, key in (("newly failing", "new"), ("fixed", "fixed"), ("still failing", "still"))
        if change[key]
    ]
    rows += [f"- {escaped(row['id'])}: {row['was']} before, {row['now']} now" for row in change["changed"]]
    return [f"**Since the run of {escaped(change['with'])}**\n\n" + ("\n".join(rows) or "No verdict changed.")]


def _accepted(report: Report) -> list[str]:
    rows = [
        f"- {escaped(clause['id'])}, until {clause['accepted']['expires']}: {escaped(clause['accepted']['reason'])}"
        for clause in failures(report, accepted=True)
    ]
    if report["baseline"] is not None:
        rows += [f"- {escaped(name)}: its entry has expired" for name in report["baseline"]["expired"]]
    return ["### Accepted failures\n\n" + "\n".join(rows)] if rows else []


def _warnings(report: Report) -> list[str]:
    rows = [
        f"- {escaped(clause['id'])}: {escaped(clause['promise'])} {escaped(_seen(clause))}"
        for clause in report["clauses"]
        if clause["verdict"] == "WARN"
    ]
    return ["### Warnings\n\n" + "\n".join(rows)] if rows else []


def _seen(clause: Clause) -> str:
    seen = clause["failure"]["seen"] if clause["failure"] is not None else clause["reason"] or ""
    return shortened(seen, 300)


def _untested(report: Report) -> list[str]:
    rows = [
        f"- {row.verdict.lower()}: {', '.join(escaped(clause['id']) for clause in row.clauses)} "
        f"({escaped(shortened(row.reason, 300))})"
        for row in untested(report)
    ]
    return ["### Not tested here\n\n" + "\n".join(rows)] if rows else []


def _recorded(report: Report) -> list[str]:
    rows = [
        f"- {escaped(clause['id'])}: {escaped(name)} = {escaped(shortened(as_text(value), 200))}"
        for clause in report["clauses"]
        for name, value in clause["recorded"].items()
    ]
    if not rows:
        return []
    return [_folded(f"Recorded: {len(rows)} observations", "\n".join(rows))]


def _coverage(report: Report) -> list[str]:
    told = ", ".join(f"{share.name} {share.covered}/{share.total}" for share in shares(report))
    odd = undocumented(report)
    return [f"**Coverage** {told}" + (f"; undocumented answers: {escaped(', '.join(odd))}" if odd else "")]
