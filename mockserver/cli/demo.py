"""`mockserver demo`."""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import click
from rich.progress import BarColumn, Progress, TextColumn

from mockserver import logs
from mockserver.app import App
from mockserver.cli.catalogue import EXAMPLE, model_named
from mockserver.cli.curl import curl_line
from mockserver.cli.main import Misuse
from mockserver.cli.options import examples, program
from mockserver.cli.running import run_loop
from mockserver.core.catalog import Model
from mockserver.core.samples import sample_body
from mockserver.receiver import Received, Receiver
from mockserver.schemas import catalog
from mockserver.settings import Settings

KEY = "afk_test"
POLL_S = 0.1
WEBHOOK_WAIT_S = 10.0
FAILED = 1


@click.command(
    "demo",
    epilog=examples(
        "mockserver demo",
        f"mockserver demo --model {EXAMPLE} --prompt 'a fox' --out fox.png",
        "mockserver demo --prompt 'a fox [[fail]]'   (see a job fail and its credits come back)",
    ),
)
@click.option("--model", help="Model, one of those that `mockserver models` lists.  [default: the first]")
@click.option("--prompt", default="a lighthouse in a storm, oil on canvas", show_default=True, help="What to draw.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("apiframe-demo.png"),
    show_default=True,
    help="Where the picture goes.",
)
@click.option(
    "--patience",
    type=click.FloatRange(0, min_open=True),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for the job.",
)
def command(model: str | None, prompt: str, out: Path, patience: float) -> int:
    """Start the fake, submit a job over HTTP, show its progress, verify its webhook, download its picture.

    Exits 0 when all of it went well, 1 when the job or its webhook did not.
    """
    logs.set_up("text", is_quiet=True)
    chosen = model_named(model) if model else catalog().all_models()[0]
    return run_loop(_demo(chosen, prompt, out, patience))


async def _demo(model: Model, prompt: str, out: Path, patience_s: float) -> int:
    received: asyncio.Queue[Received] = asyncio.Queue()
    receiver = Receiver([KEY], 200, received.put_nowait)
    async with contextlib.AsyncExitStack() as stack:
        app = await stack.enter_async_context(App(Settings(port=0)))
        hook = await receiver.start("127.0.0.1", 0)
        stack.push_async_callback(receiver.close)
        client = await stack.enter_async_context(aiohttp.ClientSession(app.url, headers={"X-API-Key": KEY}))
        click.echo(f"the fake listens on {app.url}")
        path, body = catalog().operations[model.operation].path, _body(model, prompt)
        job = await _watch(client, await _submit(client, path, {**body, "webhookUrl": hook}), patience_s)
        if job["status"] in ("QUEUED", "PROCESSING"):
            click.echo(f"the job is still {job['status']} after {patience_s:g} s (--patience)")
            return FAILED
        if job["error"]:
            click.echo(f"error: {job['error']}")
        is_signed = job["status"] != "CANCELLED" and await _show_webhook(received)  # no event tells of a cancelled job
        if job["result"]:
            await _download(client, job, out)
        async with client.get("/v2/me") as response:
            balance = (await response.json())["team"]["credits"]
        spent = f"{job['creditCost']} spent" if job["result"] else "given back"
        click.echo(f"credits: {spent}, {balance:,} left")
    line = curl_line(f"http://127.0.0.1:4010{path}", KEY, body)
    click.echo(f"\nnow start it with:  {program()} serve\nand try:            {line}")
    return 0 if is_signed and job["status"] == "COMPLETED" else FAILED


def _body(model: Model, prompt: str) -> dict[str, Any]:
    """A request with the prompt, and no parameters but those that the model cannot do without."""
    body = sample_body(model, prompt, every=False, chance=lambda: 0.5)
    parameters = body.pop(model.parameters_name, {})
    required = model.parameters_schema.get("required", [])
    needed = {name: value for name, value in parameters.items() if name in required}
    return {**body, "prompt": prompt, **({model.parameters_name: needed} if needed else {})}


async def _submit(client: aiohttp.ClientSession, path: str, body: dict[str, Any]) -> str:
    async with client.post(path, json=body) as response:
        said = await response.json()
        if response.status != 202:  # noqa: PLR2004 - accepted
            msg = f"the fake refused the request: {response.status} {json.dumps(said)}"
            raise Misuse(msg)
    click.echo(f"POST {path} -> 202 {json.dumps(said)}")
    job_id: str = said["jobId"]
    return job_id


async def _watch(client: aiohttp.ClientSession, job_id: str, patience_s: float) -> dict[str, Any]:
    """Poll the job to its end and show how far it is: a live bar on a terminal, lines elsewhere."""
    job: dict[str, Any] = {}
    with contextlib.suppress(TimeoutError), contextlib.ExitStack() as shown:
        bar = shown.enter_context(_bar()) if _has_live_terminal() else None
        task = bar.add_task("QUEUED", total=100) if bar else None
        async with asyncio.timeout(patience_s):
            async for job in _changes(client, job_id):
                if bar and task is not None:
                    bar.update(task, description=job["status"], completed=job["progress"])
                else:
                    click.echo(f"  {job['status']} {job['progress']}%")
    return job


def _has_live_terminal() -> bool:
    return sys.stdout.isatty() and os.environ.get("TERM", "").lower() not in ("dumb", "unknown")


def _bar() -> Progress:
    return Progress(TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"))


async def _changes(client: aiohttp.ClientSession, job_id: str) -> AsyncIterator[dict[str, Any]]:
    """The job each time that it looks different, until it has ended."""
    seen = None
    while seen is None or seen[0] in ("QUEUED", "PROCESSING"):
        async with client.get(f"/v2/jobs/{job_id}") as response:
            job = await response.json()
        if (job["status"], job["progress"]) != seen:
            seen = (job["status"], job["progress"])
            yield job
        else:
            await asyncio.sleep(POLL_S)


async def _show_webhook(received: "asyncio.Queue[Received]") -> bool:
    try:
        delivery = await asyncio.wait_for(received.get(), WEBHOOK_WAIT_S)
    except TimeoutError:
        click.echo("webhook: none came")
        return False
    verdict = f"true ({delivery.scheme})" if delivery.scheme else "FALSE"
    click.echo(f"webhook: {delivery.event}, {delivery.signature[:23]}..., signature {verdict}")
    return delivery.scheme is not None


async def _download(client: aiohttp.ClientSession, job: dict[str, Any], out: Path) -> None:
    url = job["result"]["images"][0]
    async with client.get(url) as response:
        picture = await response.read()
    try:
        await asyncio.to_thread(out.write_bytes, picture)
    except OSError as error:
        msg = f'--out: cannot write "{out}": {error.strerror}; name a file elsewhere, as in --out ~/demo.png'
        raise Misuse(msg) from None
    click.echo(f"picture: {url}\n  -> {out} ({len(picture):,} bytes, {response.content_type})")
