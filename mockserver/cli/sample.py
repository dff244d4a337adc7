"""`mockserver sample`."""

import json
import random
from collections.abc import Sequence
from typing import Any

import click

from mockserver.cli.catalogue import EXAMPLE, everything, is_action, least_body, name_of, named, pointed, prompted
from mockserver.cli.curl import curl_line
from mockserver.cli.main import Misuse
from mockserver.cli.options import examples
from mockserver.core.catalog import Model
from mockserver.core.errors import Invalid
from mockserver.core.jsontext import encode, parse
from mockserver.core.parents import PARENT
from mockserver.core.samples import sample_body
from mockserver.core.validation import BodyValidator
from mockserver.schemas import catalog

ACTION = next(name for name, row in everything().items() if row.parent is not None)
"""The action that help texts show."""


@click.command(
    "sample",
    epilog=examples(
        f"mockserver sample {EXAMPLE}",
        f"mockserver sample --curl {EXAMPLE} | sh   (to the server that runs at --url)",
        f"mockserver sample --all-parameters --seed 7 {EXAMPLE}",
        f"mockserver sample --prompt 'a fox [[fail]]' {EXAMPLE}   (a job that fails)",
        f"mockserver sample {ACTION} --set parentJobId=JOBID",
    ),
)
@click.argument("model")
@click.option("--curl", "as_curl", is_flag=True, help="A curl line for a shell instead of JSON.")
@click.option("--url", default="http://127.0.0.1:4010", show_default=True, help="Where the curl line sends it.")
@click.option("--key", default="afk_test", show_default=True, help="API key of the curl line.")
@click.option("--prompt", help="Your own instead of an invented one.")
@click.option("--webhook", metavar="URL", help="Ask for webhooks to this address.")
@click.option("--set", "fields", metavar="FIELD=VALUE", multiple=True, help="Set a field; dots lead into objects.")
@click.option("--all-parameters", is_flag=True, help="Set every parameter instead of the required ones and one more.")
@click.option("--seed", type=int, help="The same seed gives the same sample.")
def command(  # noqa: PLR0913 - one for each option
    *,
    model: str,
    url: str,
    key: str,
    prompt: str | None,
    webhook: str | None,
    fields: Sequence[str],
    seed: int | None,
    as_curl: bool,
    all_parameters: bool,
) -> None:
    """Print a valid request for MODEL, or for an action on a finished job."""
    chosen = named(model)
    if prompt is not None and not chosen.prompt_at:
        msg = f"--prompt: {model} takes none"
        raise Misuse(msg)
    body = _body(chosen, prompt, random.Random(seed), every=all_parameters)  # noqa: S311 - repeatable samples
    if webhook:
        body["webhookUrl"] = webhook
    for field in fields:
        _set(body, field)
    _check(chosen, body)
    for hint in _hints(chosen, fields):
        click.echo(f"mockserver: {hint}", err=True)
    path = catalog().operations[chosen.operation].path
    click.echo(curl_line(url.rstrip("/") + path, key, body) if as_curl else json.dumps(body, indent=2))


def _body(row: Model, prompt: str | None, draw: random.Random, *, every: bool) -> dict[str, Any]:
    words = _invented(draw) if prompt is None and row.prompt_at else prompt or ""
    if is_action(row) and not every:
        body = least_body(row, words)
    else:
        body = pointed(sample_body(row, words, every=every, chance=draw.random))
    if row.parent is not None and row.parent.get("before") in body:
        body[row.parent["before"]] = 1
    return body | prompted(row, body, words)


def _invented(draw: random.Random) -> str:
    from faker import Faker  # noqa: PLC0415 - slow to import, and only this needs it

    faker = Faker("en_US")
    faker.seed_instance(draw.getrandbits(32))
    return f"{faker.catch_phrase()}, {faker.color_name().lower()} light, {faker.city()}"


def _set(body: dict[str, Any], field: str) -> None:
    """Put a value where a dotted path says: JSON where it is some, else text."""
    path, equals, text = field.partition("=")
    if not path or not equals:
        msg = f'--set: "{field[:80]}" will not do; want FIELD=VALUE, as in webhookEvents=["failed"]'
        raise Misuse(msg)
    *steps, name = path.split(".")
    at = body
    for step in steps:
        inner = at.setdefault(step, {})
        if not isinstance(inner, dict):
            msg = f'--set: "{path[:80]}" will not do; {step} holds no fields'
            raise Misuse(msg)
        at = inner
    try:
        at[name] = parse(text.encode()).value
    except ValueError:
        at[name] = text


def _check(row: Model, body: dict[str, Any]) -> None:
    try:
        BodyValidator(catalog()).model_of(row.operation, parse(encode(body)))
    except Invalid as error:
        problems = "; ".join(f"{path}: {texts[0]}" for path, texts in error.details.items())
        msg = f"{name_of(row)} takes no such request: {problems}"
        raise Misuse(msg) from None


def _hints(row: Model, fields: Sequence[str]) -> list[str]:
    """What has to be there before the request is more than valid."""
    given = {field.partition("=")[0] for field in fields}
    if row.parent is not None and PARENT not in given:
        job = f"finished job of {row.shown}"
        return [f"{PARENT} is a placeholder; --set {PARENT}=JOBID names a {job}"]
    if row.lora and row.lora not in given:
        return [f"{row.lora} is a placeholder; --set {row.lora}=ID names a LoRA that is READY"]
    return []
