"""`mockserver sample`."""

import json
import random

import click

from mockserver.cli.catalogue import EXAMPLE, model_named
from mockserver.cli.curl import curl_line
from mockserver.cli.main import Misuse
from mockserver.cli.options import examples
from mockserver.core.errors import Invalid
from mockserver.core.jsontext import encode, parse
from mockserver.core.samples import sample_body
from mockserver.core.validation import BodyValidator
from mockserver.schemas import catalog


@click.command(
    "sample",
    epilog=examples(
        f"mockserver sample {EXAMPLE}",
        f"mockserver sample --curl {EXAMPLE} | sh   (to the server that runs at --url)",
        f"mockserver sample --all-parameters --seed 7 {EXAMPLE}",
        f"mockserver sample --prompt 'a fox [[fail]]' {EXAMPLE}   (a job that fails)",
    ),
)
@click.argument("model")
@click.option("--curl", "as_curl", is_flag=True, help="A curl line for a shell instead of JSON.")
@click.option("--url", default="http://127.0.0.1:4010", show_default=True, help="Where the curl line sends it.")
@click.option("--key", default="afk_test", show_default=True, help="API key of the curl line.")
@click.option("--prompt", help="Your own instead of an invented one.")
@click.option("--webhook", metavar="URL", help="Ask for webhooks to this address.")
@click.option("--all-parameters", is_flag=True, help="Set every parameter instead of the required ones and one more.")
@click.option("--seed", type=int, help="The same seed gives the same sample.")
def command(  # noqa: PLR0913 - one for each option
    *,
    model: str,
    url: str,
    key: str,
    prompt: str | None,
    webhook: str | None,
    seed: int | None,
    as_curl: bool,
    all_parameters: bool,
) -> None:
    """Print a valid request for MODEL."""
    chosen = model_named(model)
    draw = random.Random(seed)  # noqa: S311 - repeatable samples, not secrets
    invented = _invented(draw) if prompt is None else ""
    body = sample_body(chosen, invented, every=all_parameters, chance=draw.random)
    if prompt is not None:
        body["prompt"] = prompt
    if webhook:
        body["webhookUrl"] = webhook
    try:
        BodyValidator(catalog()).model_of(chosen.operation, parse(encode(body)))
    except Invalid as error:
        problems = "; ".join(f"{path}: {texts[0]}" for path, texts in error.details.items())
        msg = f"{chosen.id} takes no such request: {problems}"
        raise Misuse(msg) from None
    path = catalog().operations[chosen.operation].path
    click.echo(curl_line(url.rstrip("/") + path, key, body) if as_curl else json.dumps(body, indent=2))


def _invented(draw: random.Random) -> str:
    from faker import Faker  # noqa: PLC0415 - slow to import, and only this needs it

    faker = Faker("en_US")
    faker.seed_instance(draw.getrandbits(32))
    return f"{faker.catch_phrase()}, {faker.color_name().lower()} light, {faker.city()}"
