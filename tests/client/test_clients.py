"""The usual HTTP clients talk to a mock in the same process, from synchronous and asynchronous code."""

import asyncio
from collections.abc import Awaitable, Callable

import aiohttp
import anyio
import httpx
import pytest
import requests

from mockserver import MockServer
from tests.client.conftest import MODEL, submitted

BODY = {"model": MODEL, "prompt": "a fox"}
PATH = "/v2/images/generate"


def by_requests(mock: MockServer) -> str:
    answer = requests.post(mock.url + PATH, json=BODY, headers={"X-API-Key": mock.key}, timeout=20)
    job_id: str = answer.json()["jobId"]
    return job_id


def by_httpx(mock: MockServer) -> str:
    with httpx.Client(base_url=mock.url, headers={"X-API-Key": mock.key}) as client:
        job_id: str = client.post(PATH, json=BODY).json()["jobId"]
        return job_id


async def by_aiohttp(mock: MockServer) -> str:
    headers = {"X-API-Key": mock.key}
    async with aiohttp.ClientSession(mock.url, headers=headers) as client, client.post(PATH, json=BODY) as answer:
        job_id: str = (await answer.json())["jobId"]
        return job_id


async def by_async_httpx(mock: MockServer) -> str:
    async with httpx.AsyncClient(base_url=mock.url, headers={"X-API-Key": mock.key}) as client:
        job_id: str = (await client.post(PATH, json=BODY)).json()["jobId"]
        return job_id


@pytest.mark.parametrize("submit", [submitted, by_requests, by_httpx], ids=["urllib", "requests", "httpx"])
def test_synchronous_clients(submit: Callable[[MockServer], str]) -> None:
    with MockServer(speed="instant") as mock:
        job_id = submit(mock)
        assert mock.jobs[job_id].status == "COMPLETED"
        mock.expect(1, method="POST", path=PATH, body=BODY)


@pytest.mark.parametrize("submit", [by_aiohttp, by_async_httpx], ids=["aiohttp", "httpx"])
async def test_asynchronous_clients(submit: Callable[[MockServer], Awaitable[str]]) -> None:
    async with MockServer() as mock:
        mock.clock.freeze()
        ids = await asyncio.gather(*[submit(mock) for _ in range(5)])
        await mock.clock.advance("10m")
        assert {mock.jobs[job_id].status for job_id in ids} == {"COMPLETED"}
        assert len(await mock.requests.wait(count=5, method="POST")) == 5


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_asynchronous_clients_in_anyio(backend: str) -> None:
    async def main() -> None:
        async with MockServer() as mock:
            job_id = await by_async_httpx(mock)
            await mock.jobs[job_id].complete()
            assert mock.jobs[job_id].status == "COMPLETED"

    anyio.run(main, backend=backend)
