"""`mockserver models`."""

import json
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

import click

from mockserver.cli.catalogue import EXAMPLE, actions_of, everything, is_action, least_body, name_of, named
from mockserver.cli.main import Misuse
from mockserver.cli.options import examples
from mockserver.cli.table import table, terminal_width
from mockserver.cli.words import accepts, rule_told
from mockserver.core.catalog import WEBHOOK_FIELDS, Model, Schema
from mockserver.core.pricing import catalogue_entry, cost_range, price
from mockserver.schemas import catalog

HEADINGS = ("model", "credits", "usual", "prompt", "seconds", "label", "parameters", "price is")
NUMBERS = (2, 3, 4)
MODALITIES = ("image", "video", "music")


@click.command(
    "models",
    epilog=examples(
        "mockserver models",
        "mockserver models --modality video",
        "mockserver models --operation 'images.*'",
        f"mockserver models {EXAMPLE}",
        "mockserver models --actions",
        "mockserver models --json",
    ),
)
@click.argument("model", required=False)
@click.option("--modality", type=click.Choice(MODALITIES), help="Only these.")
@click.option("--operation", metavar="ID", help="Only those of one operation, such as videos.edit; * stands for any.")
@click.option("--actions", is_flag=True, help="The actions on finished jobs instead of models; of MODEL, its own.")
@click.option("--json", "as_json", is_flag=True, help="As JSON, schemas included.")
def command(model: str | None, modality: str | None, operation: str | None, *, actions: bool, as_json: bool) -> None:
    """List models with prices, or show one MODEL or one action with all that it takes.

    Credits are those of a job, or of what the column says. A usual job is one that sets nothing but what it must.
    """
    chosen = _chosen(model, modality, operation, actions=actions)
    if as_json:
        click.echo(json.dumps([_as_json(row) for row in chosen], indent=2))
    elif model is not None and not actions:
        _print_one(chosen[0])
    else:
        _print_list(chosen)


def _chosen(model: str | None, modality: str | None, operation: str | None, *, actions: bool) -> list[Model]:
    pattern = _operations(operation)
    one = None if model is None else named(model)
    if one is None:
        rows = [row for row in everything().values() if is_action(row) == actions or (pattern and not actions)]
        return [row for row in rows if modality in (None, row.modality) and fnmatchcase(row.operation, pattern or "*")]
    if modality not in (None, one.modality):
        msg = f'--modality: "{modality}" does not fit; {model} makes {_plural(one.modality)}'
        raise Misuse(msg)
    if not fnmatchcase(one.operation, pattern or "*"):
        msg = f'--operation: "{operation}" does not fit; {model} is one of {one.operation}'
        raise Misuse(msg)
    return [everything()[name] for name in actions_of(one.shown)] if actions else [one]


def _operations(pattern: str | None) -> str | None:
    known = [id_ for id_, operation in catalog().operations.items() if operation.is_submission]
    if pattern is not None and not any(fnmatchcase(id_, pattern) for id_ in known):
        msg = f'--operation: no operation that starts jobs is called "{pattern[:80]}"; there are {", ".join(known)}'
        raise Misuse(msg)
    return pattern


def _plural(modality: str) -> str:
    return modality if modality == "music" else f"{modality}s"


def _as_json(row: Model) -> dict[str, Any]:
    operation = catalog().operations[row.operation]
    return {
        **catalogue_entry(row),
        "id": name_of(row),
        "operation": operation.id,
        "endpoint": operation.path,
        "usualCost": price(row, least_body(row, "a prompt")),
        "priceConfidence": row.confidence,
        "typicalSeconds": row.typical_s,
        "request": row.body_schema,
    }


def _print_list(rows: list[Model]) -> None:
    """One table, whose columns stand below each other in all groups; an operation is a group."""
    heading, *lines = table([HEADINGS, *map(_columns, rows)], right=NUMBERS).splitlines()
    click.echo(heading)
    group = ""
    for row, line in zip(rows, lines, strict=True):
        if row.operation != group:
            group = row.operation
            click.echo(f"\n{_group(group)}")
        click.echo(line)


def _group(operation_id: str) -> str:
    operation, room = catalog().operations[operation_id], terminal_width()
    whole = f"# {operation_id}: {operation.method} {operation.path}"
    return whole if room is None or len(whole) <= room else f"# {operation_id}"


def _columns(row: Model) -> tuple[str, ...]:
    longest = _longest_prompt(row)
    return (
        name_of(row),
        _credits(row),
        f"{price(row, least_body(row, 'a prompt')):,}",
        "-" if longest is None else f"{longest:,}",
        f"{row.typical_s:g}",
        _deed(row) if is_action(row) else row.label,
        row.parameters_name or ", ".join(_required(row)),
        row.confidence,
    )


def _print_one(row: Model) -> None:
    operation = catalog().operations[row.operation]
    click.echo(f"{name_of(row)}  {_deed(row) if is_action(row) else row.label}  ({operation.method} {operation.path})")
    click.echo(", ".join([*_prompt(row), _whole_price(row)]))
    if row.lora:
        click.echo(f"{row.lora} is the id of a LoRA that is READY; POST /v2/loras trains one")
    required = _required(row)
    rows = [(f"{row.parameters_name}." if row.parameters_name else "field", "accepts")]
    rows += [(name + (" *" if name in required else ""), accepts(schema)) for name, schema in _fields(row).items()]
    click.echo(table(rows))
    if required:
        click.echo("* required")
    notes = [rule_told(rule) for rule in row.body_schema.get("allOf", ())]
    if not is_action(row) and actions_of(row.id):
        notes.append(("actions", ", ".join(actions_of(row.id))))
    if notes:
        click.echo(table(notes))


def _fields(row: Model) -> Mapping[str, Schema]:
    fields: Mapping[str, Schema] = row.parameters_schema["properties"]
    if row.parameters_name:
        return fields
    fields = row.body_schema["properties"]
    return {name: schema for name, schema in fields.items() if name not in WEBHOOK_FIELDS}


def _required(row: Model) -> list[str]:
    schema = row.parameters_schema if row.parameters_name else row.body_schema
    return list(schema.get("required", ()))


def _deed(row: Model) -> str:
    if row.parent is None:
        return f"of {row.shown}"
    return f"on a finished job of {row.shown}: {' or '.join(row.parent['results'])}"


def _prompt(row: Model) -> list[str]:
    longest = _longest_prompt(row)
    if is_action(row):
        return []
    if longest is None:
        return ["no prompt"]
    return [f"prompt up to {longest:,} characters" + (f" in {row.prompt_at[0]}" if len(row.prompt_at) > 1 else "")]


def _longest_prompt(row: Model) -> int | None:
    schema: Schema = row.body_schema
    for step in row.prompt_at:
        schema = schema["properties"][step]
    longest: int | None = schema.get("maxLength") if row.prompt_at else None
    return longest


def _whole_price(row: Model) -> str:
    usual, costs, rate = price(row, least_body(row, "a prompt")), cost_range(row), _credits(row, " credits")
    return (rate if usual == costs.least == costs.most else f"{rate}, {usual} for a usual job") + f" ({row.confidence})"


def _credits(row: Model, unit: str = "") -> str:
    costs = cost_range(row)
    amount = f"{costs.least}" if costs.least == costs.most else f"{costs.least} to {costs.most}"
    if "megapixels" in row.price:
        return f"{amount}{unit} per {row.price['megapixels']['per']} megapixels"
    return amount + unit + {"flat": "", "per-output": " each", "per-second": " a second"}[costs.mode]
