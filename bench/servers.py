"""The servers under load, each in a process of its own on core 0: `python -m bench.servers KIND ARGUMENT`."""

import asyncio
import base64
import gc
import json
import os
import sys
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from bench.machine import SERVER_CORE, pin
from mockserver.app import App, tune_collector
from mockserver.cli.running import Stop, run_loop
from mockserver.settings import Settings

KEY = "afk_test"
SUBMISSION = {
    "model": "flux-2-pro",
    "prompt": "a lighthouse in a storm, oil on canvas, evening light",
    "fluxParams": {"aspect_ratio": "16:9", "seed": 42},
}
AT_ONCE = 50
"""Submissions under way while a store is filled."""
SAMPLE = 50
"""Jobs to poll, spread over all of them."""


async def serve_bare(answers: dict[str, dict[str, str]]) -> None:
    """An ordinary aiohttp application that answers given bytes and does nothing: *answers* by `METHOD path`."""
    app = web.Application()
    for route, answer in answers.items():
        method, path = route.split()
        app.router.add_route(method, path, _handler(answer))
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0]
    _say(url=f"http://{host}:{port}")
    await Stop().wait()
    await runner.cleanup()


def _handler(answer: dict[str, str]) -> Handler:
    status, body = int(answer["status"]), base64.b64decode(answer["body"])
    headers = {"x-request-id": "req_000000000000000000000000", **json.loads(answer["headers"])}

    async def handle(request: web.Request) -> web.Response:
        if request.body_exists:
            await request.read()
        return web.Response(status=status, body=body, headers=headers)

    return handle


async def serve_filled(store: str, count: int) -> None:
    """The mock with *count* jobs in it, put there by its own service; says what each takes, and some of their ids."""
    app = App(Settings(port=0, seed=1, max_jobs=10**7, store=store))
    url = await app.start()
    service = app.service
    operation = next(op for op in service.catalog.operations.values() if op.is_submission)
    caller = await service.caller(KEY)
    await service.store.set_balance(caller.team.id, 10**9, service.clock.now())
    raw = json.dumps(SUBMISSION).encode()
    sample: list[str] = []

    async def fill(number: int) -> None:
        for start in range(0, number, AT_ONCE):
            submitting = (service.submit(caller, operation, raw, "") for _ in range(min(AT_ONCE, number - start)))
            accepted = await asyncio.gather(*submitting)
            if start * SAMPLE // number >= len(sample):
                sample.append(accepted[0].job_id)

    await fill(100)
    sample.clear()
    gc.collect()
    before = _stored_bytes(store)
    await fill(count)
    gc.collect()
    grown = _stored_bytes(store) - before
    tune_collector()
    _say(url=url, bytes_per_job=grown / count, jobs=sample)
    await Stop().wait()
    await app.close()


def _stored_bytes(store: str) -> int:
    """What the store holds by now: in a file, in a server, or in the memory of this process."""
    if store.startswith("sqlite:"):
        path = Path(store.removeprefix("sqlite:"))
        _checkpoint(path)
        return path.stat().st_size
    if store != "memory":
        from redis import Redis  # noqa: PLC0415 - an extra

        with Redis.from_url(store.partition("?")[0]) as client:
            return int(client.info("memory")["used_memory"])
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _checkpoint(path: Path) -> None:
    """Bring into the file what stands in the log beside it."""
    import sqlite3  # noqa: PLC0415 - one store's

    connection = sqlite3.connect(path)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def _say(**what: Any) -> None:
    print(json.dumps(what), flush=True)


def main(kind: str, argument: str) -> None:
    pin(SERVER_CORE)
    given = json.loads(argument)
    run_loop(serve_bare(given) if kind == "bare" else serve_filled(given["store"], given["count"]))


if __name__ == "__main__":
    main(*sys.argv[1:])
