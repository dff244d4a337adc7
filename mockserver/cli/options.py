"""Command line options made from the table of settings."""

import contextlib
import shlex
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from mockserver.settings import CONFIG, SETTINGS, Setting, Settings, load

Command = Callable[..., Any]


def with_settings(*left_out: str) -> Callable[[Command], Command]:
    """Give a command an option for every setting, and `--config`."""

    def decorate(command: Command) -> Command:
        for row in reversed(SETTINGS):
            if row.name not in left_out:
                command = _option(row)(command)
        return click.option(
            "--config",
            type=click.Path(path_type=Path),
            metavar="FILE",
            help=f"Settings file instead of ./mockserver.toml. [{CONFIG}]",
        )(command)

    return decorate


def _option(row: Setting) -> Callable[[Command], Command]:
    names = [flag for flag in (row.short, row.option) if flag]
    shown = f"{row.help} [{row.variable}; default: {row.shown_default}]"
    if row.is_switch:
        return click.option(row.name, *names, is_flag=True, default=None, help=shown)
    return click.option(row.name, *names, metavar=row.form, help=shown)


def examples(*lines: str) -> str:
    """The end of a command's help: example lines, one below the other."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def program() -> str:
    """How this program is started here: many run it by `make` and have no `mockserver` on their path."""
    if shutil.which("mockserver"):
        return "mockserver"
    python = Path(sys.executable)
    with contextlib.suppress(ValueError):
        python = python.relative_to(Path.cwd())
    return f"{shlex.quote(str(python))} -m mockserver"


def settings_of(given: Mapping[str, Any]) -> Settings:
    """The settings, from the options of `with_settings` and what stands behind them.

    Raises:
        SettingsError: one of them is wrong.
    """
    flags = {name: value for name, value in given.items() if value is not None and name != "config"}
    texts = {name: str(value).lower() if isinstance(value, bool) else value for name, value in flags.items()}
    return load(texts, file=given.get("config"))
