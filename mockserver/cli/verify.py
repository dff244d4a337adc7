"""`mockserver verify`."""

from importlib import import_module
from pathlib import Path
from typing import Any

import click

from mockserver.cli.main import Misuse
from mockserver.cli.options import examples

PROFILES = ("quick", "ci", "deep")


@click.command(
    "verify",
    epilog=examples(
        "mockserver verify",
        "mockserver verify --only IDEMP,CRED-5 --profile ci",
        "mockserver verify --explain IDEMP-3",
        "mockserver verify --target http://127.0.0.1:4010   (a mock that runs: its clock is moved)",
        "mockserver verify --target https://api.example.com   (real: nothing is submitted with a good key)",
        "mockserver verify --target https://api.example.com --yes-spend --budget 2   (one paid job)",
    )
    + """\n
\b
Exit codes:
  0    every promise that was tested is kept
  1    a must-clause is broken
  2    it could not run: no target, no key, a wrong option
  3    a must-clause was never really put to the test
  4    the budget was spent before the end
  130  interrupted; the report tells what was tested until then""",
)
@click.option("--target", metavar="URL", help="Server to test.  [default: a mock of its own]")
@click.option(
    "--key-env",
    metavar="NAME",
    default="APIFRAME_API_KEY",
    show_default=True,
    help="Environment variable that holds the API key for --target.",
)
@click.option(
    "--second-key-env",
    metavar="NAME",
    default="APIFRAME_SECOND_API_KEY",
    show_default=True,
    help="The same for the key of a user of another team.",
)
@click.option(
    "--tier",
    type=click.IntRange(0, 3),
    help="0 free, 1 the golden job, 2 further jobs, 3 what only a mock bears."
    "  [default: 3 on a mock, elsewhere what the budget allows, at most 1]",
)
@click.option(
    "--budget",
    type=click.IntRange(0),
    metavar="CREDITS",
    default=0,
    show_default=True,
    help="Most that the run may spend where jobs cost credits.",
)
@click.option("--yes-spend", is_flag=True, help="Agree to submissions with a good key on another machine.")
@click.option(
    "--rehearse", is_flag=True, help="Take a server on this machine for a real endpoint: no control plane, all safety."
)
@click.option("--only", metavar="CLAUSE,...", default="", help="Clauses or areas, as in IDEMP-3,CRED.")
@click.option("--profile", type=click.Choice(PROFILES), default="quick", show_default=True, help="How much is tried.")
@click.option(
    "--receiver",
    metavar="HOST:PORT",
    help="Where the target can send webhooks to this run.  [default: a port of this machine, for targets on it]",
)
@click.option(
    "--report-dir",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    default=Path("contract-report"),
    show_default=True,
    help="Where report.json, .xml (JUnit), .html and .md go.",
)
@click.option(
    "--seed", type=click.IntRange(0, 2**63), metavar="N", default=20_260_101, show_default=True, help="Repeats a run."
)
@click.option(
    "--baseline",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="TOML file of failures to live with, each with `reason` and `expires`.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(0, min_open=True),
    metavar="SECONDS",
    help="How long one request may take.  [default: 10 on this machine, 30 elsewhere]",
)
@click.option("--insecure", is_flag=True, help="Accept any TLS certificate of the target.")
@click.option("--list", "lists", is_flag=True, help="List the clauses and stop.")
@click.option("--markdown", is_flag=True, help="With --list: print docs/clauses.md.")
@click.option("--explain", metavar="CLAUSE,...", help="Explain clauses and stop.")
@click.option(
    "--replay",
    nargs=2,
    metavar="REPORT CLAUSE",
    help="Run one clause again as in that report.json: seed, profile, target.",
)
def command(**given: Any) -> int:
    """Hold a server to the contract, clause by clause, and report.

    Without --target it starts a mock of its own.
    """
    try:
        main = import_module("contract_tests.main")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("hypothesis", "jinja2", "contract_tests"):
            raise
        msg = f'verify needs {error.name}; install it with: pip install "apiframe-mockserver[verify]"'
        raise Misuse(msg) from None
    lists, markdown, explain = given.pop("lists"), given.pop("markdown"), given.pop("explain")
    replay = given.pop("replay")
    try:
        if explain or lists or markdown:
            click.echo(main.explained(explain) if explain else main.listed(given["only"], markdown=markdown), nl=False)
            return 0
        wishes = main.Wishes(**given, replay=(Path(replay[0]), replay[1]) if replay else None)
        code: int = main.run(wishes)
    except main.PROBLEMS as error:
        raise Misuse(str(error)) from None
    return code
