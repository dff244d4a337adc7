"""Servers in processes of their own, and the requests that they get."""

import asyncio
import base64
import contextlib
import json
import signal
import sys
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any, NamedTuple

import aiohttp

from bench.load import NUMBER, Call
from bench.servers import KEY, SUBMISSION

HEADERS = {"X-API-Key": KEY, "Content-Type": "application/json"}
KEYED = {**HEADERS, "Idempotency-Key": NUMBER}
PROMPTS = [f"{SUBMISSION['prompt']}, {'late ' * number}" for number in range(16)]
"""Of as many lengths, as different people write them."""
BODIES = [json.dumps({**SUBMISSION, "prompt": prompt}) for prompt in PROMPTS]
SUBMISSIONS = tuple(Call("POST", "/v2/images/generate", HEADERS, body) for body in BODIES)
KEYED_SUBMISSIONS = tuple(call._replace(headers=KEYED) for call in SUBMISSIONS)
"""Each with an idempotency key of its own, so that no two requests have the same header lines."""
LIST = Call("GET", "/v2/jobs", HEADERS)
BALANCE = Call("GET", "/v2/me", HEADERS)
PATIENCE_S = 20.0
"""With a server that is asked to end."""
NOT_COPIED = ("date", "x-request-id", "content-length", "connection")


class Running(NamedTuple):
    """A server that answers."""

    url: str
    pid: int
    bytes_per_job: float = 0
    polls: tuple[Call, ...] = ()
    """Of finished jobs, from the first that was stored to the last."""

    def calls(self) -> dict[str, tuple[Call, ...]]:
        """Requests by kind."""
        return {
            "submit": SUBMISSIONS,
            "submit with a key": KEYED_SUBMISSIONS,
            "poll": self.polls,
            "list": (LIST,),
            "balance": (BALANCE,),
        }


@contextlib.asynccontextmanager
async def filled(place: str, count: int) -> AsyncIterator[Running]:
    """The mock over a store, with so many jobs in it."""
    async with process("bench.servers", "filled", json.dumps({"store": place, "count": count})) as (pid, line):
        said = json.loads(line)
        for job in said["jobs"]:
            await lever(said["url"], "POST", f"jobs/{job}", {"complete": True})
        polls = tuple(Call("GET", f"/v2/jobs/{job}", HEADERS) for job in said["jobs"])
        yield Running(said["url"], pid, said["bytes_per_job"], polls)


@contextlib.asynccontextmanager
async def bare(mock: Running) -> AsyncIterator[Running]:
    """A bare handler for each kind of request, which answers what the mock does."""
    answers = {
        f"{call.method} {'/v2/jobs/{id}' if kind == 'poll' else call.path}": await _answer_of(mock.url, call)
        for kind, (call, *_) in mock.calls().items()
    }
    async with process("bench.servers", "bare", json.dumps(answers)) as (pid, line):
        yield Running(json.loads(line)["url"], pid, polls=mock.polls)


async def _answer_of(url: str, call: Call) -> dict[str, str]:
    async with aiohttp.request(call.method, url + call.path, headers=call.headers, data=call.body or None) as response:
        headers = {name: value for name, value in response.headers.items() if name.lower() not in NOT_COPIED}
        body = base64.b64encode(await response.read()).decode()
        return {"status": str(response.status), "headers": json.dumps(headers), "body": body}


@contextlib.asynccontextmanager
async def process(module: str, *words: str) -> AsyncIterator[tuple[int, str]]:
    """A module that runs: its process, and the line that it prints once it is ready.

    Raises:
        RuntimeError: it ended without one.
    """
    running = await asyncio.create_subprocess_exec(sys.executable, "-m", module, *words, stdout=asyncio.subprocess.PIPE)
    try:
        assert running.stdout is not None
        line = (await running.stdout.readline()).decode().strip()
        if not line:
            msg = f"{module} {' '.join(words)} did not start"
            raise RuntimeError(msg)
        yield running.pid, line
    finally:
        with contextlib.suppress(ProcessLookupError):
            running.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(running.wait(), PATIENCE_S)
        except TimeoutError:
            running.kill()
            await running.wait()


async def finished(url: str) -> Call:
    """A poll of a job that is submitted and completed now."""
    submission = SUBMISSIONS[0]
    async with aiohttp.request("POST", url + submission.path, headers=HEADERS, data=submission.body) as response:
        job = (await response.json())["jobId"]
    await lever(url, "POST", f"jobs/{job}", {"complete": True})
    return Call("GET", f"/v2/jobs/{job}", HEADERS)


async def lever(url: str, method: str, path: str, body: Any) -> None:
    """Pull one of the mock's own levers; a job that has ended already may stay so."""
    async with aiohttp.request(method, f"{url}/_mock/{path}", json=body) as response:
        if response.status != HTTPStatus.CONFLICT:
            response.raise_for_status()
