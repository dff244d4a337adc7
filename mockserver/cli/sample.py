"""`mockserver sample`."""

import json
import random
import shlex

import click

from mockserver.cli.catalogue import EXAMPLE, model_named
from mockserver.cli.options import examples
from mockserver.core.samples import sample_body
from mockserver.schemas import catalog


@click.command(
    "sample",
    epilog=examples(
        f"mockserver sample {EXAMPLE}",
        f"mockserver sample --curl {EXAMPLE} | sh",
        f"mockserver sample --all-parameters --seed 7 {EXAMPLE}",
    ),
)
@click.argument("model")
@click.option("--curl", "as_curl", is_flag=True, help="A curl line for a shell instead of JSON.")
@click.option("--url", default="http://127.0.0.1:4010", show_default=True, help="Where the curl line sends it.")
@click.option("--key", default="afk_test", show_default=True, help="API key of the curl line.")
@click.option("--webhook", metavar="URL", help="Ask for webhooks to this address.")
@click.option("--all-parameters", is_flag=True, help="Set every parameter instead of the required ones and one more.")
@click.option("--seed", type=int, help="The same seed gives the same sample.")
def command(  # noqa: PLR0913 - one for each option
    model: str, url: str, key: str, webhook: str | None, seed: int | None, *, as_curl: bool, all_parameters: bool
) -> None:
    """Print a valid request for MODEL."""
    from faker import Faker  # noqa: PLC0415 - slow to import, and only this command needs it

    chosen = model_named(model)
    draw = random.Random(seed)  # noqa: S311 - repeatable samples, not secrets
    faker = Faker("en_US")
    faker.seed_instance(draw.getrandbits(32))
    prompt = f"{faker.catch_phrase()}, {faker.color_name().lower()} light, {faker.city()}"
    body = sample_body(chosen, prompt, every=all_parameters, chance=draw.random)
    if webhook:
        body["webhookUrl"] = webhook
    if not as_curl:
        click.echo(json.dumps(body, indent=2, ensure_ascii=False))
        return
    path = catalog().operations[chosen.operation].path
    words = [
        f"curl -sS {shlex.quote(url.rstrip('/') + path)}",
        f"-H {shlex.quote(f'X-API-Key: {key}')}",
        "-H 'Content-Type: application/json'",
        f"-d {shlex.quote(json.dumps(body))}",
    ]
    click.echo(" ".join(words))
