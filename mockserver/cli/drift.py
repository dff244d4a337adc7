"""`mockserver drift`."""

import json
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

import click

from mockserver.cli.catalogue import EXAMPLE
from mockserver.cli.main import Misuse
from mockserver.cli.options import examples
from mockserver.cli.running import run_loop
from mockserver.cli.table import table
from mockserver.drift.differences import Difference, Kind
from mockserver.drift.document import BadDocument, Document, opened
from mockserver.drift.report import Drift, drift_between
from mockserver.drift.shorter import shortened
from mockserver.spec import fetched, known, our_document, text_of

DIFFERENT = 1


@click.command(
    "drift",
    epilog=examples(
        "mockserver drift --spec openapi.json",
        "mockserver drift --spec https://api.example.com/v2/openapi.json",
        f"mockserver drift --spec openapi.json --models {EXAMPLE}",
        "mockserver drift --spec openapi.json --json   (for scripts; see docs/drift.md)",
    )
    + """\n
\b
Exit codes:
  0  no difference, but for those that are known and explained
  1  something was added, removed or changed
  2  the document cannot be read, or is no OpenAPI 3 document

\b
To work on meanwhile:
  mockserver serve --spec openapi.json   (the mock judges requests by that document)""",
)
@click.option("--spec", "source", metavar="FILE|URL", required=True, help="OpenAPI 3 document, in JSON.")
@click.option("--models", metavar="NAME,...", default="", help="Only the request bodies of these models.")
@click.option("--all", "shows_all", is_flag=True, help="Show the explained differences too, with their reasons.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def command(source: str, models: str, *, shows_all: bool, as_json: bool) -> int:
    """Compare the contract of this mock with an OpenAPI document of the vendor, by meaning.

    Order, notes, references and other spellings of one meaning make no difference.
    """
    try:
        theirs = opened(run_loop(fetched(source)) if "://" in source else text_of(Path(source)))
        drift = drift_between(our_document(), theirs, known())
    except BadDocument as error:
        msg = f'--spec: "{source}": {error}'
        raise Misuse(msg) from None
    wanted = [name.strip() for name in models.split(",") if name.strip()]
    if wanted:
        drift = drift.only(_known(wanted, drift))
    if as_json:
        click.echo(json.dumps({"spec": source, "document": theirs.name, **drift.as_json()}, indent=2))
    else:
        _print(drift, theirs, source, shows_all=shows_all)
    return DIFFERENT if drift.news else 0


def _known(wanted: Sequence[str], drift: Drift) -> Sequence[str]:
    for name in wanted:
        if name not in drift.known_models:
            alike = get_close_matches(name.lower(), drift.known_models, n=3, cutoff=0.5)
            hint = f"did you mean {' or '.join(alike)}?" if alike else "mockserver models lists ours"
            msg = f'--models: neither side has a model "{name[:80]}"; {hint}'
            raise Misuse(msg)
    return wanted


def _print(drift: Drift, theirs: Document, source: str, *, shows_all: bool) -> None:
    name = f" ({theirs.name})" if theirs.name else ""
    count = f"{len(drift.news)} difference{'' if len(drift.news) == 1 else 's'}"
    hint = "" if shows_all or not drift.explained else " (--all shows them)"
    click.echo(f"{source}{name}: {count}, {len(drift.explained)} explained{hint}")
    for kind in Kind:
        _print_group(f"{kind.capitalize()}", [each for each in drift.news if each.kind == kind])
    if shows_all and drift.explained:
        rows = [(*_cells(each.difference), each.why) for each in drift.explained]
        click.echo(f"\nExplained ({len(rows)})\n" + table([("place", "ours", "theirs", "why"), *rows]))
    touched = {
        "Operations": drift.operations,
        "Models": drift.named("model"),
        "Actions": drift.named("action"),
        "Clauses": drift.clauses,
    }
    for what, names in touched.items():
        if names:
            click.echo(f"\n{what} touched ({len(names)}): {', '.join(names)}")


def _print_group(title: str, found: Sequence[Difference]) -> None:
    if found:
        rows = [("place", "ours", "theirs"), *map(_cells, found)]
        click.echo(f"\n{title} ({len(found)})\n{table(rows)}")


def _cells(difference: Difference) -> tuple[str, str, str]:
    return str(difference.place), *shortened(difference)
