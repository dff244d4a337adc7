"""Defects in what is told of jobs, looked at, listed or sent: LIFE, LIST, WH."""

import asyncio
import json
import math
import sys
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

import aiohttp
import yarl

from mockserver import service as verbs
from mockserver import webhooks
from mockserver.api import files, jobs
from mockserver.core import deliveries
from mockserver.core.deliveries import Delivery, payload
from mockserver.core.directives import Directives
from mockserver.core.errors import Invalid, JobNotFound
from mockserver.core.instants import iso
from mockserver.core.jobs import Job, Webhook, WebhookStatus
from mockserver.core.paging import Place, cursor, place_of
from mockserver.core.results import FileName
from mockserver.core.signing import Scheme, signature
from mockserver.core.timeline import JobStatus, progressed_by
from mockserver.http.answers import Answer
from mockserver.http.request import Request
from mockserver.http.router import Handler
from mockserver.posting import Poster, Said
from mockserver.service import Listing, ListRequest, Service
from mockserver.stores.index import Entry
from mockserver.stores.memory import MemoryStore
from mockserver.stores.protocol import Caller, JobQuery, Page
from mockserver.webhooks import Deliverer, Heard
from tests.power import planting
from tests.power.planting import Defect, Swap, around, genuine

DEFECTS: dict[str, Defect] = {}
breaks = partial(planting.breaks, defects=DEFECTS)


# LIFE


def is_within(job: Job, now: float, first: float, last: float) -> bool:
    """Whether a job is at work, and has done between these shares of it."""
    plan = job.plan
    if job.moment(now).status is not JobStatus.PROCESSING or not math.isfinite(plan.runs_s):
        return False
    return first <= (now - plan.started_at) / plan.runs_s < last


def tells(change: Callable[[Job, float], Job]) -> Swap:
    """GET /v2/jobs/{id} and the list show the changed job; levers and webhooks know the true one."""
    told = jobs.job_json

    def job_json(service: Service, job: Job, now: float) -> str:
        return told(service, change(job, now), now)

    return Swap(jobs, "job_json", job_json)


@breaks("LIFE-1")
def job_appears_late() -> list[Swap]:
    """A new job is answered 404 during its first second."""
    look = Service.job

    async def job(self: Service, caller: Caller, job_id: str) -> Job:
        found = await look(self, caller, job_id)
        if self.clock.now() < found.created_at + 1:
            raise JobNotFound
        return found

    return [Swap(Service, "job", job)]


@breaks("LIFE-2")
def status_goes_back() -> list[Swap]:
    """From 30 to 60 per cent of its run, a job is QUEUED again."""
    told = jobs.job_json

    def job_json(service: Service, job: Job, now: float) -> str:
        text = told(service, job, now)
        if is_within(job, now, 0.3, 0.6):
            text = text.replace('"status":"PROCESSING"', '"status":"QUEUED"', 1)
        return text

    return [Swap(jobs, "job_json", job_json)]


@breaks("LIFE-3")
def progress_falls() -> list[Swap]:
    """From 60 to 80 per cent of its run, a job shows no progress."""

    def change(job: Job, now: float) -> Job:
        return job._replace(plan=job.plan._replace(marks=())) if is_within(job, now, 0.6, 0.8) else job

    return [tells(change)]


@breaks("LIFE-4")
def some_jobs_never_end() -> list[Swap]:
    """A third of the jobs, by their ids, stay PROCESSING for ever."""
    drawn = genuine(Service, "_draw_job")

    def draw_job(self: Service, caller: Caller, order: Any, now: float) -> Job:
        job: Job = drawn(self, caller, order, now)
        if int(job.id[:8], 16) % 3 == 0:
            job = job._replace(plan=job.plan._replace(runs_s=math.inf))
        return job

    return [Swap(Service, "_draw_job", draw_job)]


@breaks("LIFE-5")
def completed_at_moves() -> list[Swap]:
    """A job that has ended says that it did so at the moment of the look."""
    told = jobs.job_json

    def job_json(service: Service, job: Job, now: float) -> str:
        ended, moved = (f'"completedAt":"{iso(at)}"' for at in (job.plan.ended_at, now))
        return told(service, job, now).replace(ended, moved)

    return [Swap(jobs, "job_json", job_json)]


@breaks("LIFE-6")
def result_missing() -> list[Swap]:
    """A completed job's result lacks its last picture, which may be its only one."""
    result = Service.result_json

    def result_json(self: Service, job: Job) -> str:
        return result(self, job._replace(outputs=job.outputs - 1))

    return [Swap(Service, "result_json", result_json)]


@breaks("LIFE-7")
def input_changes() -> list[Swap]:
    """Once a job has started, its input has a filled-in default that nobody sent."""

    async def shown(_: Service, request: Request, handler: Handler) -> Answer:
        answer = await handler(request)
        if b'"status":"QUEUED"' not in answer.content:
            answer.content = answer.content[:-2] + b',"outputFormat":"png"}}'
        return answer

    return [around(jobs, shown, "/v2/jobs/{id}")]


def lists_tell(change: Callable[[Job, float], tuple[Job, float]], *, unless: str = " ") -> list[Swap]:
    """Entries of the list show another job, or another instant; not where the query has *unless* in it."""
    told, is_listing = jobs.job_json, ContextVar("is_listing", default=False)

    def job_json(service: Service, job: Job, now: float) -> str:
        return told(service, *(change(job, now) if is_listing.get() else (job, now)))

    async def listed(_: Service, request: Request, handler: Handler) -> Answer:
        token = is_listing.set(unless not in request.query_string)
        try:
            return await handler(request)
        finally:
            is_listing.reset(token)

    return [Swap(jobs, "job_json", job_json), around(jobs, listed, "/v2/jobs")]


@breaks("LIFE-8")
def list_lags() -> list[Swap]:
    """The list shows jobs as they stood three seconds ago, but for lists of one status."""
    return lists_tell(lambda job, now: (job, max(job.created_at, now - 3)), unless="status=")


@breaks("LIFE-9")
def files_never_expire() -> list[Swap]:
    """A job is never shown as expired, and its files download for ever."""
    exists = genuine(files, "_exists")

    def kept(job: Job, _: float = 0.0) -> Job:
        return job._replace(plan=job.plan._replace(keeps_s=math.inf))

    def still_exists(service: Service, job: Job, name: FileName) -> bool:
        there: bool = exists(service, kept(job), name)
        return there

    return [tells(kept), Swap(files, "_exists", still_exists)]


@breaks("LIFE-10")
def polling_moves_the_job() -> list[Swap]:
    """Each look at a job that runs moves it on by one per cent, and takes a fifth off the time that it still needs."""
    look = Service.job

    async def job(self: Service, caller: Caller, job_id: str) -> Job:
        found = await look(self, caller, job_id)
        now, plan = self.clock.now(), found.plan
        status, progress, _ = found.moment(now)
        if status is JobStatus.PROCESSING and progress < 99:
            ran_s = now - plan.started_at
            sooner = plan._replace(runs_s=ran_s + 0.8 * (plan.runs_s - ran_s))
            await self.store.change_plan(found.id, progressed_by(sooner, now, progress + 1), now)
        return found

    return [Swap(Service, "job", job)]


# LIST


def asks(change: Callable[[ListRequest], ListRequest]) -> list[Swap]:
    """Lists are made for another request than was sent."""
    listed = Service.jobs

    async def listing(self: Service, caller: Caller, wanted: ListRequest) -> Listing:
        return await listed(self, caller, change(wanted))

    return [Swap(Service, "jobs", listing)]


@breaks("LIST-1")
def list_oldest_first() -> list[Swap]:
    """The list begins with the oldest job."""

    def following(self: MemoryStore, owner: str, after: Entry | None, limit: int) -> list[Entry]:
        entries = sorted(entry for index in self._indexes_of(owner) for entry in index.before(None, sys.maxsize))
        return [entry for entry in entries if after is None or entry > after][:limit]

    return [Swap(MemoryStore, "_before", following)]


@breaks("LIST-2")
def limit_ignored() -> list[Swap]:
    """A page has up to 20 entries, whatever `limit` says."""
    return asks(lambda wanted: wanted._replace(limit=20))


@breaks("LIST-3")
def has_more_lies() -> list[Swap]:
    """The last page says hasMore, without a cursor to get more with."""

    async def listed(_: Service, request: Request, handler: Handler) -> Answer:
        answer = await handler(request)
        if not answer.content.startswith(b'{"jobs":[]'):
            answer.content = answer.content.replace(
                b'"nextCursor":null,"hasMore":false', b'"nextCursor":null,"hasMore":true'
            )
        return answer

    return [around(jobs, listed, "/v2/jobs")]


@breaks("LIST-4")
def page_skips_one() -> list[Swap]:
    """A page after a cursor leaves its first entry out."""
    paged = MemoryStore.page

    async def page(self: MemoryStore, query: JobQuery, now: float) -> Page:
        if query.after is None:
            return await paged(self, query, now)
        found = await paged(self, query._replace(limit=query.limit + 1), now)
        return found._replace(jobs=found.jobs[1:])

    return [Swap(MemoryStore, "page", page)]


@breaks("LIST-5")
def filter_ignored() -> list[Swap]:
    """A list of one status shows jobs of every status."""
    return asks(lambda wanted: wanted._replace(status=None))


@breaks("LIST-6")
def empty_page_with_more() -> list[Swap]:
    """Where the last page is full, it promises another; that one is empty, promises more too, and is followed by the
    true end.
    """
    listed = Service.jobs

    async def listing(self: Service, caller: Caller, wanted: ListRequest) -> Listing:
        found = await listed(self, caller, wanted)
        owner = caller.team.id if wanted.is_team else caller.key.user_id
        since = place_of(wanted.cursor or "", owner, self._secret)
        if found.next_cursor is not None:
            return found
        if len(found.jobs) == wanted.limit:
            following = Place(found.jobs[-1].created_at, found.jobs[-1].id)
        elif not found.jobs and since is not None and since.created_at > 0:
            following = Place(0.0, "")
        else:
            return found
        return found._replace(next_cursor=cursor(following, owner, self._secret))

    return [Swap(Service, "jobs", listing)]


@breaks("LIST-7")
def cursor_unsigned() -> list[Swap]:
    """Any text is taken for a cursor; what is none gives the first page."""
    listed = Service.jobs

    async def listing(self: Service, caller: Caller, wanted: ListRequest) -> Listing:
        try:
            return await listed(self, caller, wanted)
        except Invalid:
            return await listed(self, caller, wanted._replace(cursor=None))

    return [Swap(Service, "jobs", listing)]


@breaks("LIST-8")
def list_entry_differs() -> list[Swap]:
    """Entries of the list say that every job cost nothing."""
    return lists_tell(lambda job, now: (job._replace(cost=0), now))


@breaks("LIST-9")
def models_left_out() -> list[Swap]:
    """A list with include_models=true comes without the models."""
    return asks(lambda wanted: wanted._replace(with_models=False))


# WH


def ordered(**changes: Any) -> list[Swap]:
    """Every webhook is set up as if it had been asked for with these changes."""
    drawn = genuine(verbs, "_webhook")

    def webhook(body: Mapping[str, Any], orders: Directives, digest: str) -> Webhook | None:
        hook: Webhook | None = drawn(body, orders, digest)
        return hook and hook._replace(**changes)

    return [Swap(verbs, "_webhook", webhook)]


@breaks("WH-1")
def signature_over_reformatted_body() -> list[Swap]:
    """A webhook is signed over its body written anew, with spaces after commas and colons."""

    def signed(digest: str, body: bytes, scheme: Scheme) -> str:
        return signature(digest, json.dumps(json.loads(body)).encode(), scheme)

    return [Swap(webhooks, "signature", signed)]


@breaks("WH-2")
def all_events_sent() -> list[Swap]:
    """Every event is sent, whichever were chosen."""
    return ordered(events=("progress", "completed", "failed"))


@breaks("WH-3")
def terminal_event_twice() -> list[Swap]:
    """The event of a job's end is sent twice, though the first was received."""
    return ordered(order="duplicate")


@breaks("WH-4")
def no_retry() -> list[Swap]:
    """A webhook that was not received is given up at once."""

    def after_attempt(delivery: Delivery, **outcome: Any) -> Delivery:
        return deliveries.after_attempt(delivery, **{**outcome, "may_retry": False})

    return [Swap(webhooks, "after_attempt", after_attempt)]


@breaks("WH-5")
def webhook_status_stuck() -> list[Swap]:
    """webhookStatus stays pending, whatever became of the webhook."""

    def change(job: Job, _: float) -> Job:
        return job._replace(webhook_status=job.webhook_status and WebhookStatus.PENDING)

    return [tells(change)]


@breaks("WH-6")
def webhook_body_differs() -> list[Swap]:
    """The webhook of a completed job says that the job cost nothing."""

    def body(job: Job, delivery: Delivery, result_json: str) -> bytes:
        return payload(job._replace(cost=0), delivery, result_json)

    return [Swap(webhooks, "payload", body)]


@breaks("WH-7")
def retry_has_new_bytes() -> list[Swap]:
    """A retry's body tells which attempt it is, and is signed anew."""

    def body(job: Job, delivery: Delivery, result_json: str) -> bytes:
        sent = payload(job, delivery, result_json)
        return sent if delivery.attempts == 0 else b'%b,"attempt":%d}' % (sent[:-1], delivery.attempts + 1)

    return [Swap(webhooks, "payload", body)]


@breaks("WH-8")
def redirects_followed() -> list[Swap]:
    """A receiver that answers with a redirect has the webhook sent to where it points, body and signature included."""

    async def post(_: Poster, url: yarl.URL, body: bytes, headers: Mapping[str, str]) -> Said:
        async with aiohttp.request("POST", url, data=body, headers=headers) as response:
            return Said(response.status, await response.read())

    return [Swap(Poster, "post", post)]


@breaks("WH-9")
def slow_receiver_blocks() -> list[Swap]:
    """Webhooks are sent one after the other: all wait for the slowest receiver."""
    posted = genuine(Deliverer, "_post")
    turns: WeakKeyDictionary[Deliverer, asyncio.Lock] = WeakKeyDictionary()

    async def post(self: Deliverer, address: str, body: bytes, headers: Mapping[str, str]) -> Heard:
        async with turns.setdefault(self, asyncio.Lock()):
            heard: Heard = await posted(self, address, body, headers)
        return heard

    return [Swap(Deliverer, "_post", post)]


@breaks("WH-10")
def webhook_status_without_url() -> list[Swap]:
    """A job without a webhook has a webhookStatus, which is pending."""

    def change(job: Job, _: float) -> Job:
        return job._replace(webhook_status=job.webhook_status or WebhookStatus.PENDING)

    return [tells(change)]
