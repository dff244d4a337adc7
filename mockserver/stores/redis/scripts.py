"""The scripts that run in the server, read from `lua/`: each with what it shares with others before it."""

import hashlib
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parent / "lua"
_LIBRARIES = {
    "submit": ("claims",),
    "recall": ("claims",),
    "change_plan": ("plans",),
    "move_up": ("plans",),
    "claim_due": ("leases",),
    "put": ("rows",),
    "reset": ("rows",),
    "set_up": ("rows",),
    "put_record": ("keeping",),
    "record": ("keeping",),
    "expired_records": ("keeping",),
}


class Script(NamedTuple):
    """A text, and the name that the server knows it by."""

    text: str
    sha: str


def _read(path: Path) -> Script:
    names = ("common", *_LIBRARIES.get(path.stem, ()), path.stem)
    text = "\n".join((FOLDER / f"{name}.lua").read_text("utf-8") for name in names)
    return Script(text, hashlib.sha1(text.encode()).hexdigest())  # noqa: S324 - the server's own name for a script


SCRIPTS = {path.stem: _read(path) for path in sorted(FOLDER.glob("*.lua"))}
"""By name; those that others share are no scripts of their own, and nobody runs them."""
