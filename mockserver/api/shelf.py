"""Files that were made, in a folder that outlives the process. What is lost is made again."""

import contextlib
import secrets
from pathlib import Path

from mockserver.core.results import FileName

MOST_BYTES = 512 * 1024 * 1024
LOOK_EVERY = 64
"""So many new files come between two looks at how large the folder is."""
ARRIVING = ".part"


class Shelf:
    """A folder of files by the id of their job; the oldest leave when there is no room. Used by threads."""

    def __init__(self, folder: Path, most_bytes: int = MOST_BYTES) -> None:
        self._folder, self._most_bytes = folder, most_bytes
        self._new = 0

    def read(self, name: FileName) -> bytes | None:
        """The file, if it is there."""
        try:
            return self._path(name).read_bytes()
        except OSError:
            return None

    def put(self, name: FileName, content: bytes) -> bytes:
        """Keep a file, as far as the disk allows it; its content."""
        arriving = self._folder / (secrets.token_hex(8) + ARRIVING)
        with contextlib.suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            try:
                arriving.write_bytes(content)
                arriving.replace(self._path(name))  # whole or not at all, for whoever reads it meanwhile
            finally:
                arriving.unlink(missing_ok=True)
            self._new += 1
            if self._new % LOOK_EVERY == 0:
                self._make_room()
        return content

    def clear(self) -> None:
        """Remove all."""
        with contextlib.suppress(OSError):
            for path in self._folder.iterdir():
                path.unlink(missing_ok=True)

    def _path(self, name: FileName) -> Path:
        return self._folder / name.path.replace("/", "-")

    def _make_room(self) -> None:
        found = sorted((path.stat().st_mtime, path.stat().st_size, path) for path in self._folder.iterdir())
        kept_bytes = sum(size for _, size, _ in found)
        for _, size, path in found:
            if kept_bytes <= self._most_bytes:
                break
            path.unlink(missing_ok=True)
            kept_bytes -= size
