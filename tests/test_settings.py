"""Every setting: where it may be given, which place wins, what is said of a wrong one, and that the docs have it."""

import contextlib
import json
import math
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from mockserver import settings
from mockserver.core.accounts import RateLimit
from mockserver.settings import CONFIG, SETTINGS, Setting, Settings, SettingsError, table

PAGE = (Path(__file__).parent.parent / "docs" / "settings.md").read_text(encoding="utf-8")
IN_WORDS = {"by chance": None, "from host and port": "", "none": ""}
"""Defaults that are shown as what they mean."""

OTHER = {
    "host": ("::1", "::1"),
    "port": ("5000", 5000),
    "store": ("memory", "memory"),
    "workers": ("3", 3),
    "speed": ("instant", math.inf),
    "seed": ("7", 7),
    "public_url": ("https://fake.test/", "https://fake.test"),
    "admin_token": ("secret", "secret"),
    "webhook_signing": ("raw", "raw"),
    "webhook_allow": ("private, Hooks.test, 2606:4700::1111", ("private", "hooks.test", "2606:4700::1111")),
    "webhook_attempts": ("0s,2s", (0.0, 2.0)),
    "webhook_timeout": ("500ms", 0.5),
    "webhook_concurrency": ("3", 3),
    "rate_limit": ("500/60s", RateLimit(500, 60.0)),
    "max_concurrent_jobs": ("10", 10),
    "max_jobs": ("5", 5),
    "max_body_mb": ("0.5", 0.5),
    "retention": ("90d", 90 * 86400.0),
    "upload_keeps": ("30m", 1800.0),
    "probe_inputs": ("yes", True),
    "spec": ("newer.json", "newer.json"),
    "scenario": ("flaky-network", "flaky-network"),
    "scenarios": ("my scenarios", "my scenarios"),
    "journal_requests": ("0", 0),
    "journal_mb": ("0.5", 0.5),
    "fail_on_findings": ("yes", True),
    "ready_file": ("ready.txt", "ready.txt"),
    "exit_after_idle": ("2m", 120.0),
    "no_control": ("true", True),
    "no_directives": ("yes", True),
    "log_format": ("json", "json"),
    "quiet": ("on", True),
    "verbose": ("1", True),
}
WRONG = {
    "host": ["", " ", "http://localhost", "localhost:4010", "[::1]", "a..b", "x" * 64, "a b", "0.0.0.0/0"],
    "port": ["x", "-1", "65536", "1.5", "", "4_010", "٤٠١٠", "9" * 5000],
    "store": ["redis://", "redis:x", "sqlite:", "sqlite", "Memory", ""],
    "workers": ["0", "65", "many"],
    "speed": ["0", "-1", "nan", "inf", "fast", "1e-300", "1e300", ""],
    "seed": ["-1", "1.5", "0x7"],
    "public_url": ["fake.test", "ftp://x", "http://", "https:///", "http://x/?a=b", "http://x/#a", "http://a b"],
    "webhook_signing": ["HEX", "", "hex|raw"],
    "webhook_allow": ["", ",", "http://hooks.test", "hooks.test:8080", "*.test", "10.0.0.0/8", "private any"],
    "webhook_attempts": ["", "1s", "0s,5s,1s", "0", "0s,,1s", "0s 1s"],
    "webhook_timeout": ["10", "soon", "0s", "-1s"],
    "webhook_concurrency": ["0", "many"],
    "rate_limit": ["500", "0/1s", "-1/1s", "1/0s", "x/y", "500/60", "/60s"],
    "max_concurrent_jobs": ["0", "none"],
    "max_jobs": ["0"],
    "max_body_mb": ["0", "inf", "-1", "1e-9", "1e9"],
    "retention": ["1", "-1h"],
    "upload_keeps": ["0s", "2"],
    "probe_inputs": ["2"],
    "spec": ["", " ", "a\nb"],
    "scenario": ["", " ", "a\nb"],
    "scenarios": ["", " "],
    "journal_requests": ["-1", "many"],
    "journal_mb": ["0", "none"],
    "fail_on_findings": ["some"],
    "ready_file": ["", " "],
    "exit_after_idle": ["0s", "off", "soon"],
    "no_control": ["maybe", ""],
    "no_directives": ["2"],
    "log_format": ["xml"],
    "quiet": ["quiet"],
    "verbose": ["very"],
}
every = pytest.mark.parametrize("row", SETTINGS, ids=lambda row: row.name)


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path) -> Iterator[None]:
    with contextlib.chdir(tmp_path):
        yield


def written(content: str, name: str = "mine.toml") -> Path:
    path = Path(name)
    path.write_text(content, encoding="utf-8")
    return path


def load(flags: dict[str, str], environment: dict[str, str], file: Path | None = None) -> Settings:
    """The values alone, without how they were given."""
    return settings.load(flags, environment, file)._replace(faults=(), file=None, given=frozenset())


def complaint(content: str) -> str:
    """What is said of a settings file."""
    with pytest.raises(SettingsError) as caught:
        load({}, {}, written(content))
    return str(caught.value)


def test_the_tables_of_these_tests_name_every_setting() -> None:
    assert list(OTHER) == [row.name for row in SETTINGS]
    assert list(Settings._fields) == [*OTHER, "faults", "file", "given"]
    assert {row.name for row in SETTINGS} - WRONG.keys() == {"admin_token"}


@every
def test_the_default_shown_is_the_default(row: Setting) -> None:
    shown = row.shown_default
    assert getattr(Settings(), row.name) == (IN_WORDS[shown] if shown in IN_WORDS else row.read(shown))


@every
def test_a_flag_beats_the_environment_which_beats_the_file_which_beats_the_default(row: Setting) -> None:
    text, value = OTHER[row.name]
    default = getattr(Settings(), row.name)
    weak = "0" if row.name == "seed" else "http://weak" if row.shown_default in IN_WORDS else row.shown_default
    weak_value = row.read(weak)
    stated, weakly = written(f"{row.key} = {json.dumps(text)}"), written(f'{row.key} = "{weak}"', "weak.toml")
    empty = written("", "empty.toml")
    seen = [
        load({}, {}, empty),
        load({}, {}, stated),
        load({}, {row.variable: text}, weakly),
        load({}, {row.variable: weak}, stated),
        load({row.name: text}, {row.variable: weak}, weakly),
        load({row.name: weak}, {row.variable: text}, stated),
    ]
    expected = [default, value, value, weak_value, value, weak_value]
    assert seen == [Settings()._replace(**{row.name: one}) for one in expected]


@pytest.mark.parametrize(
    ("name", "text"), [(name, text) for name, texts in WRONG.items() for text in texts], ids=lambda text: text[:20]
)
def test_a_wrong_value_is_told_with_its_place_and_what_is_wanted(name: str, text: str) -> None:
    row = next(row for row in SETTINGS if row.name == name)
    file = written(f"{row.key} = {json.dumps(text)}")
    for place, flags, environment, path in (
        (row.option, {name: text}, {}, None),
        (row.variable, {}, {row.variable: text}, None),
        (f'mine.toml: "{row.key}"', {}, {}, file),
    ):
        with pytest.raises(SettingsError) as caught:
            load(flags, environment, path)
        said = str(caught.value)
        assert said.startswith(f'{place}: "{text[:80]}" will not do: want ')
        assert len(said) < 300


@pytest.mark.parametrize("token", ["with a\nnewline", "tökén", " padded ", "\x00"])
def test_a_secret_is_never_shown(token: str) -> None:
    for flags, environment in (({"admin_token": token}, {}), ({}, {"MOCKSERVER_ADMIN_TOKEN": token})):
        with pytest.raises(SettingsError, match=r'"\*\*\*" will not do: want printable ASCII') as caught:
            load(flags, environment)
        assert token not in str(caught.value)
    assert complaint("admin-token = 12345") == 'mine.toml: "admin-token": *** will not do: want a text'


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("port = true", '"port": True will not do: want a text or a number'),
        ("port = 2026-01-01", '"port": 2026-01-01 will not do: want a text or a number'),
        ("port = [4010]", '"port": [4010] will not do: want a text or a number'),
        ("port = 4010.5", '"port": "4010.5" will not do: want a whole number from 0 to 65535'),
        ("speed = nan", '"speed": "nan" will not do: want a number from 0.001 to 1000000, or "instant"'),
        ("host = 127", '"host": 127 will not do: want a text'),
        ("public-url = 1", '"public-url": 1 will not do: want a text'),
        ("quiet = 1", '"quiet": 1 will not do: want true or false'),
        ("webhook-allow = [1]", '"webhook-allow": [1] will not do: want a text or a list of texts'),
        ("webhook-attempts = [0, 1]", '"webhook-attempts": [0, 1] will not do: want a text or a list of texts'),
        ("store = {}", '"store": {} will not do: want a text or a number'),
    ],
)
def test_a_value_of_a_wrong_type_is_told_with_what_is_wanted(content: str, said: str) -> None:
    assert complaint(content) == f"mine.toml: {said}"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("prot = 1", 'there is no setting "prot"; did you mean "port"?'),
        ("max_job = 1", 'there is no setting "max_job"; did you mean "max-jobs"?'),
        ("[serve]\nport = 1", '"serve" is a table; settings stand alone, without [...] above them'),
        ("rate-limit = 'off'\nrate_limit = '1/1s'", '"rate_limit" stands twice, with - and with _'),
    ],
)
def test_a_wrong_name_is_told_with_a_way_out(content: str, said: str) -> None:
    assert complaint(content) == f"mine.toml: {said}"


def test_a_name_like_no_other_is_answered_with_all_there_are() -> None:
    assert complaint("xyzzy = 1") == (
        f'mine.toml: there is no setting "xyzzy"; there are {", ".join(row.key for row in SETTINGS)}'
    )


@pytest.mark.parametrize("content", ["port = ", "port 4010", "port = " + "9" * 5000, "a = " + "[" * 100_000, "\x00"])
def test_a_file_that_is_no_toml_is_told_by_its_name(content: str) -> None:
    said = complaint(content)
    assert said.startswith("mine.toml: is no TOML: ")
    assert len(said) < 300


def test_a_file_may_start_with_a_byte_order_mark_but_not_be_utf_16() -> None:
    path = Path("mine.toml")
    path.write_bytes("port = 5000\n".encode("utf-8-sig"))
    assert load({}, {}, path) == Settings(port=5000)
    path.write_bytes("port = 5000\n".encode("utf-16"))
    with pytest.raises(SettingsError, match=r"^mine\.toml: is no text in UTF-8$"):
        load({}, {}, path)


def test_a_file_that_is_asked_for_must_be_there() -> None:
    with pytest.raises(SettingsError, match=r'^--config: cannot read "none\.toml": No such file or directory$'):
        load({}, {}, Path("none.toml"))
    with pytest.raises(SettingsError, match=rf'^{CONFIG}: cannot read "none\.toml": No such file or directory$'):
        load({}, {CONFIG: "none.toml"})


def test_a_folder_is_no_settings_file() -> None:
    Path("mockserver.toml").mkdir()
    with pytest.raises(SettingsError, match=r'^mockserver\.toml: cannot read "mockserver\.toml": '):
        load({}, {})


def test_the_file_of_the_flag_beats_that_of_the_environment_which_beats_that_of_the_folder() -> None:
    assert load({}, {}) == Settings()
    written("port = 1", "mockserver.toml")
    second, third = written("port = 2", "second.toml"), written("port = 3", "third.toml")
    assert load({}, {}).port == 1
    assert load({}, {CONFIG: ""}).port == 1
    assert load({}, {CONFIG: str(second)}).port == 2
    assert load({}, {CONFIG: str(second)}, third).port == 3


def test_a_file_may_hold_plain_numbers_truths_and_lists() -> None:
    file = written(
        'port = 5000\nquiet = true\nspeed = 2.5\nwebhook_allow = ["private", "x"]\nwebhook-attempts = ["0s", "3s"]\n'
    )
    assert load({}, {}, file) == Settings(
        port=5000, quiet=True, speed=2.5, webhook_allow=("private", "x"), webhook_attempts=(0.0, 3.0)
    )


def test_the_settings_page_is_printed_from_the_table() -> None:
    (shown,) = re.findall(r"^\| flag.*?\n(?!\|)", PAGE, re.MULTILINE | re.DOTALL)
    assert shown == table()
    assert f"`{CONFIG}`" in PAGE
    assert [row.variable for row in SETTINGS if f"`{row.variable}`" not in shown] == []


def test_the_file_on_the_settings_page_is_read() -> None:
    (content,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    assert tomllib.loads(content)["port"] == 4010
    assert load({}, {}, written(content)) == Settings(
        speed=60.0,
        rate_limit=RateLimit(500, 60.0),
        webhook_allow=("loopback", "hooks.example.com"),
        no_directives=True,
    )


def test_what_was_given_is_known_and_from_which_file() -> None:
    path = written('port = 1\n[[faults]]\ndrop = "before"\n[[faults]]\ngateway = 502\n')
    read = settings.load({"speed": "1"}, {"MOCKSERVER_SEED": "2"}, path)
    assert (read.given, read.file) == (frozenset({"port", "speed", "seed"}), path)
    assert read.faults == ({"drop": "before"}, {"gateway": 502})
    assert settings.load({}, {}).file == Path("mockserver.toml")


def test_faults_are_a_list_of_tables() -> None:
    assert 'mine.toml: "faults" is a list of tables, each under a line [[faults]]' in complaint("[faults]\ndrop = 1")


def test_what_only_toml_can_write_is_told_with_its_place_in_the_rules() -> None:
    said = complaint("[[faults]]\ngateway = 502\n[[faults]]\nmatch = { body = { a = [nan, 2026-01-01] } }")
    assert said == (
        "mine.toml: faults[1].match.body.a[0]: nan will not do: want a number; "
        "mine.toml: faults[1].match.body.a[1]: 2026-01-01 will not do: want a text, in quotes"
    )
