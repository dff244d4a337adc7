"""POST /v2/uploads, and the addresses that it gives out. Source: facts.md section 16."""

import logging
from collections.abc import AsyncIterator
from pathlib import Path

from mockserver.api.gate import Gate
from mockserver.core.errors import FileNotFound, Invalid, UploadFailed
from mockserver.core.filekinds import HEAD_BYTES, KINDS, MEGABYTE, FileKind, kind_of
from mockserver.core.instants import iso
from mockserver.core.messages import not_an_option
from mockserver.http.answers import Answer, Headers, json_answer
from mockserver.http.fileanswer import FileAnswer
from mockserver.http.forms import BODY, FormFile, form_parts
from mockserver.http.ranges import part_of
from mockserver.http.request import Request
from mockserver.http.router import Route
from mockserver.service import Service
from mockserver.spool import Incoming, Spool
from mockserver.uploads import Upload

log = logging.getLogger(__name__)

FILE = "file"
"""The one part that a form has to have."""
MOST_FORM_BYTES = max(kind.most_bytes for kind in KINDS.values()) + MEGABYTE
"""The largest file with all that may stand around it."""
EXPECTED = "Invalid input: expected file, received {}"


def routes(service: Service, gate: Gate, spool: Spool) -> list[Route]:
    """The routes of uploads and of their files."""

    async def create(request: Request) -> Answer:
        try:
            with spool.incoming() as incoming:
                kind = await _received(request, incoming)
                upload = await spool.keep(incoming, kind, service.draw_id())
        except OSError as error:
            log.warning("an upload failed: %s", error)
            raise UploadFailed from error
        except Invalid as error:  # what is wrong with the form is so with its one file
            places = {FILE if place == BODY else place: texts for place, texts in error.details.items()}
            raise Invalid(places) from error
        return json_answer(201, _shown(upload, service.rules.public_url))

    async def download(request: Request) -> Answer:
        name = request.path_values["name"]
        upload = await spool.find(name.partition(".")[0])
        if upload is None or upload.name != name or not spool.path(upload.id).is_file():
            raise FileNotFound
        return _sent(request, upload, spool.path(upload.id))

    return [
        Route("POST", "/v2/uploads", gate.keyed("uploads.create", create)),
        Route("GET", "/uploads/{name}", gate.open("files", download)),
    ]


def _sent(request: Request, upload: Upload, path: Path) -> Answer:
    """The file, a part of it, or that it is the one that the client has."""
    etag = f'"{upload.id}"'
    headers: Headers = (("ETag", etag), ("Cache-Control", "no-cache"), ("X-Content-Type-Options", "nosniff"))
    if request.headers.get("If-None-Match", "").strip() in (etag, "*"):
        return Answer(304, headers=headers)
    part = part_of(request, upload.byte_size, etag)
    kind = upload.kind.content_type.encode()
    headers = (*headers, *part.headers)
    return FileAnswer(part.status, path, part.length, headers, content_type=kind, start=part.start)


async def _received(request: Request, incoming: Incoming) -> FileKind:
    """The type of the form's file, which is written whole.

    Raises:
        Invalid: the form is not whole, or has not one file of a type and size that uploads take.
        BodyTimedOut: it came too slowly.
        OSError: the disk does not take it.
    """
    kind: FileKind | None = None
    async for part in form_parts(request, most_bytes=MOST_FORM_BYTES):
        if part.name != FILE:
            continue
        if not isinstance(part, FormFile) or kind is not None:
            raise Invalid({FILE: [EXPECTED.format("string" if kind is None else "array")]})
        kind = await _written(part.chunks(), incoming)
    if kind is None:
        raise Invalid({FILE: [EXPECTED.format("undefined")]})
    await incoming.finish()
    return kind


async def _written(chunks: AsyncIterator[bytes], incoming: Incoming) -> FileKind:
    """The type of a file, which is written as far as it may go.

    Raises:
        Invalid: it is empty, too large or of another type.
    """
    head = b""
    async for chunk in chunks:
        head += chunk
        if len(head) >= HEAD_BYTES:
            break
    if not head:
        raise Invalid({FILE: ["Too small: expected file to have >=1 bytes"]})
    kind = kind_of(head)
    if kind is None:
        raise Invalid({FILE: [not_an_option([row.content_type for row in KINDS.values()])]})
    await _write(head, kind, incoming)
    async for chunk in chunks:
        await _write(chunk, kind, incoming)
    return kind


async def _write(block: bytes, kind: FileKind, incoming: Incoming) -> None:
    if incoming.byte_size + len(block) > kind.most_bytes:
        raise Invalid({FILE: [f"Too big: expected file to have <={kind.most_bytes} bytes"]})
    await incoming.write(block)


def _shown(upload: Upload, public_url: str) -> dict[str, str | int]:
    return {
        "id": upload.id,
        "url": f"{public_url}/uploads/{upload.name}",
        "kind": upload.kind.kind,
        "contentType": upload.kind.content_type,
        "byteSize": upload.byte_size,
        "expiresAt": iso(upload.expires_at),
    }
