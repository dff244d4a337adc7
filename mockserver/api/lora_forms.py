"""The form of POST /v2/loras, read as it arrives: its pictures are looked at, counted and let go of."""

from typing import Any

from mockserver.api.queries import typed
from mockserver.core.catalog import Schema
from mockserver.core.deliveries import DEFAULT_EVENTS
from mockserver.core.errors import Invalid
from mockserver.core.filekinds import HEAD_BYTES, MEGABYTE, kind_of
from mockserver.core.jsontext import Parsed
from mockserver.core.messages import not_an_option, wrong_type
from mockserver.core.validation import Problem, SchemaCheck, details_of
from mockserver.http.forms import FormFile, form_parts
from mockserver.http.request import Request
from mockserver.training import LoraForm

IMAGES = "images"
PICTURES = ("image/jpeg", "image/png", "image/webp")
MOST_PICTURE_BYTES = 10 * MEGABYTE
MOST_PICTURES_BYTES = 100 * MEGABYTE
"""Of all together."""
MOST_BYTES = MOST_PICTURES_BYTES + 20 * MEGABYTE
"""Of the whole form: enough to say in `details` that the pictures are too large."""
_DEFAULTS = {"subjectKind": "person", "gender": None, "ethnicity": None, "age": None, "steps": 1000, "loraRank": 32}


class LoraFormReader:
    """Reads forms by their schema. Fields that it does not name are ignored: the vendor's is open."""

    def __init__(self, schema: Schema) -> None:
        self._check = SchemaCheck(schema)
        self._fields: dict[str, Schema] = schema["properties"]

    async def read(self, request: Request) -> LoraForm:
        """The form with its defaults.

        Raises:
            Invalid: with every problem.
            BodyTimedOut: the sender is too slow.
        """
        form = _Form(self._fields)
        async for part in form_parts(request, most_bytes=MOST_BYTES):
            if isinstance(part, FormFile):
                await form.take_file(part)
            else:
                form.take_field(part.name, part.value)
        values, events = form.values, form.events()
        is_plain = all(value.isascii() for value in values.values() if isinstance(value, str))
        said = {each.path[0] for each in form.problems} - values.keys()  # to the schema these are only missing
        problems = [each for each in self._check.problems(Parsed(values, not is_plain)) if each.path[0] not in said]
        if form.problems or problems:
            raise Invalid(details_of([*form.problems, *problems]))
        kept = {name: values.get(name, default) for name, default in _DEFAULTS.items()}
        fields = {"name": values["name"], **kept, "imageCount": len(values[IMAGES])}
        return LoraForm(fields, values.get("webhookUrl"), events)


class _Form:
    """What a form holds so far, and what is wrong with it beside its schema."""

    def __init__(self, fields: dict[str, Schema]) -> None:
        self._fields = fields
        self.values: dict[str, Any] = {}
        self.problems: list[Problem] = []
        self._pictures_bytes = 0

    def take_field(self, name: str, text: str) -> None:
        """A part that is no file."""
        schema = self._fields.get(name)
        if schema is None:
            return
        if name == IMAGES:
            self._wrong(name, wrong_type({"type": "file"}, "string"))
        elif name in self.values:
            self._wrong(name, wrong_type(schema, "array"))
        else:
            self.values[name] = typed(text, schema)

    async def take_file(self, file: FormFile) -> None:
        """A part with a file."""
        if file.name == IMAGES:
            await self._take_picture(file)
        elif file.name in self._fields:
            self._wrong(file.name, wrong_type(self._fields[file.name], "file"))

    async def _take_picture(self, file: FormFile) -> None:
        pictures = self.values.setdefault(IMAGES, [])
        place, size, head = len(pictures), 0, b""
        pictures.append("")
        async for chunk in file.chunks():
            size += len(chunk)
            if len(head) < HEAD_BYTES:
                head += chunk[:HEAD_BYTES]
        kind = kind_of(head[:HEAD_BYTES])
        if kind is None or kind.content_type not in PICTURES:
            self._wrong(IMAGES, "Unsupported file type: expected JPEG, PNG or WebP", place)
        if size > MOST_PICTURE_BYTES:
            self._wrong(IMAGES, _too_big(MOST_PICTURE_BYTES), place)
        before = self._pictures_bytes
        self._pictures_bytes += size
        if before <= MOST_PICTURES_BYTES < self._pictures_bytes:
            self._wrong(IMAGES, f"{_too_big(MOST_PICTURES_BYTES)} together")

    def events(self) -> list[str]:
        """The webhook events, each once."""
        if "webhookEvents" not in self.values:
            return list(DEFAULT_EVENTS)
        named = list(dict.fromkeys(name.strip() for name in self.values["webhookEvents"].split(",")))
        if not set(named) <= set(DEFAULT_EVENTS):
            self._wrong("webhookEvents", not_an_option(list(DEFAULT_EVENTS)))
        return named

    def _wrong(self, name: str, message: str, *place: int) -> None:
        self.problems.append(Problem((name, *place), message))


def _too_big(most_bytes: int) -> str:
    return f"Too big: expected file to have <={most_bytes} bytes"
