"""The fixture of a model or an action: its requests, and its job in every state."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from mockserver.core.catalog import MODEL, Catalog, Model
from mockserver.core.parents import PARENT
from mockserver.recording.loras import train
from mockserver.recording.studio import HOOK, KEY, Fixture, Studio

Body = dict[str, Any]
ALL_EVENTS = ["progress", "completed", "failed"]
A_SECOND_S = 1.0


class Asked(NamedTuple):
    """Two valid bodies for a row: with as little as possible, and with all fields."""

    least: Body
    full: Body


class Script(NamedTuple):
    """What is recorded of one row of the tables."""

    row: Model
    asked: Asked
    parents: tuple["Script", ...] = ()
    """The scripts of the jobs that have to be there before, oldest first; each acts on the one before it."""

    @property
    def name(self) -> str:
        """From which all that is drawn for it is drawn."""
        return f"{self.row.operation}/{self.row.id}"


async def job_fixture(studio: Studio, contract: Catalog, script: Script) -> Fixture:
    """All that a client sees of jobs of this row."""
    row = script.row
    operation = contract.operations[row.operation]
    take = _Take(studio, contract, script)
    told, minimal, full = await take.completed()
    jobs, webhooks = full["jobs"], full["webhooks"]
    jobs["failed"], webhooks["failed"] = await take.failed()
    jobs["cancelled"] = await take.cancelled()
    return {
        "operation": row.operation,
        **({} if operation.choose is None else {operation.choose: row.id}),
        **({} if operation.choose == MODEL else {"model": row.shown}),
        "method": operation.method,
        "path": operation.path,
        "apiKey": KEY,
        **told,
        "minimal": minimal,
        "full": full,
    }


class _Sent(NamedTuple):
    """A request that was accepted."""

    body: Body
    answer: Fixture
    job_id: str

    def shown(self, price: int) -> Fixture:
        """As the fixture tells it."""
        return {"request": self.body, "answer": self.answer, "price": price}


class _Sources(NamedTuple):
    """What has to be there before a request."""

    told: Fixture
    """As the fixture tells it."""
    lora: str = ""
    parent: Mapping[str, Any] = {}
    """The job that is acted on."""

    def put_into(self, body: Body, row: Model, *, is_full: bool) -> Body:
        """The body with their ids; of a parent with tracks, a full one names the first by its id."""
        if self.lora:
            return with_value(body, row.lora.split("."), self.lora)
        if row.parent is None:
            return body
        body = {**body, PARENT: self.parent["id"]}
        tracks = self.parent["result"].get("tracks", ())
        if is_full and "trackId" in row.body_schema["properties"]:
            body = {name: value for name, value in body.items() if name != "index"} | {"trackId": tracks[0]["id"]}
        if row.parent.get("before") in body:
            body[row.parent["before"]] = int(min(track["duration"] for track in tracks) / 2)
        return body


class _Take:
    """Plays a script from the start, as often as it is asked to; each time the same ids and instants come."""

    def __init__(self, studio: Studio, contract: Catalog, script: Script) -> None:
        self._studio, self._contract, self._script = studio, contract, script

    async def completed(self) -> tuple[Fixture, Fixture, Fixture]:
        """What had to be there before, the least request up to its end, the full one up to its files being gone."""
        studio = self._studio
        sources = await self._begin()
        least = await self._submitted(self._script, "minimal", self._script.asked.least, sources)
        full = await self._full(sources)
        states = {"queued": await self._job(full.job_id), "processing": await self._under_way(full.job_id)}
        await self._until_end(full.job_id)
        done = states["completed"] = await self._job(full.job_id)
        await self._until_end(least.job_id)
        job = await self._job(least.job_id)
        plan = (await studio.kept(full.job_id)).plan
        await studio.move_to(plan.ended_at + plan.keeps_s)
        states["expired"] = await self._job(full.job_id)
        webhooks = {
            "progress": studio.webhook("progress", jobId=full.job_id, progress=states["processing"]["progress"]),
            "completed": studio.webhook("completed", jobId=full.job_id),
        }
        return (
            sources.told,
            {**least.shown(job["creditCost"]), "job": job},
            {**full.shown(done["creditCost"]), "jobs": states, "webhooks": webhooks},
        )

    async def failed(self) -> tuple[Fixture, Fixture]:
        """The job of the full request once it has failed, and the webhook that says so."""
        job_id = await self._ended({"fail": True})
        return await self._job(job_id), self._studio.webhook("failed", jobId=job_id)

    async def cancelled(self) -> Fixture:
        """The job of the full request once it was cancelled."""
        return await self._job(await self._ended({"cancel": True}))

    async def _ended(self, lever: Body) -> str:
        """The id of the full request's job, ended by a lever while it was under way."""
        sent = await self._full(await self._begin())
        await self._under_way(sent.job_id)
        await self._studio.pull(f"jobs/{sent.job_id}", lever)
        return sent.job_id

    async def _begin(self) -> _Sources:
        """Start over, up to where the script's own request has all that it needs."""
        await self._studio.start_over()
        if self._script.row.lora:
            lora = await train(self._studio, f"{self._script.name}/lora")
            return _Sources({"lora": lora}, lora=lora["id"])
        parents: list[Fixture] = []
        sources = _Sources({})
        for script in self._script.parents:
            sent = await self._submitted(script, "parent", script.asked.least, sources)
            await self._until_end(sent.job_id)
            job = await self._job(sent.job_id)
            operation = self._contract.operations[script.row.operation]
            path = {"method": operation.method, "path": operation.path}
            parents.append({**path, **sent.shown(job["creditCost"]), "job": job})
            sources = _Sources({"parents": parents}, parent=job)
            await self._studio.move_to(self._studio.clock.now() + A_SECOND_S)
        return sources

    async def _full(self, sources: _Sources) -> _Sent:
        return await self._submitted(self._script, "full", self._script.asked.full, sources)

    async def _submitted(self, script: Script, kind: str, body: Body, sources: _Sources) -> _Sent:
        is_full = kind == "full"
        body = sources.put_into(body, script.row, is_full=is_full)
        if is_full:
            body |= {"webhookUrl": HOOK, "webhookEvents": ALL_EVENTS}
        self._studio.draw(f"{self._script.name}/{kind}/{script.row.id}")
        operation = self._contract.operations[script.row.operation]
        answered = await self._studio.ask(operation.method, operation.path, body, status=202)
        return _Sent(body, answered.shown(), answered.body["jobId"])

    async def _under_way(self, job_id: str) -> Fixture:
        """The job in the middle of its work, at one of its marks."""
        plan = (await self._studio.kept(job_id)).plan
        share, _ = plan.marks[len(plan.marks) // 2]
        await self._studio.move_to(plan.started_at + share * plan.pace_s)
        return await self._job(job_id)

    async def _until_end(self, job_id: str) -> None:
        plan, now = (await self._studio.kept(job_id)).plan, self._studio.clock.now()
        await self._studio.move_to(max(plan.ended_at, now))

    async def _job(self, job_id: str) -> Fixture:
        job: Fixture = (await self._studio.ask("GET", f"/v2/jobs/{job_id}", status=200)).body
        return job


def with_value(body: Body, path: list[str], value: Any) -> Body:
    """The body with a value at this place."""
    head, *rest = path
    return {**body, head: with_value(body.get(head, {}), rest, value) if rest else value}
