"""Each refusal as the API answers it: one row a refusal. Source: facts.md sections 3, 4 and 26."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, NamedTuple

from mockserver.core import errors
from mockserver.core.errors import Refusal
from mockserver.http.answers import Answer, Headers, json_answer
from mockserver.http.request import Request
from mockserver.stores.protocol import StoreDown


class WireError(NamedTuple):
    """How one refusal looks on the wire."""

    status: int
    body: Callable[[Any], Mapping[str, Any]]
    headers: Callable[[Any], Headers] = lambda _: ()


def _says(text: str) -> Callable[[Any], Mapping[str, Any]]:
    return lambda _: {"error": text}


def _credits(error: Any) -> Mapping[str, Any]:
    return {
        "error": "Insufficient credits",
        "creditsRequired": error.required,
        "creditsAvailable": error.available,
    }


def _retry_after(seconds: int) -> Headers:
    return (("Retry-After", str(seconds)),)


INVALID_TEXT = "Validation error"
RETRY_LATER_S = 1
_KNOWN = frozenset(map(int, HTTPStatus))

WIRE_ERRORS: Mapping[type[Refusal], WireError] = {
    errors.MissingKey: WireError(401, _says("API key is required")),
    errors.UnknownKey: WireError(401, _says("Invalid API key")),
    errors.InactiveKey: WireError(403, _says("API key is inactive")),
    errors.NotTeamAdmin: WireError(403, _says("Only team admins can list team jobs")),
    errors.ModalityNotEnabled: WireError(
        403, lambda e: {"error": f"{e.modality.capitalize()} generation is not enabled for your team"}
    ),
    errors.RateLimited: WireError(429, _says("Rate limit exceeded"), lambda e: _retry_after(e.retry_after_s)),
    errors.BadContentType: WireError(
        400, lambda e: {"error": f'Invalid content type "{e.declared}": expected application/json'}
    ),
    errors.BrokenJson: WireError(400, _says("Invalid JSON")),
    errors.BodyTooLarge: WireError(413, lambda e: {"error": f"Request body is larger than {e.limit_bytes} bytes"}),
    errors.BodyTimedOut: WireError(408, _says("Request body did not arrive in time")),
    errors.Invalid: WireError(400, lambda e: {"error": INVALID_TEXT, "details": e.details}),
    errors.InputUnreadable: WireError(400, lambda e: {"error": INVALID_TEXT, "details": {e.place: [e.reason]}}),
    errors.BadJobId: WireError(400, _says("Invalid job ID")),
    errors.JobNotFound: WireError(404, _says("Job not found")),
    errors.ActionUnavailable: WireError(409, _says("This action is not available for the parent job")),
    errors.LoraNotFound: WireError(404, _says("LoRA not found")),
    errors.LoraNotReady: WireError(409, _says("LoRA is not ready")),
    errors.TooManyTrainings: WireError(
        429, _says("Too many LoRA trainings at once"), lambda e: _retry_after(e.retry_after_s)
    ),
    errors.AssetNotFound: WireError(404, _says("Asset not found")),
    errors.KeyReused: WireError(409, _says("Idempotency key was already used with a different request body")),
    errors.InsufficientCredits: WireError(402, _credits),
    errors.QueueUnavailable: WireError(503, _says("Service unavailable")),
    StoreDown: WireError(503, _says("Service unavailable")),
    errors.UploadFailed: WireError(502, _says("Upload failed")),
    errors.PathNotFound: WireError(404, _says("Not found")),
    errors.FileNotFound: WireError(404, _says("Not found")),
    errors.MethodNotAllowed: WireError(405, _says("Method not allowed"), lambda e: (("Allow", ", ".join(e.allowed)),)),
}

ON_DEMAND: Mapping[int, WireError] = {
    400: WireError(400, _says(INVALID_TEXT)),
    401: WIRE_ERRORS[errors.UnknownKey],
    402: WIRE_ERRORS[errors.InsufficientCredits],
    403: WIRE_ERRORS[errors.InactiveKey],
    404: WIRE_ERRORS[errors.JobNotFound],
    409: WIRE_ERRORS[errors.KeyReused],
    429: WireError(429, _says("Rate limit exceeded"), lambda _: _retry_after(RETRY_LATER_S)),
    500: WireError(500, _says("Internal server error")),
    503: WIRE_ERRORS[errors.QueueUnavailable],
}
"""What `[[status N]]` in a prompt answers."""


OWN: Mapping[tuple[str, int], WireError] = {
    ("loras", 404): WIRE_ERRORS[errors.LoraNotFound],
    ("assets", 404): WIRE_ERRORS[errors.AssetNotFound],
    ("uploads.create", 502): WireError(502, _says("Upload failed")),
    ("assets.create", 502): WireError(502, _says("Asset creation failed")),
    ("assets.get", 502): WireError(502, _says("Asset query failed")),
}
"""What single operations, or all of one kind, answer with a status that others word otherwise or do not have."""


def unasked(status: int, balance: int, operation: str = "") -> Answer:
    """The API's own answer of this status, as a fault gives it to *operation*: 429 and 503 say when to come again.

    A 402 says that one credit more than *balance* is needed.
    """
    kind = operation.partition(".")[0]
    row = OWN.get((operation, status)) or OWN.get((kind, status)) or ON_DEMAND.get(status)
    if row is None:
        phrase = HTTPStatus(status).phrase if status in _KNOWN else "Error"
        return json_answer(status, {"error": phrase} if status >= HTTPStatus.BAD_REQUEST else {})
    body = row.body(errors.InsufficientCredits(required=balance + 1, available=balance))
    headers = _retry_after(RETRY_LATER_S) if status in (429, 503) else ()
    return json_answer(status, body, headers)


def refuse(refusal: Refusal, _: Request) -> Answer:
    """The answer for a refusal."""
    row = ON_DEMAND[refusal.status] if isinstance(refusal, errors.OnDemand) else WIRE_ERRORS[type(refusal)]
    answer = json_answer(row.status, row.body(refusal), row.headers(refusal))
    if isinstance(refusal, errors.BodyTimedOut | errors.BodyTooLarge):
        answer.force_close()
    return answer
