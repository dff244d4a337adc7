"""Uses the API at its constant address with every client; prints what each got, as one JSON object by client.

Run by tests with the name of a Node.js that knows proxies. What is told of a client: the status of its submission,
the status of its job, where the picture lies, and how that begins.
"""

import asyncio
import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import requests

API = "https://api.apiframe.ai"
SUBMIT = f"{API}/v2/images/generate"
KEY = {"X-API-Key": os.environ["APIFRAME_API_KEY"]}
BODY = {"model": "flux-2-pro", "prompt": "a fox"}
NODE_PROGRAM = Path(__file__).with_name("client.mjs")
Told = dict[str, Any]


def told(status: int, job: Any, picture: bytes) -> Told:
    host = picture_of(job).split("/")[2]
    return {"submitted": status, "job": job["status"], "host": host, "picture": picture[1:4].decode()}


def picture_of(job: Any) -> str:
    return str(job["result"]["images"][0])


def with_requests() -> Told:
    with requests.Session() as client:
        client.headers.update(KEY)
        accepted = client.post(SUBMIT, json=BODY)
        job = client.get(f"{API}/v2/jobs/{accepted.json()['jobId']}").json()
        return told(accepted.status_code, job, client.get(picture_of(job)).content)


def with_httpx() -> Told:
    with httpx.Client(headers=KEY) as client:
        accepted = client.post(SUBMIT, json=BODY)
        job = client.get(f"{API}/v2/jobs/{accepted.json()['jobId']}").json()
        return told(accepted.status_code, job, client.get(picture_of(job)).content)


def with_urllib() -> Told:
    def ask(url: str, body: bytes | None = None) -> tuple[int, bytes]:
        headers = {**KEY, "Content-Type": "application/json"}
        with urllib.request.urlopen(urllib.request.Request(url, body, headers)) as response:  # noqa: S310 - ours
            return response.status, response.read()

    status, accepted = ask(SUBMIT, json.dumps(BODY).encode())
    job = json.loads(ask(f"{API}/v2/jobs/{json.loads(accepted)['jobId']}")[1])
    return told(status, job, ask(picture_of(job))[1])


async def with_aiohttp() -> Told:
    async with aiohttp.ClientSession(trust_env=True, headers=KEY) as client:
        async with client.post(SUBMIT, json=BODY) as response:
            status, accepted = response.status, await response.json()
        async with client.get(f"{API}/v2/jobs/{accepted['jobId']}") as response:
            job = await response.json()
        async with client.get(picture_of(job)) as response:
            return told(status, job, await response.read())


def with_curl() -> Told:
    def curl(*words: str) -> bytes:
        headers = ("-H", f"X-API-Key: {KEY['X-API-Key']}", "-H", "Content-Type: application/json")
        line = ["curl", "-sS", *headers, *words]
        return subprocess.run(line, stdout=subprocess.PIPE, check=True).stdout

    said = curl(SUBMIT, "-d", json.dumps(BODY), "-w", "%{http_code}").decode()
    job = json.loads(curl(f"{API}/v2/jobs/{json.loads(said[:-3])['jobId']}"))
    return told(int(said[-3:]), job, curl(picture_of(job)))


def main(node: str) -> None:
    with subprocess.Popen([node, NODE_PROGRAM], stdout=subprocess.PIPE) as process:
        results = {
            "requests": with_requests(),
            "httpx": with_httpx(),
            "urllib": with_urllib(),
            "aiohttp": asyncio.run(with_aiohttp()),
            "curl": with_curl(),
            **json.loads(process.communicate()[0]),
        }
    sys.stdout.write(json.dumps(results))


if __name__ == "__main__":
    main(sys.argv[1])
