"""`mockserver demo`."""

import asyncio
import contextlib
import json
import os
import shlex
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import aiohttp
import click
from rich.progress import BarColumn, Progress, TextColumn

from mockserver import logs
from mockserver.app import App
from mockserver.cli.catalogue import EXAMPLE, least_body, model_named
from mockserver.cli.curl import curl_line
from mockserver.cli.main import Misuse
from mockserver.cli.options import examples, program
from mockserver.cli.running import run_loop
from mockserver.core.catalog import Model
from mockserver.receiver import Received, Receiver
from mockserver.schemas import catalog
from mockserver.settings import Settings
from mockserver.spec import contract_by

KEY = "afk_test"
POLL_S = 0.1
WEBHOOK_WAIT_S = 10.0
OUT = "apiframe-demo"
KINDS = {"image": "picture", "video": "video", "music": "track"}
OTHERS = tuple(
    next(model.id for model in catalog().all_models() if model.modality == modality) for modality in ("video", "music")
)
"""One of each other modality, for the help text."""
FAILED = 1


@click.command(
    "demo",
    epilog=examples(
        "mockserver demo",
        f"mockserver demo --model {EXAMPLE} --prompt 'a fox' --out fox.png",
        "mockserver demo --prompt 'a fox [[fail]]'   (see a job fail and its credits come back)",
        *(f"mockserver demo --model {model}" for model in OTHERS),
    ),
)
@click.option("--model", help="Model, one of those that `mockserver models` lists.  [default: the first]")
@click.option("--prompt", default="a lighthouse in a storm, oil on canvas", show_default=True, help="What to make.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help=f"Where the first file goes.  [default: {OUT} with the ending of the file]",
)
@click.option(
    "--patience",
    type=click.FloatRange(0, min_open=True),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for the job.",
)
@click.option("--spec", metavar="FILE", default="", help="Follow this OpenAPI document, as serve --spec does.")
def command(model: str | None, prompt: str, out: Path | None, patience: float, spec: str) -> int:
    """Start the fake, submit a job over HTTP, show its progress, verify its webhook, download what it made.

    Exits 0 when all of it went well, 1 when the job or its webhook did not.
    """
    logs.set_up("text", is_quiet=True)
    contract, notes = contract_by(spec)
    for line in notes:
        click.echo(line)
    chosen = model_named(model, contract) if model else contract.all_models()[0]
    if chosen.lora:
        msg = f"--model: {chosen.id} needs a LoRA that is READY ({chosen.lora}), and the demo has none; take another"
        raise Misuse(msg)
    return run_loop(_demo(chosen, prompt, out, patience, spec))


async def _demo(model: Model, prompt: str, out: Path | None, patience_s: float, spec: str) -> int:
    received: asyncio.Queue[Received] = asyncio.Queue()
    receiver = Receiver([KEY], 200, received.put_nowait)
    async with contextlib.AsyncExitStack() as stack:
        app = await stack.enter_async_context(App(Settings(port=0, spec=spec)))
        hook = await receiver.start("127.0.0.1", 0)
        stack.push_async_callback(receiver.close)
        client = await stack.enter_async_context(aiohttp.ClientSession(app.url, headers={"X-API-Key": KEY}))
        click.echo(f"the fake listens on {app.url}")
        path, body = catalog().operations[model.operation].path, least_body(model, prompt)
        job = await _watch(client, await _submit(client, path, {**body, "webhookUrl": hook}), patience_s)
        if job["status"] in ("QUEUED", "PROCESSING"):
            click.echo(f"the job is still {job['status']} after {patience_s:g} s (--patience)")
            return FAILED
        if job["error"]:
            click.echo(f"error: {job['error']}")
        is_signed = job["status"] != "CANCELLED" and await _show_webhook(received)  # no event tells of a cancelled job
        if job["result"]:
            await _download(client, KINDS[model.modality], list(addresses(job["result"])), out)
        async with client.get("/v2/me") as response:
            balance = (await response.json())["team"]["credits"]
        spent = f"{job['creditCost']} spent" if job["result"] else "given back"
        click.echo(f"credits: {spent}, {balance:,} left")
    line = curl_line(f"http://127.0.0.1:4010{path}", KEY, body)
    start = f"{program()} serve{f' --spec {shlex.quote(spec)}' if spec else ''}"
    click.echo(f"\nnow start it with:  {start}\nand try:            {line}")
    return 0 if is_signed and job["status"] == "COMPLETED" else FAILED


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


def addresses(result: Any) -> Iterator[str]:
    """Every address in a result, in its order."""
    if isinstance(result, str):
        yield from [result] if result.startswith("http") else []
    elif isinstance(result, dict | list):
        for each in result.values() if isinstance(result, dict) else result:
            yield from addresses(each)


async def _download(client: aiohttp.ClientSession, what: str, urls: list[str], out: Path | None) -> None:
    """Save the first file, and say how many others there are."""
    url = urls[0]
    async with client.get(url) as response:
        content = await response.read()
    out = out or Path(OUT + PurePosixPath(url).suffix)
    try:
        await asyncio.to_thread(out.write_bytes, content)
    except OSError as error:
        msg = f'--out: cannot write "{out}": {error.strerror}; name a file elsewhere, as in --out ~/demo.png'
        raise Misuse(msg) from None
    click.echo(f"{what}: {url}\n  -> {out} ({len(content):,} bytes, {response.content_type})")
    if len(urls) > 1:
        click.echo(f"  and {len(urls) - 1} more of its files")
