"""`mockserver demo`."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from mockserver import logs
from mockserver.app import App
from mockserver.cli.catalogue import EXAMPLE, model_named
from mockserver.cli.main import Misuse
from mockserver.cli.options import examples
from mockserver.cli.running import run_loop
from mockserver.core.catalog import Model
from mockserver.receiver import Received, Receiver
from mockserver.schemas import catalog
from mockserver.settings import Settings

KEY = "afk_test"
POLL_S = 0.1
WEBHOOK_WAIT_S = 10.0
FAILED = 1


@click.command(
    "demo", epilog=examples("mockserver demo", f"mockserver demo --model {EXAMPLE} --prompt 'a fox' --out fox.png")
)
@click.option("--model", help="Model; else the first of the list.")
@click.option("--prompt", default="a lighthouse in a storm, oil on canvas", show_default=True)
@click.option("--out", type=click.Path(path_type=Path), default=Path("apiframe-demo.png"), show_default=True)
def command(model: str | None, prompt: str, out: Path) -> int:
    """Start the fake, submit a job over HTTP, show its progress, verify its webhook, download its picture."""
    logs.set_up("text", is_quiet=True)
    chosen = model_named(model) if model else catalog().all_models()[0]
    return run_loop(_demo(chosen, prompt, out))


async def _demo(model: Model, prompt: str, out: Path) -> int:
    received: asyncio.Queue[Received] = asyncio.Queue()
    receiver = Receiver([KEY], 200, received.put_nowait)
    async with contextlib.AsyncExitStack() as stack:
        app = await stack.enter_async_context(App(Settings(port=0)))
        hook = await receiver.start("127.0.0.1", 0)
        stack.push_async_callback(receiver.close)
        client = await stack.enter_async_context(aiohttp.ClientSession(app.url, headers={"X-API-Key": KEY}))
        path = catalog().operations[model.operation].path
        click.echo(f"the fake listens on {app.url}")
        body = {"model": model.id, "prompt": prompt, "webhookUrl": hook}
        async with client.post(path, json=body) as response:
            accepted = await response.json()
            if response.status != 202:  # noqa: PLR2004 - accepted
                msg = f"{model.id} was refused: {accepted}"
                raise Misuse(msg)
        click.echo(f"POST {path} -> 202 {accepted}")
        job = await _watch(client, accepted["jobId"])
        is_signed = await _show_webhook(received)
        await _download(client, job, out)
        async with client.get("/v2/me") as response:
            balance = (await response.json())["team"]["credits"]
        click.echo(f"credits: {job['creditCost']} spent, {balance:,} left")
    click.echo("\nnow start it with:  mockserver serve\nand try:            " + _curl(path, model, prompt))
    return 0 if is_signed and job["status"] == "COMPLETED" else FAILED


async def _watch(client: aiohttp.ClientSession, job_id: str) -> dict[str, Any]:
    """Poll the job to its end and show how far it is: a live bar on a terminal, lines in a pipe."""
    console = Console()
    job: dict[str, Any] = {}
    if console.is_terminal:
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"))
        with Progress(*columns, console=console) as bar:
            task = bar.add_task("QUEUED", total=100)
            async for job in _changes(client, job_id):
                bar.update(task, description=job["status"], completed=job["progress"])
    else:
        async for job in _changes(client, job_id):
            click.echo(f"  {job['status']} {job['progress']}%")
    return job


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
        msg = f'--out: cannot write "{out}": {error.strerror}'
        raise Misuse(msg) from None
    click.echo(f"picture: {url}\n  -> {out} ({len(picture):,} bytes, {response.content_type})")


def _curl(path: str, model: Model, prompt: str) -> str:
    body = '{"model": "%s", "prompt": "%s"}' % (model.id, prompt.replace('"', "'").replace("\\", ""))  # noqa: UP031
    return f"curl http://127.0.0.1:4010{path} -H 'X-API-Key: {KEY}' -H 'Content-Type: application/json' -d '{body}'"
