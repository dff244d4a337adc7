"""The servers under load, each in a process of its own on core 0: `python -m bench.servers KIND ARGUMENT`."""

import base64
import gc
import json
import os
import sys
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Handler

from mockserver.app import App, tune_collector
from mockserver.cli.running import Stop, run_loop
from mockserver.settings import Settings

KEY = "afk_test"
SUBMISSION = {
    "model": "flux-2-pro",
    "prompt": "a lighthouse in a storm, oil on canvas, evening light",
    "fluxParams": {"aspect_ratio": "16:9", "seed": 42},
}


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
    print(f"http://{host}:{port}", flush=True)
    await Stop().wait()
    await runner.cleanup()


def _handler(answer: dict[str, str]) -> Handler:
    status, body = int(answer["status"]), base64.b64decode(answer["body"])
    headers = {"x-request-id": "req_000000000000000000000000", **json.loads(answer["headers"])}

    async def handle(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(status=status, body=body, headers=headers)

    return handle


async def serve_filled(count: int) -> None:
    """The mock with *count* jobs in it, put there by its own service; prints the memory that they took."""
    app = App(Settings(port=0, seed=1, max_jobs=10**7))
    url = await app.start()
    service = app.service
    operation = next(op for op in service.catalog.operations.values() if op.is_submission)
    caller = await service.caller(KEY)
    await service.store.set_balance(caller.team.id, 10**9, service.clock.now())
    raw = json.dumps(SUBMISSION).encode()
    for _ in range(100):
        await service.submit(caller, operation, raw, "")
    gc.collect()
    before = _resident_bytes()
    for _ in range(count):
        await service.submit(caller, operation, raw, "")
    gc.collect()
    grown = _resident_bytes() - before
    tune_collector()
    print(f"{url} {grown / max(1, count):.0f}", flush=True)
    await Stop().wait()
    await app.close()


def _resident_bytes() -> int:
    """Resident memory of this process; 0 where the system does not say (then no figure is printed)."""
    statm = Path("/proc/self/statm")
    return int(statm.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE") if statm.exists() else 0


def main(kind: str, argument: str) -> None:
    if hasattr(os, "sched_setaffinity") and (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, {0})
    if kind == "bare":
        run_loop(serve_bare(json.loads(argument)))
    else:
        run_loop(serve_filled(int(argument)))


if __name__ == "__main__":
    main(*sys.argv[1:])
