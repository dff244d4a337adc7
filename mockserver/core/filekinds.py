"""What a file is, by its first bytes: images, videos and audio that uploads take. Source: facts.md section 16.

`filetype` knows most; the few that it does not tell as the API would are told here.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any, Literal, NamedTuple

HEAD_BYTES = 4096
"""So much of a file's beginning says what it is."""
MEGABYTE = 1024 * 1024
MPEG_VERSION_RESERVED, LAYER_III, BITRATE_NONE, RATE_RESERVED = 1, 1, 15, 3


class FileKind(NamedTuple):
    """One type of files."""

    kind: Literal["image", "video", "audio"]
    content_type: str
    extension: str
    """Without a dot."""

    @property
    def most_bytes(self) -> int:
        """The largest file."""
        return (50 if self.kind == "video" else 25) * MEGABYTE


KINDS: Mapping[str, FileKind] = {
    row.extension: row
    for row in (
        FileKind("image", "image/png", "png"),
        FileKind("image", "image/jpeg", "jpg"),
        FileKind("image", "image/webp", "webp"),
        FileKind("image", "image/gif", "gif"),
        FileKind("video", "video/mp4", "mp4"),
        FileKind("video", "video/webm", "webm"),
        FileKind("video", "video/quicktime", "mov"),
        FileKind("audio", "audio/mpeg", "mp3"),
        FileKind("audio", "audio/wav", "wav"),
        FileKind("audio", "audio/ogg", "ogg"),
        FileKind("audio", "audio/mp4", "m4a"),
    )
}
_OTHER_BRANDS = (
    b"3gp",
    b"3g2",
    b"avif",
    b"avis",
    b"crx ",
    b"heic",
    b"heix",
    b"hevc",
    b"jp2 ",
    b"jpx ",
    b"mif1",
    b"msf1",
)
"""Of files in the frame of MP4 that are none."""
_QUICKTIME_ATOMS = (b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")
"""With which a QuickTime file without a brand may begin."""

_EBML, _WEBM, _DOCTYPE_WITHIN = b"\x1aE\xdf\xa3", b"webm", 64


def kind_of(head: bytes) -> FileKind | None:
    """The type of the file that begins with *head*, which has `HEAD_BYTES` or is all of it; none for other types."""
    if head[4:8] == b"ftyp":
        return _by_brand(head[8:12])
    if head[4:8] in _QUICKTIME_ATOMS and len(head) >= 16:  # noqa: PLR2004 - two atoms' heads
        return KINDS["mov"]
    if head.startswith(_EBML):  # the library knows one of the ways to write what kind of Matroska this is
        return KINDS["webm"] if _WEBM in head[:_DOCTYPE_WITHIN] else None
    if _is_mp3_frame(head):
        return KINDS["mp3"]
    found = next((matcher for matcher in _matchers() if matcher.match(head)), None)
    return None if found is None else KINDS[found.extension]


@cache
def _matchers() -> tuple[Any, ...]:
    from filetype.types import audio, image  # type: ignore[import-untyped] # noqa: PLC0415 - ships no types; loaded when a file comes

    return (
        image.Png(),
        image.Jpeg(),
        image.Webp(),
        image.Gif(),
        audio.Ogg(),
        audio.Wav(),
        audio.Mp3(),
    )


def _by_brand(brand: bytes) -> FileKind | None:
    """The library takes a file for MP4 by three brands of the dozens that players take."""
    if brand == b"qt  ":
        return KINDS["mov"]
    if brand in (b"M4A ", b"M4B ", b"M4P "):
        return KINDS["m4a"]
    return None if brand.startswith(_OTHER_BRANDS) or len(brand) < 4 else KINDS["mp4"]  # noqa: PLR2004 - a brand's length


def _is_mp3_frame(head: bytes) -> bool:
    """Whether a frame's head comes first; the library knows few of them, and takes a text in UTF-16 for some."""
    if len(head) < 4 or head[0] != 0xFF or head[1] < 0xE0:  # noqa: PLR2004 - eleven bits that are set
        return False
    version, layer, bitrate, rate = head[1] >> 3 & 3, head[1] >> 1 & 3, head[2] >> 4, head[2] >> 2 & 3
    return version != MPEG_VERSION_RESERVED and layer == LAYER_III and bitrate != BITRATE_NONE and rate != RATE_RESERVED
