"""The addresses in results: pictures, videos and tracks that really download, without a key."""

import asyncio
import hashlib
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mockserver.api.gate import Gate
from mockserver.api.shelf import Shelf
from mockserver.core.errors import FileNotFound
from mockserver.core.jobs import Job
from mockserver.core.jsontext import encode
from mockserver.core.results import FileName, file_name
from mockserver.core.timeline import JobStatus
from mockserver.http.answers import Answer
from mockserver.http.ranges import part_of
from mockserver.http.request import Request
from mockserver.http.router import Route
from mockserver.service import Service

CACHE_BYTES = 64 * 1024 * 1024
THREADS = 2
FOLDERS = ("images", "videos", "audio")
KINDS = {"png": b"image/png", "mp4": b"video/mp4", "mp3": b"audio/mpeg", "jpeg": b"image/jpeg"}
"""Content types by the ending of a file's name."""


class Gallery:
    """Makes files in threads of its own and keeps those asked for last: in memory, and in *folder* if there is one."""

    def __init__(self, folder: Path | None = None) -> None:
        self._shelf = None if folder is None else Shelf(folder)
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="draw")
        self._kept: OrderedDict[FileName, bytes] = OrderedDict()
        self._kept_bytes = 0
        self._drawing: dict[FileName, asyncio.Future[bytes]] = {}

    async def file(self, name: FileName, job: Job) -> bytes:
        """The file of a job's output; the same file is made once, however many ask for it at the same time."""
        kept = self._kept.get(name)
        if kept is not None:
            self._kept.move_to_end(name)
            return kept
        drawing = self._drawing.get(name)
        if drawing is None:
            drawing = asyncio.get_running_loop().run_in_executor(self._pool, self._file, name, job)
            self._drawing[name] = drawing
            drawing.add_done_callback(lambda done: self._keep(name, done))
        return await asyncio.shield(drawing)

    def _file(self, name: FileName, job: Job) -> bytes:
        if self._shelf is None:
            return _made(name, job)
        return self._shelf.read(name) or self._shelf.put(name, _made(name, job))

    def _keep(self, name: FileName, done: "asyncio.Future[bytes]") -> None:
        if self._drawing.get(name) is not done:  # forgotten while it was drawn
            return
        del self._drawing[name]
        if done.cancelled() or done.exception() is not None:
            return
        self._kept[name] = done.result()
        self._kept_bytes += len(self._kept[name])
        while self._kept_bytes > CACHE_BYTES:
            self._kept_bytes -= len(self._kept.popitem(last=False)[1])

    def forget(self, *, is_ours: bool = True) -> None:
        """Keep nothing: after a reset, the same ids can stand for other files. Who has reset tidies the folder."""
        if self._shelf is not None and is_ours:
            self._shelf.clear()
        self._kept.clear()
        self._kept_bytes = 0
        self._drawing.clear()

    def close(self) -> None:
        """Stop the threads."""
        self._pool.shutdown(wait=True, cancel_futures=True)


def routes(service: Service, gate: Gate, gallery: Gallery) -> list[Route]:
    """The routes of all kinds of files."""

    async def get_file(request: Request, folder: str) -> Answer:
        name = file_name(f"{folder}/{request.path_values['name']}")
        job = await service.store.job(name.job_id) if name else None
        if job is not None:
            request.job_id = job.id
            request.note = "expired" if job.moment(service.clock.now()).is_expired else ""
        if name is None or job is None or not _exists(service, job, name):
            raise FileNotFound
        return _answer(request, await gallery.file(name, job), KINDS[name.ending])

    def route(folder: str) -> Route:
        return Route("GET", f"/{folder}/{{name}}", gate.open("files", lambda request: get_file(request, folder)))

    return [route(folder) for folder in FOLDERS]


def _answer(request: Request, content: bytes, kind: bytes) -> Answer:
    """The file, a part of it, or that it is the one that the client has."""
    etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = (("ETag", etag), ("Cache-Control", "public, max-age=86400"))
    known = request.headers.get("If-None-Match", "")
    if etag in known or known.strip() == "*":
        return Answer(304, headers=headers)
    part = part_of(request, len(content), etag)
    shown = content[part.start : part.start + part.length]
    return Answer(part.status, shown, (*headers, *part.headers), content_type=kind)


def _exists(service: Service, job: Job, name: FileName) -> bool:
    moment = job.moment(service.clock.now())
    if moment.status is not JobStatus.COMPLETED or moment.is_expired:
        return False
    address = f"{service.rules.public_url}/{name.path}"
    return encode(address).decode() in service.result_json(job)


def _made(name: FileName, job: Job) -> bytes:
    from mockserver.media import orders  # noqa: PLC0415 - the drawing library is loaded when the first file is asked for

    return orders.made(name, job)
