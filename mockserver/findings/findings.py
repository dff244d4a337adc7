"""Watches the journal and the deliveries, and notes what clients and receivers do wrong."""

import json
from collections import deque
from typing import Any

from mockserver.clock import real_s
from mockserver.core.deliveries import Attempt, Delivery
from mockserver.core.jobs import Job
from mockserver.core.signing import Scheme
from mockserver.findings.book import Book
from mockserver.findings.clients import Client, identity
from mockserver.findings.copies import Copies, Told
from mockserver.findings.files import TAKEN, Files
from mockserver.findings.polls import Polls
from mockserver.findings.receivers import Receivers
from mockserver.findings.recent import Recent
from mockserver.findings.retries import Retries
from mockserver.findings.submissions import Submissions
from mockserver.journal import Entry, Journal
from mockserver.service import Service

FILES, ONE_JOB, UPLOAD = "files", "jobs.get", "uploads.create"
CLIENTS = 2000
FORGOTTEN = 100
LAG_S = 0.05
"""Between the end of an attempt and its being told, at most."""
OK, FIRST_REFUSAL = 200, 400


class Findings:
    """All findings of a running mock. A request that is in order costs it next to nothing."""

    def __init__(self, service: Service, journal: Journal, scheme: Scheme) -> None:
        self._service, self._journal = service, journal
        operations = service.catalog.operations.values()
        self._submitting = frozenset(each.id for each in operations if each.is_submission)
        self._book = Book()
        self._times, self._forgotten = 0, deque[str](maxlen=FORGOTTEN)
        """How often somebody forgot findings by hand, and of whom of late; an empty text is everybody."""
        self._clients: Recent[str, Client] = Recent(CLIENTS)
        self._retries = Retries(self._book, self._submitting)
        self._submissions = Submissions(self._book, service.catalog)
        self._polls = Polls(self._book)
        self._files = Files(self._book, self._submissions)
        self._receivers = Receivers(self._book, service.clock, scheme)
        self._copies = Copies(self._book, self._polls)
        journal.watch(self.on_entry)

    @property
    def dropped(self) -> int:
        """How many are counted and no longer kept."""
        self._journal.catch_up()
        return self._book.dropped

    def of(self, number: int) -> tuple[str, ...]:
        """The ids of findings whose evidence names this entry of the journal."""
        self._journal.catch_up()
        return self._book.of(number)

    def counts(self, digest: str = "") -> dict[str, int]:
        """How often each kind was found, by its id; of one key by its SHA-256, or of all. Only what was found."""
        self._journal.catch_up()
        return self._book.counts(digest)

    def shown(self, digest: str = "") -> list[dict[str, Any]]:
        """Every kind that was found, as GET /_mock/findings shows it; of one key by its SHA-256, or of all."""
        self._journal.catch_up()
        return self._book.shown(digest)

    def forget(self, digest: str) -> None:
        """Forget what was found of one key by its SHA-256, or of all."""
        self._journal.catch_up()
        if digest:
            self._book.forget(digest)
        else:
            self._forget_all()

    def told(self) -> bytes:
        """What was forgotten by hand so far, as `take` reads it; empty for nothing."""
        return json.dumps([self._times, list(self._forgotten)]).encode() if self._times else b""

    async def take(self, told: bytes) -> None:
        """Forget as another process has told."""
        times, forgotten = json.loads(told) if told else (0, [])
        if times > self._times:
            await self._journal.refresh()
            for digest in forgotten[self._times - times :]:
                self.forget(digest)
        self._times, self._forgotten = times, deque(forgotten, FORGOTTEN)

    def forget_for_all(self, digest: str = "") -> None:
        """Forget what was found of one key by its SHA-256, or everything; other processes are told."""
        self.forget(digest)
        self._times += 1
        self._forgotten.append(digest)

    def clear(self) -> None:
        """Forget everything, what clients did before included."""
        self._times = 0
        self._forgotten.clear()
        self._forget_all()

    def _forget_all(self) -> None:
        self._book.clear()
        self._clients.clear()
        self._submissions.clear()
        self._polls.clear()
        self._files.clear()
        self._receivers.clear()
        self._copies.clear()

    def on_entry(self, entry: Entry) -> None:
        """Look at a request and its answer."""
        operation, status, caller = entry.operation, entry.status, entry.caller
        if operation == FILES:
            self._on_file(entry)
            return
        is_refused = status is None or status >= FIRST_REFUSAL
        if caller is None and not is_refused:
            return
        digest, prefix = (caller.key.digest, caller.key.prefix) if caller is not None else identity(entry)
        client = self._client(digest, prefix)
        if is_refused or client.troubles:
            self._retries.look(client, entry)
        if operation == ONE_JOB:
            if status == OK and entry.method == "GET" and caller is not None:
                self._polls.look(client, entry, caller.team.speed or self._service.rules.speed)
        elif operation == UPLOAD:
            self._files.uploaded(client, entry)
        elif operation in self._submitting:
            self._on_submission(client, entry, is_refused=is_refused)

    def _client(self, digest: str, prefix: str) -> Client:
        client = self._clients.get(digest)
        if client is None:
            client = self._clients[digest] = Client(digest, prefix)
        return client

    def _on_submission(self, client: Client, entry: Entry, *, is_refused: bool) -> None:
        job_id = entry.job_id
        if entry.is_replay:
            seen = self._polls.ended_in(job_id) or self._files.taken_in(job_id)
            self._submissions.replayed(client, entry, seen)
        elif job_id:
            self._submissions.accepted(client, entry)
            if self._copies.is_awake:
                self._copies.submitted(client, entry)
        elif is_refused:
            self._submissions.refused(client, entry)

    def _on_file(self, entry: Entry) -> None:
        self._files.look(entry)
        owner = self._submissions.maker(entry.job_id)
        if owner is not None and entry.status in TAKEN and entry.method == "GET":
            self._copies.downloaded(owner, entry)

    def on_attempt(self, job: Job, delivery: Delivery, attempt: Attempt, ended_s: float | None = None) -> None:
        """Look at an attempt to deliver a webhook, which ended just now or at an instant of `clock.real_s`."""
        self._journal.catch_up()
        hook = job.webhook
        if hook is None:
            return
        client = self._clients.get(hook.digest) or Client(hook.digest, "")
        self._receivers.look(client, job, delivery, attempt)
        if attempt.error is None and attempt.status is not None and delivery.is_about_the_end:
            clock = self._service.clock
            ended_s = real_s() if ended_s is None else ended_s
            took_s = 0.0 if clock.is_frozen else attempt.took_s / clock.speed
            told = Told(delivery.id, ended_s - took_s - LAG_S, ended_s)
            self._copies.taken(client, job.id, told, attempt.at)
