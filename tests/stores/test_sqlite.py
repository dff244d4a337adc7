"""What only a store in a file can show: restarts, kills, several processes, and trouble with the file in service."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, closing
from dataclasses import replace
from pathlib import Path

import pytest

from mockserver.clock import Clock
from mockserver.core.accounts import RateLimit
from mockserver.core.idempotency import LIFETIME_S, Claim
from mockserver.core.timeline import JobStatus, failed_by
from mockserver.stores.protocol import Accepted, Caller, Counts, JobQuery, Record, Replay, Room, StoreDown
from mockserver.stores.sqlite.leases import LEASE_S
from mockserver.stores.sqlite.store import SqliteStore
from tests.stores.drafts import (
    ANN,
    EVE,
    HOOK,
    KEYS,
    NEVER,
    NOW,
    TEAM,
    TEAMS,
    accepted,
    attempt,
    delivered,
    draft,
    due_again,
    job_id,
    listed,
    lora,
    plan,
    whole,
)

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
FINAL_HOOK = HOOK._replace(events=("completed", "failed"))
OpenStores = Callable[..., Awaitable[list[SqliteStore]]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


@pytest.fixture
def real() -> Clock:
    """Real time, as the leases of all processes but the first see it."""
    return Clock(1000.0, is_frozen=True)


@pytest.fixture
async def opened(real: Clock, path: Path) -> AsyncIterator[OpenStores]:
    """So many stores over the same file, as processes have them.

    For the first, real time stands still, as for a process that hangs; the others have `real`.
    """
    async with AsyncExitStack() as stack:

        async def open_stores(how_many: int, patience_s: float = 5.0) -> list[SqliteStore]:
            clocks = [Clock(real.now(), is_frozen=True), *([real] * (how_many - 1))]
            stores = [await SqliteStore.opened(path, 1000, real=clock, patience_s=patience_s) for clock in clocks]
            for store in stores:
                stack.push_async_callback(store.close)
            await stores[0].reset(TEAMS, KEYS)
            return stores

        yield open_stores


# Restarts


async def test_all_that_is_kept_is_there_after_a_restart(path: Path) -> None:
    store = await SqliteStore.opened(path, 1000)
    assert await store.set_up(TEAMS, KEYS)
    await store.put_team(replace(TEAM, max_concurrent_jobs=1))
    life = plan(outcome=JobStatus.FAILED)
    for number in range(4):
        await accepted(store, draft(number, key=f"k{number}", hook=HOOK, slots=1, life=life))
    await accepted(store, lora(9, later_cost=20, most_open=1, life=plan(starts_at=NOW + 5)))
    for delivery, _ in await store.claim_due(NOW + 3, 1):
        await store.settle(due_again(delivery, NOW + 4), attempt(delivery, 500))
    await store.admit(ANN.digest, RateLimit(1, 60.0), NOW)
    await store.put_document("clock", b"stands still")
    await store.next_number("rule")
    await store.put_record(Record("upload", "u", "ann", b"value", NOW + 60, 1), Room(9, 9))
    await store.append("journal", [b"one", b"two"], 10, 100)
    await store.put_piece("file", 0, b"piece")
    before, version = await whole(store, NOW), await store.look()
    await store.close()

    store = await SqliteStore.opened(path, 1000)
    assert not await store.set_up([], [])
    assert (await whole(store, NOW), await store.look()) == (before, version)
    assert await store.recall(ANN.user_id, Claim("k2", b"request"), NOW) == Replay(job_id(2), JobStatus.QUEUED)
    assert await store.admit(ANN.digest, RateLimit(1, 60.0), NOW + 1) == 59
    assert (await store.document("clock"), await store.next_number("rule")) == (b"stands still", 2)
    assert await store.record("upload", "u", NOW) == ("ann", b"value")
    assert await store.rows_after("journal", 1, 9) == [(2, b"two")]
    assert await store.piece("file", 0) == b"piece"
    moved = await store.change_plan(job_id(0), failed_by(life, NOW + 1, "no"), NOW + 1)
    assert [job.plan.started_at - NOW for job in moved] == [0, 1, 11, 21]
    assert [await store.balance(TEAM.id, NOW + s) for s in (1, 5, 11, 99)] == [95, 75, 76, 78]
    await store.close()


async def test_the_files_of_the_state_lie_in_a_folder_beside_it(opened: OpenStores, path: Path) -> None:
    (store,) = await opened(1)
    assert store.folder == path.parent / "state.db.files"
    assert not store.folder.exists()


# Real processes

SUBMITTING = """
import asyncio, sys
from pathlib import Path
from mockserver.stores.sqlite.store import SqliteStore
from tests.stores.drafts import HOOK, NOW, accepted, draft

async def submit(store, number):
    key = f"k{number}" if number % 2 else None
    job = await accepted(store, draft(number, key=key, hook=HOOK if number % 3 else None))
    print(job.id, flush=True)

async def main(path, first):
    store = await SqliteStore.opened(Path(path), 1_000_000)
    print("ready", flush=True)
    sys.stdin.readline()
    for start in range(first, first + 100_000, 5):
        await asyncio.gather(*(submit(store, number) for number in range(start, start + 5)))

asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""


def started(program: str, *arguments: object) -> subprocess.Popen[str]:
    """A process that has said that it is ready."""
    process = subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)],
        cwd=ROOT,
        env=ENVIRONMENT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def told(process: subprocess.Popen[str], how_many: int) -> list[str]:
    """Lines that a process has printed until it is killed for having printed enough."""
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(how_many)]
    process.send_signal(signal.SIGKILL)
    lines += process.stdout.readlines()
    process.communicate()
    return [line.strip() for line in lines if line.endswith("\n")]


async def test_what_processes_that_were_killed_had_answered_is_all_there_and_adds_up(path: Path) -> None:
    store = await SqliteStore.opened(path, 1_000_000)
    await store.reset([replace(TEAM, opening=1_000_000)], KEYS)
    answered = list[str]()
    for turn in range(2):
        processes = [started(SUBMITTING, path, (2 * turn + place) * 1_000_000) for place in range(2)]
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        for process in processes:
            answered += told(process, 200)
    jobs = (await store.page(JobQuery(TEAM.id, 100_000), NOW)).jobs
    kept = {job.id: job for job in jobs}
    assert len(answered) >= 800
    assert set(answered) <= kept.keys()
    assert await store.balance(TEAM.id, NOW) == 1_000_000 - len(jobs)
    scheduled = {job.id for job in jobs if job.webhook is not None}
    counts = await store.counts()
    assert counts == Counts(len(jobs), 0, 3 * len(scheduled))
    assert {delivery.job_id for delivery, _ in await store.deliveries()} == scheduled
    for job in jobs:
        if job.idempotency_key is not None:
            found = await store.recall(ANN.user_id, Claim(job.idempotency_key, b"request"), NOW)
            assert isinstance(found, Replay)
            assert kept[found.job_id].idempotency_key == job.idempotency_key
    await store.close()
    with closing(sqlite3.connect(path)) as file:
        assert file.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


WORKING = """
import asyncio, sys
from pathlib import Path
from mockserver.stores.sqlite.store import SqliteStore
from tests.stores.drafts import HOOK, NOW, accepted, attempt, delivered, draft

async def main(path, first):
    store = await SqliteStore.opened(Path(path), 10_000)
    print("ready", flush=True)
    sys.stdin.readline()
    wanted = [draft(first + n, key=f"k{n}") for n in range(50)]
    wanted += [draft(first + n, hook=HOOK._replace(events=("completed",))) for n in range(50, 150)]
    outcomes = [outcome for start in range(0, 150, 10)
        for outcome in await asyncio.gather(*(store.submit(each, NOW) for each in wanted[start:start + 10]))]
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


async def test_real_processes_make_one_job_a_key_take_each_delivery_once_and_the_ledger_adds_up(path: Path) -> None:
    store = await SqliteStore.opened(path, 10_000)
    await store.reset([replace(TEAM, opening=1000)], KEYS)
    processes = [started(WORKING, path, first) for first in (1000, 2000, 3000)]
    results = await asyncio.gather(*(asyncio.to_thread(process.communicate, "go\n") for process in processes))
    words = [out.split() for out, _ in results]
    assert sum(int(made) for made, *_ in words) == 50 + 3 * 100
    ids = [delivery_id for _, *taken in words for delivery_id in taken]
    assert (len(ids), len(set(ids))) == (300, 300)
    assert await store.balance(TEAM.id, NOW) == 1000 - 350
    assert await store.counts() == Counts(jobs=350, evicted=0, pending_deliveries=0)
    await store.close()


TAKING = """
import asyncio, sys
from pathlib import Path
from mockserver.stores.sqlite.store import SqliteStore
from tests.stores.drafts import NOW

async def main(path):
    store = await SqliteStore.opened(Path(path), 1000)
    print("ready", flush=True)
    print(*(delivery.id for delivery, _ in await store.claim_due(NOW + 10, 10)), flush=True)
    await asyncio.Event().wait()

asyncio.run(main(sys.argv[1]))
"""


async def test_what_a_process_that_was_killed_had_taken_is_taken_over_once_its_lease_has_run_out(path: Path) -> None:
    real = Clock()
    real.freeze()
    store = await SqliteStore.opened(path, 1000, real=real)
    await store.reset(TEAMS, KEYS)
    job = await accepted(store, draft(1, hook=FINAL_HOOK))
    assert told(started(TAKING, path), 1) == [f"{job.id}_completed"]
    assert await store.claim_due(NOW + 10, 10) == []
    real.advance(LEASE_S + 60)
    assert [of for _, of in await store.claim_due(NOW + 10, 10)] == [job]
    await store.close()


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


async def test_keys_that_have_expired_are_forgotten_in_time(opened: OpenStores, path: Path) -> None:
    (store,) = await opened(1)
    later = NOW + LIFETIME_S + 1
    for number in range(300):
        await accepted(store, draft(number, key=f"k{number}", cost=0))
    for number in range(300, 600):
        await store.submit(draft(number, key=f"k{number}", cost=0, at=later), later)
    with closing(sqlite3.connect(path)) as connection:
        ((expired, kept),) = connection.execute(
            "SELECT total(expires_at <= ?1), total(expires_at > ?1) FROM claims", (later,)
        )
    assert expired < 30
    assert kept == 300


async def test_a_reset_in_one_process_leaves_the_others_with_lists_that_hold_what_they_submit(
    opened: OpenStores,
) -> None:
    one, other = await opened(2)
    for number, (store, owner) in enumerate(((one, ANN), (other, EVE), (one, EVE))):
        await accepted(store, draft(number, owner=owner))
    await other.reset(TEAMS, KEYS)
    await accepted(other, draft(3, owner=EVE))
    await accepted(one, draft(4, owner=ANN))
    assert [await listed(other, owner.user_id) for owner in (ANN, EVE)] == [[job_id(4)], [job_id(3)]]


async def test_documents_of_one_process_are_seen_by_another_with_their_version(opened: OpenStores) -> None:
    one, other = await opened(2)
    version = await one.put_document("clock", b"stands still")
    await other.caller(ANN.digest)
    assert (other.version, await other.document("clock")) == (version, b"stands still")
    assert sorted(await asyncio.gather(*(store.next_number("rule") for store in (one, other) * 3))) == [*range(1, 7)]
    assert [await store.take_turn(name, 9.0) for store, name in ((one, "one"), (other, "other"))] == [True, False]


async def test_another_process_hears_of_a_delivery_that_is_due_earlier(opened: OpenStores) -> None:
    waiting, other = await opened(2)
    await waiting.claim_due(NOW, 1)
    assert await waiting.next_due_at() == NEVER
    await waiting.due_changed.wait()  # it keeps watch from here on
    waiting.due_changed.clear()
    await accepted(other, draft(1, hook=FINAL_HOOK))
    async with asyncio.timeout(5):
        await waiting.due_changed.wait()


async def test_a_worker_that_was_taken_for_dead_has_its_word_kept_as_an_attempt_alone(
    opened: OpenStores, real: Clock
) -> None:
    late, alive = await opened(2)
    job = await accepted(late, draft(1, hook=FINAL_HOOK))
    ((delivery, _),) = await late.claim_due(NOW + 10, 10)
    real.advance(LEASE_S - 0.001)
    assert await alive.claim_due(NOW + 1e6, 10) == []
    assert not await alive.is_settled(NOW + 10)
    real.advance(0.001)
    assert await alive.claim_due(NOW + 10, 10) == [(delivery, job)]
    tries = [attempt(delivery, 500), attempt(delivery)]
    await late.settle(due_again(delivery, NOW + 11), tries[0])
    assert await late.claim_due(NOW + 99, 10) == []
    await alive.settle(delivered(delivery), tries[1])
    assert await late.deliveries(job.id) == [(delivered(delivery), tries)]
    assert await late.is_settled(NOW + 99)


async def test_a_worker_that_is_closed_gives_back_at_once_what_it_took(path: Path) -> None:
    leaving, other = [await SqliteStore.opened(path, 1000) for _ in range(2)]
    await leaving.reset(TEAMS, KEYS)
    await accepted(leaving, draft(1, hook=FINAL_HOOK))
    taken = await leaving.claim_due(NOW + 10, 10)
    await leaving.close()
    assert await other.claim_due(NOW + 10, 10) == taken
    await other.close()


async def test_deliveries_whose_taker_never_heard_of_it_are_given_to_it_again(opened: OpenStores) -> None:
    (store,) = await opened(1)
    for number in range(3):
        await accepted(store, draft(number, hook=FINAL_HOOK))
    (known,) = await store.claim_due(NOW + 10, 1)
    claiming = asyncio.create_task(store.claim_due(NOW + 10, 1))
    await asyncio.sleep(0)
    claiming.cancel()
    await asyncio.gather(claiming, return_exceptions=True)
    ids = [delivery.job_id for delivery, _ in [known, *await store.claim_due(NOW + 10, 10)]]
    assert ids == [job_id(number) for number in range(3)]


# A file that another holds


async def test_while_another_writes_reads_go_on_and_writes_wait(opened: OpenStores, path: Path) -> None:
    (store,) = await opened(1)
    await accepted(store, draft(1))
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        waiting = asyncio.create_task(accepted(store, draft(2)))
        for _ in range(20):
            assert await listed(store, ANN.user_id) == [job_id(1)]
            await asyncio.sleep(0)
        assert not waiting.done()
        other.execute("COMMIT")
    assert (await waiting).id == job_id(2)


async def test_a_write_that_waits_for_too_long_is_given_up_and_leaves_no_trace(opened: OpenStores, path: Path) -> None:
    (store,) = await opened(1, patience_s=0.02)
    before = await whole(store, NOW)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreDown, match=r'the store "sqlite:.*state\.db" is busy'):
            await store.submit(draft(1), NOW)
        other.execute("COMMIT")
    assert await whole(store, NOW) == before
    await accepted(store, draft(1))


# A file with a trouble, in service


async def test_a_full_disk_refuses_what_does_not_fit_whole_and_all_goes_on_once_there_is_room(
    opened: OpenStores,
) -> None:
    (store,) = await opened(1)
    await store.set_balance(TEAM.id, 1_000_000, NOW)
    file = store._file._connection  # noqa: SLF001 - bounded as a small disk bounds it
    ((pages,),) = file.execute("PRAGMA page_count").fetchall()
    file.execute(f"PRAGMA max_page_count={pages + 5}")
    wanted = [draft(number, key=f"k{number}", hook=HOOK) for number in range(200)]
    outcomes = [(await asyncio.gather(store.submit(each, NOW), return_exceptions=True))[0] for each in wanted]
    made = sum(isinstance(outcome, Accepted) for outcome in outcomes)
    refusals = {str(outcome).partition(" has ")[2] for outcome in outcomes[made:]}
    assert (0 < made < 200, refusals) == (True, {"no room: the disk is full"})
    before = await whole(store, NOW)
    assert (before["counts"], before["balances"][TEAM.id]) == (Counts(made, 0, 3 * made), 1_000_000 - made)
    assert await store.recall(ANN.user_id, Claim(f"k{made}", b"request"), NOW) is None
    file.execute("PRAGMA max_page_count=1000000")
    assert await whole(store, NOW) == before
    await accepted(store, draft(made, key=f"k{made}", hook=HOOK))


async def test_of_steps_that_share_a_transaction_one_that_fails_takes_none_with_it(opened: OpenStores) -> None:
    (store,) = await opened(1)
    twice = draft(1, cost=5)
    outcomes = await asyncio.gather(
        *(store.submit(each, NOW) for each in (twice, draft(2), twice, draft(3))), return_exceptions=True
    )
    assert [type(outcome) for outcome in outcomes] == [Accepted, Accepted, sqlite3.IntegrityError, Accepted]
    assert (await listed(store, ANN.user_id), await store.balance(TEAM.id, NOW)) == (
        [job_id(number) for number in (3, 2, 1)],
        TEAM.opening - 7,
    )


async def test_a_file_that_cannot_be_written_any_more_is_still_read_and_written_once_it_can(
    opened: OpenStores,
) -> None:
    (store,) = await opened(1)
    await accepted(store, draft(1))
    file = store._file._connection  # noqa: SLF001 - as if the file system had become read-only
    file.execute("PRAGMA query_only=1")
    with pytest.raises(StoreDown, match="cannot be written: the file or its folder is read-only"):
        await store.submit(draft(2), NOW)
    assert await listed(store, ANN.user_id) == [job_id(1)]
    file.execute("PRAGMA query_only=0")
    await accepted(store, draft(2))


async def test_who_was_looked_up_is_looked_up_anew_once_another_process_has_changed_it(
    opened: OpenStores,
) -> None:
    one, other = await opened(2)
    assert await other.caller(ANN.digest) == await other.caller(ANN.digest) == Caller(ANN, TEAM)
    changed = replace(ANN, is_active=False)
    await one.put_key(changed)
    assert await other.caller(ANN.digest) == Caller(changed, TEAM)
    renamed = replace(TEAM, name="Renamed")
    await one.put_team(renamed)
    assert await other.caller(ANN.digest) == Caller(changed, renamed)
    await one.remove_key(ANN.digest)
    assert await other.caller(ANN.digest) is None


async def test_those_who_ask_in_one_turn_of_the_loop_are_looked_up_with_one_look_at_the_version(
    opened: OpenStores, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = await opened(2)
    await other.caller(ANN.digest)
    await asyncio.sleep(0)  # the end of the turn in which it looked
    looks, look = 0, other.look

    async def counted() -> int:
        nonlocal looks
        looks += 1
        return await look()

    monkeypatch.setattr(other, "look", counted)
    assert [await other.caller(digest) for digest in (ANN.digest, ANN.digest, "nobody")] == [Caller(ANN, TEAM)] * 2 + [
        None
    ]
    assert looks == 1
    await one.put_key(changed := replace(ANN, is_active=False))
    assert [await other.caller(ANN.digest) for _ in range(3)] == [Caller(changed, TEAM)] * 3
    assert looks == 2
