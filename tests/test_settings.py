"""Every setting: where it may be given, which place wins, what is said of a wrong one, and that the docs have it."""

import math
import re
import tomllib
from pathlib import Path

import pytest

from mockserver.core.accounts import RateLimit
from mockserver.settings import SETTINGS, Setting, Settings, SettingsError, load

PAGE = (Path(__file__).parent.parent / "docs" / "settings.md").read_text(encoding="utf-8")

OTHER = {
    "host": ("0.0.0.0", "0.0.0.0"),  # noqa: S104 - never listened on
    "port": ("5000", 5000),
    "store": ("memory", "memory"),
    "speed": ("instant", math.inf),
    "seed": ("7", 7),
    "public_url": ("https://fake.test/", "https://fake.test"),
    "admin_token": ("secret", "secret"),
    "webhook_signing": ("raw", "raw"),
    "webhook_allow": ("private, hooks.test", ("private", "hooks.test")),
    "webhook_attempts": ("0s,2s", (0.0, 2.0)),
    "webhook_timeout": ("500ms", 0.5),
    "webhook_concurrency": ("3", 3),
    "rate_limit": ("500/60s", RateLimit(500, 60.0)),
    "max_concurrent_jobs": ("10", 10),
    "max_jobs": ("5", 5),
    "max_body_mb": ("0.5", 0.5),
    "retention": ("90d", 90 * 86400.0),
    "no_control": ("true", True),
    "no_directives": ("yes", True),
    "log_format": ("json", "json"),
    "quiet": ("on", True),
    "verbose": ("1", True),
}
WRONG = {
    "port": ["x", "-1", "65536", "1.5", ""],
    "store": ["redis://x", ""],
    "speed": ["0", "-1", "nan", "inf", "fast"],
    "seed": ["-1", "1.5"],
    "public_url": ["fake.test", "ftp://x"],
    "webhook_signing": ["HEX", ""],
    "webhook_allow": ["", ","],
    "webhook_attempts": ["", "1s", "0s,5s,1s", "0"],
    "webhook_timeout": ["10", "soon"],
    "webhook_concurrency": ["0", "many"],
    "rate_limit": ["500", "0/1s", "1/0s", "x/y"],
    "max_concurrent_jobs": ["0"],
    "max_jobs": ["0"],
    "max_body_mb": ["0", "inf"],
    "retention": ["1"],
    "no_control": ["maybe"],
    "log_format": ["xml"],
}
every = pytest.mark.parametrize("row", SETTINGS, ids=lambda row: row.name)


def test_the_tables_of_these_tests_name_every_setting() -> None:
    assert list(OTHER) == [row.name for row in SETTINGS] == list(Settings._fields)


@every
def test_the_default_shown_is_the_default(row: Setting) -> None:
    shown_in_words = {"by chance": None, "from host and port": "", "none": ""}
    shown = row.shown_default
    read = shown_in_words[shown] if shown in shown_in_words else row.read(shown)
    assert getattr(Settings(), row.name) == read


@every
def test_each_place_beats_the_next(row: Setting, tmp_path: Path) -> None:
    text, value = OTHER[row.name]
    file = tmp_path / "settings.toml"
    default = getattr(Settings(), row.name)
    file.write_text(f'{row.name.replace("_", "-")} = "{text}"\n', encoding="utf-8")
    empty = tmp_path / "empty.toml"
    empty.write_text("", encoding="utf-8")
    other = (
        row.read(row.shown_default) if row.shown_default not in ("by chance", "none", "from host and port") else None
    )
    assert getattr(load({}, {}, empty), row.name) == default
    assert getattr(load({}, {}, file), row.name) == value
    assert getattr(load({}, {row.variable: text}, empty), row.name) == value
    assert getattr(load({row.name: text}, {}, empty), row.name) == value
    if other is not None:
        assert getattr(load({}, {row.variable: row.shown_default}, file), row.name) == other
        assert getattr(load({row.name: row.shown_default}, {row.variable: text}, file), row.name) == other


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in WRONG.items() for text in texts])
def test_a_wrong_value_is_told_with_its_place_and_what_is_wanted(name: str, text: str, tmp_path: Path) -> None:
    row = next(row for row in SETTINGS if row.name == name)
    file = tmp_path / "settings.toml"
    file.write_text(f'{name} = "{text}"\n', encoding="utf-8")
    for flags, environment, place in (({name: text}, {}, row.option), ({}, {row.variable: text}, row.variable)):
        with pytest.raises(SettingsError, match=rf'^{re.escape(place)}: "{re.escape(text)}" will not do: .*want '):
            load(flags, environment)
    with pytest.raises(SettingsError, match=f'settings.toml: "{name}": "{re.escape(text)}" will not do'):
        load({}, {}, file)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("prot = 1", 'there is no setting "prot"'),
        ("port = ", "is no TOML"),
        ("port = 2026-01-01", '"port" is a date'),
        ("webhook-allow = [1]", '"webhook-allow" is a list'),
        ("[serve]\nport = 1", 'there is no setting "serve"'),
        ("speed = nan", '"nan" will not do'),
    ],
)
def test_a_wrong_file_is_told_with_its_name(content: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(SettingsError, match=rf"mine\.toml: .*{re.escape(said)}|mine\.toml: {re.escape(said)}"):
        load({}, {}, file)


def test_a_file_that_is_asked_for_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="--config: cannot read"):
        load({}, {}, tmp_path / "none.toml")


def test_a_file_may_hold_plain_numbers_truths_and_lists(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('port = 5000\nquiet = true\nspeed = 2.5\nwebhook-allow = ["private", "x"]\n', encoding="utf-8")
    assert load({}, {}, file) == Settings(port=5000, quiet=True, speed=2.5, webhook_allow=("private", "x"))


def test_the_settings_page_is_the_table() -> None:
    rows = re.findall(r"^\| (`--?\w.*)$", PAGE.replace("\\|", "|"), re.MULTILINE)
    assert rows == [
        f"`{row.option}{' ' + row.form if row.form else ''}` | `{row.variable}` | {row.shown_default} | {row.help} |"
        for row in SETTINGS
    ]


def test_the_file_on_the_settings_page_is_read(tmp_path: Path) -> None:
    (content,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    file = tmp_path / "mockserver.toml"
    file.write_text(content, encoding="utf-8")
    given = {name.replace("-", "_") for name in tomllib.loads(content)}
    changed = load({}, {}, file)._asdict()
    assert {name for name, value in changed.items() if value != Settings()._asdict()[name]} == given - {"port"}
