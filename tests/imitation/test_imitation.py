"""The independent imitation keeps the promises that it is there to keep."""

import hashlib
import hmac
import http.client
import http.server
import itertools
import json
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from queue import SimpleQueue
from typing import Any
from urllib.parse import quote, urlsplit

import jsonschema_rs
import pytest

from tests.imitation.offers import OFFERS, SCHEMAS
from tests.imitation.server import FAIL_WORD, Imitation

BODY = {"model": "flux-2-dev", "prompt": "a fox"}


@pytest.fixture(scope="module")
def it() -> Iterator[Imitation]:
    with Imitation(credits_each=2_000) as running:
        yield running


@pytest.fixture
def poor() -> Iterator[Imitation]:
    with Imitation(credits_each=3) as running:
        yield running


def ask(it: Imitation, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
    """Status and JSON of one real request; the first key signs unless `key` says otherwise."""
    data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
    sent = {"X-API-Key": headers.pop("key", it.key), "Content-Type": "application/json"}
    sent.update({name.replace("_", "-"): value for name, value in headers.items()})
    with closing(http.client.HTTPConnection(urlsplit(it.url).netloc, timeout=20)) as connection:
        connection.request(method, path, data, sent)
        answer = connection.getresponse()
        assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
        return answer.status, json.loads(answer.read())


def submit(it: Imitation, **headers: str) -> str:
    status, body = ask(it, "POST", "/v2/images/generate", BODY, **headers)
    assert status == 202, body
    return str(body["jobId"])


def ended(it: Imitation, job_id: str) -> Any:
    """The job once it has ended; each look takes a few milliseconds, so this ends too."""
    while (job := ask(it, "GET", f"/v2/jobs/{job_id}")[1])["completedAt"] is None:
        pass
    return job


def credits_left(it: Imitation) -> int:
    return int(ask(it, "GET", "/v2/me")[1]["team"]["credits"])


def raw(it: Imitation, data: bytes) -> bytes:
    host, port = urlsplit(it.url).netloc.split(":")
    with closing(socket.create_connection((host, int(port)), timeout=10)) as connection:
        connection.sendall(data)
        return connection.recv(65_536)


def test_a_job_lives_through_its_statuses(it: Imitation) -> None:
    job_id = submit(it)
    seen = [ask(it, "GET", f"/v2/jobs/{job_id}")[1]]
    while seen[-1]["completedAt"] is None:
        seen.append(ask(it, "GET", f"/v2/jobs/{job_id}")[1])
    assert list(dict.fromkeys((job["status"], job["progress"]) for job in seen)) == [
        ("QUEUED", None),
        ("PROCESSING", 33),
        ("PROCESSING", 66),
        ("COMPLETED", 100),
    ]
    assert seen[-1]["input"] == BODY
    assert len(seen[-1]["result"]["images"]) == 1


@pytest.mark.parametrize("model", OFFERS)
def test_every_model_is_accepted_and_charged(it: Imitation, model: str) -> None:
    blocks: dict[str, Any] = {
        "ideogram-character": {"ideogramParams": {"character_reference_image": "https://example.com/a.png"}},
        "flux-lora": {"fluxLoraParams": {"loraId": "a1b2c3d4-e5f6-7890-abcd-ef1234567890", "num_outputs": 2}},
        "gpt-image-2": {"gptImage2Params": {"quality": "low", "number_of_images": 3}},
    }
    status, body = ask(it, "POST", "/v2/images/generate", {"model": model, "prompt": "x", **blocks.get(model, {})})
    assert status == 202, body
    cost = ask(it, "GET", f"/v2/jobs/{body['jobId']}")[1]["creditCost"]
    entry = next(row for row in ask(it, "GET", "/v2/models")[1]["models"] if row["id"] == model)
    assert entry["costMin"] <= cost <= entry["costMax"]
    assert cost == {"gpt-image-2": 12, "flux-lora": 4, "ideogram-character": 26}.get(model, cost)


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"prompt": ""}, "prompt"),
        ({"prompt": "\U0001f98a" * 2001}, "prompt"),
        ({"model": "flux"}, "model"),
        ({"__proto__": {}}, "__proto__"),
        ({"fluxParams": {"steps": True, "size": 1}}, "fluxParams.steps"),
        ({"fluxParams": {"size": 1}}, "fluxParams.size"),
        ({"midjourneyParams": {}}, "midjourneyParams"),
        ({"webhookEvents": []}, "webhookEvents"),
    ],
)
def test_a_bad_body_is_400_and_names_the_field(it: Imitation, change: dict[str, Any], path: str) -> None:
    status, body = ask(it, "POST", "/v2/images/generate", BODY | change)
    assert (status, body["error"]) == (400, "Validation error")
    assert path in body["details"]


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"{", b"[]", b"3", b"\xff", b"\xef\xbb\xbf{}", "{}".encode("utf-16"), b"[" * 100_000, b'{"a":' * 300),
        *(
            b'{"model":"flux-2-dev","prompt":"x","fluxParams":{"guidance":%s}}' % n
            for n in (b"NaN", b"-Infinity", b"1e400", b"9" * 5000)
        ),
        b'{"model":"flux-2-dev","prompt":"x","prompt":"x"}',
        b'{"model":"flux-2-dev","prompt":"x","a":' + b"[" * 400 + b"]" * 400 + b"}",
    ],
)
def test_hostile_bodies_are_400(it: Imitation, data: bytes) -> None:
    assert ask(it, "POST", "/v2/images/generate", data)[0] == 400


def test_numbers_and_texts_come_back_as_sent(it: Imitation) -> None:
    body = {
        "model": "flux-2-dev",
        "prompt": "\ud800 \0 \U0001f98a\u202e",
        "fluxParams": {"seed": 10**300, "steps": 2.0},
    }
    job_id = ask(it, "POST", "/v2/images/generate", body)[1]["jobId"]
    assert ask(it, "GET", f"/v2/jobs/{job_id.upper()}")[1]["input"] == body


def test_large_bodies_and_heads_are_refused_in_json(it: Imitation) -> None:
    assert ask(it, "POST", "/v2/images/generate", b" " * 15_000_001)[0] == 413
    assert ask(it, "GET", "/v2/me", x_filler="x" * 20_000)[0] == 431
    assert ask(it, "GET", "/v2/" + "x" * 20_000)[0] == 414


@pytest.mark.parametrize(
    ("request_line", "headers", "status"),
    [
        (b"GET /v2/\0me HTTP/1.1", b"", b"400"),
        (b"GET /v2/me HTTP/1.1", b"X-API-Key: a\0b\r\n", b"400"),
        (b"GET /v2/me HTTP/3.0", b"", b"400"),
        (b"POST /v2/images/generate HTTP/1.1", b"Content-Length: -1\r\n", b"400"),
        (b"POST /v2/images/generate HTTP/1.1", b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", b"400"),
        (b"POST /v2/images/generate HTTP/1.1", b"Content-Length: 999999999999\r\n", b"413"),
        (b"BREW /v2/me HTTP/1.1", b"", b"404"),
        (b"HEAD /v2/me HTTP/1.1", b"", b"405"),
    ],
)
def test_broken_http_is_refused(it: Imitation, request_line: bytes, headers: bytes, status: bytes) -> None:
    assert raw(it, request_line + b"\r\nHost: x\r\n" + headers + b"\r\n").split()[1] == status


def test_a_connection_serves_on_after_refusals_and_chunks(it: Imitation) -> None:
    with closing(http.client.HTTPConnection(urlsplit(it.url).netloc, timeout=20)) as connection:
        for path, chunks in (
            ("/nowhere", [b"x" * 8_000_000] * 2),
            ("/v2/images/generate", [json.dumps(BODY).encode()]),
        ):
            connection.request("POST", path, iter(chunks), {"X-API-Key": it.key}, encode_chunked=True)
            answer = connection.getresponse()
            assert (answer.status, answer.read()[:1]) == ({"/nowhere": 404}.get(path, 202), b"{")


def test_answers_fit_the_schemas(it: Imitation) -> None:
    files = [(path.name, json.loads(path.read_text())) for path in (SCHEMAS / "answers").iterdir()]
    registry = jsonschema_rs.Registry(files)
    job = ended(it, submit(it))
    assert sorted(ask(it, "GET", f"/v2/jobs?search={job['id']}")[1]["jobs"][0].items()) == sorted(
        (name, value) for name, value in job.items() if name != "input"
    )
    for name, answer in {
        "accepted.json": ask(it, "POST", "/v2/images/generate", BODY),
        "job.json": (200, job),
        "job-list.json": ask(it, "GET", "/v2/jobs"),
        "me.json": ask(it, "GET", "/v2/me"),
        "model-list.json": ask(it, "GET", "/v2/models"),
        "error.json": ask(it, "GET", "/v2/me", key=""),
        "validation-error.json": ask(it, "POST", "/v2/images/generate", {}),
    }.items():
        jsonschema_rs.Draft202012Validator({"$ref": name}, registry=registry, validate_formats=True).validate(answer[1])


def test_keys_are_checked_before_anything_else(it: Imitation) -> None:
    for key in ("", "imit_unknown", it.key[:-1], it.key.upper()):
        assert ask(it, "POST", "/v2/images/generate", b"{", key=key)[0] == 401
    assert ask(it, "GET", "/v2/models", key="bad")[0] == 200
    assert ask(it, "GET", "/v2/models?modality=audio")[0] == 400
    assert [ask(it, "GET", f"/v2/models?modality={name}")[1]["models"] != [] for name in ("video", "music")] == [
        True,
        False,
    ]


def test_a_key_replays_its_job_for_its_user(it: Imitation) -> None:
    first = submit(it, idempotency_key="k" * 255)
    assert submit(it, idempotency_key="k" * 255) == first
    assert submit(it, idempotency_key="k" * 255, key=it.second_key) != first
    other = BODY | {"prompt": "a hen"}
    assert ask(it, "POST", "/v2/images/generate", other, idempotency_key="k" * 255)[0] == 409
    assert ask(it, "POST", "/v2/images/generate", BODY, idempotency_key="k" * 256)[0] == 400


def test_duplicates_at_the_same_time_make_one_job(it: Imitation) -> None:
    barrier, before = threading.Barrier(8), credits_left(it)

    def duplicate(_: int) -> tuple[int, Any]:
        barrier.wait()
        return ask(it, "POST", "/v2/images/generate", BODY, idempotency_key="together")

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(duplicate, range(8)))
    assert {status for status, _ in answers} <= {202, 409}
    assert len({body["jobId"] for status, body in answers if status == 202}) == 1
    assert credits_left(it) == before - 2


def test_a_failed_job_is_refunded_and_poverty_is_402(poor: Imitation) -> None:
    failing = BODY | {"prompt": f"a fox {FAIL_WORD}"}
    job_id = ask(poor, "POST", "/v2/images/generate", failing)[1]["jobId"]
    status, body = ask(poor, "POST", "/v2/images/generate", BODY)
    assert (status, body["creditsRequired"], body["creditsAvailable"]) == (402, 2, 1)
    assert ended(poor, job_id)["status"] == "FAILED"
    assert credits_left(poor) == 3


def test_the_list_is_walked_by_its_cursors(it: Imitation) -> None:
    made = {submit(it, key=it.second_key) for _ in range(5)}
    walked, path = list[Any](), "/v2/jobs?limit=2&include_models=true"
    cursor: str | None = ""
    while cursor is not None:
        page = ask(it, "GET", path + (f"&cursor={quote(cursor, safe='')}" if cursor else ""), key=it.second_key)[1]
        assert page["hasMore"] == (page["nextCursor"] is not None)
        walked += page["jobs"]
        cursor = page["nextCursor"]
        if cursor:
            assert ask(it, "GET", f"/v2/jobs?cursor={quote(cursor, safe='')}")[0] == 400
            assert ask(it, "GET", f"/v2/jobs?cursor={quote(cursor[:-8], safe='')}", key=it.second_key)[0] == 400
    assert made <= {job["id"] for job in walked}
    assert len(walked) == len({job["id"] for job in walked})
    newest = walked[0]["id"]
    assert [job["id"] for job in ask(it, "GET", f"/v2/jobs?search={newest}", key=it.second_key)[1]["jobs"]] == [newest]
    assert ask(it, "GET", f"/v2/jobs/{newest}")[0] == 404


@pytest.mark.parametrize(
    "query",
    [
        *("limit=0", "limit=101", "limit=x", "limit=1.5", "limit=1&limit=1", "limit=", "status=queued", "cursor=x"),
        *("cursor=%FF", "cursor=%00", "search=x", "scope=all", "include_models=1", "x=%ff", "cursor=%C3%A9"),
    ],
)
def test_a_bad_query_is_400(it: Imitation, query: str) -> None:
    assert ask(it, "GET", f"/v2/jobs?{query}")[0] == 400


def test_paths_and_scopes_are_checked(it: Imitation) -> None:
    for path, status in {"x": 400, "%00": 400, "%ff": 400, "a1b2c3d4-e5f6-7890-abcd-ef1234567890": 404}.items():
        assert ask(it, "GET", f"/v2/jobs/{path}")[0] == status
    job_id = submit(it, key=it.plain_key)
    assert ask(it, "GET", f"/v2/jobs?scope=team&search={job_id}")[1]["jobs"] != []
    assert ask(it, "GET", "/v2/jobs?scope=team", key=it.plain_key)[0] == 403
    assert ask(it, "GET", "/v2/jobs?model=%C3%A9")[1]["jobs"] == []


def test_webhooks_are_signed_and_tried_again(it: Imitation) -> None:
    counted = itertools.count()
    arrived: SimpleQueue[tuple[str, str, bytes]] = SimpleQueue()

    class Receiver(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            data = self.rfile.read(int(self.headers["Content-Length"]))
            first_end = next(counted) == 2
            arrived.put((self.headers["X-Webhook-Event"], self.headers["X-Webhook-Signature"], data))
            self.send_response(302 if first_end else 204)
            self.send_header("Location", "/elsewhere")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as receiver:
        threading.Thread(target=receiver.serve_forever, args=(0.05,), daemon=True).start()
        url = f"http://127.0.0.1:{receiver.server_port}/hook?a=b"
        body = BODY | {"webhookUrl": url, "webhookEvents": ["progress", "completed"]}
        job_id = ask(it, "POST", "/v2/images/generate", body)[1]["jobId"]
        got = [arrived.get(timeout=5) for _ in range(4)]
        while ask(it, "GET", f"/v2/jobs/{job_id}")[1]["webhookStatus"] == "pending":
            pass
        receiver.shutdown()
    assert [event for event, _, _ in got] == ["progress", "progress", "completed", "completed"]
    assert got[2] == got[3]
    secret = hashlib.sha256(it.key.encode()).digest()
    assert all(signature == f"sha256={hmac.new(secret, data, 'sha256').hexdigest()}" for _, signature, data in got)
    assert ask(it, "GET", f"/v2/jobs/{job_id}")[1]["webhookStatus"] == "delivered"
