"""The Store: what is kept, and the one atomic step in which a job comes to be.

Every method is one atomic step. A step that refuses changes nothing. *now* is always the mock's own clock and never
goes back between calls. Every method of a store that is not in this process's memory may raise `StoreDown`.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from mockserver.core.accounts import Key, RateLimit, Team
from mockserver.core.deliveries import Attempt, Delivery
from mockserver.core.errors import Refusal
from mockserver.core.idempotency import Claim
from mockserver.core.jobs import Job
from mockserver.core.paging import Place
from mockserver.core.timeline import JobStatus, Plan

REMEMBERED_DELIVERIES = 10_000
"""Deliveries that are done and still remembered with their attempts; those done earliest are forgotten first."""


class StoreDown(Refusal):
    """The store cannot be used; what was asked may have been done or not. *name* says which, without a password."""

    def __init__(self, name: str, why: str = "cannot be reached") -> None:
        super().__init__(f'the store "{name}" {why}')
        self.name = name


class Draft(NamedTuple):
    """A job to be accepted, with its plan drawn as if a slot were free."""

    job: Job
    claim: Claim | None
    slots: int | None
    """How many jobs of the team may run at once."""
    most_open: int | None = None
    """How many of its list may be unfinished at once, itself among them; none: as many as come."""


class Accepted(NamedTuple):
    """The job is stored, charged, and its webhooks are scheduled."""

    job: Job


class Replay(NamedTuple):
    """The idempotency key already made this job."""

    job_id: str
    status: JobStatus


class Clash(NamedTuple):
    """The idempotency key already stands for another request."""


class TooFewCredits(NamedTuple):
    """The team cannot pay."""

    required: int
    available: int


class TooManyOpen(NamedTuple):
    """As many are unfinished as may be."""

    until: float
    """When the first of them ends; infinite where all are stuck."""


Outcome = Accepted | Replay | Clash | TooFewCredits | TooManyOpen


class Caller(NamedTuple):
    """A key and the team that it belongs to."""

    key: Key
    team: Team


class JobQuery(NamedTuple):
    """A page of the job list, newest first."""

    owner: str
    """A user's id, a team's, or the name of the list of a team's LoRAs: one of `Job.lists`."""
    limit: int
    after: Place | None = None
    status: JobStatus | None = None
    model: str | None = None
    job_id: str | None = None
    hides_archived: bool = False
    """Leave out LoRAs that have been archived."""


class Page(NamedTuple):
    """What was found, and whether more follows."""

    jobs: list[Job]
    has_more: bool


class Counts(NamedTuple):
    """How much is kept."""

    jobs: int
    evicted: int
    """Finished jobs that left to make room."""
    pending_deliveries: int


class Record(NamedTuple):
    """A small thing of an owner, such as an upload or an asset."""

    kind: str
    id: str
    owner: str
    value: bytes
    expires_at: float
    size: int
    """How much of `Room.most_size` it takes."""


class Room(NamedTuple):
    """How many records of one kind an owner may have, and of what size together."""

    most: int
    most_size: int


class Store(Protocol):
    """What `stores/` offers; see the module's docstring for what holds of every method."""

    due_changed: asyncio.Event
    """Set when a delivery may have become due earlier than `next_due_at` said."""
    version: int
    """Of the documents, as this process saw it last: at `caller`, `look`, or a change of its own.

    It rises with every change of a document, whoever makes it, and at `reset`.
    """

    @property
    def name(self) -> str:
        """The place that it is at, as messages may show it."""

    @property
    def folder(self) -> Path | None:
        """Where files can lie that belong to it, on a disk that all its processes reach; it need not be there yet."""

    @property
    def is_shared(self) -> bool:
        """Whether other processes may work on it, at the same time or later."""

    async def look(self) -> int:
        """See `version` as it is now."""

    async def caller(self, digest: str) -> Caller | None:
        """The key with this digest and its team; `version` is then as it was in the same instant."""

    async def admit(self, digest: str, limit: RateLimit, now: float) -> float:
        """Count one request of a key; 0.0, or the seconds to wait when it is over its limit and not counted."""

    async def recall(self, user_id: str, claim: Claim, now: float) -> Replay | Clash | None:
        """What the user's idempotency key stands for; none while it is free."""

    async def submit(self, draft: Draft, now: float) -> Outcome:
        """Claim the key, charge the team, give the job its slot, store it and schedule its webhooks, or none of it.

        Only `cost` has to be there; `later_cost` is taken when the job starts, whatever is left then, and comes back
        with it. A team that owes has a balance of 0.
        """

    async def job(self, job_id: str) -> Job | None:
        """The job with this id."""

    async def page(self, query: JobQuery, now: float) -> Page:
        """A page of an owner's jobs, by `created_at` and id, both falling."""

    async def models_of(self, owner: str) -> list[str]:
        """The models of an owner's jobs, sorted."""

    async def change_plan(self, job_id: str, plan: Plan, now: float) -> list[Job]:
        """Give a job another plan, with its charge, refund and deliveries, and its slot to those that wait.

        Returns the job and every other whose plan moved with it; none when there is no such job.
        """

    async def move_up(self, team_id: str, now: float) -> list[Job]:
        """Give the slots of a team anew to its open jobs, in order; those that run keep theirs.

        Returns the jobs whose plan moved. For after the team's limit was changed.
        """

    async def balance(self, team_id: str, now: float) -> int:
        """Credits that the team can spend at *now*; 0 for a team that does not exist."""

    async def set_balance(self, team_id: str, credit: int, now: float) -> None:
        """Make *credit* what the team can spend at *now*."""

    async def teams(self) -> list[Team]:
        """Every team, oldest first."""

    async def put_team(self, team: Team) -> None:
        """Add a team, or change it; a new one starts with its opening credits."""

    async def keys(self) -> list[Key]:
        """Every key, oldest first."""

    async def put_key(self, key: Key) -> None:
        """Add a key, or change it."""

    async def remove_key(self, digest: str) -> bool:
        """Revoke a key; whether there was one."""

    async def claim_due(self, now: float, limit: int) -> list[tuple[Delivery, Job]]:
        """Take deliveries that are due, in time order; each is this caller's until it is settled."""

    async def next_due_at(self) -> float:
        """When the next delivery that nobody has taken falls due; infinite for none."""

    async def settle(self, delivery: Delivery, attempt: Attempt) -> None:
        """Keep what became of a taken delivery: done, or due again."""

    async def is_settled(self, now: float) -> bool:
        """Whether nothing that fell due by *now* is still to be attempted."""

    async def deliveries(self, job_id: str | None = None) -> list[tuple[Delivery, list[Attempt]]]:
        """Every delivery that is remembered, oldest event first."""

    async def redeliver(self, delivery_id: str, now: float) -> Delivery | None:
        """Make a delivery due again at *now*, as if never tried; none when it is not remembered.

        One that is under way, or whose event is still to come, is given back as it is.
        """

    async def counts(self) -> Counts:
        """How much is kept."""

    async def set_up(self, teams: Sequence[Team], keys: Sequence[Key]) -> bool:
        """Start with these, unless there are teams already; whether there were none."""

    async def reset(self, teams: Sequence[Team], keys: Sequence[Key]) -> None:
        """Forget everything and start with these; `version` and the numbers of streams go on."""

    # What processes agree on

    async def document(self, name: str) -> bytes | None:
        """A small text by its name."""

    async def put_document(self, name: str, value: bytes) -> int:
        """Keep a small text; the version since."""

    async def next_number(self, counter: str) -> int:
        """Count one more: 1 at first, each number once for all processes."""

    async def numbers(self, counters: Sequence[str]) -> list[int]:
        """How far each has counted; 0 for one that never was."""

    async def take_turn(self, holder: str, span_s: float) -> bool:
        """Let *holder* alone change documents, for so many real seconds at most; whether it was free, or its own."""

    async def end_turn(self, holder: str) -> None:
        """Let others have it, if it is still the holder's."""

    # Records: small things with an owner, such as uploads and assets

    async def put_record(self, record: "Record", room: "Room") -> list[str]:
        """Keep a record, or change it in its place; for another owner it is a new one.

        Returns the ids of those of its kind and owner that leave for it, oldest first; it stays itself in any case.
        """

    async def record(self, kind: str, id_: str, now: float) -> tuple[str, bytes] | None:
        """Owner and value of a record that has not expired."""

    async def expired_records(self, kind: str, now: float) -> list[str]:
        """Forget the records of a kind that have expired by *now*; their ids. At most a thousand at once."""

    # Streams: rows that are only added, of which the newest stay

    async def append(self, stream: str, rows: Sequence[bytes], most: int, most_bytes: int) -> int:
        """Add rows, which are numbered from 1 without gaps; the number of the last one.

        Of all rows the newest stay: at most *most*, and at most *most_bytes* of them.
        """

    async def rows_after(self, stream: str, number: int, limit: int) -> list[tuple[int, bytes]]:
        """The first rows with a greater number, rising, at most *limit*."""

    async def clear_stream(self, stream: str) -> None:
        """Forget the rows of a stream; numbers go on."""

    # Blobs, which are files in pieces

    async def put_piece(self, blob: str, number: int, piece: bytes) -> None:
        """Keep a piece of a file, counted from 0."""

    async def piece(self, blob: str, number: int) -> bytes | None:
        """The piece of a file; none behind its end."""

    async def drop_blob(self, blob: str) -> None:
        """Forget a file."""

    async def close(self) -> None:
        """Let go of files and connections."""
