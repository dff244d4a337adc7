"""What stands behind a file's name: drawn or played from the job and its request."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from mockserver.core.jobs import Job
from mockserver.core.jsontext import parse
from mockserver.core.results import GRID, FileName
from mockserver.media import pictures, sizes, tracks, videos
from mockserver.media.pictures import Picture

COVER_EDGE = 512
_GRID = range(1, 5)


class _Order(NamedTuple):
    """What a job's request says that its files show."""

    job: Job
    parameters: Mapping[str, Any]
    prompt: str
    notes: Sequence[Mapping[str, Any]]
    """One an output, where the result needs any."""

    def picture(self, number: int) -> Picture:
        width, height = sizes.picture_size(self.parameters)
        return Picture(self.job.id, self.job.model, self.prompt, number, width, height)

    def title(self, number: int) -> str:
        """Of the track of this number, from 0; the prompt where it has none."""
        return next(_texts("title", *self.notes[number : number + 1], self.parameters), self.prompt)


def made(name: FileName, job: Job) -> bytes:
    """The bytes of a file of this job, the same each time."""
    return _MAKERS[name.ending](_read(job), name.part)


def _read(job: Job) -> _Order:
    body: dict[str, Any] = parse(job.input_json).value
    parameters = next((value for value in body.values() if isinstance(value, dict)), {})
    notes = parse(job.notes).value if job.notes else []
    return _Order(job, parameters, next(_texts("prompt", body, parameters), ""), notes)


def _texts(name: str, *places: Mapping[str, Any]) -> Iterator[str]:
    return (place[name] for place in places if isinstance(place.get(name), str))


def _image(order: _Order, part: str) -> bytes:
    if part == GRID:
        return pictures.draw_grid([order.picture(number) for number in _GRID])
    return pictures.draw(order.picture(int(part)))


def _video(order: _Order, part: str) -> bytes:
    job = order.job
    width, height = sizes.video_size(order.parameters)
    length = sizes.seconds(order.parameters, videos.MOST_SECONDS)
    return videos.draw(videos.Video(job.id, job.model, order.prompt, int(part or 1), width, height, length))


def _track(order: _Order, part: str) -> bytes:
    job, number = order.job, int(part or 0)
    length = sizes.seconds(order.parameters, tracks.MOST_SECONDS)
    return tracks.play(tracks.Track(job.id, number, order.title(number), job.model, length))


def _cover(order: _Order, part: str) -> bytes:
    job, number = order.job, int(part or 0)
    title = order.title(number)
    return pictures.draw_cover(Picture(job.id, job.model, title, number, COVER_EDGE, COVER_EDGE, "cover"))


_MAKERS = {"png": _image, "mp4": _video, "mp3": _track, "jpeg": _cover}
