"""docs/testing.md is true: its files run as they stand there, and its tables name what there is."""

import re
from pathlib import Path

import pytest

from mockserver import MockServer, pytest_plugin
from tests.client.conftest import submitted
from tests.plugin.conftest import Play

pytest_plugins = ["pytester"]

PAGE = Path(__file__).parents[2].joinpath("docs", "testing.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"```(?:python|toml)\n# (\S+)\n(.*?)```", PAGE, re.DOTALL))
TESTS = ("shop.py", "test_shop.py", "test_time.py", "test_asynchronous.py")
OF_THE_SEED = """
from shop import order

def test_it(apiframe):
    assert apiframe.jobs[order("a fox")].status in ("QUEUED", "PROCESSING")
"""


def test_its_tests_pass(play: Play, pytester: pytest.Pytester) -> None:
    pytester.mkdir("seeded").joinpath("test_seed.py").write_text(OF_THE_SEED, encoding="utf-8")
    for name in (*TESTS, "seeded/conftest.py"):
        pytester.path.joinpath(name).write_text(FILES[name], encoding="utf-8")
    play("", "--apiframe-fail-on-findings").assert_outcomes(passed=10)


def test_its_programs_run(capsys: pytest.CaptureFixture[str]) -> None:
    exec(FILES["by_hand.py"], {})  # noqa: S102 - what is tested
    with MockServer() as mock:
        exec(FILES["elsewhere.py"].replace("http://127.0.0.1:4010", mock.url), {})  # noqa: S102 - what is tested
    by_hand, elsewhere = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+ afk_test", by_hand)
    assert re.fullmatch(r"afk_\S+ 40 0", elsewhere)


def test_its_configuration_is_obeyed(play: Play, pytester: pytest.Pytester) -> None:
    pytester.makepyprojecttoml(FILES["pyproject.toml"] + 'asyncio_default_fixture_loop_scope = "function"\n')
    tests = """
        def test_it(apiframe):
            for _ in range(2):
                ask("POST", "/v2/images/generate", {})
    """
    play(tests, "-c", "pyproject.toml").assert_outcomes(failed=1)


def test_each_of_its_files_is_tried() -> None:
    assert set(FILES) == {*TESTS, "seeded/conftest.py", "by_hand.py", "elsewhere.py", "pyproject.toml"}
    assert PAGE.count("```") == 2 * (len(FILES) + 1)


def test_it_names_every_fixture_option_and_argument_of_the_marker() -> None:
    fixtures = [name for name in vars(pytest_plugin) if name.startswith("apiframe")]
    assert sorted(re.findall(r"^\| `(\w+)` \|", table_of("fixture"), re.MULTILINE)) == sorted(fixtures)
    assert set(re.findall(r"`(\w+)=", table_of("argument"))) == set(pytest_plugin.ARGUMENTS)
    assert set(re.findall(r"--apiframe[a-z-]*", PAGE)) == {"--apiframe-fail-on-findings", "--apiframe-url"}


def test_it_names_every_lever() -> None:
    levers = PAGE.partition("## Levers")[2]
    with MockServer() as mock:
        known = {name for name in dir(mock) if name[0] != "_"}
    elsewhere = {"new_key", "start", "close", "control_url", "token"}
    assert {name for name in known - elsewhere if f"`mock.{name}" not in levers} == set()
    assert set(re.findall(r"`mock\.(\w+)", PAGE)) <= known


def test_the_failure_it_shows_is_the_one_that_comes() -> None:
    shown = PAGE.partition("```text\nAssertionError: ")[2].partition("\n```")[0]
    with MockServer() as mock:
        submitted(mock, "a bear")
        with pytest.raises(AssertionError) as raised:
            mock.expect(1, prompt="fox")
    assert str(raised.value) == shown


def table_of(column: str) -> str:
    """The table with this heading."""
    return PAGE.partition(f"| {column} |")[2].partition("\n\n")[0]
