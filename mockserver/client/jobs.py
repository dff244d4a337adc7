"""Jobs, as levers."""

from collections.abc import Sequence
from typing import Any, Literal, overload

from mockserver.client.cutter import Cutter
from mockserver.client.live import Live
from mockserver.client.waiting import Waited, waited
from mockserver.client.wire import ControlError, Wire, escaped

GONE = 404


class Job:
    """One job, whatever its key: each look asks the mock."""

    def __init__(self, wire: Wire, job_id: str) -> None:
        self._wire, self.id = wire, job_id

    @property
    def status(self) -> str:
        """`QUEUED`, `PROCESSING`, `COMPLETED`, `FAILED` or `CANCELLED`."""
        return str(self.shown()["status"])

    @property
    def progress(self) -> int:
        """In percent."""
        return int(self.shown()["progress"])

    @property
    def model(self) -> str:
        """By id."""
        return str(self.shown()["model"])

    @property
    def operation(self) -> str:
        """What it was asked for with, such as `images.generate`; `loras.create` for the training of a LoRA."""
        return str(self.shown()["operation"])

    @property
    def is_expired(self) -> bool:
        """Whether its files are gone."""
        return bool(self.shown()["expired"])

    @property
    def webhook_status(self) -> str | None:
        """`pending`, `delivered` or `failed`; none where it has no webhook."""
        status: str | None = self.shown()["webhookStatus"]
        return status

    def complete(self) -> Waited[None]:
        """Let it be completed now, and wait for its webhooks."""
        return self._pull("complete", value=True)

    def fail(self, reason: str | Literal[True] = True) -> Waited[None]:  # noqa: FBT002 - as in the control plane
        """Let it fail now, with this error, and wait for its webhooks."""
        return self._pull("fail", reason)

    def progress_to(self, percentage: int) -> Waited[None]:
        """Let it be at 0 to 99 percent now, and wait for the webhooks of it."""
        return self._pull("progress", percentage)

    def cancel(self) -> Waited[None]:
        """Let it be cancelled now."""
        return self._pull("cancel", value=True)

    def expire(self) -> Waited[None]:
        """Let the files of a completed job be gone now."""
        return self._pull("expire", value=True)

    def shown(self) -> dict[str, Any]:
        """As the control plane shows it, with its plan."""
        job: dict[str, Any] = self._wire.ask("GET", self._lever)
        return job

    @property
    def _lever(self) -> str:
        return f"jobs/{escaped(self.id)}"

    def _pull(self, verb: str, value: Any) -> Waited[None]:
        """Give it another plan; a job that has ended raises ControlError."""

        def pull(cutter: Cutter) -> None:
            self._wire.ask("POST", self._lever, {verb: value}, cutter=cutter)

        return waited(f"jobs[...].{verb}()", pull)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Job) and other.id == self.id

    def __hash__(self) -> int:
        return hash(self.id)

    def __repr__(self) -> str:
        return f"<Job {self.id}>"


class Jobs(Live[Job]):
    """Jobs, trainings of LoRAs among them, oldest first, by place and by id; of a view of one key, its user's."""

    def __init__(self, wire: Wire, scope: str) -> None:
        self._wire, self._scope = wire, scope

    @overload
    def __getitem__(self, index: int | str) -> Job: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Job]: ...
    def __getitem__(self, index: int | str | slice) -> Job | Sequence[Job]:
        """The job at a place or of an id; an id that the mock does not know raises KeyError."""
        if not isinstance(index, str):
            return super().__getitem__(index)
        job = Job(self._wire, index)
        try:
            job.shown()
        except ControlError as error:
            if error.status == GONE:
                raise KeyError(str(error)) from None
            raise
        return job

    def __contains__(self, job: object) -> bool:
        return any(job in (known, known.id) for known in self._rows())

    def _rows(self) -> list[Job]:
        query = {"key": self._scope} if self._scope else {}
        return [Job(self._wire, row["id"]) for row in reversed(self._wire.ask("GET", "jobs", query=query)["jobs"])]
