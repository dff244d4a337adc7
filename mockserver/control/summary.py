"""GET /_mock/summary: what came of a run, in a few numbers."""

from collections import Counter
from typing import Any

from mockserver.control.jobs import jobs_of, trainings_of
from mockserver.control.levers import PREFIX, Levers, answer
from mockserver.control.queries import query_of
from mockserver.core.deliveries import DeliveryStatus
from mockserver.core.signing import key_digest
from mockserver.core.timeline import JobStatus
from mockserver.http.answers import Answer
from mockserver.http.request import Request
from mockserver.http.router import Route

GIVEN_BACK = (JobStatus.FAILED, JobStatus.CANCELLED)
RUN = (JobStatus.PROCESSING, JobStatus.COMPLETED)


def routes(levers: Levers) -> list[Route]:
    """The route."""

    async def get_summary(request: Request) -> Answer:
        sent = query_of(request, "key")
        return answer(await summary_of(levers, key_digest(sent["key"]) if "key" in sent else ""))

    return [Route("GET", f"{PREFIX}/summary", get_summary)]


async def summary_of(levers: Levers, digest: str = "") -> dict[str, Any]:
    """Requests, jobs, credits, webhooks, faults and findings of a key by its SHA-256, or of all.

    `operations` says how many of the jobs each operation made, the trainings of LoRAs among them.
    `creditsSpent` is what was taken for accepted jobs, and for trainings that have started, without what came back for
    those that failed by now.
    """
    await levers.journal.refresh()
    total = levers.stats.total(digest)
    now = levers.clock.now()
    trainings = await trainings_of(levers.store, digest, now)
    known = [*await jobs_of(levers.store, digest, now), *trainings]
    given_back = sum([job.cost for job in known if job.moment(now).status in GIVEN_BACK])
    taken_later = sum([job.later_cost for job in trainings if job.moment(now).status in RUN])
    hooked = {job.id for job in known if job.webhook is not None and digest in ("", job.webhook.digest)}
    deliveries = await levers.store.deliveries()
    statuses = Counter(delivery.status for delivery, _ in deliveries if not digest or delivery.job_id in hooked)
    return {
        "requests": total.requests,
        "jobs": total.jobs,
        "operations": dict(total.operations),
        "creditsSpent": max(0, total.credits_taken + taken_later - given_back),
        "webhooks": {status.value: statuses[status] for status in DeliveryStatus},
        "faults": total.faults,
        "findings": levers.findings.counts(digest),
    }
