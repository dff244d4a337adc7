"""A file that cannot be used is told with what to do; one of an older version is brought up."""

import asyncio
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from mockserver.core.jobs import Job
from mockserver.settings import SettingsError
from mockserver.stores.sqlite.opening import CHECKED_WHOLE_BYTES, connected
from mockserver.stores.sqlite.schema import MIGRATIONS, Migrations
from mockserver.stores.sqlite.store import SqliteStore
from tests.stores.drafts import KEYS, TEAMS, accepted, draft, job_id

ROOT = Path(__file__).parents[2]
DAMAGED = "is damaged; put a copy in its place, or move it away to start anew"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


def opened(path: Path, migrations: Migrations = MIGRATIONS) -> "closing[sqlite3.Connection]":
    return closing(asyncio.run(connected(path, patience_s=0.0, migrations=migrations)))


def refusal(path: Path) -> str:
    """What is said when the file is opened, behind its name."""
    with pytest.raises(SettingsError) as refused:
        opened(path)
    head = f'store "sqlite:{path}" '
    assert str(refused.value).startswith(head)
    return str(refused.value).removeprefix(head)


def filled(path: Path, jobs: int, piece: bytes = b"") -> None:
    """Make a file with so many jobs."""

    async def fill() -> None:
        store = await SqliteStore.opened(path, 1000)
        await store.reset(TEAMS, KEYS)
        for number in range(jobs):
            await accepted(store, draft(number))
        await store.put_piece("file", 0, piece)
        await store.close()

    asyncio.run(fill())


def first_job(path: Path) -> Job | None:
    async def ask() -> Job | None:
        store = await SqliteStore.opened(path, 1000)
        job = await store.job(job_id(0))
        await store.close()
        return job

    return asyncio.run(ask())


def test_a_place_where_no_file_can_be_is_told(tmp_path: Path) -> None:
    assert refusal(tmp_path) == "is a folder; name a file in it"
    missing = tmp_path / "missing"
    assert refusal(missing / "state.db") == f'cannot be made: the folder "{missing}" does not exist; make it first'


def test_a_file_that_is_not_ours_is_told_and_left_as_it_is(path: Path) -> None:
    path.write_bytes(b"Dear diary, " * 100)
    assert refusal(path) == "is no SQLite database; name another file"
    path.unlink()
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE friends (name TEXT)")
    before = path.read_bytes()
    assert refusal(path) == "is the SQLite database of another program; name another file"
    assert path.read_bytes() == before


def test_a_file_of_an_older_version_is_brought_up_with_all_that_it_holds(path: Path) -> None:
    filled(path, 1)
    newer = [*MIGRATIONS, ("ALTER TABLE jobs ADD COLUMN colour TEXT DEFAULT 'red'",), ("CREATE TABLE more (x)",)]
    for _ in range(2):
        with opened(path, newer) as file:
            assert file.execute("PRAGMA user_version").fetchall() == [(len(MIGRATIONS) + 2,)]
            assert file.execute("SELECT colour FROM jobs").fetchall() == [("red",)]
            assert file.execute("SELECT count(*) FROM more").fetchall() == [(0,)]


def test_a_file_of_a_newer_version_is_told_and_left_as_it_is(path: Path) -> None:
    filled(path, 1)
    with opened(path, [*MIGRATIONS, ("CREATE TABLE more (x)",)]):
        pass
    newest = len(MIGRATIONS)
    said = f"has version {newest + 1}, and this mockserver knows {newest} at most; update it, or name another file"
    assert refusal(path) == said
    with closing(sqlite3.connect(path)) as file:
        file.execute(f"PRAGMA user_version={newest}")
    assert first_job(path) == draft(0).job


def test_a_step_to_another_version_that_fails_changes_nothing(path: Path) -> None:
    filled(path, 1)
    with pytest.raises(SettingsError, match="more already exists"):
        opened(path, [*MIGRATIONS, ("CREATE TABLE more (x)", "CREATE TABLE more (x)")])
    assert first_job(path) == draft(0).job


def test_a_damaged_file_is_told(path: Path) -> None:
    filled(path, 50)
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (path.stat().st_size - 4096))
    assert refusal(path).startswith(DAMAGED)
    with path.open("r+b") as file:
        file.truncate(5000)
    assert refusal(path).startswith(DAMAGED)


def test_of_a_large_file_that_is_damaged_the_ends_of_its_tables_tell(path: Path) -> None:
    filled(path, 1, piece=bytes(CHECKED_WHOLE_BYTES))
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 400_000)
    assert refusal(path).startswith(DAMAGED)


def test_a_file_that_another_program_holds_is_told(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert refusal(path) == "is busy: another program holds it locked; end that program"
        other.execute("COMMIT")


OPENING = """
import asyncio, os, sys
from pathlib import Path
from mockserver.settings import SettingsError
from mockserver.stores.sqlite.opening import connected

if os.geteuid() == 0:  # root may write everywhere
    os.seteuid(65534)
try:
    asyncio.run(connected(Path(sys.argv[1]), patience_s=0.0))
except SettingsError as error:
    print(error)
"""


@pytest.mark.parametrize(("file_mode", "folder_mode"), [(0o444, 0o777), (0o666, 0o555)], ids=["file", "folder"])
def test_what_must_not_be_written_is_told(file_mode: int, folder_mode: int) -> None:
    with TemporaryDirectory() as name:
        path = Path(name) / "state.db"
        filled(path, 1)
        path.chmod(file_mode)
        path.parent.chmod(folder_mode)
        arguments = [sys.executable, "-c", OPENING, str(path)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(arguments, cwd=ROOT, env=environment, check=True, capture_output=True, text=True)
        path.parent.chmod(0o755)
    assert done.stdout.startswith(f'store "sqlite:{path}" cannot be written: the file or its folder is read-only')
