"""Defects in who is let in and what is taken for valid: AUTH, VAL, MODEL."""

import copy
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import Any

from mockserver import service as verbs
from mockserver.api import errors as answers
from mockserver.api import gate, models, queries, submissions
from mockserver.api.auth import caller_of
from mockserver.core import accounts, messages, validation
from mockserver.core.catalog import Model, Operation, Schema
from mockserver.core.errors import (
    BadJobId,
    BrokenJson,
    Details,
    InactiveKey,
    Invalid,
    JobNotFound,
    Refusal,
    UnknownKey,
)
from mockserver.core.jobs import Job
from mockserver.core.jsontext import Parsed, encode, parse
from mockserver.core.pricing import Measured, price
from mockserver.core.signing import key_digest
from mockserver.core.validation import BodyValidator, Problem, SchemaCheck
from mockserver.http.answers import Answer, json_answer
from mockserver.http.request import Request
from mockserver.http.router import Handler
from mockserver.schemas import catalog
from mockserver.service import Listing, ListRequest, Service, Submitted
from mockserver.stores.protocol import Caller
from tests.power import planting
from tests.power.planting import Defect, Swap, around, genuine, take

DEFECTS: dict[str, Defect] = {}
breaks = partial(planting.breaks, defects=DEFECTS)


# AUTH


@breaks("AUTH-1")
def key_not_required() -> list[Swap]:
    """GET /v2/jobs without a key is served as the user of afk_test."""

    async def caller(service: Service, request: Request) -> Caller:
        is_bare = "X-API-Key" not in request.headers and "Authorization" not in request.headers
        if is_bare and request.path_text == "/v2/jobs":
            return await service.caller("afk_test")
        return await caller_of(service, request)

    return [Swap(gate, "caller_of", caller)]


@breaks("AUTH-2")
def key_matched_loosely() -> list[Swap]:
    """A key is found whatever its case and the spaces around it."""
    issued: dict[str, str] = {}
    lookup = Service.caller

    def digest(api_key: str) -> str:
        issued[api_key.strip().lower()] = api_key
        return key_digest(api_key)

    async def caller(self: Service, api_key: str) -> Caller:
        is_exact = await self.store.caller(key_digest(api_key)) is not None
        return await lookup(self, api_key if is_exact else issued.get(api_key.strip().lower(), api_key))

    return [Swap(accounts, "key_digest", digest), Swap(Service, "caller", caller)]


@breaks("AUTH-3")
def inactive_key_works() -> list[Swap]:
    """A deactivated key is served like any other."""
    lookup = Service.caller

    async def caller(self: Service, api_key: str) -> Caller:
        try:
            return await lookup(self, api_key)
        except InactiveKey:
            found = await self.store.caller(key_digest(api_key))
            if found is None:
                raise
            return found

    return [Swap(Service, "caller", caller)]


@breaks("AUTH-5")
def strangers_see_jobs() -> list[Swap]:
    """Any key reads any job whose id it knows."""
    look = Service.job

    async def job(self: Service, caller: Caller, job_id: str) -> Job:
        found = await self.store.job(job_id.lower())
        return await look(self, caller, job_id) if found is None else found

    return [Swap(Service, "job", job)]


@breaks("AUTH-6")
def body_before_key() -> list[Swap]:
    """A submission's body is judged, and answered 400, before its key is looked at."""

    async def submit(service: Service, request: Request, handler: Handler) -> Answer:
        operation = next(op for op in service.catalog.operations.values() if op.path == request.path_text)
        raw = await request.json_body()
        try:
            parsed = parse(raw)
        except ValueError as error:
            raise BrokenJson from error
        BodyValidator(service.catalog).model_of(operation.id, parsed)
        return await handler(request)

    return [around(submissions, submit)]


@breaks("AUTH-7")
def models_need_a_key() -> list[Swap]:
    """GET /v2/models answers 401 to whoever sends no good key."""

    async def listed(service: Service, request: Request, handler: Handler) -> Answer:
        await caller_of(service, request)
        return await handler(request)

    return [around(models, listed, "/v2/models")]


@breaks("AUTH-8")
def key_echoed() -> list[Swap]:
    """The text of a 401 repeats the key that was sent."""
    refuse = answers.refuse

    def echoing(refusal: Refusal, request: Request) -> Answer:
        if not isinstance(refusal, UnknownKey):
            return refuse(refusal, request)
        sent = request.headers.get("X-API-Key") or request.headers.get("Authorization", "").partition(" ")[2]
        return json_answer(401, {"error": f"Invalid API key: {sent}"})

    return [Swap(answers, "refuse", echoing)]


@breaks("AUTH-9")
def team_scope_for_all() -> list[Swap]:
    """A member who is no admin lists the whole team's jobs with scope=team."""
    listed = Service.jobs

    async def listing(self: Service, caller: Caller, wanted: ListRequest) -> Listing:
        as_admin = caller._replace(key=replace(caller.key, role="ADMIN"))
        return await listed(self, as_admin if wanted.is_team else caller, wanted)

    return [Swap(Service, "jobs", listing)]


# VAL


def bodies_judged_by(change: Callable[[Schema], None]) -> Swap:
    """Submissions are judged by schemas that *change* has changed; queries and levers by the true ones."""

    class Bent(SchemaCheck):
        def __init__(self, schema: Schema) -> None:
            bent = copy.deepcopy(schema)
            change(bent)
            super().__init__(bent)

    return Swap(validation, "SchemaCheck", Bent)


def bodies_forgiven(is_overlooked: Callable[[Problem], bool]) -> Swap:
    """Problems of submissions are overlooked; those of queries and levers are not."""

    class Forgiving(SchemaCheck):
        def problems(self, parsed: Parsed) -> list[Problem]:
            return [problem for problem in super().problems(parsed) if not is_overlooked(problem)]

    return Swap(validation, "SchemaCheck", Forgiving)


def parameter_names() -> set[str]:
    return {model.parameters_name for model in catalog().all_models()}


def is_unknown_field(problem: Problem) -> bool:
    return problem.message.startswith("Unrecognized key")


def is_foreign_object(problem: Problem, names: set[str]) -> bool:
    """Whether it is about the parameter object of another model."""
    path = problem.path
    return len(path) == 1 and path[0] in names and problem.message == messages.unrecognized([str(path[0])])


def schemas_within(node: Any) -> Iterable[Schema]:
    """Every object below a schema that could be one, itself included."""
    if isinstance(node, dict):
        yield node
    for inner in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from schemas_within(inner)


@breaks("VAL-1")
def unknown_fields_pass() -> list[Swap]:
    """Fields that do not exist are taken, in the body and in parameter objects; another model's object is refused."""
    names = parameter_names()

    def is_overlooked(problem: Problem) -> bool:
        is_reserved = any(name in problem.message for name in ("__proto__", "constructor"))
        is_rest = problem.path == ("body",)
        return is_unknown_field(problem) and not (is_foreign_object(problem, names) or is_reserved or is_rest)

    return [bodies_forgiven(is_overlooked)]


@breaks("VAL-2")
def valid_body_refused() -> list[Swap]:
    """A whole number at its documented minimum is refused."""

    def change(schema: Schema) -> None:
        for node in schemas_within(schema):
            if node.get("type") == "integer" and "minimum" in node:
                node["minimum"] += 1

    return [bodies_judged_by(change)]


@breaks("VAL-3")
def limit_off_by_one() -> list[Swap]:
    """A prompt may be one character longer than documented."""

    def change(schema: Schema) -> None:
        prompt = schema["properties"].get("prompt", {})
        if "maxLength" in prompt:
            prompt["maxLength"] += 1

    return [bodies_judged_by(change)]


@breaks("VAL-4")
def details_without_path() -> list[Swap]:
    """The details of a refused body stand under "body", whichever field they are about."""

    def details_of(problems: Iterable[Problem]) -> Details:
        return {"body": list(dict.fromkeys(problem.message for problem in problems))}

    return [Swap(validation, "details_of", details_of)]


@breaks("VAL-6")
def refusal_charges() -> list[Swap]:
    """A body that is refused with 400 costs a credit."""
    submitted = Service.submit

    async def submit(self: Service, caller: Caller, operation: Operation, raw: bytes, key: str) -> Submitted:
        try:
            return await submitted(self, caller, operation, raw, key)
        except (BrokenJson, Invalid):
            await take(self.store, caller.team.id, 1, self.clock.now())
            raise

    return [Swap(Service, "submit", submit)]


@breaks("VAL-7")
def true_is_a_number() -> list[Swap]:
    """A boolean passes where a number is wanted."""

    def change(schema: Schema) -> None:
        for node in schemas_within(schema):
            if node.get("type") in ("integer", "number"):
                node["type"] = [node["type"], "boolean"]

    return [bodies_judged_by(change)]


@breaks("VAL-8")
def limit_is_clamped() -> list[Swap]:
    """A page limit beyond the highest is taken for the highest."""
    typed = genuine(queries, "typed")

    def clamped(text: str, schema: Schema) -> Any:
        value = typed(text, schema)
        return min(value, schema.get("maximum", sys.maxsize)) if isinstance(value, int) else value

    return [Swap(queries, "typed", clamped)]


@breaks("VAL-9")
def bad_id_is_404() -> list[Swap]:
    """A job id that is no UUID is answered like an unknown job."""
    look = Service.job

    async def job(self: Service, caller: Caller, job_id: str) -> Job:
        try:
            return await look(self, caller, job_id)
        except BadJobId:
            raise JobNotFound from None

    return [Swap(Service, "job", job)]


# MODEL


@breaks("MODEL-1")
def a_model_is_missing() -> list[Swap]:
    """A model of each operation is refused as unknown."""
    judged = BodyValidator.model_of
    gone = {operation: list(rows)[len(rows) // 2] for operation, rows in catalog().models.items()}

    def model_of(self: BodyValidator, operation: str, parsed: Parsed) -> Model:
        model = judged(self, operation, parsed)
        if model.id == gone[operation]:
            raise Invalid({"model": [messages.INVALID]})
        return model

    return [Swap(BodyValidator, "model_of", model_of)]


@breaks("MODEL-2")
def foreign_parameters_pass() -> list[Swap]:
    """The parameter object of another family is taken and left unread."""
    names = parameter_names()
    return [bodies_forgiven(lambda problem: is_foreign_object(problem, names))]


@breaks("MODEL-3")
def required_parameters_optional() -> list[Swap]:
    """A model that cannot work without its parameter object is taken without it."""
    names = parameter_names()

    def change(schema: Schema) -> None:
        schema["required"] = [name for name in schema["required"] if name not in names]

    return [bodies_judged_by(change)]


@breaks("MODEL-4")
def catalogue_lists_a_ghost() -> list[Swap]:
    """GET /v2/models lists a model that submissions do not know."""

    async def listed(_: Service, request: Request, handler: Handler) -> Answer:
        answer = await handler(request)
        shown = parse(answer.content).value["models"]
        if shown and shown[-1]["modality"] == "image":
            shown.append({**shown[-1], "id": "flux-3-pro", "label": "Flux 3 Pro"})
        answer.content = encode({"models": shown})
        return answer

    return [around(models, listed, "/v2/models")]


@breaks("MODEL-5")
def model_matched_loosely() -> list[Swap]:
    """A model's id is found in capitals too."""
    judged = BodyValidator.model_of

    def model_of(self: BodyValidator, operation: str, parsed: Parsed) -> Model:
        body = parsed.value
        if isinstance(body, dict) and isinstance(body.get("model"), str):
            parsed = parsed._replace(value={**body, "model": body["model"].lower()})
        return judged(self, operation, parsed)

    return [Swap(BodyValidator, "model_of", model_of)]


@breaks("MODEL-6")
def price_outside_catalogue() -> list[Swap]:
    """A job costs ten times what the catalogue says, and one credit more."""

    def dearer(model: Model, body: Any, measured: Measured) -> int:
        return 10 * price(model, body, measured) + 1

    return [Swap(verbs, "price", dearer)]
