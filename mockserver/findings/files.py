"""How clients come for results."""

from mockserver.findings.book import Book
from mockserver.findings.clients import Client, identity, sent
from mockserver.findings.kinds import KEY_SENT_TO_FILES, RESULT_AFTER_EXPIRY
from mockserver.findings.recent import Recent
from mockserver.findings.submissions import Submissions
from mockserver.journal import Entry

REMEMBERED = 5000
EXPIRED = "expired"
SECRETS = (b"x-api-key", b"authorization")


class Files:
    """Looks at requests for files."""

    def __init__(self, book: Book, submissions: Submissions) -> None:
        self._book, self._submissions = book, submissions
        self._taken: Recent[str, int] = Recent(REMEMBERED)

    def taken_in(self, job_id: str) -> int | None:
        """The request that took a file of this job, the last one; none so far."""
        return self._taken.get(job_id)

    def look(self, entry: Entry) -> None:
        """Judge one request."""
        if entry.status == 200:  # noqa: PLR2004 - OK
            self._taken[entry.job_id] = entry.number
        owner = self._submissions.maker(entry.job_id) or Client("", "")
        place = f"request {entry.number}, {entry.method} {entry.path[:100]},"
        if entry.note == EXPIRED:
            told = f"{place} came after the result had expired"
            self._book.note(RESULT_AFTER_EXPIRY, owner, entry.at, told, requests=(entry.number,))
        secrets = [name.decode() for name in SECRETS if sent(entry, name)]
        if secrets:
            digest, prefix = identity(entry)
            sender = Client(digest, prefix) if digest else owner
            told = f"{place} carried {' and '.join(secrets)}"
            self._book.note(KEY_SENT_TO_FILES, sender, entry.at, told, requests=(entry.number,))

    def clear(self) -> None:
        """Forget everything."""
        self._taken.clear()
