"""`mockserver scenarios`: what can be played, and what is wrong with a file."""

import json
from pathlib import Path

import pytest

from mockserver.scenarios.shelf import known_in
from tests.cli.conftest import Run


def test_every_scenario_is_listed_with_what_it_is_about(run: Run) -> None:
    done = run("scenarios")
    names = [known.name for known in known_in("none")]
    assert (done.code, done.err) == (0, "")
    assert [line.split()[0] for line in done.out.splitlines()] == ["scenario", *names]


def test_a_persons_own_come_first(run: Run, tmp_path: Path) -> None:
    (tmp_path / "zebra.json").write_text('{"about": "striped"}', encoding="utf-8")
    done = run("scenarios", "--scenarios", str(tmp_path))
    assert done.out.splitlines()[1].split() == ["zebra", "striped"]
    [row, *_] = json.loads(run("scenarios", "--json", str(tmp_path / "zebra.json")).out)
    assert row == {"name": "zebra", "about": "striped", "settings": {}, "credits": None, "keys": [], "faults": []}


def test_a_check_says_every_mistake_and_exits_with_1(run: Run, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.toml", tmp_path / "bad.json"
    good.write_text('about = "fine"', encoding="utf-8")
    bad.write_text('{"about": "x", "credits": -1, "faults": [{"drop": "soon"}]}', encoding="utf-8")
    done = run("scenarios", "--check", str(good), str(bad))
    assert (done.code, done.out) == (1, f"{good}: fine\n")
    assert done.err.splitlines() == [f"mockserver: {bad}: credits: -1 will not do: want a whole number from 0"]
    assert run("scenarios", "--check", str(good)).code == 0


def test_without_files_those_of_ones_own_folder_are_checked(run: Run, tmp_path: Path) -> None:
    (tmp_path / "scenarios").mkdir()
    (tmp_path / "scenarios" / "mine.json").write_text('{"about": "fine"}', encoding="utf-8")
    done = run("scenarios", "--check")
    assert (done.code, done.out, done.err) == (0, f"{Path('scenarios', 'mine.json')}: fine\n", "")


@pytest.mark.parametrize("words", [("--check",), ("--scenarios", "scenarios")])
def test_a_folder_that_is_not_there_is_misuse(run: Run, words: tuple[str, ...]) -> None:
    done = run("scenarios", *words)
    assert (done.code, done.out, done.err) == (2, "", 'mockserver: --scenarios: there is no folder "scenarios"\n')


def test_a_file_that_is_not_there_is_a_mistake(run: Run) -> None:
    done = run("scenarios", "--check", "none.json")
    assert (done.code, done.err) == (1, "mockserver: none.json: cannot be read: No such file or directory\n")
