"""UUIDs as text, from drawn bits or from a name."""

import hashlib
import re

_VARIANT = {digit: "89ab"[int(digit, 16) % 4] for digit in "0123456789abcdef"}
_FORM = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def uuid_from(bits: int) -> str:
    """A version 4 UUID from 128 bits."""
    text = bits.to_bytes(16).hex()
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{_VARIANT[text[16]]}{text[17:20]}-{text[20:]}"


def named_uuid(name: str) -> str:
    """The same UUID for the same name, always."""
    return uuid_from(int.from_bytes(hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()[:16]))


def is_uuid(text: str) -> bool:
    """Whether the text has the form of a UUID, of any version, in either case."""
    return _FORM.fullmatch(text) is not None
