"""Every refusal that the API makes: facts only; `api/errors.py` gives each its status and body."""

from collections.abc import Mapping, Sequence

Details = Mapping[str, Sequence[str]]


class Refusal(Exception):
    """An error that the API answers on purpose. A refused request leaves no trace in state."""


class MissingKey(Refusal):
    """No API key was sent, or an empty one."""


class UnknownKey(Refusal):
    """The key was never issued, or was revoked."""


class InactiveKey(Refusal):
    """The key exists and was deactivated."""


class NotTeamAdmin(Refusal):
    """`scope=team` asked by somebody who is no admin of the team."""


class ModalityNotEnabled(Refusal):
    """The team may not make this kind of media."""

    def __init__(self, modality: str) -> None:
        super().__init__(modality)
        self.modality = modality


class RateLimited(Refusal):
    """Too many requests with this key; `retry_after_s` is whole and at least 1."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"again in {retry_after_s} s")
        self.retry_after_s = retry_after_s


class BadContentType(Refusal):
    """The body is not declared as JSON; `declared` is what was sent, shortened."""

    def __init__(self, declared: str) -> None:
        super().__init__(declared)
        self.declared = declared


class BrokenJson(Refusal):
    """The body cannot be read as JSON in UTF-8."""


class BodyTooLarge(Refusal):
    """The body is longer than `limit_bytes`."""

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(f"over {limit_bytes} bytes")
        self.limit_bytes = limit_bytes


class BodyTimedOut(Refusal):
    """The body did not arrive in time."""


class Invalid(Refusal):
    """Body or query break the schema: all problems, by dotted path."""

    def __init__(self, details: Details) -> None:
        super().__init__("; ".join(f"{path}: {texts[0]}" for path, texts in details.items()))
        self.details = details


class InputUnreadable(Refusal):
    """What an address of the input leads to cannot be measured; `place` is the field's dotted path."""

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"{place}: {reason}")
        self.place, self.reason = place, reason


class BadJobId(Refusal):
    """The job's id in the path is no UUID."""


class JobNotFound(Refusal):
    """No such job, or not the caller's."""


class ActionUnavailable(Refusal):
    """The parent job cannot be acted on that way."""


class LoraNotFound(Refusal):
    """No such LoRA, or not the caller's team's; for generation also one that is archived."""


class LoraNotReady(Refusal):
    """The LoRA's training has not ended well."""


class TooManyTrainings(Refusal):
    """The team trains as many LoRAs as it may; `retry_after_s` is whole and at least 1."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"again in {retry_after_s} s")
        self.retry_after_s = retry_after_s


class AssetNotFound(Refusal):
    """No such asset, or not the caller's team's."""


class KeyReused(Refusal):
    """An idempotency key came again with another body or endpoint."""


class InsufficientCredits(Refusal):
    """The team holds fewer credits than the job costs."""

    def __init__(self, *, required: int, available: int) -> None:
        super().__init__(f"needs {required} credits, has {available}")
        self.required, self.available = required, available


class QueueUnavailable(Refusal):
    """The job queue is down."""


class UploadFailed(Refusal):
    """The disk did not take an uploaded file."""


class OnDemand(Refusal):
    """The status that a prompt directive asked for; `required` and `available` fill a 402."""

    def __init__(self, status: int, *, required: int, available: int) -> None:
        super().__init__(str(status))
        self.status, self.required, self.available = status, required, available


class PathNotFound(Refusal):
    """Nothing lives at this path."""


class FileNotFound(Refusal):
    """No file was ever made at this address, or it has expired."""


class MethodNotAllowed(Refusal):
    """The path exists, the method does not; `allowed` says which do."""

    def __init__(self, allowed: Sequence[str]) -> None:
        super().__init__(", ".join(allowed))
        self.allowed = allowed
