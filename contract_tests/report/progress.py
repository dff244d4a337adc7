"""What a run shows while it runs: a moving line on a terminal, a line for each finished area elsewhere."""

from collections.abc import Mapping
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar
from rich.table import Column
from rich.text import Text

from contract_tests.report.summary import Clause, areas
from contract_tests.report.text import one_line


class Progress:
    """Follows a run; *planned* is how many clauses each area has. Use it as a context manager."""

    def __init__(self, console: Console, planned: Mapping[str, int]) -> None:
        self._console = console
        self._planned = planned
        self._done: dict[str, list[Clause]] = {}
        self._told: set[str] = set()
        self._bar: Bar | None = None
        self._task = TaskID(0)

    def __enter__(self) -> Self:
        is_able = self._console.is_terminal and not self._console.is_dumb_terminal
        if is_able and self._console.encoding.startswith("utf"):
            self._bar = _bar(self._console)
            self._task = self._bar.add_task("", total=sum(self._planned.values()), requests=0)
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
            return
        for area in self._done:
            self._tell(area)

    def on_clause_start(self, clause_id: str, promise: str) -> None:
        if self._bar is not None:
            self._bar.update(self._task, description=one_line(f"{clause_id} {promise}"))

    def on_verdict(self, clause: Clause) -> None:
        """Count *clause*; a failure, and an area that is complete, get a line that stays."""
        area = clause["area"]
        self._done.setdefault(area, []).append(clause)
        if clause["verdict"] == "FAIL" and clause["accepted"] is None:
            self._print(
                Text.assemble(("FAIL", "bold red"), f"  {one_line(clause['id'])}  {one_line(clause['promise'])}")
            )
        if self._bar is not None:
            self._bar.advance(self._task)
        elif len(self._done[area]) >= self._planned.get(area, 0):
            self._tell(area)

    def on_requests(self, sent: int) -> None:
        """Show that *sent* requests were sent in all."""
        if self._bar is not None:
            self._bar.update(self._task, requests=sent)

    def _tell(self, area: str) -> None:
        if area in self._told:
            return
        self._told.add(area)
        clauses = self._done[area]
        took_s = sum(clause["tookS"] for clause in clauses)
        counts = ", ".join(f"{count} {verdict.lower()}" for verdict, count in areas(clauses)[0].counts())
        planned = self._planned.get(area, len(clauses))
        part = "" if len(clauses) >= planned else f" ({len(clauses)} of {planned} clauses)"
        self._print(Text(f"{one_line(area):<7} {counts}{part}  {took_s:.1f} s"))

    def _print(self, text: Text) -> None:
        self._console.print(writable_on(self._console, text), highlight=False, soft_wrap=True)


def writable_on(console: Console, text: Text) -> Text:
    r"""*text*, with what the console's encoding lacks as `\u2026`; its styles are lost then."""
    try:
        text.plain.encode(console.encoding)
    except UnicodeEncodeError:
        return Text(text.plain.encode(console.encoding, "backslashreplace").decode(console.encoding))
    return text


def _bar(console: Console) -> Bar:
    return Bar(
        SpinnerColumn(),
        MofNCompleteColumn(),
        BarColumn(bar_width=16),
        TimeElapsedColumn(),
        TextColumn("{task.fields[requests]:,} requests", markup=False),
        TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1)),
        console=console,
        transient=True,
        expand=True,
    )
