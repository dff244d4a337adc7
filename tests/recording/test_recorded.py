"""The fixtures that ship are true: what the mock answers, by the contract, with signatures that anybody can check."""

import hashlib
import hmac
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from mockserver.api.errors import WIRE_ERRORS
from mockserver.cli.catalogue import everything
from mockserver.cli.fixtures import asked_of
from mockserver.core.catalog import Model
from mockserver.recording.shelf import MODELS, OTHERS, pieces_of, recorded
from mockserver.recording.writing import WIDTH, text_of
from mockserver.schemas import catalog
from mockserver.stores.protocol import StoreDown

FOLDER = Path(__file__).parents[2] / "fixtures"
KEY = "afk_0000000000000000000000000000000000000000"
PIECES = pieces_of(catalog(), everything(), asked_of)
ROWS = {piece.name: everything()[piece.name] for piece in PIECES if piece.name not in OTHERS}
STATES = {
    "queued": ("QUEUED", False, False),
    "processing": ("PROCESSING", False, False),
    "completed": ("COMPLETED", True, False),
    "expired": ("COMPLETED", True, True),
    "failed": ("FAILED", False, False),
    "cancelled": ("CANCELLED", False, False),
}
"""Status, whether there is a result, whether its files are gone."""


@cache
def fixture(name: str) -> Any:
    path = next(piece.path for piece in PIECES if piece.name == name)
    return json.loads(FOLDER.joinpath(path).read_text(encoding="utf-8"))


@cache
def checker(name: str) -> jsonschema_rs.Validator:
    return jsonschema_rs.validator_for(catalog().schemas[name], validate_formats=True)


def fits(value: Any, schema: str) -> bool:
    """Whether the value is as the schema wants it; says what is wrong."""
    checker(schema).validate(value)
    return True


def requests_of(name: str) -> Iterator[tuple[Model, Any]]:
    """Each request of a fixture with the row that it is for."""
    told = fixture(name)
    yield ROWS[name], told["minimal"]["request"]
    yield ROWS[name], told["full"]["request"]
    for parent in told.get("parents", ()):
        (operation,) = (each for each in catalog().operations.values() if each.path == parent["path"])
        yield catalog().models[operation.id][parent["request"][operation.choose]], parent["request"]


def webhooks() -> Iterator[tuple[str, Any]]:
    """Each webhook of every fixture with the schema of its body."""
    for name in ROWS:
        for event, webhook in fixture(name)["full"]["webhooks"].items():
            yield f"webhooks/{event}.json", webhook
    for event, webhook in fixture("loras")["full"]["webhooks"].items():
        yield f"webhooks/lora-{event}.json", webhook


def test_every_model_and_every_action_has_a_file_and_no_file_is_stray() -> None:
    stand = {path.relative_to(FOLDER).as_posix() for path in FOLDER.joinpath(MODELS).rglob("*") if path.is_file()}
    top = {path.name for path in FOLDER.iterdir()}
    assert stand | top == {str(piece.path) for piece in PIECES} | {"README.md", "signatures.json", "scenarios", MODELS}


def test_the_names_of_the_files_can_be_written_anywhere() -> None:
    names = {part for piece in PIECES for part in piece.path.parts}
    assert {name for name in names if not re.fullmatch(r"[a-z0-9][a-z0-9._-]*[a-z0-9]", name)} == set()
    assert {name.partition(".")[0] for name in names} & {"con", "prn", "aux", "nul"} == set()
    assert max(len(str(piece.path)) for piece in PIECES) < 80


def test_the_files_are_small_and_read_well() -> None:
    texts = [FOLDER.joinpath(piece.path).read_bytes() for piece in PIECES]
    assert sum(map(len, texts)) < 1_500_000
    assert [text for text in texts if b"\r" in text or not text.endswith(b"}\n")] == []


def test_every_request_is_valid() -> None:
    for name in ROWS:
        for row, body in requests_of(name):
            jsonschema_rs.validator_for(row.body_schema).validate(body)


def test_every_job_is_shown_by_the_contract_in_every_state() -> None:
    for name in ROWS:
        told = fixture(name)
        jobs, least = told["full"]["jobs"], told["minimal"]["job"]
        assert [job for job in [*jobs.values(), least] if not fits(job, "answers/job.json")] == []
        assert {
            state: (job["status"], job["result"] is not None, job["expired"]) for state, job in jobs.items()
        } == STATES, name
        assert {job["id"] for job in jobs.values()} == {told["full"]["answer"]["body"]["jobId"]}
        assert jobs["completed"] | {"expired": True} == jobs["expired"]
        assert (jobs["completed"]["creditCost"], jobs["failed"]["creditCost"]) == (told["full"]["price"], 0)
        assert (least["status"], least["creditCost"]) == ("COMPLETED", told["minimal"]["price"])
        for sent in (told["minimal"], told["full"], *told.get("parents", ())):
            assert sent["answer"]["status"] == 202
            assert fits(sent["answer"]["body"], "answers/accepted.json")


def test_an_action_acts_on_the_parent_that_its_file_tells_of() -> None:
    acting = [name for name, row in ROWS.items() if row.parent is not None]
    assert acting != []
    for name in acting:
        told = fixture(name)
        ids = [parent["job"]["id"] for parent in told["parents"]]
        bodies = [parent["request"] for parent in told["parents"][1:]]
        assert [body["parentJobId"] for body in bodies] == ids[:-1]
        assert {told[kind]["request"]["parentJobId"] for kind in ("minimal", "full")} == {ids[-1]}


def test_every_webhook_is_by_the_contract_and_its_signatures_are_true() -> None:
    digest = hashlib.sha256(KEY.encode()).digest()
    for schema, webhook in webhooks():
        body = webhook["body"].encode()
        by = {"hex": digest.hex().encode(), "raw": digest}
        true = {name: "sha256=" + hmac.new(key, body, hashlib.sha256).hexdigest() for name, key in by.items()}
        assert webhook["signatures"] == true
        assert webhook["headers"] == {
            "Content-Type": "application/json",
            "X-Webhook-Event": json.loads(body)["event"],
            "X-Webhook-Signature": true["hex"],
        }
        assert fits(json.loads(body), schema)


def test_the_webhooks_of_a_job_say_what_a_poll_says() -> None:
    for name in ROWS:
        jobs = fixture(name)["full"]["jobs"]
        said = {event: json.loads(told["body"]) for event, told in fixture(name)["full"]["webhooks"].items()}
        states = {"progress": "processing", "completed": "completed", "failed": "failed"}
        for event, state in states.items():
            told, shown = said[event], {**jobs[state], "jobId": jobs[state]["id"], "event": event}
            assert told == {field: shown[field] for field in told}


def test_loras_are_by_the_contract() -> None:
    told = fixture("loras")
    states = told["full"]["loras"]
    assert {state: lora["status"] for state, lora in states.items()} == {state: state.upper() for state in states}
    assert all(fits(lora, "answers/lora.json") for lora in [*states.values(), told["minimal"]["lora"]])
    assert fits(told["full"]["answer"]["body"], "answers/lora-created.json")
    assert fits(told["list"]["answer"]["body"], "answers/lora-list.json")
    assert (told["full"]["prices"], told["delete"]["answer"]["status"]) == ({"creation": 2, "training": 255}, 204)


def test_uploads_and_assets_are_by_the_contract() -> None:
    uploads = fixture("uploads")["uploads"]
    assert [each["answer"]["body"]["kind"] for each in uploads] == ["image", "video", "audio"]
    assert all(fits(each["answer"]["body"], "answers/upload.json") for each in uploads)
    assert {(each["download"]["answer"]["status"], each["download"]["expired"]["status"]) for each in uploads} == {
        (200, 404)
    }
    for asset in fixture("assets")["assets"]:
        assert fits(asset["request"], "requests/create-asset.json")
        assert fits(asset["answer"]["body"], "answers/asset-created.json")
        assert fits(asset["get"]["answer"]["body"], "answers/asset.json")


def test_every_refusal_is_there_as_the_contract_has_it() -> None:
    rows = fixture("errors")["errors"]
    named = {
        re.sub(r"(?<=.)(?=[A-Z])", "-", kind.__name__).lower(): error.status
        for kind, error in WIRE_ERRORS.items()
        if kind is not StoreDown  # clients see no difference between it and a queue that is down
    }
    others = {"internal-error": 500, "asset-creation-failed": 502, "asset-query-failed": 502}
    assert {row["name"]: row["answer"]["status"] for row in rows} == named | others
    for row in rows:
        body = row["answer"]["body"]
        kind = "validation-error" if "details" in body else "insufficient-credits" if len(body) > 1 else "error"
        assert fits(body, f"answers/{kind}.json")


def test_the_example_of_the_page_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    (program,) = re.findall(r"```python\n(.*?)```", FOLDER.joinpath("README.md").read_text(encoding="utf-8"), re.DOTALL)
    monkeypatch.chdir(FOLDER)
    exec(program, {})  # noqa: S102 - what is tested


def test_the_page_leads_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]+)", FOLDER.joinpath("README.md").read_text(encoding="utf-8"))
    assert [link for link in links if not FOLDER.joinpath(link).exists()] == []


async def test_recording_anew_gives_the_same_bytes() -> None:
    first = {row.operation: name for name, row in reversed(ROWS.items())}
    some = {*first.values(), *OTHERS, *(name for name, row in ROWS.items() if row.lora)}
    differ = [
        piece.name
        async for piece, told in recorded(piece for piece in PIECES if piece.name in some)
        if FOLDER.joinpath(piece.path).read_bytes() != text_of(told).encode()
    ]
    assert differ == [], f"mockserver fixtures {' '.join(differ)}"


def test_the_text_of_a_fixture_is_json_in_lines_that_can_be_read() -> None:
    value = {"empty": [{}, []], "text": "é\n🦊", "list": list(range(100)), "inner": {"long": "x" * 100, "more": None}}
    text = text_of(value)
    assert json.loads(text) == value
    assert max(map(len, text.splitlines())) <= WIDTH
    assert text_of({"a": [1, {"b": True}]}) == '{"a": [1, {"b": true}]}\n'
