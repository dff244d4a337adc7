"""What becomes of an event that comes twice: whether the work behind it is done twice."""

import re
from collections.abc import Sequence
from hashlib import blake2b
from typing import NamedTuple

from mockserver.findings.book import Book
from mockserver.findings.clients import Client, sent, work_of
from mockserver.findings.kinds import WEBHOOK_DUPLICATE_PROCESSED
from mockserver.findings.polls import Polls
from mockserver.findings.recent import Recent
from mockserver.journal import Entry

REMEMBERED = 1000
PARTIAL = 206
ACTS = 8
"""Of one kind and one job."""
SOON_S = 10.0
"""A submission that follows a copy later than this is no work of the receiver's."""
MARKS = (b"/images/", b"/videos/", b"/audio/", b'"parentJobId"')
"""A body without any of these is not made of another job."""
_UUID = rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_SOURCE = re.compile(rb'(?:/(?:images|videos|audio)/|"parentJobId"\s*:\s*")(%b)[".-]' % _UUID, re.IGNORECASE)
_START = re.compile(rb"\s*bytes\s*=\s*0+-", re.IGNORECASE)


class Act(NamedTuple):
    """A request that a receiver may have made because of an event."""

    number: int
    began_s: float
    ended_s: float
    is_submission: bool


class Told(NamedTuple):
    """An event that a receiver took."""

    delivery_id: str
    began_s: float
    ended_s: float


class Consequences:
    """What one job's final event led to."""

    __slots__ = ("acts", "is_found", "told")

    def __init__(self) -> None:
        self.told: list[Told] = []
        self.acts: dict[bytes, list[Act]] = {}
        self.is_found = False


class Copies:
    """Looks at deliveries of final events, and at downloads and submissions that concern their jobs."""

    def __init__(self, book: Book, polls: Polls) -> None:
        self._book, self._polls = book, polls
        self._of: Recent[str, Consequences] = Recent(REMEMBERED)
        self.is_awake = False
        """Whether a receiver took an event so far; before, submissions need no look."""

    def taken(self, client: Client, job_id: str, told: Told, at: float) -> None:
        """Remember that a receiver took a final event, and judge what is known."""
        self.is_awake = True
        known = self._known(job_id)
        if known.told:  # deliveries of one job follow each other
            told = told._replace(began_s=max(told.began_s, known.told[-1].ended_s))
        known.told = [*known.told[-ACTS:], told]
        self._judge(client, job_id, known, at)

    def downloaded(self, client: Client, entry: Entry) -> None:
        """Remember a download, and judge what is known; one by another program is another act.

        Of a file that is fetched in parts, the first part stands for all.
        """
        part = sent(entry, b"range") if entry.status == PARTIAL else b""
        if part and not _START.match(part):
            return
        what = blake2b(work_of(entry) + part + sent(entry, b"user-agent"), digest_size=16).digest()
        self._acted(client, entry.job_id, what, entry)

    def submitted(self, client: Client, entry: Entry) -> None:
        """Remember a submission that was made of other jobs or their results, and judge what is known."""
        if not any(mark in entry.body for mark in MARKS):
            return
        for job_id in dict.fromkeys(found.decode().lower() for found in _SOURCE.findall(entry.body)):
            self._acted(client, job_id, work_of(entry), entry)

    def _acted(self, client: Client, job_id: str, what: bytes, entry: Entry) -> None:
        known = self._known(job_id)
        act = Act(entry.number, entry.began_s, entry.began_s + entry.took_s, entry.method == "POST")
        known.acts[what] = [*known.acts.get(what, [])[-ACTS:], act]
        if len(known.acts) > ACTS:
            del known.acts[next(iter(known.acts))]
        self._judge(client, job_id, known, entry.at)

    def _known(self, job_id: str) -> Consequences:
        known = self._of.get(job_id)
        if known is None:
            known = self._of[job_id] = Consequences()
        return known

    def _judge(self, client: Client, job_id: str, known: Consequences, at: float) -> None:
        """Who asked for the job and saw its end has a reason of its own to act."""
        if known.is_found or len(known.told) < 2 or self._polls.ended_in(job_id) is not None:  # noqa: PLR2004 - a copy
            return
        for acts in known.acts.values():
            pair = _twice(known.told, acts)
            if pair is not None:
                known.is_found = True
                first, second = pair
                what = "submissions" if first.is_submission else "downloads"
                told = (
                    f"the receiver took the final event of job {job_id} {len(known.told)} times; "
                    f"requests {first.number} and {second.number} are equal {what}, one for each"
                )
                numbers = (first.number, second.number)
                delivery = known.told[-1].delivery_id
                self._book.note(WEBHOOK_DUPLICATE_PROCESSED, client, at, told, requests=numbers, delivery=delivery)
                return

    def clear(self) -> None:
        """Forget everything."""
        self._of.clear()
        self.is_awake = False


def _twice(told: Sequence[Told], acts: Sequence[Act]) -> tuple[Act, Act] | None:
    """Two acts that are the work of two events.

    Downloads only while the receiver still answers to each, or at the same time: others may be anybody's.
    Submissions once the first event has come and soon after the second.
    """
    for place, second in enumerate(acts):
        for first in acts[:place]:
            if any(_caused(one, other, first, second) for at, other in enumerate(told) for one in told[:at]):
                return first, second
    return None


def _caused(one: Told, other: Told, first: Act, second: Act) -> bool:
    if first.began_s < one.began_s or second.began_s < other.began_s:
        return False
    if first.is_submission:
        return second.began_s < other.ended_s + SOON_S
    are_during = first.began_s <= one.ended_s and second.began_s <= other.ended_s
    are_at_once = second.began_s < first.ended_s and second.began_s < other.ended_s + SOON_S
    return are_during or are_at_once
