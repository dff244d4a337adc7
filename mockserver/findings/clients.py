"""Who sends requests, and what an entry of the journal says of it."""

from hashlib import blake2b

from mockserver.core.accounts import shown_prefix
from mockserver.core.signing import key_digest
from mockserver.journal import Entry

_BEARER = "bearer "
_FORM = b"multipart/"


class Trouble:
    """A request that was refused or failed, as long as it matters how the client goes on."""

    __slots__ = (
        "at",
        "ended_s",
        "form_bytes",
        "is_failure",
        "is_ordered",
        "is_passed",
        "key",
        "number",
        "operation",
        "retry_after_s",
        "status",
        "work",
    )

    def __init__(self, entry: Entry, work: bytes, key: bytes, retry_after_s: float) -> None:
        self.number, self.operation, self.status = entry.number, entry.operation, entry.status
        self.work, self.key = work, key
        """The same for requests that ask for the same; the Idempotency-Key."""
        self.ended_s, self.at = entry.began_s + entry.took_s, entry.at
        """In real time, and on the mock's clock."""
        self.retry_after_s = retry_after_s
        self.is_failure = entry.status is None or entry.status >= 500  # noqa: PLR2004 - the server's errors
        """Whether nobody can tell if the work was done; else it is a refusal."""
        self.is_ordered = bool(entry.fired)
        """Whether a fault rule had to do with it."""
        self.is_passed = False
        """Whether the client has turned to other work since, or has looked what became of it."""
        self.form_bytes = form_bytes(entry)

    def elapsed_s(self, entry: Entry) -> float:
        """Seconds from its end to a later request, in real time or on the mock's clock, what is more."""
        return max(entry.began_s - self.ended_s, entry.at - self.at, 0.0)


class Client:
    """One API key, known or not; all without a key are one."""

    __slots__ = ("digest", "prefix", "troubles")

    def __init__(self, digest: str, prefix: str) -> None:
        self.digest, self.prefix = digest, prefix
        self.troubles: list[Trouble] = []


def sent(entry: Entry, name: bytes) -> bytes:
    """A header of the request by its name in lower case; empty where it was not sent."""
    length = len(name)
    for key, value in entry.headers:
        if len(key) == length and key.lower() == name:
            return value
    return b""


def identity(entry: Entry) -> tuple[str, str]:
    """SHA-256 of the key that the request carries, known or not, and what may be shown of it; empty texts for none."""
    if entry.caller is not None:
        return entry.caller.key.digest, entry.caller.key.prefix
    api_key = sent(entry, b"x-api-key").decode("latin-1")
    if not api_key:
        authorization = sent(entry, b"authorization").decode("latin-1")
        if authorization[: len(_BEARER)].lower() == _BEARER:
            api_key = authorization[len(_BEARER) :].strip()
    return (key_digest(api_key), shown_prefix(api_key)) if api_key else ("", "")


def is_form(entry: Entry) -> bool:
    """Whether the request is a form, of which nothing but the size is known."""
    return sent(entry, b"content-type")[: len(_FORM)].lower() == _FORM


def form_bytes(entry: Entry) -> int:
    """The size that a form declares; 0 for another body, and for a form that declares none."""
    declared = sent(entry, b"content-length") if is_form(entry) else b""
    return int(declared) if declared.isdigit() else 0


def work_of(entry: Entry) -> bytes:
    """A short text that is the same for requests with the same method, address and body.

    A form's is like no other: what stands in it is not known.
    """
    form = entry.number if is_form(entry) else ""
    head = f"{entry.method} {entry.target} {entry.body_bytes} {form} ".encode("utf-8", "surrogateescape")
    return blake2b(head + entry.body, digest_size=16).digest()
