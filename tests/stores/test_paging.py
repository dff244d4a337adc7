"""The job list in pages: each job once, newest first, whatever is added between them."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.core.accounts import Key
from mockserver.core.jobs import Job
from mockserver.core.paging import Place
from mockserver.core.timeline import JobStatus, Plan
from mockserver.stores.protocol import JobQuery, Page, Store
from tests.stores.conftest import OpenStore
from tests.stores.drafts import ANN, BOB, EVE, NOW, OTHER_TEAM, TEAM, accepted, draft, job_id, listed, plan

LATE = NOW + 60.0
"""When pages are asked for: jobs of every length have been made by then."""


def place(job: Job) -> Place:
    return Place(job.created_at, job.id)


async def walked(store: Store, query: JobQuery, now: float = LATE) -> list[str]:
    """The ids on all pages; a page with more to come is full, and one follows."""
    found: list[str] = []
    while True:
        page = await store.page(query, now)
        found += [job.id for job in page.jobs]
        if not page.has_more:
            return found
        assert len(page.jobs) == query.limit
        query = query._replace(after=place(page.jobs[-1]))


async def test_a_page_holds_the_newest_first_and_says_that_more_follow(store: Store) -> None:
    jobs = [await accepted(store, draft(number, at=NOW + number)) for number in range(5)]
    assert await store.page(JobQuery(ANN.user_id, 2), LATE) == Page([jobs[4], jobs[3]], has_more=True)
    assert await store.page(JobQuery(ANN.user_id, 2, place(jobs[3])), LATE) == Page([jobs[2], jobs[1]], has_more=True)
    assert await store.page(JobQuery(ANN.user_id, 2, place(jobs[1])), LATE) == Page([jobs[0]], has_more=False)
    assert await store.page(JobQuery(ANN.user_id, 2, place(jobs[0])), LATE) == Page([], has_more=False)


@pytest.mark.parametrize("limit", [5, 6, 100])
async def test_a_page_that_holds_all_says_that_nothing_follows(store: Store, limit: int) -> None:
    jobs = [await accepted(store, draft(number)) for number in range(5)]
    assert await store.page(JobQuery(ANN.user_id, limit), LATE) == Page(jobs[::-1], has_more=False)


async def test_jobs_of_the_same_millisecond_are_told_apart_by_their_ids(store: Store) -> None:
    for number in (3, 1, 4, 0, 2):
        await accepted(store, draft(number))
    for limit in range(1, 7):
        assert await walked(store, JobQuery(ANN.user_id, limit)) == [job_id(number) for number in (4, 3, 2, 1, 0)]


async def test_a_place_whose_job_never_was_is_as_good_as_any(store: Store) -> None:
    jobs = [await accepted(store, draft(number, at=NOW + number)) for number in range(4)]
    between = Place(NOW + 1.5, job_id(999))
    assert await store.page(JobQuery(ANN.user_id, 9, between), LATE) == Page([jobs[1], jobs[0]], has_more=False)
    assert await store.page(JobQuery(ANN.user_id, 9, Place(0.0, "")), LATE) == Page([], has_more=False)


async def test_a_user_sees_the_own_jobs_and_a_team_those_of_its_members(store: Store) -> None:
    for number, owner in enumerate((ANN, BOB, EVE, ANN, BOB, EVE)):
        await accepted(store, draft(number, at=NOW + number % 2, owner=owner))
    expected = {ANN.user_id: (3, 0), BOB.user_id: (1, 4), TEAM.id: (3, 1, 4, 0), OTHER_TEAM.id: (5, 2), "nobody": ()}
    for owner_id, numbers in expected.items():
        for limit in (1, 2, 3, 10):
            assert await walked(store, JobQuery(owner_id, limit)) == [job_id(number) for number in numbers]


async def test_a_job_is_found_by_its_id_only_by_its_owners(store: Store) -> None:
    job = await accepted(store, draft(1))
    await accepted(store, draft(2))
    for owner, found in ((ANN.user_id, [job]), (TEAM.id, [job]), (BOB.user_id, []), (OTHER_TEAM.id, [])):
        assert await store.page(JobQuery(owner, 1, job_id=job.id), LATE) == Page(found, has_more=False)
    assert await listed(store, ANN.user_id, job_id=job_id(9)) == []


async def test_filters_hold_together(store: Store) -> None:
    job = await accepted(store, draft(1, model="model-b"))
    queries: list[dict[str, Any]] = [
        {"status": JobStatus.PROCESSING, "model": "model-b", "job_id": job.id},
        {"status": JobStatus.COMPLETED, "model": "model-b", "job_id": job.id},
        {"status": JobStatus.PROCESSING, "model": "model-a", "job_id": job.id},
        {"status": JobStatus.PROCESSING, "model": "model-a"},
        {"status": JobStatus.PROCESSING, "model": "model-b"},
    ]
    assert [await listed(store, ANN.user_id, **query) for query in queries] == [[job.id], [], [], [], [job.id]]


async def test_the_status_filter_judges_by_the_instant_of_the_look(store: Store) -> None:
    await accepted(store, draft(1, life=plan(starts_at=NOW + 5)))
    seen = [
        [status.value for status in JobStatus if await listed(store, ANN.user_id, NOW + s, status=status)]
        for s in (0, 5, 15)
    ]
    assert seen == [["QUEUED"], ["PROCESSING"], ["COMPLETED"]]


async def test_few_among_thousands_are_found_page_by_page(store: Store) -> None:
    await store.set_balance(TEAM.id, 10_000, NOW)
    rare = {0, 1, 1999, 2000, 2001, 4500, 4999}
    models = ["rare" if number in rare else "model-a" for number in range(5000)]
    wanted = [draft(number, at=NOW + number / 1000, model=model) for number, model in enumerate(models)]
    await asyncio.gather(*(accepted(store, each) for each in wanted))
    for limit in (1, 3, 7, 8):
        found = await walked(store, JobQuery(ANN.user_id, limit, model="rare"))
        assert found == [job_id(number) for number in sorted(rare, reverse=True)]


async def test_the_models_of_an_owner_are_told_once_each_and_sorted(store: Store) -> None:
    made = [(ANN, "b"), (ANN, "a"), (BOB, "c"), (ANN, "b"), (EVE, "d")]
    for number, (owner, model) in enumerate(made):
        await accepted(store, draft(number, owner=owner, model=model))
    owners = (ANN.user_id, BOB.user_id, TEAM.id, OTHER_TEAM.id, "nobody")
    assert [await store.models_of(owner) for owner in owners] == [["a", "b"], ["c"], ["a", "b", "c"], ["d"], []]


Made = tuple[int, Key, str, Plan]
LIVES = (plan(runs_s=1.0), plan(runs_s=1000.0), plan(starts_at=NOW + 1000), plan(outcome=JobStatus.FAILED))
made_jobs = st.tuples(
    st.integers(0, 1),  # milliseconds after the one before
    st.sampled_from([ANN, ANN, BOB, EVE]),
    st.sampled_from(["model-a", "model-b"]),
    st.sampled_from(LIVES),
)
queries = st.builds(
    JobQuery,
    owner=st.sampled_from([ANN.user_id, TEAM.id]),
    limit=st.integers(1, 5),
    after=st.none(),
    job_id=st.none(),
    status=st.sampled_from([None, JobStatus.PROCESSING, JobStatus.COMPLETED]),
    model=st.sampled_from([None, "model-a"]),
)


@given(
    numbers=st.permutations(range(36)),
    first=st.lists(made_jobs, max_size=12),
    between=st.lists(st.lists(made_jobs, max_size=3), max_size=8),
    query=queries,
    max_jobs=st.sampled_from([4, 8, 1000]),
)
async def test_pages_neither_repeat_nor_skip_while_jobs_are_added_and_old_ones_leave(
    open_store: OpenStore,
    numbers: list[int],
    first: list[Made],
    between: list[list[Made]],
    query: JobQuery,
    max_jobs: int,
) -> None:
    async with open_store(max_jobs=max_jobs) as store:
        fitting = await made(store, first, NOW, numbers, query)
        added, found, after, has_more = list[Job](), list[Job](), None, True
        for batch in [*between, *([[]] * 36)]:
            if has_more:
                page = await store.page(query._replace(after=after), LATE)
                assert len(page.jobs) <= query.limit
                found += page.jobs
                after, has_more = place(page.jobs[-1]) if page.jobs else after, page.has_more
                added += await made(store, batch, LATE, numbers, query)
        assert not has_more
        assert found == sorted(found, key=place, reverse=True)
        assert len(set(found)) == len(found)
        assert set(found) <= {*fitting, *added}
        stayed = [job for job in fitting if await store.job(job.id) is not None]
        assert set(stayed) <= set(found)


async def made(store: Store, batch: list[Made], now: float, numbers: list[int], query: JobQuery) -> list[Job]:
    """Add jobs from *now* on; those of them that the query is for."""
    fitting = []
    for ms, owner, model, life in batch:
        now += ms / 1000
        job = await accepted(store, draft(numbers.pop(), at=now, owner=owner, model=model, life=life, cost=0))
        status = query.status in (None, job.moment(LATE).status)
        if query.owner in (job.user_id, job.team_id) and status and query.model in (None, model):
            fitting.append(job)
    return fitting
