"""GET /v2/models and GET /v2/openapi.json: the contract told by itself. Neither needs a key."""

from typing import Any

from mockserver.api.gate import Gate
from mockserver.api.openapi import openapi_document
from mockserver.api.queries import QueryReader
from mockserver.core.catalog import Model
from mockserver.core.pricing import catalogue_entry
from mockserver.http.answers import Answer, json_answer
from mockserver.http.request import Request
from mockserver.http.router import Route
from mockserver.service import Service


def routes(service: Service, gate: Gate) -> list[Route]:
    """The two routes; both answers are made once, when somebody asks."""
    query = QueryReader(service.catalog.schemas["queries/model-list.json"])
    entries: list[dict[str, Any]] = []
    document: list[Answer] = []

    async def list_models(request: Request) -> Answer:
        if not entries:
            entries.extend(catalogue_entry(model) for model in service.catalog.all_models() if is_listed(model))
        modality = query.read(request).get("modality")
        chosen = [entry for entry in entries if modality in (None, entry["modality"])]
        return json_answer(200, {"models": chosen})

    async def get_openapi(_: Request) -> Answer:
        if not document:
            document.append(json_answer(200, openapi_document(service.catalog, service.rules.public_url)))
        return Answer(200, document[0].content)

    return [
        Route("GET", "/v2/models", gate.open("models.list", list_models)),
        Route("GET", "/v2/openapi.json", gate.open("openapi", get_openapi)),
    ]


def is_listed(model: Model) -> bool:
    """Whether the catalogue shows the model: those that generate; edit and upscale models are left out."""
    return model.operation.endswith(".generate")
