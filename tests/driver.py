"""What a user does over HTTP, a word each: submit, look, count credits, pull a lever of the control plane."""

import io
from typing import Any

import aiohttp

MODEL = "flux-2-pro"
COST = 6
"""Credits of a job of MODEL."""
PNG = b"\x89PNG\r\n\x1a\n"
"""What a picture has to begin with to be taken for one."""


class Driver:
    """One user with one key; every word checks that the answer is the expected kind and gives its JSON."""

    def __init__(self, http: aiohttp.ClientSession) -> None:
        self.http = http

    async def submit(self, prompt: str = "a fox", **more: Any) -> str:
        """The id of a new job."""
        async with self.http.post("/v2/images/generate", json={"prompt": prompt, "model": MODEL, **more}) as answer:
            assert answer.status == 202, await answer.text()
            job_id: str = (await answer.json())["jobId"]
            return job_id

    async def train(self, name: str = "Ann") -> str:
        """The id of a new LoRA."""
        form = aiohttp.FormData({"name": name, "subjectKind": "style"})
        for number in range(15):
            form.add_field("images", io.BytesIO(PNG), filename=f"{number}.png")
        async with self.http.post("/v2/loras", data=form) as answer:
            assert answer.status == 202, await answer.text()
            lora_id: str = (await answer.json())["id"]
            return lora_id

    async def job(self, job_id: str) -> dict[str, Any]:
        """The job as the API shows it now."""
        async with self.http.get(f"/v2/jobs/{job_id}") as answer:
            assert answer.status == 200, await answer.text()
            job: dict[str, Any] = await answer.json()
            return job

    async def statuses(self, *job_ids: str) -> list[str]:
        """The status of each job now."""
        return [(await self.job(job_id))["status"] for job_id in job_ids]

    async def balance(self) -> int:
        """The team's credits as /v2/me shows them now."""
        async with self.http.get("/v2/me") as answer:
            assert answer.status == 200, await answer.text()
            balance: int = (await answer.json())["team"]["credits"]
            return balance

    async def pull(self, method: str, lever: str, body: Any = None, *, status: int = 200) -> Any:
        """What a lever answers; null for no body."""
        async with self.http.request(method, f"/_mock/{lever}", json=body) as answer:
            assert answer.status == status, await answer.text()
            raw = await answer.read()
            assert answer.content_type == ("application/problem+json" if status >= 400 else answer.content_type)
            return await answer.json(content_type=None) if raw else None

    async def advance(self, span: str | float, **more: Any) -> None:
        """Move the clock, and wait for what falls due."""
        await self.pull("POST", "clock", {"advance": span, **more})

    async def deliveries(self, job_id: str) -> list[dict[str, Any]]:
        """The job's webhooks as the control plane shows them."""
        found: list[dict[str, Any]] = (await self.pull("GET", f"webhooks?job={job_id}"))["deliveries"]
        return found
