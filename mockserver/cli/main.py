"""The `mockserver` command: finds its commands when they are asked for, and turns every misuse into one line."""

from difflib import get_close_matches
from importlib import import_module

import click

from mockserver import __version__
from mockserver.logs import masked, on_one_line
from mockserver.settings import SettingsError

COMMANDS = {
    "serve": "run the fake",
    "run": "run a command for which the fake is the real API",
    "wait": "wait until a server answers",
    "demo": "see the whole path of one job, webhook and picture included",
    "verify": "hold the mock or another server to the contract, and report",
    "drift": "compare the contract with a newer OpenAPI document of the vendor",
    "models": "list models with parameters and prices",
    "sample": "print a valid request, as JSON or as a curl line",
    "fixtures": "record requests, answers and signed webhooks as JSON files",
    "scenarios": "list what can be played, or check files of your own",
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

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that was typed.

        Raises:
            Misuse: there is none; names the one that looks alike.
        """
        if args[0] in COMMANDS or ctx.resilient_parsing:
            return super().resolve_command(ctx, args)
        alike = get_close_matches(args[0], COMMANDS, n=1)
        hint = f"did you mean {alike[0]}?" if alike else f"there are {', '.join(COMMANDS)}"
        msg = f'there is no command "{args[0][:80]}"; {hint}'
        raise Misuse(msg)

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
        command = next((word for word in arguments if word in COMMANDS), "")
        return _complain(f"{error.format_message()} (see {f'mockserver {command}'.strip()} --help)")
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    return result if isinstance(result, int) else 0


def _complain(text: str) -> int:
    click.echo(f"mockserver: {masked(on_one_line(' '.join(text.split())))}", err=True)
    return MISUSED
