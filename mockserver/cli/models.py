"""`mockserver models`."""

import json
from typing import Any

import click

from mockserver.api.models import catalogue_entry
from mockserver.cli.catalogue import EXAMPLE, model_named
from mockserver.cli.main import Misuse
from mockserver.cli.options import examples
from mockserver.cli.table import table
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
    chosen = catalog().all_models() if model is None else [model_named(model)]
    if model is not None and modality not in (None, chosen[0].modality):
        msg = f'--modality: "{modality}" does not fit; {model} makes {chosen[0].modality}s'
        raise Misuse(msg)
    chosen = [each for each in chosen if modality in (None, each.modality)]
    if as_json:
        click.echo(json.dumps([_as_json(each) for each in chosen], indent=2))
    elif model is not None:
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
    rows = [("model", "credits", "prompt", "seconds", "label", "parameters", "price is")]
    rows += [
        (
            model.id,
            _credits(model),
            f"{model.prompt_max or 0:,}",
            f"{model.typical_s:g}",
            model.label,
            model.parameters_name,
            model.confidence,
        )
        for model in models
    ]
    click.echo(table(rows, right=(2, 3)))


def _print_model(model: Model) -> None:
    operation = catalog().operations[model.operation]
    required = model.parameters_schema.get("required", [])
    click.echo(f"{model.id}  {model.label}  ({operation.method} {operation.path})")
    click.echo(f"prompt up to {model.prompt_max or 0:,} characters, {_credits(model, ' credits')} ({model.confidence})")
    rows = [(f"{model.parameters_name}.", "accepts")]
    for name, schema in model.parameters_schema["properties"].items():
        rows.append((name + (" *" if name in required else ""), accepts(schema)))
    click.echo(table(rows))
    if required:
        click.echo("* required")


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


def _credits(model: Model, unit: str = "") -> str:
    costs = cost_range(model)
    amount = f"{costs.least}" if costs.least == costs.most else f"{costs.least} to {costs.most}"
    return amount + unit + {"flat": "", "per-output": " each", "per-second": " a second"}[costs.mode]
