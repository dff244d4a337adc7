"""The fixture of LoRAs: the form, the LoRA at each stage of its training, its prices and its webhooks."""

import base64

import aiohttp

from mockserver.recording.studio import HOOK, KEY, Fixture, Studio

PATH = "/v2/loras"
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
"""A picture of one pixel, in Base64."""
FEWEST_PICTURES = 15
A_MINUTE_S = 60.0
MINIMAL = {"name": "Ann", "subjectKind": "style"}
FULL = {
    "name": "Ann",
    "subjectKind": "person",
    "gender": "female",
    "ethnicity": "Nordic",
    "age": "thirties",
    "steps": "1500",
    "loraRank": "16",
    "webhookUrl": HOOK,
    "webhookEvents": "completed,failed",
}


async def lora_fixture(studio: Studio) -> Fixture:
    """All that a client sees of LoRAs."""
    lives = _Lives(studio)
    ready = await lives.ready()
    states, webhooks = ready["loras"], ready["webhooks"]
    states["failed"], webhooks["failed"] = await lives.failed()
    states["archived"], deleted = await lives.archived()
    return {
        "operation": "loras.create",
        "method": "POST",
        "path": PATH,
        "apiKey": KEY,
        "file": {"part": "images", "count": FEWEST_PICTURES, "contentType": "image/png", "base64": PIXEL},
        "minimal": await lives.minimal(),
        "full": ready,
        "list": await lives.listed(),
        "delete": deleted,
    }


async def train(studio: Studio, name: str) -> Fixture:
    """A LoRA that is READY, as it is shown."""
    studio.draw(name)
    created = await _create(studio, MINIMAL)
    await _until_trained(studio, created["body"]["id"])
    return await look(studio, created["body"]["id"])


def form_of(fields: dict[str, str]) -> aiohttp.FormData:
    """The form with these fields and as many pictures as it needs."""
    form = aiohttp.FormData(fields)
    for number in range(FEWEST_PICTURES):
        form.add_field("images", base64.b64decode(PIXEL), filename=f"{number + 1}.png", content_type="image/png")
    return form


async def _create(studio: Studio, fields: dict[str, str]) -> Fixture:
    """The answer to the form of a new LoRA."""
    return (await studio.ask("POST", PATH, raw=form_of(studio.really(fields)), status=202)).shown()


async def look(studio: Studio, lora_id: str) -> Fixture:
    """The LoRA as it is shown now."""
    lora: Fixture = (await studio.ask("GET", f"{PATH}/{lora_id}", status=200)).body
    return lora


async def _until_trained(studio: Studio, lora_id: str) -> None:
    await studio.move_to((await studio.kept(lora_id)).plan.ended_at)


class _Lives:
    """The same LoRA, from its creation on, as often as it is asked for."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    async def minimal(self) -> Fixture:
        """A form with nothing but what cannot be left out."""
        await self._studio.start_over()
        self._studio.draw("loras/minimal")
        answer = await _create(self._studio, MINIMAL)
        return {"form": MINIMAL, "answer": answer, "lora": await look(self._studio, answer["body"]["id"])}

    async def ready(self) -> Fixture:
        """The full form, up to the end of the training."""
        studio = self._studio
        await studio.start_over()
        opening = await self._balance()
        answer = await self._created()
        lora_id = answer["body"]["id"]
        created = await self._balance()
        plan = (await studio.kept(lora_id)).plan
        pending = await look(studio, lora_id)
        await studio.move_to((studio.clock.now() + plan.started_at) / 2)
        uploading = await look(studio, lora_id)
        await studio.move_to(plan.started_at + A_MINUTE_S)
        training = await look(studio, lora_id)
        started = await self._balance()
        await _until_trained(studio, lora_id)
        ready = await look(studio, lora_id)
        return {
            "form": FULL,
            "answer": answer,
            "prices": {"creation": opening - created, "training": created - started},
            "loras": {"pending": pending, "uploading": uploading, "training": training, "ready": ready},
            "webhooks": {"completed": studio.webhook("completed", id=lora_id)},
        }

    async def failed(self) -> tuple[Fixture, Fixture]:
        """The LoRA whose training has failed, and the webhook that says so."""
        lora_id = await self._in_training()
        await self._studio.pull(f"jobs/{lora_id}", {"fail": True})
        return await look(self._studio, lora_id), self._studio.webhook("failed", id=lora_id)

    async def archived(self) -> tuple[Fixture, Fixture]:
        """The LoRA after it was deleted, and the request that did so."""
        await self._studio.start_over()
        lora_id = (await self._created())["body"]["id"]
        await _until_trained(self._studio, lora_id)
        path = f"{PATH}/{lora_id}"
        answer = await self._studio.ask("DELETE", path, status=204)
        return await look(self._studio, lora_id), {"method": "DELETE", "path": path, "answer": answer.shown()}

    async def listed(self) -> Fixture:
        """The list that has it."""
        await self._in_training()
        answer = await self._studio.ask("GET", PATH, status=200)
        return {"method": "GET", "path": PATH, "answer": answer.shown()}

    async def _in_training(self) -> str:
        await self._studio.start_over()
        lora_id: str = (await self._created())["body"]["id"]
        await self._studio.move_to((await self._studio.kept(lora_id)).plan.started_at + A_MINUTE_S)
        return lora_id

    async def _created(self) -> Fixture:
        self._studio.draw("loras/full")
        return await _create(self._studio, FULL)

    async def _balance(self) -> int:
        balance: int = (await self._studio.ask("GET", "/v2/me", status=200)).body["team"]["credits"]
        return balance
