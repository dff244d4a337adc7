"""LoRAs: POST and GET /v2/loras, GET and DELETE /v2/loras/{id}."""

from typing import Any

from mockserver.api.gate import Gate
from mockserver.api.lora_forms import LoraFormReader
from mockserver.api.queries import QueryReader
from mockserver.core.instants import iso
from mockserver.core.jobs import Job
from mockserver.core.jsontext import parse
from mockserver.core.loras import LoraStatus, lora_moment
from mockserver.http.answers import Answer, json_answer
from mockserver.http.request import Request
from mockserver.http.router import Route
from mockserver.loras import Loras
from mockserver.service import Service
from mockserver.training import Trainings


def routes(service: Service, gate: Gate) -> list[Route]:
    """The four routes."""
    schemas = service.catalog.schemas
    loras, trainings = Loras(service.store, service.clock), Trainings(service)
    form, query = LoraFormReader(schemas["requests/lora-form.json"]), QueryReader(schemas["queries/lora-list.json"])

    async def create_lora(request: Request) -> Answer:
        created = await trainings.create(request.known_caller, await form.read(request))
        lora = created.lora
        request.job_id, request.cost, request.model = lora.id, lora.cost, lora.model
        request.fired += created.fired
        count = parse(lora.input_json).value["imageCount"]
        return json_answer(202, {"id": lora.id, "status": LoraStatus.PENDING, "imageCount": count})

    async def list_loras(request: Request) -> Answer:
        wanted = query.read(request)
        page = await loras.page(
            request.known_caller,
            limit=wanted["limit"],
            cursor=wanted.get("cursor"),
            with_archived=wanted["includeArchived"] == "true",
        )
        now = service.clock.now()
        return json_answer(200, {"items": [_shown(lora, now) for lora in page.loras], "nextCursor": page.next_cursor})

    async def get_lora(request: Request) -> Answer:
        lora = await loras.look(request.known_caller, request.path_values["id"])
        request.job_id = lora.id
        return json_answer(200, _shown(lora, service.clock.now()))

    async def delete_lora(request: Request) -> Answer:
        lora = await loras.archive(request.known_caller, request.path_values["id"])
        request.job_id = lora.id
        return Answer(204)

    return [
        Route("POST", "/v2/loras", gate.keyed("loras.create", create_lora)),
        Route("GET", "/v2/loras", gate.keyed("loras.list", list_loras)),
        Route("GET", "/v2/loras/{id}", gate.keyed("loras.get", get_lora)),
        Route("DELETE", "/v2/loras/{id}", gate.keyed("loras.delete", delete_lora)),
    ]


def _shown(lora: Job, now: float) -> dict[str, Any]:
    """A LoRA as it is shown at *now*."""
    status, error, started_at, completed_at, trigger_word = lora_moment(lora, now)
    is_ready = status is LoraStatus.READY
    return {
        "id": lora.id,
        "userId": lora.user_id,
        "teamId": lora.team_id,
        **parse(lora.input_json).value,
        "status": status,
        "isReady": is_ready,
        "error": error,
        "createdAt": iso(lora.created_at),
        "startedAt": None if started_at is None else iso(started_at),
        "completedAt": None if completed_at is None else iso(completed_at),
        "hasWeights": is_ready,
        "triggerWord": trigger_word,
    }
