"""What is known of uploaded files; the files themselves are with the spool."""

import math
from itertools import takewhile
from typing import NamedTuple

from mockserver.core.filekinds import FileKind


class Upload(NamedTuple):
    """One uploaded file."""

    id: str
    kind: FileKind
    byte_size: int
    expires_at: float
    """On the mock's clock."""
    place: str
    """What its file is called in the spool."""

    @property
    def name(self) -> str:
        """The last part of its address."""
        return f"{self.id}.{self.kind.extension}"


class Uploads:
    """Uploads in the order in which they came, which is that in which they expire."""

    def __init__(self) -> None:
        self._rows: dict[str, Upload] = {}
        self.bytes = 0
        """Of all of them."""

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, upload: Upload) -> None:
        """Keep it."""
        self._rows[upload.id] = upload
        self.bytes += upload.byte_size

    def find(self, id_: str, now: float) -> Upload | None:
        """The upload, until its time is over."""
        found = self._rows.get(id_)
        return found if found is not None and now < found.expires_at else None

    def drop_expired(self, now: float) -> list[Upload]:
        """Forget those whose time is over, and say which."""
        over = list(takewhile(lambda row: row.expires_at <= now, self._rows.values()))
        return [self._drop(row) for row in over]

    def drop_oldest(self) -> Upload | None:
        """Forget the one that came first, and say which; none without any."""
        return self._drop(next(iter(self._rows.values()))) if self._rows else None

    def next_expiry(self) -> float:
        """When the next one's time is over; infinite without any."""
        return next((row.expires_at for row in self._rows.values()), math.inf)

    def clear(self) -> list[Upload]:
        """Forget all, and say which."""
        return [self._drop(row) for row in list(self._rows.values())]

    def _drop(self, upload: Upload) -> Upload:
        self.bytes -= upload.byte_size
        return self._rows.pop(upload.id)
