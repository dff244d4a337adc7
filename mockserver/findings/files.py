"""How clients come for results and uploads."""

from datetime import datetime
from typing import NamedTuple

from mockserver.core.jsontext import parse
from mockserver.findings.book import Book
from mockserver.findings.clients import Client, identity, sent
from mockserver.findings.kinds import KEY_SENT_TO_FILES, RESULT_AFTER_EXPIRY
from mockserver.findings.recent import Recent
from mockserver.findings.submissions import Submissions
from mockserver.journal import Entry

REMEMBERED = 5000
EXPIRED = "expired"
TAKEN = (200, 206)
CREATED, GONE = 201, 404
UPLOADS = "/uploads/"
SECRETS = (b"x-api-key", b"authorization")


class Upload(NamedTuple):
    """An upload that was answered."""

    client: Client
    expires_at: float


class Files:
    """Looks at requests for files."""

    def __init__(self, book: Book, submissions: Submissions) -> None:
        self._book, self._submissions = book, submissions
        self._taken: Recent[str, int] = Recent(REMEMBERED)
        self._uploads: Recent[str, Upload] = Recent(REMEMBERED)

    def taken_in(self, job_id: str) -> int | None:
        """The request that took a file of this job, the last one; none so far."""
        return self._taken.get(job_id)

    def uploaded(self, client: Client, entry: Entry) -> None:
        """Remember whose upload it is, and how long it stays; one whose answer a fault touched is not known."""
        if entry.status == CREATED and not entry.fired:
            told = parse(entry.content).value
            expires_at = datetime.fromisoformat(told["expiresAt"]).timestamp()
            self._uploads[told["url"].rpartition("/")[2]] = Upload(client, expires_at)

    def look(self, entry: Entry) -> None:
        """Judge one request."""
        if entry.status in TAKEN and entry.job_id:
            self._taken[entry.job_id] = entry.number
        upload = self._upload(entry.path)
        owner = upload.client if upload else self._submissions.maker(entry.job_id) or Client("", "")
        place = f"request {entry.number}, {entry.method} {entry.path[:100]},"
        is_over = upload is not None and entry.status == GONE and entry.at >= upload.expires_at
        if is_over or entry.note == EXPIRED:
            told = f"{place} came after the {'upload' if upload else 'result'} had expired"
            self._book.note(RESULT_AFTER_EXPIRY, owner, entry.at, told, requests=(entry.number,))
        secrets = [name.decode() for name in SECRETS if sent(entry, name)]
        if secrets:
            digest, prefix = identity(entry)
            sender = Client(digest, prefix) if digest else owner
            told = f"{place} carried {' and '.join(secrets)}"
            self._book.note(KEY_SENT_TO_FILES, sender, entry.at, told, requests=(entry.number,))

    def _upload(self, path: str) -> Upload | None:
        return self._uploads.get(path.removeprefix(UPLOADS)) if path.startswith(UPLOADS) else None

    def clear(self) -> None:
        """Forget everything."""
        self._taken.clear()
        self._uploads.clear()
