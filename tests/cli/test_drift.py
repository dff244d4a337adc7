"""`mockserver drift`, and a mock that is started with `--spec`."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from mockserver.api.openapi import openapi_document
from mockserver.core.catalog import Catalog
from mockserver.drift import clauses
from mockserver.drift.document import BadDocument
from mockserver.inprocess import MockServer
from mockserver.schemas import catalog
from mockserver.spec import fetched
from tests.cli.conftest import Run

Change = Callable[[Any], object]
FLUX = "ImagesGenerateRequest_flux-2-pro"


def unchanged(_: Any) -> None:
    """No change."""


@pytest.fixture
def file(tmp_path: Path) -> Callable[[Change], str]:
    """Write our own document with a change, and say where."""

    def write(change: Change) -> str:
        document = json.loads(json.dumps(openapi_document(catalog(), "http://127.0.0.1:4010")))
        change(document)
        path = tmp_path / "new.json"
        path.write_text(json.dumps(document), encoding="utf-8")
        return str(path)

    return write


def newer(document: Any) -> None:
    """A field, a model, an option more; a status less."""
    document["info"] = {"title": "Newer", "version": "9"}
    schemas = document["components"]["schemas"]
    fields = schemas[FLUX]["properties"]["fluxParams"]["properties"]
    schemas["New"] = json.loads(json.dumps(schemas[FLUX]))
    schemas["New"]["properties"]["model"]["enum"] = ["flux-9"]
    schemas["ImagesGenerateRequest"]["oneOf"].append({"$ref": "#/components/schemas/New"})
    fields["sparkle"] = {"type": "integer", "maximum": 5}
    fields["output_format"]["enum"].append("gif")
    del document["paths"]["/v2/images/generate"]["post"]["responses"]["409"]


NEWER = """\
new.json (Newer 9): 4 differences, 0 explained

Added (2)
place                                                          ours    theirs
POST /v2/images/generate model flux-2-pro: fluxParams.sparkle  absent  {"maximum": 5, "type": ["integer"]}
POST /v2/images/generate model flux-9                          absent  present

Removed (1)
place                         ours     theirs
POST /v2/images/generate 409  present  absent

Changed (1)
place                                                                     ours  theirs
POST /v2/images/generate model flux-2-pro: fluxParams.output_format enum  […]   […, "gif"]

Operations touched (1): POST /v2/images/generate

Models touched (2): flux-2-pro, flux-9

Clauses touched (9): IDEMP-3, IDEMP-8, MODEL-1, MODEL-2, MODEL-3, VAL-1, VAL-2, VAL-3, VAL-4
"""


def test_what_was_added_removed_and_changed_is_told_with_what_it_touches(
    here: Run, file: Callable[[Change], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mockserver.cli.drift.known", list)
    path = file(newer)
    done = here("drift", "--spec", path)
    assert (done.code, done.out.replace(path, "new.json"), done.err) == (1, NEWER, "")


def test_the_same_as_json(here: Run, file: Callable[[Change], str]) -> None:
    path = file(newer)
    done = here("drift", "--spec", path, "--json", "--models", "flux-9, flux-2-pro")
    told = json.loads(done.out)
    place = "POST /v2/images/generate model flux-9"
    assert (done.code, told["spec"], told["document"], len(told["differences"])) == (1, path, "Newer 9", 3)
    assert told["differences"][-1] == {
        "kind": "added",
        "place": place,
        "operation": "POST /v2/images/generate",
        "part": "model flux-9",
        "ours": "absent",
        "theirs": "present",
    }
    assert told["explained"] == []
    assert told["touched"] == {
        "operations": ["POST /v2/images/generate"],
        "models": ["flux-2-pro", "flux-9"],
        "actions": [],
        "clauses": ["MODEL-1", "MODEL-2", "MODEL-3", "VAL-1", "VAL-2", "VAL-3", "VAL-4"],
    }


def test_an_explained_difference_is_none_and_shown_with_all(here: Run, file: Callable[[Change], str]) -> None:
    def explained(document: Any) -> None:
        team = document["components"]["schemas"]["Me"]["properties"]["team"]["properties"]
        del team["maxConcurrentJobs"]

    path = file(explained)
    assert here("drift", "--spec", path) == (
        0,
        f"{path} ({TITLE}): 0 differences, 1 explained (--all shows them)\n",
        "",
    )
    lines = here("drift", "--spec", path, "--all").out.splitlines()
    assert lines[2] == "Explained (1)"
    assert lines[4].startswith("GET /v2/me 200: team.maxConcurrentJobs  ")
    assert lines[4].endswith("an older page of the vendor has it, and the schema forbids no more fields")


TITLE = " ".join(openapi_document(Catalog({}, {}, {}, {}), "")["info"][key] for key in ("title", "version"))


def test_a_model_that_nobody_has_is_told_with_those_that_look_alike(here: Run, file: Callable[[Change], str]) -> None:
    done = here("drift", "--spec", file(unchanged), "--models", "flux-2-por")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(
        'mockserver: --models: neither side has a model "flux-2-por"; did you mean flux-2-pro or '
    )


@pytest.mark.parametrize("command", [["drift"], ["serve", "--port", "0"], ["demo"]], ids=lambda words: words[0])
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read: "),
        (b"openapi: 3.1.0", "is no JSON; a document in YAML has to be converted first, as in: yq -o=json "),
        (b'{"swagger": "2.0"}', 'is no OpenAPI 3 document: its version is "2.0"'),
        (b"\xff", "is no text in UTF-8"),
    ],
    ids=["none", "yaml", "swagger", "bytes"],
)
def test_what_cannot_be_used_is_told_in_one_line_with_exit_2(
    here: Run, tmp_path: Path, content: bytes | None, said: str, command: list[str]
) -> None:
    path = tmp_path / "new.json"
    if content is not None:
        path.write_bytes(content)
    done = here(*command, "--spec", str(path))
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f'mockserver: --spec: "{path}": {said}')
    assert done.err.count("\n") == 1


class Answer(BaseHTTPRequestHandler):
    """Answers `/document` with what the server holds, `/endless` without an end, anything else with 404."""

    def do_GET(self) -> None:
        if self.path not in ("/document", "/endless"):
            self.send_error(404)
            return
        self.send_response(200)
        self.end_headers()
        if self.path == "/document":
            self.wfile.write(self.server.content)  # type: ignore[attr-defined]  # set below
        else:
            self.server.gone.wait(30)  # type: ignore[attr-defined]  # set below

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def address() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        server.content = json.dumps(openapi_document(catalog(), "x")).encode()  # type: ignore[attr-defined]
        server.gone = threading.Event()  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.gone.set()  # type: ignore[attr-defined]
        server.shutdown()
        thread.join()


def test_a_document_is_fetched_from_an_address(here: Run, address: str) -> None:
    done = here("drift", "--spec", f"{address}/document")
    assert (done.code, done.out) == (0, f"{address}/document ({TITLE}): 0 differences, 0 explained\n")


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("{}/other", "answers 404 Not Found; want a document"),
        ("http://127.0.0.1:1/", "cannot be fetched: "),
        ("http://", "is no address; want a file, or an address that begins with http:// or https://"),
        ("ftp://127.0.0.1/x", "is no address; want a file, or an address that begins with http:// or https://"),
    ],
    ids=["404", "refused", "empty", "ftp"],
)
def test_an_address_without_a_document_is_told(here: Run, address: str, path: str, said: str) -> None:
    done = here("drift", "--spec", path.format(address))
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f'mockserver: --spec: "{path.format(address)}": {said}')


async def test_an_answer_that_never_ends_or_is_endless_is_given_up(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(BadDocument, match=r"has not answered within 0\.2 s"):
        await fetched(f"{address}/endless", timeout_s=0.2)
    monkeypatch.setattr("mockserver.spec.MAX_BYTES", 1000)
    with pytest.raises(BadDocument, match="is larger than"):
        await fetched(f"{address}/document")


def test_every_clause_that_is_named_is_one() -> None:
    page = (Path(__file__).parents[2] / "docs" / "clauses.md").read_text(encoding="utf-8")  # printed from the clauses
    named = {clause for row in clauses.TOUCHED for clause in row.clauses} | {*clauses.OF_WHOLE_OPERATIONS}
    assert named - {*re.findall(r"^\| ([A-Z]+-\d+) \|", page, re.MULTILINE)} == set()


def test_a_mock_in_a_program_follows_a_document(file: Callable[[Change], str]) -> None:
    with MockServer(spec=Path(file(newer))) as mock:
        assert mock.url


def test_serve_says_how_many_models_follow_the_document(run: Run, file: Callable[[Change], str]) -> None:
    done = run("serve", "--port", "0", "--exit-after-idle", "100ms", "--spec", file(newer))
    assert done.code == 0
    assert "info spec: 1 model follows new.json, 1 new model\n" in done.err
