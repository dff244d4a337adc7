"""How clients ask for one job again and again."""

from mockserver.findings.book import Book
from mockserver.findings.clients import Client
from mockserver.findings.kinds import POLLING_AFTER_END, POLLING_TOO_FAST
from mockserver.findings.recent import Recent
from mockserver.journal import Entry

REMEMBERED = 5000
BRIEF_S = 0.8
"""Shorter than the second that is asked for: requests do not arrive evenly."""
HURRIED = 3
"""Gaps in a row that are too short."""
IDLE = 5
"""Looks at an ended job that show nothing new."""
IDLE_GAP_S = 10.0
"""Who comes back later than this is no poller any more."""


class Poll:
    """What one client saw of one job so far."""

    __slots__ = ("at", "began_s", "client", "ended_in", "hash", "is_hurried", "is_told", "numbers", "row_began_s")

    def __init__(self, client: Client, entry: Entry) -> None:
        self.client = client
        self.began_s, self.at = entry.began_s, entry.at
        self.row_began_s = entry.began_s
        self.numbers = [entry.number]
        """Of the requests in a row that came too soon, or showed nothing new."""
        self.ended_in: int | None = None
        """The request that showed the end."""
        self.hash = 0
        self.is_hurried = self.is_told = False
        """What was found already: each is found once a job."""


class Polls:
    """Looks at GETs of jobs."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._polls: Recent[str, Poll] = Recent(REMEMBERED)

    def ended_in(self, job_id: str) -> int | None:
        """The request that showed this job's end to the client that asked for it last; none so far."""
        poll = self._polls.get(job_id)
        return None if poll is None else poll.ended_in

    def look(self, client: Client, entry: Entry, speed: float) -> None:
        """Judge one GET that was answered; *speed* is what the lengths of the client's jobs are divided by."""
        poll = self._polls.get(entry.job_id)
        if poll is None or poll.client is not client:
            poll = self._polls[entry.job_id] = Poll(client, entry)
            gap_s = BRIEF_S
        elif poll.is_told:
            return
        else:
            # Who stops the clock sets the pace by hand, and real time means nothing to the job.
            is_stopped = entry.at == poll.at and poll.ended_in is None
            gap_s = BRIEF_S if is_stopped else max(entry.began_s - poll.began_s, entry.at - poll.at)
            poll.began_s, poll.at = entry.began_s, entry.at
        if entry.fired:  # who knows what arrived
            poll.numbers, poll.row_began_s = [entry.number], entry.began_s
        elif poll.ended_in is not None:
            self._after_the_end(poll, entry, gap_s)
        elif _shows_end(entry.content):
            poll.ended_in, poll.numbers, poll.hash = entry.number, [entry.number], hash(entry.content)
        elif gap_s < BRIEF_S and gap_s * max(1.0, speed) < BRIEF_S:
            self._hurried(poll, entry, speed)
        else:
            poll.numbers, poll.row_began_s = [entry.number], entry.began_s

    def _hurried(self, poll: Poll, entry: Entry, speed: float) -> None:
        if poll.is_hurried:
            return
        poll.numbers.append(entry.number)
        if len(poll.numbers) <= HURRIED:
            return
        poll.is_hurried = True
        span = f"{entry.began_s - poll.row_began_s:.2f} s"
        pace = f"; jobs run {speed:g} times as fast here" if speed > 1 else ""
        told = f"{len(poll.numbers)} GETs of job {entry.job_id} in {span}, while it was under way{pace}"
        self._book.note(POLLING_TOO_FAST, poll.client, entry.at, told, requests=tuple(poll.numbers))

    def _after_the_end(self, poll: Poll, entry: Entry, gap_s: float) -> None:
        content = hash(entry.content)
        if gap_s > IDLE_GAP_S or content != poll.hash or b'"webhookStatus":"pending"' in entry.content:
            poll.numbers, poll.hash = [entry.number], content
            return
        poll.numbers.append(entry.number)
        if len(poll.numbers) <= IDLE:
            return
        poll.is_told = True
        told = f"request {poll.ended_in} showed the end of job {entry.job_id}; {IDLE} more showed the same again"
        self._book.note(POLLING_AFTER_END, poll.client, entry.at, told, requests=tuple(poll.numbers))

    def clear(self) -> None:
        """Forget everything."""
        self._polls.clear()


def _shows_end(content: bytes) -> bool:
    """Whether a job's JSON, as this API writes it, has a final status near its start."""
    place = content.find(b'"status":"', 0, 64)
    return place >= 0 and content[place + 10 : place + 11] in (b"C", b"F")
