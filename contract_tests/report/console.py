"""The summary that a run prints when it ends."""

from pathlib import Path

from rich.console import Console
from rich.text import Text

from contract_tests.report.progress import Progress, writable_on
from contract_tests.report.summary import (
    Area,
    Bucket,
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

STYLES = {
    "PASS": "green",
    "FAIL": "bold red",
    "WARN": "yellow",
    "RECORDED": "blue",
    "INCONCLUSIVE": "magenta",
    "SKIPPED": "dim",
    "NOT EXERCISED": "bold yellow",
}
_OUTCOMES = {"kept": "bold green", "broken": "bold red", "incomplete": "bold yellow"}
_LONGEST = 600
_LONGEST_TO_COPY = 2_000
_MOST_STEPS, _FIRST_STEPS = 12, 3


def print_summary(report: Report, console: Console, page: Path | None) -> None:
    """Print what a person wants to know first; *page* is where the HTML page is. Nothing in it is read as markup."""
    _Summary(report, console).print(page)


class _Summary:
    def __init__(self, report: Report, console: Console) -> None:
        self.report = report
        self._console = console

    def print(self, page: Path | None) -> None:
        self._header()
        self._areas()
        for bucket in buckets(failures(self.report, accepted=False)):
            self._failure(bucket)
        for clause in self.report["clauses"]:
            if clause["verdict"] == "WARN":
                self._warning(clause)
        self._accepted()
        self._untested()
        self._coverage()
        self._comparison()
        self._verdict(page)

    def _header(self) -> None:
        report = self.report
        tool, target, contract = report["tool"], report["target"], report["contract"]
        self._facts(
            f"{tool['name']} {tool['version']}",
            f"target {target['about']} ({target['kind']}, {target['url']})",
            f"contract {contract['sha256'][:8]}",
        )
        self._facts(
            f"profile {report['profile']}",
            f"seed {report['seed']}",
            f"{report['clock']} clock",
            f"{report['tookS']:,.1f} s",
            f"{report['requests']:,} requests",
            spent(report),
        )

    def _facts(self, *facts: str) -> None:
        """Print the facts side by side; a line breaks between two facts, never within one."""
        line = ""
        for fact in map(one_line, facts):
            if line and len(line) + 3 + len(fact) > self._console.width:
                self._line(line)
                line = ""
            line += f"   {fact}" if line else fact
        self._line(line)

    def _areas(self) -> None:
        cells = [_area(area) for area in areas(self.report["clauses"])]
        height = -(-len(cells) // 2)
        left = max((cell.cell_len for cell in cells[:height]), default=0) + 4
        right = max((cell.cell_len for cell in cells[height:]), default=0)
        self._line("")
        if 2 + left + right > self._console.width:
            rows = [[cell] for cell in cells]
        else:
            rows = [cells[row::height] for row in range(height)]
        for row in rows:
            line = Text("  ").append(row[0])
            for cell in row[1:]:
                line.pad_right(2 + left - line.cell_len)
                line.append(cell)
            self._line(line)
        self._line("")

    def _failure(self, bucket: Bucket) -> None:
        clause = bucket.clauses[0]
        failure = clause["failure"]
        self._title("FAIL", clause)
        rows = [
            ("expected", failure["expected"]),
            ("seen", failure["seen"]),
            ("source", clause["source"]),
        ]
        if len(bucket.clauses) > 1:
            others = ", ".join(other["id"] for other in bucket.clauses[1:])
            rows.append(("also", f"{others} (same cause: {bucket.cause})"))
        self._rows(rows)
        self._trace(clause)
        for name in ("curl", "reproduce"):
            if failure[name] is not None:
                self._copyable(name, failure[name])
        self._line("")

    def _trace(self, clause: Clause) -> None:
        failure = clause["failure"]
        if not failure["steps"]:
            return
        count = len(failure["steps"])
        was = failure["shrunkFrom"]
        self._line(Text(f"      trace{'' if was is None else f' (shrunk from {was} to {count} steps)'}", style="dim"))
        steps = list(enumerate(failure["steps"], start=1))
        if count > _MOST_STEPS:  # how it began, and what led straight to the fault
            steps = [*steps[:_FIRST_STEPS], *steps[_FIRST_STEPS - _MOST_STEPS :]]
        shown = [(number, _step(step["text"]), _step(step["result"] or "")) for number, step in steps]
        widest = max(text.cell_len for _, text, _ in shown)
        before = 0
        for number, text, result in shown:
            if number > before + 1:
                self._line(Text(f"            … {number - before - 1} more steps in the report", style="dim"))
            before = number
            label = Text(f"      {number:>4}  ", style="dim")
            if len(label) + widest + 3 + result.cell_len <= self._console.width:
                text.pad_right(widest + 3 - text.cell_len)
                self._hang(label, text.append(result))
            else:
                self._hang(label, text)
                if result.plain:
                    self._hang(Text(" " * (len(label) + 3)), result)

    def _warning(self, clause: Clause) -> None:
        self._title("WARN", clause)
        failure = clause["failure"]
        if failure is None:
            self._rows([("seen", clause["reason"] or "")])
        else:
            self._rows([("expected", failure["expected"]), ("seen", failure["seen"])])
        self._line("")

    def _title(self, verdict: str, clause: Clause) -> None:
        label = Text.assemble((verdict, STYLES[verdict]), "  ", (one_line(clause["id"]), "bold"), "  ")
        self._hang(label, Text(one_line(clause["promise"])))

    def _rows(self, rows: list[tuple[str, str]]) -> None:
        width = max(len(name) for name, _ in rows)
        for name, value in rows:
            self._hang(Text(f"      {name:<{width}}  ", style="dim"), Text(visible(shortened(value, _LONGEST))))

    def _hang(self, label: Text, text: Text) -> None:
        """Print *text* beside *label*, its further lines below its first."""
        room = max(20, self._console.width - label.cell_len)
        for line in text.wrap(self._console, room, overflow="fold"):
            line.rstrip()
            self._line(Text.assemble(label, line))
            label = Text(" " * label.cell_len)

    def _copyable(self, name: str, line: str) -> None:
        """Print *line* without breaking it, so that it can be copied whole; one of a page or more is in the report."""
        if len(line) > _LONGEST_TO_COPY:
            line = f"# {len(line):,} characters, see the report"
        text = Text.assemble("      ", (f"{name:<9} ", "dim"), visible(line))
        self._line(text, is_whole=True)

    def _accepted(self) -> None:
        rows = [
            (clause["id"], f"until {clause['accepted']['expires']}: {clause['accepted']['reason']}")
            for clause in failures(self.report, accepted=True)
        ]
        if self.report["baseline"] is not None:
            rows += [(name, "the entry has expired") for name in self.report["baseline"]["expired"]]
        if rows:
            self._line(Text("ACCEPTED", style="bold"))
            self._rows(rows)
            self._line("")

    def _untested(self) -> None:
        rows = [
            (row.verdict.lower(), f"{', '.join(clause['id'] for clause in row.clauses)}: {row.reason}")
            for row in untested(self.report)
        ]
        if rows:
            self._line(Text("NOT TESTED HERE", style="bold"))
            self._rows(rows)
            self._line("")

    def _coverage(self) -> None:
        told = "   ".join(f"{share.name} {share.covered}/{share.total}" for share in shares(self.report))
        self._hang(Text("COVERAGE  ", style="bold"), Text(told))
        if odd := undocumented(self.report):
            self._rows([("undocumented", ", ".join(odd))])
        self._line("")

    def _comparison(self) -> None:
        change = self.report["comparison"]
        if change is None:
            return
        rows = [(key, ", ".join(change[key])) for key in ("new", "fixed", "still") if change[key]]
        rows += [("changed", f"{row['id']} {row['was']} -> {row['now']}") for row in change["changed"]]
        self._line(Text(f"SINCE {one_line(change['with'])}", style="bold"))
        self._rows(rows or [("", "no verdict changed")])
        self._line("")

    def _verdict(self, page: Path | None) -> None:
        outcome = headline(self.report)
        title = Text(f"{outcome.title}: ", style=_OUTCOMES[outcome.state])
        self._line(title.append(Text(one_line(shortened(outcome.why, _LONGEST)), style="not bold default")))
        if page is not None:
            self._line(Text(f"report {visible(str(page))}"), is_whole=True)

    def _line(self, text: Text | str, *, is_whole: bool = False) -> None:
        """Print one line; a whole one is never broken."""
        shown = writable_on(self._console, Text(text) if isinstance(text, str) else text)
        self._console.print(shown, highlight=False, soft_wrap=is_whole)


def _area(area: Area) -> Text:
    text = Text(f"{one_line(area.name):<7}")
    for verdict, count in area.counts():
        word = verdict if verdict in {"FAIL", "WARN", "NOT EXERCISED"} else verdict.lower()
        text.append(f"{count:>3} {word} ", style=STYLES[verdict])
    text.rstrip()
    return text


def _step(text: str) -> Text:
    return Text(one_line(shortened(text, 160)))


__all__ = ["STYLES", "Progress", "print_summary"]
