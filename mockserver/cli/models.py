"""`mockserver models`."""

import json
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from mockserver.api.models import catalogue_entry
from mockserver.cli.catalogue import EXAMPLE, model_named
from mockserver.cli.options import examples
from mockserver.core.catalog import Model, Schema
from mockserver.core.pricing import cost_range
from mockserver.schemas import catalog


@click.command(
    "models", epilog=examples("mockserver models", f"mockserver models {EXAMPLE}", "mockserver models --json")
)
@click.argument("model", required=False)
@click.option("--modality", type=click.Choice(["image", "video", "music"]), help="Only these.")
@click.option("--json", "as_json", is_flag=True, help="As JSON, schemas included.")
def command(model: str | None, modality: str | None, *, as_json: bool) -> None:
    """List models with prices, or one MODEL with its parameters."""
    chosen = [model_named(model)] if model else catalog().all_models()
    chosen = [each for each in chosen if modality in (None, each.modality)]
    if as_json:
        click.echo(json.dumps([_as_json(each) for each in chosen], indent=2))
    elif model:
        _print_model(chosen[0])
    else:
        _print_list(chosen)


def _as_json(model: Model) -> dict[str, Any]:
    operation = catalog().operations[model.operation]
    return {
        **catalogue_entry(model),
        "endpoint": operation.path,
        "priceConfidence": model.confidence,
        "typicalSeconds": model.typical_s,
        "request": model.body_schema,
    }


def _print_list(models: list[Model]) -> None:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("model", "label", "parameters", "prompt", "credits", "price is", "seconds"):
        table.add_column(heading, justify="right" if heading in ("prompt", "seconds") else "left", no_wrap=True)
    for model in models:
        table.add_row(
            model.id,
            model.label,
            model.parameters_name,
            f"{model.prompt_max or 0:,}",
            _credits(model),
            model.confidence,
            f"{model.typical_s:g}",
        )
    _console().print(table)


def _print_model(model: Model) -> None:
    operation = catalog().operations[model.operation]
    required = model.parameters_schema.get("required", [])
    console = _console()
    console.print(f"[bold]{model.id}[/bold]  {model.label}  ({operation.method} {operation.path})")
    console.print(f"prompt up to {model.prompt_max or 0:,} characters, {_credits(model)} credits ({model.confidence})")
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column(f"{model.parameters_name}.", no_wrap=True)
    table.add_column("accepts", overflow="fold")
    for name, schema in model.parameters_schema["properties"].items():
        table.add_row(name + (" *" if name in required else ""), accepts(schema))
    console.print(table)
    if required:
        console.print("* required")


def accepts(schema: Schema) -> str:
    """What a parameter takes, in a few words."""
    if "enum" in schema:
        return " | ".join(json.dumps(option) for option in schema["enum"])
    kinds = schema.get("type", "anything")
    words = [kinds if isinstance(kinds, str) else " or ".join(kinds)]
    if "items" in schema:
        words.append(f"of {accepts(schema['items'])}")
    low, high = (next((schema[key] for key in keys if key in schema), None) for keys in _LIMITS)
    if low is not None or high is not None:
        words.append(f"{'' if low is None else low}..{'' if high is None else high}")
    words += [f"{schema[key]}" for key in ("format", "pattern") if key in schema]
    return " ".join(words)


_LIMITS = (
    ("minimum", "exclusiveMinimum", "minLength", "minItems"),
    ("maximum", "exclusiveMaximum", "maxLength", "maxItems"),
)


def _credits(model: Model) -> str:
    costs = cost_range(model)
    amount = f"{costs.least}" if costs.least == costs.most else f"{costs.least} to {costs.most}"
    return amount + {"flat": "", "per-output": " each", "per-second": " a second"}[costs.mode]


def _console() -> Console:
    console = Console()
    return console if console.is_terminal else Console(width=200)
