"""What `mockserver verify` does once its options are read."""

import os
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console

from contract_tests.catalogue import UnknownClause, chosen, explanation, listing, page
from contract_tests.clauses import CLAUSES
from contract_tests.options import Options
from contract_tests.plan import Plan
from contract_tests.preflight import CannotRun
from contract_tests.profile import PROFILES
from contract_tests.purse import Purse
from contract_tests.report import baseline as baselines
from contract_tests.report.compare import comparison
from contract_tests.report.console import print_summary
from contract_tests.report.progress import Progress
from contract_tests.report.write import ReportError, read, write
from contract_tests.runner import STARTED_FOR_THE_RUN, verify
from contract_tests.target import Target
from contract_tests.verdicts import final_code

PROBLEMS = (CannotRun, UnknownClause, baselines.BaselineError, ReportError)
"""What keeps a run from being."""
DEFAULT_SEED = 20_260_101
DEFAULT_FOLDER = Path("contract-report")


class Wishes(NamedTuple):
    """The command line of `mockserver verify`."""

    target: str | None = None
    key_env: str = "APIFRAME_API_KEY"
    second_key_env: str = "APIFRAME_SECOND_API_KEY"
    tier: int | None = None
    budget: int = 0
    yes_spend: bool = False
    only: str = ""
    profile: str = "quick"
    receiver: str | None = None
    report_dir: Path = DEFAULT_FOLDER
    seed: int = DEFAULT_SEED
    baseline: Path | None = None
    replay: tuple[Path, str] | None = None
    insecure: bool = False
    timeout: float | None = None
    rehearse: bool = False


def run(wishes: Wishes, environment: Mapping[str, str] = os.environ) -> int:
    """Test, print, write the report; the exit code.

    Raises:
        CannotRun, UnknownClause, BaselineError, ReportError: nothing was tested, and the text says why.
    """
    if wishes.replay is not None:
        wishes = _replayed(wishes, *wishes.replay)
    only = chosen(wishes.only.split(","))
    key = environment.get(wishes.key_env, "").strip() if wishes.target else ""
    second = environment.get(wishes.second_key_env, "").strip() if wishes.target else ""
    if wishes.target and key and key == second:
        msg = f"{wishes.key_env} and {wishes.second_key_env} hold the same key; the second has to be another user's"
        raise CannotRun(msg)
    baseline = baselines.load(wishes.baseline, CLAUSES) if wishes.baseline else None
    before = _earlier(wishes.report_dir)
    options = Options(
        profile=PROFILES[wishes.profile],
        seed=wishes.seed,
        target=wishes.target,
        key=key or None,
        second_key=second or None,
        tier=wishes.tier,
        budget=wishes.budget,
        yes_spend=wishes.yes_spend,
        only=only,
        receiver=wishes.receiver,
        insecure=wishes.insecure,
        timeout_s=wishes.timeout,
        rehearse=wishes.rehearse,
    )
    talk, out = Console(stderr=True), Console()
    shown = _Shown(talk, wishes)
    report = shown.during(lambda: verify(options, shown))
    is_alike = before is not None and before["target"]["kind"] == report["target"]["kind"]
    report["comparison"] = comparison(report, before if is_alike else None)
    if baseline is not None:
        report = baselines.applied(report, baseline, datetime.now(UTC).date())
    report["exitCode"] = final_code(report)
    paths = write(report, wishes.report_dir)
    print_summary(report, out, paths["html"])
    return int(report["exitCode"])


def listed(only: str, *, markdown: bool) -> str:
    """The clauses as a list, or as docs/clauses.md.

    Raises:
        UnknownClause: one was named that does not exist.
    """
    if markdown:
        return page()
    names = chosen(only.split(",")) or list(CLAUSES)
    return listing(CLAUSES[name] for name in names) + "\n"


def explained(names: str) -> str:
    """Everything about the named clauses.

    Raises:
        UnknownClause: one of them does not exist.
    """
    return "\n\n".join(explanation(CLAUSES[name]) for name in chosen(names.split(","))) + "\n"


def _earlier(folder: Path) -> dict[str, Any] | None:
    """The last report of the folder; none where there is none that can be read."""
    try:
        return read(folder / "report.json")
    except ReportError:
        return None


def _replayed(wishes: Wishes, path: Path, clause: str) -> Wishes:
    """The same run again, of one clause: its seed, profile and target come from the report."""
    report = read(path)
    started = str(report["target"]["about"]).endswith(STARTED_FOR_THE_RUN)
    target = wishes.target or (None if started else str(report["target"]["url"]))
    return wishes._replace(only=clause, seed=report["seed"], profile=report["profile"], target=target, replay=None)


class _Shown:
    """Prints the plan, then the progress."""

    def __init__(self, console: Console, wishes: Wishes) -> None:
        self._console, self._wishes = console, wishes
        self._progress: Progress | None = None

    def during(self, act: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        try:
            return act()
        finally:
            if self._progress is not None:
                self._progress.__exit__(None, None, None)

    def on_plan(self, planned: Plan, target: Target, purse: Purse) -> None:
        """Say what is going to happen, and what it can cost, before it does."""
        name = {"mock": "its clock is moved by hand", "plain": "its own clock", "vendor": "a real endpoint"}[
            target.kind
        ]
        skipped = len(planned.clauses) - len(planned.runnable)
        left_out = f", {skipped} skipped" if skipped else ""
        size = f"{len(planned.runnable)} clauses{left_out}, tier {planned.tier}, about {planned.requests:,} requests"
        lines = [f"target  {target.wire.base_url} ({target.about}; {name})", f"plan    {size}"]
        if purse.is_counted:
            jobs = f"{planned.jobs} job{'' if planned.jobs == 1 else 's'}, at most {planned.worst_case} credits"
            lines.append(f"money   {jobs} if the server keeps its promises; budget {purse.budget}")
        if target.is_paid and not self._wishes.yes_spend:
            lines.append("        without --yes-spend nothing is submitted with a good key")
        for line in lines:
            self._console.print(line, highlight=False, markup=False, soft_wrap=True)
        sys.stderr.flush()
        self._progress = Progress(self._console, Counter(clause.area for clause in planned.runnable))
        self._progress.__enter__()

    def on_clause_start(self, clause_id: str, promise: str) -> None:
        """Show it."""
        if self._progress is not None:
            self._progress.on_clause_start(clause_id, promise)

    def on_verdict(self, clause: dict[str, Any]) -> None:
        """Count it."""
        if self._progress is not None:
            self._progress.on_verdict(clause)

    def on_requests(self, sent: int) -> None:
        """Count them."""
        if self._progress is not None:
            self._progress.on_requests(sent)
