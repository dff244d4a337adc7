"""`mockserver scenarios`."""

import json
from pathlib import Path

import click

from mockserver.cli.main import Misuse
from mockserver.cli.options import examples
from mockserver.cli.table import table
from mockserver.core.scenario import Scenario
from mockserver.scenarios.shelf import Known, known_in, scenario_in
from mockserver.settings import Settings, SettingsError, load

MISTAKEN = 1


@click.command(
    "scenarios",
    epilog=examples(
        "mockserver scenarios",
        "mockserver scenarios --check scenarios/flaky-afternoon.json",
        "mockserver serve --scenario queue-outage",
    ),
)
@click.option("--scenarios", metavar="DIR", help=f"Folder of your own. [default: {Settings().scenarios}]")
@click.option("--json", "as_json", is_flag=True, help="As JSON, with all that each scenario holds.")
@click.option("--check", is_flag=True, help="Say every mistake in the FILES, or in all of your folder; exit 1 for any.")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path), metavar="[FILES]...")
def command(scenarios: str | None, files: tuple[Path, ...], *, as_json: bool, check: bool) -> int:
    """List the scenarios that can be played by name, those of your own folder first, or check files of them."""
    folder = load({"scenarios": scenarios} if scenarios is not None else {}).scenarios
    if (scenarios is not None or (check and not files)) and not Path(folder).is_dir():
        msg = f'--scenarios: there is no folder "{folder}"'
        raise Misuse(msg)
    known = [Known(file.stem, file, is_shipped=False) for file in files] or known_in(folder)
    if check:
        return _check([each for each in known if not each.is_shipped])
    readable = [(each, scenario_in(each.file)) for each in known if not _mistakes(each)]
    if as_json:
        click.echo(json.dumps([_as_json(scenario) for _, scenario in readable], indent=2))
    else:
        own_first = sorted(readable, key=lambda row: row[0].is_shipped)
        click.echo(table([("scenario", "about"), *((each.name, scenario.about) for each, scenario in own_first)]))
    return _tell(known)


def _check(known: list[Known]) -> int:
    for each in known:
        if not _mistakes(each):
            click.echo(f"{each.file}: fine")
    return _tell(known)


def _tell(known: list[Known]) -> int:
    """Every mistake on a line of its own; the exit code."""
    mistakes = [line for each in known for line in _mistakes(each)]
    for line in mistakes:
        click.echo(f"mockserver: {line}", err=True)
    return MISTAKEN if mistakes else 0


def _mistakes(known: Known) -> list[str]:
    try:
        scenario_in(known.file)
    except SettingsError as error:
        place = f"{known.file}: "
        return [place + mistake for mistake in str(error).removeprefix(place).split(f"; {place}")]
    return []


def _as_json(scenario: Scenario) -> dict[str, object]:
    return {
        "name": scenario.name,
        "about": scenario.about,
        "settings": dict(scenario.settings),
        "credits": scenario.credits,
        "keys": list(scenario.keys),
        "faults": list(scenario.faults),
    }
