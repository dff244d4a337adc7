import io
from pathlib import Path

import pytest
from rich.console import Console

from contract_tests.report.console import Progress, print_summary
from contract_tests.report.summary import Report
from tests.contract_tests.report.samples import quiet, recounted, sample


def _printed(report: Report, *, width: int = 80, terminal: bool = False) -> str:
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=terminal, color_system="standard" if terminal else None)
    print_summary(report, console, Path("out/report.html"))
    return out.getvalue()


def test_the_summary_says_everything_in_order() -> None:
    report = sample()
    report["clauses"] = [clause for clause in report["clauses"] if clause["id"] != "ROBUST-1"]
    lines = _printed(recounted(report)).splitlines()
    assert lines[0] == "contract_tests 0.3.0   target mock 0.2.0 (mock, http://127.0.0.1:41234)"
    assert "  CRED     3 pass   2 FAIL   1 NOT EXERCISED" in lines
    begin = lines.index("FAIL  CRED-1  The balance is the start less the charges plus the refunds, at")
    assert lines[begin : begin + 11] == [
        "FAIL  CRED-1  The balance is the start less the charges plus the refunds, at",
        "              every read.",
        "      expected  balance 60, as before the failed job",
        "      seen      balance 50, 1.0 s (virtual) after the job became FAILED",
        "      source    API reference, POST /v2/images/generate",
        "      also      CRED-5 (same cause: refund missing)",
        "      trace (shrunk from 19 to 3 steps)",
        '         1  submit(model="midjourney", prompt="FAIL")   202 job 1, balance 50',
        "         2  advance(1.0)",
        "         3  balance()                                   50, expected 60",
        "      reproduce mockserver verify --only CRED-5 --seed 20260101 --profile ci",
    ]
    titles = [line.split("  ")[0] for line in lines if line[:1].isupper() and line.split("  ")[0].isupper()]
    assert titles == ["FAIL", "WARN", "ACCEPTED", "NOT TESTED HERE", "COVERAGE", "SINCE 2026-11-22T03:00:00.000Z"]
    assert lines[-1] == "report out/report.html"
    assert lines[-3].startswith("Contract broken: 2 clauses failed")


def test_everything_kept_takes_few_lines() -> None:
    lines = _printed(quiet()).splitlines()
    assert len(lines) <= 16
    assert "  AUTH     8 pass    LIST     5 pass" in lines
    assert lines[-2] == "Contract kept: No clause failed, 55 of 55 passed."


@pytest.mark.parametrize("terminal", [True, False], ids=["terminal", "file"])
def test_hostile_text_reaches_no_terminal(*, terminal: bool) -> None:
    text = _printed(sample(), terminal=terminal)
    assert not set(text) & set("\x00\x07\u202e\u2066\ud800")
    assert "\x1b[31mred" not in text
    assert "[red]bold[/red]" in text
    assert ":smile:" in text
    assert ("\x1b" in text) is terminal


@pytest.mark.parametrize("width", [40, 80])
def test_lines_fit_but_for_those_to_copy(width: int) -> None:
    wide = [line.strip() for line in _printed(sample(), width=width).splitlines() if len(line) > width]
    assert {line.split()[0] for line in wide} <= {"reproduce", "curl", "target", "contract_tests"}


def test_no_color_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    out = io.StringIO()
    print_summary(sample(), Console(file=out, force_terminal=True, width=80), None)
    assert "\x1b[32m" not in out.getvalue()
    assert "\x1b[1;31m" not in out.getvalue()


def test_progress_off_a_terminal_is_a_line_for_each_area() -> None:
    out = io.StringIO()
    clauses = [clause for clause in sample()["clauses"] if clause["area"] in {"WH", "CRED"}]
    with Progress(Console(file=out, width=80), {"CRED": 6, "WH": 9}) as progress:
        for number, clause in enumerate(clauses):
            progress.on_clause_start(clause["id"], clause["promise"])
            progress.on_requests(number)
            progress.on_verdict(clause)
    assert out.getvalue().splitlines() == [
        "FAIL  CRED-1  The balance is the start less the charges plus the refunds, at every read.",
        "FAIL  CRED-5  A failed job is refunded once.",
        "CRED    3 pass, 2 fail, 1 not exercised  0.8 s",
        "WH      5 pass (5 of 9 clauses)  0.6 s",
    ]


def test_progress_on_a_terminal_moves_and_leaves_the_failures() -> None:
    out = io.StringIO()
    console = Console(file=out, width=100, force_terminal=True, _environ={"TERM": "xterm"})
    with Progress(console, {"CRED": 6}) as progress:
        progress.on_clause_start("CRED-5", "[red]x[/red]\x1b[2J")
        progress.on_requests(4912)
        progress.on_verdict(next(clause for clause in sample()["clauses"] if clause["id"] == "CRED-5"))
    assert "CRED-5" in out.getvalue()
    assert "\x1b[2J" not in out.getvalue()


def test_a_stream_that_knows_only_ascii_is_no_trouble() -> None:
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="ascii")
    print_summary(sample(), Console(file=out, width=80), Path("é/report.html"))
    out.flush()
    assert raw.getvalue().endswith(b"report \\xe9/report.html\n")
