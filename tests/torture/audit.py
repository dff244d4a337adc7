"""Whether every promise was kept, seen from outside once everything is up again."""

import asyncio
from collections import Counter
from typing import Any

import aiohttp

from tests.torture.clients import Order
from tests.torture.tally import Tally

PATIENCE_S = 40.0
"""How long it may take until all that is due has been delivered."""
ATTEMPTS = 3
"""After which a webhook is given up, by the default of --webhook-attempts."""
FINAL = {"COMPLETED": "completed", "FAILED": "failed"}


class Auditor:
    """One who knows a server, a team's key, and with how many credits the team began."""

    def __init__(self, http: aiohttp.ClientSession, opening: int, tally: Tally) -> None:
        self._http, self._opening, self._tally = http, opening, tally

    async def settle(self) -> None:
        """Move the clock until no delivery is left to come."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while (await self._get("/_mock/health"))["pendingDeliveries"]:
                    async with self._http.post("/_mock/clock", json={"advance": "10m", "wait": False}) as answer:
                        assert answer.status == 200, await answer.text()
                    await asyncio.sleep(0.5)
        except TimeoutError:
            pending = (await self._get("/_mock/webhooks?status=pending"))["deliveries"]
            self._tally.hold("no delivery is left pending", [f"{each['id']} of {each['eventAt']}" for each in pending])

    async def judge(self, orders: list[Order], taken: Counter[tuple[str, str]]) -> None:
        """Compare what clients and receivers know with what the server says."""
        jobs = await self._jobs()
        self._judge_jobs(orders, jobs)
        await self._judge_ledger(jobs)
        await self._judge_webhooks(jobs, taken)

    def _judge_jobs(self, orders: list[Order], jobs: dict[str, dict[str, Any]]) -> None:
        answered = {job_id for order in orders for job_id in order.job_ids}
        lost = answered - jobs.keys()
        unasked = jobs.keys() - answered
        double = [order.key for order in orders if len(order.job_ids) > 1]
        unfinished = [job_id for job_id, job in jobs.items() if job["status"] not in FINAL]
        self._tally.counts.update(
            {"jobs": len(jobs), "lost jobs": len(lost), "double jobs": len(double) + len(unasked)}
        )
        self._tally.hold("every 202 has its job", lost)
        self._tally.hold("every job is that of a key", unasked)
        self._tally.hold("every key has one job", double)
        self._tally.hold("every key has a job", [order.key for order in orders if not order.job_ids])
        self._tally.hold("every job has ended", unfinished)

    async def _judge_ledger(self, jobs: dict[str, dict[str, Any]]) -> None:
        balance = (await self._get("/v2/me"))["team"]["credits"]
        costs = sum(job["creditCost"] for job in jobs.values())
        self._tally.counts["credits spent"] = costs
        if self._opening - balance != costs:
            self._tally.hold(
                "the ledger adds up", f"{self._opening} - {balance} = {self._opening - balance}, not {costs}"
            )

    async def _judge_webhooks(self, jobs: dict[str, dict[str, Any]], taken: Counter[tuple[str, str]]) -> None:
        untold, early, pending = [], [], []
        for job_id, job in jobs.items():
            match job["webhookStatus"]:
                case "delivered":
                    if (job_id, FINAL[job["status"]]) not in taken:
                        untold.append(job_id)
                case "failed":
                    self._tally.counts["webhooks given up"] += 1
                    if await self._attempts(job_id) < ATTEMPTS:
                        early.append(job_id)
                case _:
                    pending.append(job_id)
        self._tally.counts["webhooks taken"] = len(taken)
        self._tally.counts["webhooks taken twice"] = sum(1 for times in taken.values() if times > 1)
        self._tally.counts["lost webhooks"] = len(untold)
        self._tally.hold("what is called delivered was taken", untold)
        self._tally.hold("none is given up before its last attempt", early)
        self._tally.hold("each webhook is delivered or given up", pending)

    async def _attempts(self, job_id: str) -> int:
        """How often the job's last event was tried; enough, where that is no longer remembered."""
        deliveries = (await self._get(f"/_mock/webhooks?job={job_id}"))["deliveries"]
        return max((delivery["attempts"][-1]["number"] for delivery in deliveries), default=ATTEMPTS)

    async def _jobs(self) -> dict[str, dict[str, Any]]:
        jobs, cursor = dict[str, dict[str, Any]](), ""
        while True:
            page = await self._get(f"/v2/jobs?limit=100{cursor}")
            twice = [job["id"] for job in page["jobs"] if job["id"] in jobs]
            self._tally.hold("a list shows no job twice", twice)
            jobs |= {job["id"]: job for job in page["jobs"]}
            if not page["hasMore"]:
                return jobs
            cursor = f"&cursor={page['nextCursor']}"

    async def _get(self, path: str) -> Any:
        async with self._http.get(path) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()
