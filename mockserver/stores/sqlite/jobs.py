"""Jobs and their lists."""

import asyncio
import heapq
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from mockserver.core.jobs import TRAINING, Job
from mockserver.core.timeline import JobStatus
from mockserver.stores.protocol import JobQuery, Page
from mockserver.stores.sqlite.packing import JOBS, STATUS_CODES, WHOLE_JOB, id_bytes, job_of
from mockserver.stores.sqlite.part import Part

SCAN = 2000
"""Jobs that a filtered page looks at before it lets other requests have a turn."""
READ_AT_ONCE = 500
_FIND = f"SELECT {WHOLE_JOB} FROM {JOBS} WHERE id = ?"  # noqa: S608 - columns
_Place = tuple[Any, ...]
"""`created_at`, id and number of a job, which compare as the list is sorted."""
_CANCELLED = STATUS_CODES[JobStatus.CANCELLED]
_ARCHIVED = (
    f"operation = '{TRAINING}' AND :now >= CASE outcome WHEN {_CANCELLED} THEN started_at + runs_s"
    " ELSE started_at + runs_s + keeps_s END"
)


class Jobs(Part):
    """The part of the store that shows jobs."""

    async def job(self, job_id: str) -> Job | None:
        found = await self._read(_FIND, (id_bytes(job_id),))
        return job_of(found[0]) if found else None

    async def page(self, query: JobQuery, now: float) -> Page:
        if query.job_id is not None:
            job = await self.job(query.job_id)
            fits = job is not None and query.owner in job.lists and _fits(job, query, now)
            return Page([job] if job is not None and fits else [], has_more=False)
        wanted = query.limit + 1
        found = [await self._numbers(list_, query, now, wanted) for list_ in await self._lists.of(query.owner)]
        numbers = [place[2] for place in islice(heapq.merge(*found, reverse=True), wanted)]
        return Page(await self._numbered(numbers[: query.limit]), has_more=len(numbers) == wanted)

    async def models_of(self, owner: str) -> list[str]:
        models = set[str]()
        for list_ in await self._lists.of(owner):
            found = await self._read(
                "SELECT whose FROM tallies WHERE what = 'models' AND whose > ? AND whose < ? AND n > 0",
                (f"{list_}/", f"{list_}0"),  # what follows a slash
            )
            models |= {whose.partition("/")[2] for (whose,) in found}
        return sorted(models)

    async def _numbered(self, numbers: Sequence[int]) -> list[Job]:
        """The jobs with these numbers, in their order; one may have left meanwhile."""
        jobs = dict[int, Job]()
        for start in range(0, len(numbers), READ_AT_ONCE):
            some = numbers[start : start + READ_AT_ONCE]
            for number, *row in await self._read(
                f"SELECT no, {WHOLE_JOB} FROM {JOBS} WHERE no IN ({','.join('?' * len(some))})",  # noqa: S608 - columns
                some,
            ):
                jobs[number] = job_of(row)
        return [jobs[number] for number in numbers if number in jobs]

    async def _numbers(self, list_: int, query: JobQuery, now: float, wanted: int) -> list[_Place]:
        """Up to so many places of a list that fit, newest first."""
        where, values = _filters(query, now)
        values["list"] = list_
        if query.after is not None:
            values |= {"after_at": query.after.created_at, "after_id": id_bytes(query.after.job_id)}
        if not where:
            return await self._places(values, wanted)
        found: list[_Place] = []
        while True:
            end = await self._places(values, 1, skipped=SCAN - 1)
            piece = values | {"last_at": end[0][0], "last_id": end[0][1]} if end else values
            found += await self._places(piece, wanted - len(found), where)
            if not end or len(found) == wanted:
                return found
            values |= {"after_at": end[0][0], "after_id": end[0][1]}
            await asyncio.sleep(0)

    async def _places(
        self, values: Mapping[str, Any], limit: int, where: str = "", *, skipped: int = 0
    ) -> list[_Place]:
        bounds = " AND (created_at, id) < (:after_at, :after_id)" if "after_at" in values else ""
        bounds += " AND (created_at, id) >= (:last_at, :last_id)" if "last_at" in values else ""
        return await self._read(
            f"SELECT created_at, id, no FROM jobs WHERE list = :list{bounds}{where}"  # noqa: S608 - our own words
            f" ORDER BY created_at DESC, id DESC LIMIT {limit} OFFSET {skipped}",
            values,
        )


def _filters(query: JobQuery, now: float) -> tuple[str, dict[str, Any]]:
    """What a row has to be to fit, and the values that are meant."""
    where = ""
    if query.model is not None:
        where += " AND model = :model"
    match query.status:
        case None:
            pass
        case JobStatus.QUEUED:
            where += " AND :now < started_at"
        case JobStatus.PROCESSING:
            where += " AND :now >= started_at AND :now < started_at + runs_s"
        case _:
            where += " AND :now >= started_at + runs_s AND outcome = :outcome"
    if query.hides_archived:
        where += f" AND NOT ({_ARCHIVED})"
    outcome = None if query.status is None else STATUS_CODES[query.status]
    return where, {"model": query.model, "now": now, "outcome": outcome}


def _fits(job: Job, query: JobQuery, now: float) -> bool:
    return (
        (query.model is None or job.model == query.model)
        and (query.status is None or job.moment(now).status is query.status)
        and not (query.hides_archived and job.is_archived(now))
    )
