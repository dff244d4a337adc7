"""The verbs without a server: the order of the checks, repeatable chance, keys, speed."""

import asyncio
import json
import math
from dataclasses import replace
from itertools import combinations, pairwise
from typing import Any, NamedTuple

import pytest

from mockserver.clock import Clock
from mockserver.core.accounts import RateLimit, ready_made
from mockserver.core.errors import (
    BrokenJson,
    InactiveKey,
    InsufficientCredits,
    Invalid,
    KeyReused,
    MissingKey,
    ModalityNotEnabled,
    OnDemand,
    QueueUnavailable,
    RateLimited,
    Refusal,
    UnknownKey,
)
from mockserver.core.idempotency import Claim, fingerprint
from mockserver.core.jobs import Job
from mockserver.core.timeline import JobStatus, Plan
from mockserver.service import ListRequest, Service, Submitted
from mockserver.stores.memory import MemoryStore
from mockserver.stores.protocol import Caller, Clash, Draft, Replay
from tests.conftest import KEY
from tests.driver import COST
from tests.services import GENERATE, body, make_service

ALL = ListRequest(100, is_team=False, status=None, model=None, search=None, cursor=None, with_models=False)


class Shared(MemoryStore):
    """A store that other processes may work on, and whose answers take a way."""

    is_shared = True
    looks = 0

    async def recall(self, user_id: str, claim: Claim, now: float) -> Replay | Clash | None:
        self.looks += 1
        return await super().recall(user_id, claim, now)


@pytest.fixture(params=[MemoryStore, Shared])
async def service(clock: Clock, request: pytest.FixtureRequest) -> Service:
    return await ready(make_service(clock, store=request.param(100_000)))


async def ready(service: Service) -> Service:
    await service.store.reset(*ready_made())
    return service


async def submit(service: Service, raw: bytes, key: str = "", api_key: str = KEY) -> Submitted:
    return await service.submit(await service.caller(api_key), GENERATE, raw, key)


async def job_of(service: Service, accepted: Submitted) -> Job:
    job = await service.store.job(accepted.job_id)
    assert job is not None
    return job


async def traces(service: Service, caller: Caller) -> tuple[int, list[Job]]:
    """What a submission would leave: the balance and the jobs."""
    return await service.balance(caller.team.id), (await service.jobs(caller, ALL)).jobs


# The order of the checks


class World(NamedTuple):
    """All that a submission is judged by; the defaults let it pass."""

    raw: bytes = body()
    header: str = "k"
    made_before: bytes | None = None
    """What the key `k` was used for."""
    is_active: bool = True
    limit: RateLimit | None = None
    modalities: tuple[str, ...] = ("image",)
    balance: int = COST
    is_queue_down: bool = False


class Trouble(NamedTuple):
    """A refusal (none: the answer is the job that the key made before), and the world that leads to it."""

    refusal: type[Refusal] | None
    world: dict[str, Any]


# In the order of docs/design.md, section 5. Those in one row are checked at the same place.
STAGES = [
    {"inactive": Trouble(InactiveKey, {"is_active": False})},
    {"over the limit": Trouble(RateLimited, {"limit": RateLimit(1, 60.0)})},
    {
        "broken body": Trouble(BrokenJson, {"raw": b"{"}),
        "invalid body": Trouble(Invalid, {"raw": body(size="XL")}),
        "long key": Trouble(Invalid, {"header": "k" * 256}),
    },
    {"clash": Trouble(KeyReused, {"made_before": body("another")}), "replay": Trouble(None, {"made_before": body()})},
    {"modality": Trouble(ModalityNotEnabled, {"modalities": ("video",)})},
    {"credits": Trouble(InsufficientCredits, {"balance": COST - 1})},
    {"queue": Trouble(QueueUnavailable, {"is_queue_down": True})},
]
PAIRS = {
    f"{one} before {other}": (stage[one], later[other])
    for stage, later in combinations(STAGES, 2)
    for one in stage
    for other in later
}


async def brought_about(service: Service, world: World) -> Caller:
    """The user of KEY in this world."""
    key, team = await service.caller(KEY)
    if world.made_before is not None:
        await service.submit(Caller(key, team), GENERATE, world.made_before, "k")
    key = replace(key, is_active=world.is_active, rate_limit=world.limit, is_queue_down=world.is_queue_down)
    team = replace(team, modalities=world.modalities)
    await service.store.put_key(key)
    await service.store.put_team(team)
    await service.store.set_balance(team.id, world.balance, service.clock.now())
    if world.limit is not None:
        await service.store.admit(key.digest, world.limit, service.clock.now())
    return Caller(key, team)


@pytest.mark.parametrize(("first", "second"), PAIRS.values(), ids=PAIRS)
async def test_of_two_troubles_the_one_that_is_checked_first_is_answered(
    service: Service, first: Trouble, second: Trouble
) -> None:
    world = World(**first.world | second.world)
    caller = await brought_about(service, world)
    before = await traces(service, caller)
    if first.refusal is None:
        assert (await submit(service, world.raw, world.header)).job_id == before[1][0].id
    else:
        with pytest.raises(first.refusal):
            await submit(service, world.raw, world.header)
    assert await traces(service, caller) == before


@pytest.mark.parametrize("prompt", ["a fox [[status 503]]", "a fox [[status 402]]"])
async def test_a_replay_comes_before_what_its_prompt_orders(service: Service, prompt: str) -> None:
    caller = await service.caller(KEY)
    claim = Claim("k", fingerprint(GENERATE.id, json.loads(body(prompt))))
    made = await submit(service, body(), "other")
    job = await job_of(service, made)
    again = job._replace(id="00000000-0000-4000-8000-000000000000", idempotency_key="k")
    await service.store.submit(Draft(again, claim, None), service.clock.now())
    assert (await service.submit(caller, GENERATE, body(prompt), "k")).job_id == again.id


async def test_a_shared_store_is_asked_once_where_nothing_can_come_in_between(clock: Clock) -> None:
    store = Shared(100_000)
    service = await ready(make_service(clock, store=store))
    made = await submit(service, body(), "k")
    assert (await submit(service, body(), "k")).job_id == made.job_id
    with pytest.raises(KeyReused):
        await submit(service, body("another"), "k")
    assert store.looks == 0
    service.faults.add([{"id": "once", "job": {"fail": "no"}, "times": 1}])
    assert (await submit(service, body(), "k")).is_replay
    assert store.looks == 1
    assert (await submit(service, body(), "new")).fired == ("once",)


async def test_without_trouble_the_submission_passes(service: Service) -> None:
    world = World()
    caller = await brought_about(service, world)
    accepted = await submit(service, world.raw, world.header)
    balance, jobs = await traces(service, caller)
    assert (balance, [job.id for job in jobs]) == (0, [accepted.job_id])


@pytest.mark.parametrize(
    ("api_key", "refusal"),
    [
        ("", MissingKey),
        ("afk_nobody", UnknownKey),
        ("afk_test ", UnknownKey),
        ("AFK_TEST", UnknownKey),
        ("\udcff", UnknownKey),
        ("afk_test_inactive", InactiveKey),
    ],
)
async def test_who_is_not_known_gets_nowhere(service: Service, api_key: str, refusal: type[Refusal]) -> None:
    with pytest.raises(refusal):
        await service.caller(api_key)


async def test_a_request_that_is_refused_for_its_limit_says_when_to_come_back(service: Service, clock: Clock) -> None:
    answers: list[int] = []
    for s in (0, 0.25, 0.25, 0.5):
        clock.advance(s)
        try:
            await service.caller("afk_test_limited")
            answers.append(0)
        except RateLimited as refused:
            answers.append(refused.retry_after_s)
    assert answers == [0, 1, 1, 0]


async def test_the_servers_limit_holds_for_keys_without_their_own(clock: Clock) -> None:
    service = await ready(make_service(clock, rate_limit=RateLimit(2, 90.5)))
    for _ in range(2):
        await service.caller(KEY)
    with pytest.raises(RateLimited) as refused:
        await service.caller(KEY)
    assert refused.value.retry_after_s == 91
    await service.caller("afk_test_limited")


# What a refused submission leaves


@pytest.mark.parametrize(
    ("raw", "api_key", "refusal"),
    [
        (b"[]", KEY, Invalid),
        (b"", KEY, BrokenJson),
        (body("a fox [[status 400]]"), KEY, OnDemand),
        (body("a fox [[status 503]]"), KEY, OnDemand),
        (body(model="midjourney"), "afk_test_poor", InsufficientCredits),
        (body(), "afk_test_down", QueueUnavailable),
    ],
)
async def test_a_refused_request_leaves_its_key_free(
    service: Service, raw: bytes, api_key: str, refusal: type[Refusal]
) -> None:
    caller = await service.caller(api_key)
    before = await traces(service, caller)
    with pytest.raises(refusal):
        await service.submit(caller, GENERATE, raw, "k")
    assert await traces(service, caller) == before
    await service.store.set_balance(caller.team.id, 100, service.clock.now())
    cured = caller._replace(key=replace(caller.key, is_queue_down=False))
    accepted = await service.submit(cured, GENERATE, body("another"), "k")
    assert [job.id for job in (await service.jobs(caller, ALL)).jobs] == [accepted.job_id]


async def test_poor_teams_are_told_both_numbers_before_the_queue_is_looked_at(service: Service) -> None:
    for prompt in ("a fox", "a fox [[status 500]]"):
        with pytest.raises(InsufficientCredits) as refused:
            await submit(service, body(prompt), api_key="afk_test_poor")
        assert (refused.value.required, refused.value.available) == (COST, 1)


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 409, 429, 500, 503])
async def test_a_prompt_can_order_any_refusal(service: Service, status: int) -> None:
    with pytest.raises(OnDemand) as refused:
        await submit(service, body(f"a fox [[status {status}]]"))
    assert (refused.value.status, refused.value.required, refused.value.available) == (status, COST, COST - 1)


async def test_without_directives_a_prompt_is_plain_text(clock: Clock) -> None:
    service = await ready(make_service(clock, obeys_directives=False))
    job = await job_of(service, await submit(service, body("a fox [[status 503]] [[fail]] [[instant]]")))
    assert (job.plan.outcome, job.plan.error) == (JobStatus.COMPLETED, None)
    assert job.plan.ended_at > clock.now()


# Idempotency


class Distant(MemoryStore):
    """A store that answers only after others have had their turn."""

    async def recall(self, user_id: str, claim: Claim, now: float) -> Replay | Clash | None:
        known = await super().recall(user_id, claim, now)
        await asyncio.sleep(0)
        return known


async def test_fifty_submissions_at_once_with_one_key_make_one_job_and_one_charge(clock: Clock) -> None:
    service = await ready(make_service(clock, store=Distant(100_000)))
    caller = await service.caller(KEY)
    answers = await asyncio.gather(*(service.submit(caller, GENERATE, body(), "k") for _ in range(50)))
    assert {(answer.job_id, answer.status) for answer in answers} == {(answers[0].job_id, JobStatus.QUEUED)}
    assert [answer.is_replay for answer in answers].count(False) == 1
    balance, jobs = await traces(service, caller)
    assert (balance, [job.id for job in jobs]) == (1_000_000 - COST, [answers[0].job_id])


async def test_a_key_may_have_255_characters_and_an_empty_one_is_none(service: Service) -> None:
    first = await submit(service, body(), "k" * 255)
    assert await submit(service, body(), "k" * 255) == first._replace(is_replay=True, cost=0, model="")
    with pytest.raises(Invalid) as refused:
        await submit(service, body(), "k" * 256)
    assert refused.value.details == {"Idempotency-Key": ["Too big: expected string to have <=255 characters"]}
    assert len({(await submit(service, body(), "")).job_id for _ in range(3)}) == 3


async def test_the_same_values_spelled_otherwise_are_the_same_request(service: Service) -> None:
    first = await submit(service, b'{"prompt":"a fox","model":"flux-2-pro","fluxParams":{"seed":1}}', "k")
    again = await submit(
        service, b' {"fluxParams": {"seed": 1.0e0}, "model": "flux-2-pro", "prompt": "a f\\u006fx"}', "k"
    )
    assert again == first._replace(is_replay=True, cost=0, model="")


async def test_a_replay_tells_the_status_of_the_moment_whatever_became_of_the_job(
    service: Service, clock: Clock
) -> None:
    seen = []
    for directive in ("[[slow 1s]]", "[[fail]]", "[[cancel]]", "[[stuck]]"):
        first = await submit(service, body(directive), directive)
        clock.advance(1000)
        again = await submit(service, body(directive), directive)
        assert again.job_id == first.job_id
        seen.append(again.status)
    assert seen == ["COMPLETED", "FAILED", "CANCELLED", "PROCESSING"]


# Chance


async def lives(service: Service) -> list[tuple[str, Plan]]:
    """Ids and plans of some submissions, refused ones among them."""
    found = []
    for number in range(8):
        for raw in (b"{", body(f"a fox {number}"), body(webhookUrl="http://127.0.0.1:1", webhookEvents=["progress"])):
            try:
                job = await job_of(service, await submit(service, raw, f"k{number}" if number % 2 else ""))
                found.append((job.id, job.plan))
            except (BrokenJson, KeyReused):
                continue
    return found


async def test_one_seed_and_the_same_requests_give_the_same_ids_and_lives(clock: Clock) -> None:
    one, same, other = [await lives(await ready(make_service(clock, seed=seed))) for seed in (1, 1, 2)]
    assert one == same
    assert not {job_id for job_id, _ in one} & {job_id for job_id, _ in other}
    assert [plan for _, plan in one] != [plan for _, plan in other]


async def test_starting_over_repeats_what_was(service: Service) -> None:
    first = await lives(service)
    assert await lives(service) != first
    service.start_over(7)
    await service.store.reset(*ready_made())
    assert await lives(service) == first


# Speed


async def durations(clock: Clock, speed: float) -> list[float]:
    service = await ready(make_service(clock, speed=speed))
    jobs = [await job_of(service, await submit(service, body())) for _ in range(20)]
    return [job.plan.ended_at - job.created_at for job in jobs]


async def test_jobs_take_about_as_long_as_is_typical_divided_by_the_speed(clock: Clock) -> None:
    real, fast = await durations(clock, 1.0), await durations(clock, 10.0)
    typical_s = 15.0
    assert all(0.8 * typical_s <= taken <= 1.2 * typical_s for taken in real)
    assert len(set(real)) == 20
    assert fast == pytest.approx([taken / 10 for taken in real], abs=1e-5)


async def test_at_instant_speed_a_job_is_done_in_the_moment_of_its_submission(clock: Clock) -> None:
    service = await ready(make_service(clock, speed=math.inf))
    accepted = await submit(service, body())
    assert accepted.status is JobStatus.QUEUED
    job = await job_of(service, accepted)
    assert job.moment(clock.now()) == (JobStatus.COMPLETED, 100, False)
    assert job.plan.ended_at == job.created_at == clock.now()


async def test_an_order_of_the_prompt_beats_the_speed(clock: Clock) -> None:
    seen = []
    for speed in (1.0, math.inf):
        service = await ready(make_service(clock, speed=speed))
        jobs = [await job_of(service, await submit(service, body(p))) for p in ("[[instant]]", "[[slow 30s]]")]
        seen.append([round(job.plan.ended_at - job.plan.started_at, 6) for job in jobs])
    assert seen == [[0, 30], [0, 30]]


async def test_jobs_of_one_millisecond_and_the_next_are_created_in_whole_milliseconds(clock: Clock) -> None:
    service = await ready(make_service(clock))
    created = []
    for _ in range(5):
        clock.advance(0.0004)
        created.append((await job_of(service, await submit(service, body()))).created_at)
    assert [round((one - created[0]) * 1000, 3) for one in created] == [0, 0, 1, 1, 2]
    assert all(one <= other for one, other in pairwise(created))
    assert all(one <= clock.now() for one in created)
