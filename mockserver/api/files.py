"""The addresses in results: pictures that really download, without a key."""

import asyncio
import hashlib
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor

from mockserver.api.gate import Gate
from mockserver.core.errors import FileNotFound
from mockserver.core.jobs import Job
from mockserver.core.jsontext import encode, parse
from mockserver.core.results import GRID, FileName, file_name
from mockserver.core.timeline import JobStatus
from mockserver.http.answers import Answer
from mockserver.http.request import Request
from mockserver.http.router import Route
from mockserver.service import Service

CACHE_BYTES = 64 * 1024 * 1024
THREADS = 2


class Gallery:
    """Draws pictures in threads of its own and keeps those asked for last."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="draw")
        self._kept: OrderedDict[FileName, bytes] = OrderedDict()
        self._kept_bytes = 0
        self._drawing: dict[FileName, asyncio.Future[bytes]] = {}

    async def picture(self, name: FileName, job: Job) -> bytes:
        """The PNG of a job's output; the same picture is drawn once, however many ask for it at the same time."""
        kept = self._kept.get(name)
        if kept is not None:
            self._kept.move_to_end(name)
            return kept
        drawing = self._drawing.get(name)
        if drawing is None:
            drawing = asyncio.get_running_loop().run_in_executor(self._pool, _drawn, name.part, job)
            self._drawing[name] = drawing
            drawing.add_done_callback(lambda done: self._keep(name, done))
        return await asyncio.shield(drawing)

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

    def forget(self) -> None:
        """Keep nothing: after a reset, the same ids can stand for other pictures."""
        self._kept.clear()
        self._kept_bytes = 0
        self._drawing.clear()

    def close(self) -> None:
        """Stop the threads."""
        self._pool.shutdown(wait=True, cancel_futures=True)


def routes(service: Service, gate: Gate, gallery: Gallery) -> list[Route]:
    """The route of pictures."""

    async def get_image(request: Request) -> Answer:
        name = file_name(request.path_values["name"])
        job = await service.store.job(name.job_id) if name else None
        if job is not None:
            request.job_id = job.id
            request.note = "expired" if job.moment(service.clock.now()).is_expired else ""
        if name is None or job is None or not _exists(service, job, name):
            raise FileNotFound
        content = await gallery.picture(name, job)
        etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
        headers = (("ETag", etag), ("Cache-Control", "public, max-age=86400"))
        known = request.headers.get("If-None-Match", "")
        if etag in known or known.strip() == "*":
            return Answer(304, headers=headers)
        return Answer(200, content, headers, content_type=b"image/png")

    return [Route("GET", "/images/{name}", gate.open("files", get_image))]


def _exists(service: Service, job: Job, name: FileName) -> bool:
    moment = job.moment(service.clock.now())
    if moment.status is not JobStatus.COMPLETED or moment.is_expired:
        return False
    address = f"{service.rules.public_url}/images/{name.job_id}-{name.part}.png"
    return encode(address).decode() in service.result_json(job)


def _drawn(part: str, job: Job) -> bytes:
    from mockserver import media  # noqa: PLC0415 - the drawing library is loaded when the first picture is asked for

    body = parse(job.input_json).value
    parameters = next((value for value in body.values() if isinstance(value, dict)), {})
    width, height = media.size_of(parameters)
    pictures = [
        media.Picture(job.id, job.model, body.get("prompt", ""), number, width, height)
        for number in range(1, job.outputs + 1)
    ]
    return media.draw_grid(pictures) if part == GRID else media.draw(pictures[int(part) - 1])
