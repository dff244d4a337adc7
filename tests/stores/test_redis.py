"""What only a store in a server can show: several processes, leases, a server that goes and comes, and its URL."""

import asyncio
import socket
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from mockserver.clock import Clock
from mockserver.core.accounts import RateLimit
from mockserver.core.idempotency import Claim
from mockserver.core.timeline import JobStatus, failed_by
from mockserver.settings import SettingsError
from mockserver.stores.protocol import Accepted, Caller, Counts, JobQuery, Record, Replay, Room, StoreDown
from mockserver.stores.redis.outbox import LEASE_S
from mockserver.stores.redis.store import RedisStore
from mockserver.stores.redis.wires import Command
from tests.stores import redisserver
from tests.stores.conftest import CHOSEN
from tests.stores.drafts import (
    ANN,
    EVE,
    HOOK,
    KEYS,
    NEVER,
    NOW,
    OTHER_TEAM,
    TEAM,
    TEAMS,
    accepted,
    attempt,
    delivered,
    draft,
    due_again,
    job_id,
    listed,
    plan,
    whole,
)

pytestmark = pytest.mark.skipif("redis" not in CHOSEN, reason="make test-stores runs it")
ROOT = Path(__file__).parents[2]
FINAL_HOOK = HOOK._replace(events=("completed", "failed"))
OpenStores = Callable[..., Awaitable[list[RedisStore]]]
_prefixes = count()


@pytest.fixture
def real() -> Clock:
    """Real time, as the leases of all processes but the first see it."""
    return Clock(1000.0, is_frozen=True)


@pytest.fixture
async def opened(real: Clock) -> AsyncIterator[OpenStores]:
    """So many stores over the same state, as processes have them, each a client of its own to the server.

    For the first, real time stands still, as for a process that hangs; the others have `real`.
    """
    redisserver.need_program()
    async with AsyncExitStack() as stack:

        async def open_stores(how_many: int, url: str = "", max_jobs: int = 1000) -> list[RedisStore]:
            url = url or f"{redisserver.shared().url}?prefix=several{next(_prefixes)}"
            clocks = [Clock(real.now(), is_frozen=True), *([real] * (how_many - 1))]
            stores = [await RedisStore.opened(url, max_jobs, real=clock) for clock in clocks]
            for store in stores:
                stack.push_async_callback(store.close)
            await stores[0].reset(TEAMS, KEYS)
            return stores

        yield open_stores


@pytest.fixture
def server() -> Iterator[redisserver.Server]:
    """A server of one test, which may kill it."""
    own = redisserver.Server()
    yield own
    own.kill()


# Several at once


async def test_of_submissions_with_one_key_in_several_processes_one_makes_the_job(opened: OpenStores) -> None:
    stores = await opened(5)
    outcomes = await asyncio.gather(
        *(store.submit(draft(number, key="k", cost=60), NOW) for number, store in enumerate(stores * 10))
    )
    made = [outcome for outcome in outcomes if isinstance(outcome, Accepted)]
    assert len(made) == 1
    assert outcomes.count(Replay(made[0].job.id, JobStatus.PROCESSING)) == 49
    assert [await listed(store, TEAM.id) for store in stores] == [[made[0].job.id]] * 5
    assert [await store.balance(TEAM.id, NOW) for store in stores] == [40] * 5


async def test_slots_that_several_processes_take_at_once_are_given_once_each(opened: OpenStores) -> None:
    stores = await opened(4)
    await stores[0].set_balance(TEAM.id, 1000, NOW)
    await asyncio.gather(*(accepted(store, draft(n, slots=2)) for n, store in enumerate(stores * 15)))
    starts = Counter([job.plan.started_at - NOW for job in (await stores[1].page(JobQuery(TEAM.id, 99), NOW)).jobs])
    assert starts == {10.0 * place: 2 for place in range(30)}


async def test_plans_that_several_processes_change_at_once_are_all_heeded(opened: OpenStores) -> None:
    stores = await opened(4)
    await stores[0].put_team(replace(TEAM, max_concurrent_jobs=1))
    jobs = [await accepted(stores[0], draft(n, cost=5, slots=1, hook=FINAL_HOOK)) for n in range(12)]
    ending = zip(stores * 2, jobs[:8], strict=True)
    await asyncio.gather(*(store.change_plan(job.id, failed_by(job.plan, NOW, "no"), NOW) for store, job in ending))
    plans = [found.plan for job in jobs[8:] if (found := await stores[0].job(job.id)) is not None]
    assert [each.started_at - NOW for each in plans] == [0, 10, 20, 30]
    assert await stores[1].balance(TEAM.id, NOW) == TEAM.opening - 4 * 5
    due = [(each.event, each.due_at - NOW) for each, _ in await stores[2].deliveries()]
    assert due == [("failed", 0)] * 8 + [("completed", at) for at in (10, 20, 30, 40)]


PROGRAM = """
import asyncio, sys
from mockserver.stores.redis.store import RedisStore
from mockserver.stores.redis.wires import Command
from tests.stores.drafts import HOOK, NOW, accepted, attempt, delivered, draft

async def main(url, first):
    store = await RedisStore.opened(url, 10_000)
    sys.stdout.write("ready\\n")
    sys.stdout.flush()
    sys.stdin.readline()
    wanted = [draft(first + n, key=f"k{n}") for n in range(50)]
    wanted += [draft(first + n, hook=HOOK._replace(events=("completed",))) for n in range(50, 150)]
    outcomes = await asyncio.gather(*(store.submit(each, NOW) for each in wanted))
    made = sum(type(outcome).__name__ == "Accepted" for outcome in outcomes)
    taken = []
    while some := await store.claim_due(NOW + 99, 7):
        taken += [delivery.id for delivery, _ in some]
        for delivery, _ in some:
            await store.settle(delivered(delivery), attempt(delivery))
    await store.close()
    print(made, *taken)

asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""


async def test_real_processes_make_one_job_a_key_take_each_delivery_once_and_the_ledger_adds_up(
    opened: OpenStores,
) -> None:
    url = f"{redisserver.shared().url}?prefix=processes"
    (store,) = await opened(1, url, 10_000)
    await store.set_balance(TEAM.id, 1000, NOW)
    started = [
        await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            PROGRAM,
            url,
            str(first),
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        for first in (1000, 2000, 3000)
    ]
    for process in started:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
    told = [out.decode().split() for out, _ in await asyncio.gather(*(each.communicate(b"go\n") for each in started))]
    assert sum(int(made) for made, *_ in told) == 50 + 3 * 100
    ids = [delivery_id for _, *taken in told for delivery_id in taken]
    assert (len(ids), len(set(ids))) == (300, 300)
    assert await store.balance(TEAM.id, NOW) == 1000 - 350
    assert await store.counts() == Counts(jobs=350, evicted=0, pending_deliveries=0)


async def test_what_one_process_does_with_what_belongs_to_no_team_others_see(opened: OpenStores) -> None:
    one, other = await opened(2)
    before = await other.look()
    await one.put_document("clock", b"\0 stands still")
    assert await other.look() == one.version == before + 1
    assert await other.document("clock") == b"\0 stands still"
    numbers = await asyncio.gather(*(store.next_number("rule") for store in (one, other) * 3))
    assert sorted(numbers) == [1, 2, 3, 4, 5, 6]
    await one.put_record(Record("upload", "a", "ann", b"a", NOW + 5, 1), Room(1, 10))
    assert await other.record("upload", "a", NOW) == ("ann", b"a")
    assert [await one.append("s", [b"1"], 9, 99), await other.append("s", [b"2"], 9, 99)] == [1, 2]
    await one.put_piece("file", 0, b"piece")
    assert await other.piece("file", 0) == b"piece"
    assert [await one.take_turn("x", 9), await other.take_turn("y", 9)] == [True, False]
    assert not await other.set_up(TEAMS, KEYS)
    await one.reset([], [])
    assert await other.set_up(TEAMS, KEYS)


# Leases


async def test_what_a_worker_took_is_taken_over_once_its_lease_has_run_out_and_not_before(
    opened: OpenStores, real: Clock
) -> None:
    dead, alive = await opened(2)
    job = await accepted(dead, draft(1, hook=FINAL_HOOK))
    ((delivery, _),) = await dead.claim_due(NOW + 10, 10)
    real.advance(LEASE_S - 0.001)
    assert await alive.claim_due(NOW + 1e6, 10) == []
    assert not await alive.is_settled(NOW + 10)
    real.advance(0.001)
    assert await alive.claim_due(NOW + 10, 10) == [(delivery, job)]


async def test_a_worker_that_was_taken_for_dead_has_its_word_kept_as_an_attempt_alone(
    opened: OpenStores, real: Clock
) -> None:
    late, alive = await opened(2)
    job = await accepted(late, draft(1, hook=FINAL_HOOK))
    ((delivery, _),) = await late.claim_due(NOW + 10, 10)
    real.advance(LEASE_S)
    await alive.claim_due(NOW + 10, 10)
    tries = [attempt(delivery, 500), attempt(delivery)]
    await late.settle(due_again(delivery, NOW + 11), tries[0])
    assert await late.claim_due(NOW + 99, 10) == []
    await alive.settle(delivered(delivery), tries[1])
    assert await late.deliveries(job.id) == [(delivered(delivery), tries)]
    assert await late.is_settled(NOW + 99)


async def test_a_worker_that_is_closed_gives_back_at_once_what_it_took(opened: OpenStores) -> None:
    leaving, other = await opened(2)
    await accepted(leaving, draft(1, hook=FINAL_HOOK))
    taken = await leaving.claim_due(NOW + 10, 10)
    await leaving.close()
    assert await other.claim_due(NOW + 10, 10) == taken


async def test_deliveries_whose_taker_never_heard_of_it_are_given_to_it_again(opened: OpenStores) -> None:
    (store,) = await opened(1)
    for number in range(3):
        await accepted(store, draft(number, hook=FINAL_HOOK))
    (known,) = await store.claim_due(NOW + 10, 1)
    claiming = asyncio.create_task(store.claim_due(NOW + 10, 1))
    await asyncio.sleep(0)  # the command is on its way
    claiming.cancel()
    await asyncio.gather(claiming, return_exceptions=True)
    assert (await store.counts()).pending_deliveries == 3
    ids = [delivery.job_id for delivery, _ in [known, *await store.claim_due(NOW + 10, 10)]]
    assert ids == [job_id(number) for number in range(3)]


async def test_another_process_hears_of_a_delivery_that_is_due_earlier(opened: OpenStores) -> None:
    waiting, other = await opened(2)
    waiting.due_changed.clear()
    await waiting.claim_due(NOW, 1)
    await waiting.due_changed.wait()  # it listens from here on, and looks once more
    waiting.due_changed.clear()
    await accepted(other, draft(1, hook=FINAL_HOOK))
    async with asyncio.timeout(5):
        await waiting.due_changed.wait()


# A server that goes and comes


async def up_again(store: RedisStore) -> None:
    async with asyncio.timeout(5):
        while True:
            try:
                await store.reset(TEAMS, KEYS)
            except StoreDown:
                await asyncio.sleep(0.01)
            else:
                return


async def test_a_server_that_is_away_fails_each_call_at_once_and_all_goes_on_when_it_is_back(
    opened: OpenStores, server: redisserver.Server
) -> None:
    (store,) = await opened(1, server.url)
    await accepted(store, draft(1, hook=HOOK))
    await store.claim_due(NOW, 1)
    server.kill()
    async with asyncio.timeout(1):
        for _ in range(20):
            for asked in (store.submit(draft(2), NOW), store.job(job_id(1)), store.claim_due(NOW, 1)):
                with pytest.raises(StoreDown, match=r"redis\.sock"):
                    await asked
    server.start()
    await up_again(store)
    store.due_changed.clear()
    assert await store.submit(draft(2, hook=HOOK), NOW) == Accepted(draft(2, hook=HOOK).job)
    assert store.due_changed.is_set()
    assert [delivery.job_id for delivery, _ in await store.claim_due(NOW + 99, 1)] == [job_id(2)]


async def test_a_caller_that_many_look_up_at_once_is_looked_up_once(
    opened: OpenStores, monkeypatch: pytest.MonkeyPatch
) -> None:
    (store,) = await opened(1)
    await store.caller(EVE.digest)  # a new server has no scripts, and is sent each a second time
    wire = store._shards.line._wire  # noqa: SLF001 - where commands leave
    answers, sent = wire.answers, list[Command]()

    async def watched(commands: Sequence[Command]) -> list[Any]:
        sent.extend(commands)
        return await answers(commands)

    monkeypatch.setattr(wire, "answers", watched)
    looks = [asyncio.create_task(store.caller(ANN.digest)) for _ in range(20)]
    await asyncio.sleep(0)  # in which all of them ask
    looks[0].cancel()
    assert await asyncio.gather(*looks[1:]) == [Caller(ANN, TEAM)] * 19
    assert await store.caller(EVE.digest) == Caller(EVE, OTHER_TEAM)
    assert [command[-1] for command in sent if command[-1] in (ANN.digest, EVE.digest)] == [ANN.digest, EVE.digest]


async def test_scripts_that_the_server_forgot_are_sent_again(opened: OpenStores) -> None:
    (store,) = await opened(1)
    await store._shards.line.ask("SCRIPT", "FLUSH")  # noqa: SLF001 - as a new server has none
    await asyncio.gather(*(accepted(store, draft(number)) for number in range(5)))
    assert await store.balance(TEAM.id, NOW) == TEAM.opening - 5


# URLs


@pytest.fixture
def guarded() -> Iterator[str]:
    """The socket of a server with a password."""
    own = redisserver.Server("--requirepass", "s3cret")
    yield str(own.socket)
    own.kill()


async def test_a_wrong_password_is_told_without_it_and_the_right_one_opens(guarded: str) -> None:
    for names, hint in ((":wrong-one@", "invalid username-password"), ("", "Authentication required")):
        with pytest.raises(SettingsError, match=hint) as refused:
            await RedisStore.opened(f"unix://{names}{guarded}", 1)
        assert guarded in str(refused.value)
        assert "wrong-one" not in str(refused.value)
    store = await RedisStore.opened(f"unix://:s3cret@{guarded}?db=1", 1)
    assert [await store.set_up(TEAMS, KEYS), await store.set_up(TEAMS, KEYS)] == [True, False]
    await store.close()


def closed_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("redis://me:s3cret@127.0.0.1:{port}/0", 'store "redis://me:***@127.0.0.1:{port}/0": cannot reach the server'),
        ("http://me:s3cret@127.0.0.1", 'store "http://me:***@127.0.0.1": .* want redis://'),
        ("redis://127.0.0.1/0?colour=red&password=s3cret", "colour"),
        ("redis://:s3cret@127.0.0.1/jobs", 'the database "jobs" is no number'),
        ("unix://{socket}?db=99", "out of range"),
    ],
)
async def test_a_url_that_leads_nowhere_is_told_without_its_password(url: str, said: str) -> None:
    facts: dict[str, Any] = {
        "port": closed_port(),
        "socket": redisserver.need_program() and redisserver.shared().socket,
    }
    with pytest.raises(SettingsError, match=said.format(**facts).replace("***", r"\*\*\*")) as refused:
        await RedisStore.opened(url.format(**facts), 1)
    assert "s3cret" not in str(refused.value)


async def test_a_server_without_room_says_so_and_takes_jobs_again_once_it_has(opened: OpenStores) -> None:
    (store,) = await opened(1)
    full = Redis.from_url(redisserver.shared().url)
    full.config_set("maxmemory", 1)
    try:
        with pytest.raises(StoreDown, match="is full: its limit of memory is reached"):
            await store.submit(draft(1), NOW)
    finally:
        full.config_set("maxmemory", 0)
        full.close()
    await accepted(store, draft(1))


# A cluster


@pytest.fixture
def cluster() -> Iterator[str]:
    """A cluster of one node, which still refuses scripts whose keys do not hash together."""
    port = closed_port() % 30_000 + 10_000  # its bus has the port 10,000 above
    own = redisserver.Server("--cluster-enabled", "yes", "--port", str(port), "--bind", "127.0.0.1")
    try:
        with Redis(port=port, protocol=2) as node:
            node.execute_command("CLUSTER", "ADDSLOTS", *range(16384))
            while node.execute_command("CLUSTER INFO")["cluster_state"] != "ok":
                node.wait(1, 50)  # for a replica that never comes: a node takes its time to be ready
        yield f"redis://127.0.0.1:{port}"
    finally:
        own.kill()


async def test_a_cluster_keeps_teams_in_shards_and_shows_the_same(opened: OpenStores, cluster: str) -> None:
    (clustered,), (alone,) = await opened(1, cluster), await opened(1)
    seen = []
    for store in (clustered, alone):
        await store.put_team(replace(TEAM, max_concurrent_jobs=1))
        for number, owner in enumerate((ANN, EVE, ANN, EVE)):
            slots = 1 if owner is ANN else None
            await accepted(store, draft(number, owner=owner, key="k" * number, hook=HOOK, slots=slots))
        await store.change_plan(job_id(0), plan(runs_s=1.0), NOW)
        taken = [await store.claim_due(NOW + 5, 40) for _ in range(3)]
        for delivery, _ in [each for some in taken for each in some]:
            await store.settle(delivered(delivery), attempt(delivery))
        known = await store.recall(EVE.user_id, Claim("k", b"request"), NOW)
        seen.append(
            [
                known,
                await whole(store, NOW + 5),
                await store.is_settled(NOW + 5),
                await store.admit("x", RateLimit(1, 9), NOW),
            ]
        )
        await store.reset(TEAMS, KEYS)
        seen[-1] += [await whole(store, NOW), await store.next_due_at(), await store.balance(OTHER_TEAM.id, NOW)]
    assert seen[0] == seen[1]
    assert seen[0][-2:] == [NEVER, OTHER_TEAM.opening]
