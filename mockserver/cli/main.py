"""The `mockserver` command: finds its commands when they are asked for, and turns every misuse into one line."""

import sys
from importlib import import_module

import click

from mockserver import __version__
from mockserver.settings import SettingsError

COMMANDS = {
    "serve": "run the fake",
    "demo": "see the whole path of one job, webhook and picture included",
    "models": "list models with parameters and prices",
    "sample": "print a valid request, as JSON or as a curl line",
    "listen": "receive webhooks, verify signatures, print them",
}
MISUSED = 2
INTERRUPTED = 130


class Misuse(Exception):
    """The person at the keyboard asked for something impossible; the text says what and how to mend it."""


class Commands(click.Group):
    """Imports a command's module only when that command is used: `serve` starts without what `demo` needs."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of the README."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, or none."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"mockserver.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List them without importing them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="""\b
Start with:
  mockserver demo
  mockserver serve
  mockserver sample --curl MODEL | sh   (in another window; mockserver models lists them)""",
)
@click.version_option(__version__, message="%(version)s")
def root() -> None:
    """A faithful local fake of the Apiframe v2 API: no credits, no waiting, every failure on demand."""


def run(arguments: list[str]) -> int:
    """The exit code of a command line."""
    try:
        result = root.main(arguments, prog_name="mockserver", standalone_mode=False)
    except (SettingsError, Misuse) as error:
        return _complain(str(error))
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help() if error.ctx else "")
        return MISUSED
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        place = context.command_path if context else "mockserver"
        return _complain(f"{error.format_message()} (see {place} --help)")
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except BrokenPipeError:  # the reader of a pipe has gone
        sys.stdout = None  # nothing may be flushed to it any more
        return 0
    return result if isinstance(result, int) else 0


def _complain(text: str) -> int:
    click.echo(f"mockserver: {' '.join(text.split())}", err=True)
    return MISUSED
