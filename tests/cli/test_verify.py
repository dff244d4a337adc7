import subprocess
import sys
from pathlib import Path

import pytest

from contract_tests.clauses import CLAUSES
from contract_tests.main import DEFAULT_FOLDER, DEFAULT_SEED, Wishes
from contract_tests.profile import PROFILES
from mockserver.cli import verify
from mockserver.cli.main import run


def test_the_options_say_what_the_suite_takes() -> None:
    options = {option.name: option for option in verify.command.params}

    assert tuple(PROFILES) == verify.PROFILES
    assert (options["seed"].default, options["report_dir"].default) == (DEFAULT_SEED, DEFAULT_FOLDER)
    assert set(Wishes._fields) == set(options) - {"lists", "markdown", "explain"}


def test_the_list_names_every_clause(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["verify", "--list"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == list(CLAUSES)


def test_a_clause_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["verify", "--explain", "idemp-3"]) == 0
    shown = capsys.readouterr().out
    assert all(word in shown for word in ("IDEMP-3", "must", "source", "costs", "concurrent-key-makes-two"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--only", "IDEMB-3"], 'there is no clause "IDEMB-3"; did you mean IDEMP-3?'),
        (["--target", "http://127.0.0.1:1"], "needs an API key"),
        (["--target", "nonsense"], '"nonsense" is no address of a server'),
        (["--baseline", "no-such-file.toml"], "cannot be read"),
        (["--replay", "no-such-report.json", "CRED-5"], "cannot be read"),
        (["--receiver", "nowhere"], '--receiver: "nowhere" cannot be listened on'),
    ],
)
def test_what_cannot_be_run_is_one_line_and_2(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = run(["verify", "--key-env", "NO_SUCH_VARIABLE", "--report-dir", str(tmp_path), *arguments])

    lines = capsys.readouterr().err.splitlines()
    assert (code, len(lines)) == (2, 1)
    assert said in lines[0]


def test_without_the_extra_it_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    for name in [name for name in sys.modules if name.startswith("contract_tests")]:
        monkeypatch.delitem(sys.modules, name)

    assert run(["verify"]) == 2
    assert 'pip install "apiframe-mockserver[verify]"' in capsys.readouterr().err


def test_a_run_prints_a_summary_and_writes_the_report(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mockserver", "verify", "--only", "LIST", "--report-dir", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    assert done.returncode == 0, done.stderr
    assert "LIST" in done.stdout
    assert "Traceback" not in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.html", "report.json", "report.md", "report.xml"]


@pytest.mark.slow
def test_the_clauses_run_as_pytest_tests(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pytest", "--pyargs", "contract_tests", "-q", "-k", "LIST or AUTH-5"]
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider"], capture_output=True, text=True, check=False, timeout=60, cwd=tmp_path
    )

    assert done.returncode == 0, done.stdout
    assert "10 passed" in done.stdout
