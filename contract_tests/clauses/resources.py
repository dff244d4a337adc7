"""UPLOAD, LORA, ASSET: what is brought to the API beside submissions."""

from typing import Any

from contract_tests.clause import Level, Method, Need, clause
from contract_tests.clauses.auth import UNKNOWN_ID
from contract_tests.clauses.validation import RICH, detailed
from contract_tests.client import Client
from contract_tests.exchange import Exchange
from contract_tests.trial import ACCEPTED, BAD_REQUEST, CONFLICT, NOT_FOUND, OK, PROMPT, Trial

UPLOADS, LORAS, ASSETS = "/v2/uploads", "/v2/loras", "/v2/assets/create"
CREATED, NO_CONTENT, TOO_MANY = 201, 204, 429
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\2\0\0\0"
KINDS = {"image/png": ("image", PNG), "audio/wav": ("audio", b"RIFF\x24\0\0\0WAVEfmt ")}
MEGABYTE = 1024 * 1024
CREATION, TRAINING = 2, 255
"""Credits; facts 17."""
AT_ONCE = 10
"""Trainings of one team."""
TRAINED_S = 2 * 3600.0
PERSON = {"name": "Ann", "gender": "female", "ethnicity": "Nordic"}


def form(*parts: tuple[str, str | bytes]) -> tuple[bytes, list[tuple[str, str]]]:
    """A multipart body and its headers; bytes are files, declared as something that they are not."""
    found = b""
    for name, value in parts:
        is_file = isinstance(value, bytes)
        head = f'Content-Disposition: form-data; name="{name}"'
        if is_file:
            head += '; filename="../a b.txt"\r\nContent-Type: text/plain'
        raw = value if isinstance(value, bytes) else value.encode()
        found += b"--x7MA4YWx\r\n" + head.encode() + b"\r\n\r\n" + raw + b"\r\n"
    return found + b"--x7MA4YWx--\r\n", [("Content-Type", "multipart/form-data; boundary=x7MA4YWx")]


def sent(client: Client, path: str, *parts: tuple[str, str | bytes]) -> Exchange:
    """The answer to a form."""
    body, headers = form(*parts)
    return client.send("POST", path, body=body, headers=headers)


@clause(
    "UPLOAD-1",
    "An upload is answered 201 with what its first bytes say that it is, whatever is declared.",
    level=Level.MUST,
    source="document, POST /v2/uploads; facts 16",
    method=Method.EXAMPLE,
    broken_by="uploads-are-pictures",
)
def uploads_are_told_by_their_bytes(trial: Trial) -> None:
    """Sends a picture and a sound, both declared as plain text, and looks at kind, type and size."""
    client = trial.client()
    for content_type, (kind, raw) in KINDS.items():
        told = trial.expect(sent(client, UPLOADS, ("file", raw)), CREATED)
        seen = (told["kind"], told["contentType"].partition("/")[0], told["byteSize"])
        trial.require(
            seen == (kind, content_type.partition("/")[0], len(raw)), f"{kind} of {len(raw)} bytes", f"{told}"
        )


@clause(
    "UPLOAD-2",
    "An upload without a file, with an empty one, of an unknown type or too large is refused with 400.",
    level=Level.MUST,
    source="document, POST /v2/uploads 400; facts 16",
    method=Method.EXAMPLE,
    broken_by="any-upload-passes",
)
def bad_uploads_are_400(trial: Trial) -> None:
    """Leaves the file out, calls it by another name, sends a text, no bytes and, to a mock, one byte too many."""
    client = trial.client()
    bad: list[tuple[tuple[str, str | bytes], ...]] = [
        (),
        (("picture", PNG),),
        (("file", "a text"),),
        (("file", b""),),
        (("file", b"no picture at all"),),
    ]
    if trial.session.target.levers is not None:
        bad.append((("file", PNG + bytes(25 * MEGABYTE)),))
    for parts in bad:
        detailed(trial.expect(sent(client, UPLOADS, *parts), BAD_REQUEST))
    detailed(trial.expect(client.send("POST", UPLOADS, value={"file": "x"}), BAD_REQUEST))


@clause(
    "LORA-1",
    "A LoRA is PENDING, then READY; it costs two credits at once, 255 when its training starts, nothing if it fails.",
    level=Level.MUST,
    source="document, POST /v2/loras; facts 17",
    method=Method.EXAMPLE,
    tier=3,
    needs=[Need.LEVERS],
    broken_by="training-is-free",
)
def loras_live_and_cost(trial: Trial) -> None:
    """Trains one to its end and makes a picture with it, and lets another one fail."""
    client = trial.client(credits=RICH)
    ready, failed = (_created(trial, client) for _ in range(2))
    trial.require_balance(client, RICH - 2 * CREATION, "two credits for each")
    trial.levers.end_job(failed, fail="bad pictures")
    trial.require_balance(client, RICH - CREATION, "the credits of the one that failed back")
    flux = {"model": "flux-lora", "prompt": PROMPT, "fluxLoraParams": {"loraId": ready}}
    trial.refused(client.send("POST", "/v2/images/generate", value=flux), CONFLICT)
    trial.session.pass_time(TRAINED_S)
    seen = [trial.expect(client.send("GET", f"{LORAS}/{each}"), OK)["status"] for each in (ready, failed)]
    trial.require(seen == ["READY", "FAILED"], "READY and FAILED", f"{seen}")
    trial.require_balance(client, RICH - CREATION - TRAINING, "the training paid")
    trial.expect(client.send("POST", "/v2/images/generate", value=flux), ACCEPTED)
    stranger = trial.client(credits=RICH)
    trial.refused(stranger.send("POST", "/v2/images/generate", value=flux), NOT_FOUND)
    trial.refused(stranger.send("GET", f"{LORAS}/{ready}"), NOT_FOUND)
    for _ in range(2):
        gone = client.send("DELETE", f"{LORAS}/{ready}")
        trial.require(gone.status == NO_CONTENT, "204", gone)
    listed = trial.expect(client.send("GET", LORAS), OK)["items"]
    trial.require([each["id"] for each in listed] == [failed], "archived LoRAs hidden", f"{len(listed)} items")


def _created(trial: Trial, client: Client) -> str:
    told = trial.expect(sent(client, LORAS, *PERSON.items(), *[("images", PNG)] * 15), ACCEPTED)
    trial.require((told["status"], told["imageCount"]) == ("PENDING", 15), "PENDING with 15 images", f"{told}")
    return str(told["id"])


@clause(
    "LORA-2",
    "A LoRA needs a name, 15 to 30 pictures and, for a person, gender and ethnicity; no more than ten train at once.",
    level=Level.MUST,
    source="document, POST /v2/loras; facts 17",
    method=Method.EXAMPLE,
    tier=3,
    needs=[Need.LEVERS],
    broken_by="trainings-without-end",
)
def loras_have_limits(trial: Trial) -> None:
    """Leaves each field out, sends 14 and 31 pictures and texts for pictures, and then eleven good forms."""
    client = trial.client(credits=RICH)
    pictures: list[tuple[str, str | bytes]] = [("images", PNG)] * 15
    for name in PERSON:
        fields = [(key, value) for key, value in PERSON.items() if key != name]
        _refused_form(trial, client, name, *fields, *pictures)
    _refused_form(trial, client, "images", *PERSON.items(), *pictures[1:])
    _refused_form(trial, client, "images", *PERSON.items(), *pictures, *pictures, pictures[0])
    _refused_form(trial, client, "images", *PERSON.items(), *[("images", b"no picture")] * 15)
    trial.require_balance(client, RICH, "nothing paid")
    for _ in range(AT_ONCE):
        _created(trial, client)
    answer = sent(client, LORAS, *PERSON.items(), *pictures)
    trial.refused(answer, TOO_MANY)
    trial.require((answer.header("Retry-After") or "").isdigit(), "Retry-After in seconds", answer)


def _refused_form(trial: Trial, client: Client, field: str, *parts: tuple[str, str | bytes]) -> None:
    details = detailed(trial.expect(sent(client, LORAS, *parts), BAD_REQUEST))
    named = any(place.partition(".")[0] == field for place in details)
    trial.require(named, f"{field} in details", f"{details}")


@clause(
    "ASSET-1",
    "A registered asset is answered 201 with its id and shown to its team alone.",
    level=Level.MUST,
    source="document, assets; facts 18",
    method=Method.EXAMPLE,
    tier=3,
    needs=[Need.LEVERS],
    broken_by="assets-for-all",
)
def assets_belong_to_a_team(trial: Trial) -> None:
    """Registers one, looks at it as its owner and as a stranger, and sends bodies that are wrong."""
    client, stranger = trial.client(), trial.client()
    body = {"url": "https://example.com/fox.png", "type": "image"}
    asset = trial.expect(client.send("POST", ASSETS, value=body), CREATED)["assetId"]
    trial.expect(client.send("GET", f"/v2/assets/{asset}"), OK)
    trial.refused(stranger.send("GET", f"/v2/assets/{asset}"), NOT_FOUND)
    trial.refused(client.send("GET", f"/v2/assets/{UNKNOWN_ID}"), NOT_FOUND)
    bad: list[Any] = [
        {**body, "url": "no address"},
        {**body, "type": "text"},
        {"url": body["url"]},
        {"type": "image"},
        [],
    ]
    for wrong in bad:
        detailed(trial.expect(client.send("POST", ASSETS, value=wrong), BAD_REQUEST))
