"""The fixture of errors: every refusal that a client can meet, with a request that leads to it."""

import base64
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

import aiohttp

from mockserver.core.accounts import make_team
from mockserver.core.catalog import Catalog
from mockserver.core.loras import MOST_TRAININGS
from mockserver.core.parents import PARENT
from mockserver.recording.jobs import Body, with_value
from mockserver.recording.loras import FEWEST_PICTURES, MINIMAL, PIXEL, form_of
from mockserver.recording.scene import Scene
from mockserver.recording.scripts import Ask
from mockserver.recording.studio import Fixture, Studio
from mockserver.recording.tape import JSON, KEY, Asking

NOBODY = "00000000-0000-4000-8000-000000000000"
"""The id of no job."""
ASSET = {"url": "https://example.com/input.png", "type": "image"}
MEGABYTE = 1024 * 1024
TIMEOUT_S = 0.05
"""How long the recorder lets the mock wait for a body, which waits for half a minute otherwise."""

Play = Callable[[Scene], Awaitable[Any]]


class Row(NamedTuple):
    """One refusal."""

    name: str
    when: str
    play: Play


async def error_fixture(contract: Catalog, ask: Ask) -> Fixture:
    """All refusals, each from a mock that has just begun."""
    async with Studio(probe_inputs=True) as studio:
        return {"errors": [await _recorded(row, Scene(studio, contract, ask)) for row in ROWS]}


async def _recorded(row: Row, scene: Scene) -> Fixture:
    await scene.studio.start_over()
    scene.studio.draw(f"errors/{row.name}")
    await row.play(scene)
    return {"name": row.name, "when": row.when, **scene.tape.shown()}


def _get(path: str, key: str | None = KEY) -> Play:
    async def play(scene: Scene) -> None:
        await scene.tape.ask(Asking("GET", path, key=key))

    return play


def _sent(text: str, headers: Mapping[str, str]) -> Play:
    async def play(scene: Scene) -> None:
        await scene.tape.ask(Asking("POST", scene.path(scene.plain), headers=headers, text=text))

    return play


def _submitted(key: str = KEY, **fields: Any) -> Play:
    async def play(scene: Scene) -> None:
        await scene.submit(scene.plain, fields, key)

    return play


def _struck(method: str, path: str, body: Body | None = None) -> Play:
    async def play(scene: Scene) -> None:
        await _fault(scene, method, path)
        await scene.tape.ask(Asking(method, path, body))

    return play


async def _fault(scene: Scene, method: str, path: str) -> None:
    """Let any request of this kind be answered 502, as the real service answers when what stands behind it fails."""
    rule = {"match": {"method": method, "path": path}, "respond": {"status": 502}}
    await scene.tape.pull("POST", "faults", rule)


async def _not_team_admin(scene: Scene) -> None:
    member = {"key": "afk_member", "team": make_team("Test Team", opening=0).id, "user": "Member", "role": "MEMBER"}
    await scene.tape.pull("POST", "keys", member)
    await scene.tape.ask(Asking("GET", "/v2/jobs?scope=team", key="afk_member"))


async def _modality_not_enabled(scene: Scene) -> None:
    team = make_team("Test Team", opening=0).id
    others = [kind for kind in ("image", "video", "music") if kind != scene.plain.modality]
    await scene.tape.pull("PATCH", f"teams/{team}", {"modalities": others})
    await scene.submit(scene.plain, {})


async def _rate_limited(scene: Scene) -> None:
    for _ in range(2):
        await scene.tape.ask(Asking("GET", "/v2/me", key="afk_test_limited"))


async def _body_too_large(scene: Scene) -> None:
    limits = scene.studio.app.settings
    await scene.tape.announce(scene.path(scene.plain), int(limits.max_body_mb * MEGABYTE) + 1, "")


async def _body_timed_out(scene: Scene) -> None:
    server = scene.studio.app.server
    limits = server._limits  # noqa: SLF001 - no setting, and half a minute would be lost
    server._limits = limits._replace(body_timeout_s=TIMEOUT_S)  # noqa: SLF001 - as above
    await scene.tape.announce(scene.path(scene.plain), 100, '{"model"')
    server._limits = limits  # noqa: SLF001 - as above


async def _invalid(scene: Scene) -> None:
    await scene.submit(scene.plain, {"prompt": "", "colour": "red"})


async def _input_unreadable(scene: Scene) -> None:
    await scene.submit(scene.first(lambda row: row.probe), {})


async def _action_unavailable(scene: Scene) -> None:
    action = scene.first(lambda row: row.parent)
    rule = action.parent or {}
    job = await scene.submit(scene.first(lambda row: row.shown == rule["model"] and row.result in rule["results"]), {})
    await scene.submit(action, {PARENT: job["jobId"]})


async def _lora_not_ready(scene: Scene) -> None:
    lora = await _train(scene)
    row = scene.first(lambda row: row.lora)
    body = with_value(scene.body(row), row.lora.split("."), lora["id"])
    await scene.submit(row, body)


async def _too_many_trainings(scene: Scene) -> None:
    for _ in range(MOST_TRAININGS + 1):
        await _train(scene)


async def _train(scene: Scene) -> Any:
    told = {"form": MINIMAL, "files": {"images": f"{FEWEST_PICTURES} times the file of loras.json"}}
    return await scene.tape.send("/v2/loras", form_of(MINIMAL), told)


async def _upload_failed(scene: Scene) -> None:
    await _fault(scene, "POST", "/v2/uploads")
    form = aiohttp.FormData()
    form.add_field("file", base64.b64decode(PIXEL), filename="pixel.png")
    await scene.tape.send("/v2/uploads", form, {"files": {"file": "pixel.png of uploads.json"}})


async def _key_reused(scene: Scene) -> None:
    for prompt in ("a fox", "a hare"):
        await scene.submit(scene.plain, {"prompt": prompt}, headers={"Idempotency-Key": "order-1"})


ROWS = (
    Row("missing-key", "No API key is sent.", _get("/v2/me", key=None)),
    Row("unknown-key", "The API key was never issued.", _get("/v2/me", key="afk_unknown")),
    Row("inactive-key", "The API key was deactivated.", _get("/v2/me", key="afk_test_inactive")),
    Row("not-team-admin", "Somebody who is no admin asks for the jobs of the team.", _not_team_admin),
    Row("modality-not-enabled", "The team may not make this kind of media.", _modality_not_enabled),
    Row("rate-limited", "More requests than the API key may send.", _rate_limited),
    Row("bad-content-type", "The body is not declared as JSON.", _sent("a fox", {"Content-Type": "text/plain"})),
    Row("broken-json", "The body is no JSON.", _sent('{"model": ', JSON)),
    Row("body-too-large", "The body is larger than 15 MB.", _body_too_large),
    Row("body-timed-out", "The rest of the body does not come within 30 seconds.", _body_timed_out),
    Row("invalid", "The body breaks the schema of its model: all problems, by field.", _invalid),
    Row("input-unreadable", "With --probe-inputs: an input cannot be measured.", _input_unreadable),
    Row("bad-job-id", "The job's id is no UUID.", _get("/v2/jobs/42")),
    Row("job-not-found", "There is no such job, or it is somebody else's.", _get(f"/v2/jobs/{NOBODY}")),
    Row("action-unavailable", "The job that is acted on is not done, or its files are gone.", _action_unavailable),
    Row("lora-not-found", "There is no such LoRA, or it is another team's.", _get(f"/v2/loras/{NOBODY}")),
    Row("lora-not-ready", "The training of the LoRA has not ended.", _lora_not_ready),
    Row("too-many-trainings", "The team trains ten LoRAs already.", _too_many_trainings),
    Row("asset-not-found", "There is no such asset, or it is another team's.", _get("/v2/assets/kie-asset-42")),
    Row("key-reused", "An idempotency key comes again with another body.", _key_reused),
    Row("insufficient-credits", "The team has fewer credits than the job costs.", _submitted("afk_test_poor")),
    Row("queue-unavailable", "The job queue is down.", _submitted("afk_test_down")),
    Row("upload-failed", "The file cannot be stored.", _upload_failed),
    Row(
        "asset-creation-failed",
        "The provider does not take the asset.",
        _struck("POST", "/v2/assets/create", ASSET),
    ),
    Row("asset-query-failed", "The provider does not say.", _struck("GET", "/v2/assets/kie-asset-1")),
    Row("internal-error", "Something is wrong with the server.", _submitted(prompt="a fox [[status 500]]")),
    Row("path-not-found", "Nothing lives at this path.", _get("/v2/nothing")),
    Row("file-not-found", "There never was such a file, or it has expired.", _get(f"/images/{NOBODY}-1.png", key=None)),
    Row("method-not-allowed", "The path has no such method.", _get("/v2/uploads")),
)
