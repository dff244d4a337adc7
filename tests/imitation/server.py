"""A second, independent imitation of the image API: what the contract leaves open, it decides otherwise than the mock.

It shows that the contract tests are not fitted to the mock, so it shares no code with either: only the tables of
schemas/. Time is real: a job takes a second.
"""

import argparse
import base64
import hashlib
import hmac
import http.client
import itertools
import json
import re
import secrets
import sys
import threading
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Self, cast
from urllib.parse import parse_qsl, unquote, urlsplit

if __name__ == "__main__":  # run as a file, it finds its neighbours all the same
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.imitation.offers import CATALOGUE, OFFERS, Offer, invalid, parsed, problems
from tests.imitation.wire import JsonObject, Refused, Request, Server, now_us, uuid7

QUEUED_S, HALF_S, TOTAL_S = 0.3, 0.65, 1.0
DAY_S = 86_400
RETRY_GAPS_S = (0.25, 0.75, 2.25)
EVENT_FIELDS = {
    "progress": ("progress",),
    "failed": ("error",),
    "completed": ("progress", "result", "creditCost", "completedAt"),
}
FAIL_WORD = "[imitation fails]"  # a job whose prompt holds it ends as FAILED
UUID_TEXT = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
STATUSES = ("QUEUED", "PROCESSING", "COMPLETED", "FAILED", "CANCELLED")


def instant(since_us: int) -> datetime:
    """The instant so many microseconds after the epoch."""
    return datetime.fromtimestamp(since_us // 1_000_000, UTC).replace(microsecond=since_us % 1_000_000)


@dataclass
class Team:
    """Who pays."""

    credits_left: int
    id: str = field(default_factory=uuid7)


@dataclass
class Caller:
    """A key, its user and team."""

    team: Team
    role: str
    key: str = field(default_factory=lambda: f"imit_{secrets.token_hex(20)}")
    user: str = field(default_factory=uuid7)
    key_id: str = field(default_factory=uuid7)


@dataclass
class Job:
    """An accepted submission; its status follows from its age."""

    owner: Caller
    body: JsonObject
    cost: int
    created_us: int
    id: str = field(default_factory=uuid7)
    settled: bool = False
    webhook: str | None = None

    @property
    def fails(self) -> bool:
        return FAIL_WORD in self.body["prompt"]

    def stage(self) -> tuple[str, int | None]:
        """Status and progress of this moment; a failed job stays at 66."""
        age_s = (now_us() - self.created_us) / 1e6
        if age_s < QUEUED_S:
            return "QUEUED", None
        if age_s < TOTAL_S:
            return "PROCESSING", 33 if age_s < HALF_S else 66
        return ("FAILED", 66) if self.fails else ("COMPLETED", 100)

    def result(self) -> JsonObject:
        offer, base = OFFERS[self.body["model"]], f"https://cdn.example.net/{self.id}"
        grid = {"gridUrl": f"{base}/grid.png"} if offer.row["result"] == "midjourney-grid" else {}
        return {**grid, "images": [f"{base}/{n}.png?of=imitation" for n in range(1, offer.outputs(self.body) + 1)]}

    def shown(self) -> JsonObject:
        """The job as its owner sees it, without its input; `result` is absent until there is one."""
        status, progress = self.stage()
        ended_at = instant(self.created_us + int(TOTAL_S * 1e6)).isoformat(timespec="microseconds")
        return {
            "priority": "normal",
            "createdAt": f"{instant(self.created_us):%Y-%m-%dT%H:%M:%S.%f}Z",
            "completedAt": ended_at if status in {"COMPLETED", "FAILED"} else None,
            "expired": False,
            "webhookStatus": self.webhook,
            "creditCost": self.cost,
            "error": "The imitation was asked to fail." if status == "FAILED" else None,
            "progress": progress,
            "status": status,
            "model": self.body["model"],
            "id": self.id,
            **({"result": self.result()} if status == "COMPLETED" else {}),
        }


class Api:
    """The operations."""

    def __init__(self, credits_each: int) -> None:
        ours = Team(credits_each)
        self.callers = [Caller(ours, "ADMIN"), Caller(Team(credits_each), "MEMBER"), Caller(ours, "MEMBER")]
        self.jobs: list[Job] = []
        self.replays: dict[tuple[str, str], Job] = {}
        self.claims: set[tuple[str, str]] = set()
        self.lock, self.stop, self.turns = threading.RLock(), threading.Event(), itertools.count()
        self.secret, self.couriers = secrets.token_bytes(32), list[threading.Thread]()

    def answer(self, request: Request) -> tuple[int, JsonObject, JsonObject]:
        """Status, headers and body; each answer takes 5 to 20 ms."""
        self.stop.wait((2 + next(self.turns) * 7 % 9) / 1000)
        try:
            return self.route(request)
        except Refused as refusal:
            return refusal.status, refusal.headers, {"help": None, **refusal.body}

    def route(self, request: Request) -> tuple[int, JsonObject, JsonObject]:
        path, _, query = re.sub(r"^https?://[^/?#]*", "", request.target).partition("#")[0].partition("?")
        job_id = re.fullmatch(r"/v2/jobs/([^/]+)", path)
        method = {"/v2/images/generate": "POST", "/v2/jobs": "GET", "/v2/me": "GET", "/v2/models": "GET"}.get(path)
        method = "GET" if job_id else method
        if method and request.method in {"HEAD", "OPTIONS"}:
            raise Refused(405, f"{request.method} is not served.", headers={"allow": method})
        if method != request.method:
            raise Refused(404, "There is nothing at this address.")
        caller = None if path == "/v2/models" else self.caller(request)
        if request.body is None:
            raise Refused(413, "The body is larger than 15 MB.")
        asked = read_query(query)
        with self.lock:
            self.settle()
            match path, caller:
                case "/v2/models", _:
                    return 200, {}, self.models(asked)
                case "/v2/me", Caller():
                    return 200, {}, me(caller)
                case "/v2/jobs", Caller():
                    return 200, {}, self.page(caller, asked)
                case _, Caller() if job_id:
                    return 200, {}, self.job(caller, job_id[1])
        return 202, {}, self.submit(cast("Caller", caller), request.headers, request.body)

    def caller(self, request: Request) -> Caller:
        key = request.headers.get("x-api-key", "")
        for caller in self.callers:
            if hmac.compare_digest(caller.key.encode(), key.encode()):
                return caller
        raise Refused(401, "This API key is not known." if key else "Send your API key as X-API-Key.")

    def settle(self) -> None:
        """Give back what failed jobs cost."""
        for job in self.jobs:
            if not job.settled and job.stage()[0] in {"COMPLETED", "FAILED"}:
                job.settled = True
                job.owner.team.credits_left += job.cost if job.fails else 0

    def models(self, asked: dict[str, str]) -> JsonObject:
        wanted = asked.get("modality")
        choose(asked, "modality", ("image", "video", "music"))
        return {"curated": True, "models": [row for row in CATALOGUE if wanted in {None, row["modality"]}]}

    def job(self, caller: Caller, raw_id: str) -> JsonObject:
        wanted = unquote(raw_id, errors="replace")
        if not UUID_TEXT.fullmatch(wanted):
            raise Refused(400, "A job id is a UUID.")
        for job in self.jobs:
            if job.id == wanted.lower() and job.owner is caller:
                return {**job.shown(), "input": job.body}
        raise Refused(404, "You have no such job.")

    def page(self, caller: Caller, asked: dict[str, str]) -> JsonObject:
        choose(asked, "status", STATUSES)
        choose(asked, "scope", ("user", "team"))
        choose(asked, "include_models", ("true", "false"))
        choose(asked, "limit", tuple(str(n) for n in range(1, 101)))
        if not UUID_TEXT.fullmatch(asked.get("search", caller.user)):
            raise invalid(("search", "is not a UUID"))
        before = self.place(caller, asked["cursor"]) if "cursor" in asked else (now_us() + 1_000_000, "")
        team = asked.get("scope") == "team"
        if team and caller.role != "ADMIN":
            raise Refused(403, "This is for administrators.")
        mine = [job for job in self.jobs if job.owner is caller or (team and job.owner.team is caller.team)]
        mine.sort(key=lambda job: (job.created_us, job.id), reverse=True)
        wanted = {name: value for name, value in asked.items() if name in {"status", "model"}}
        wanted |= {"id": asked["search"].lower()} if "search" in asked else {}
        shown = [job.shown() for job in mine if (job.created_us, job.id) < before]
        found = [row for row in shown if all(row[name] == value for name, value in wanted.items())]
        limit = int(asked.get("limit", "20"))
        more = len(found) > limit
        return {
            "hasMore": more,
            "nextCursor": self.cursor(caller, found[limit - 1]["id"]) if more else None,
            "pageSize": limit,
            "jobs": found[:limit],
            **(
                {"models": list({job.body["model"]: 0 for job in mine})}
                if asked.get("include_models") == "true"
                else {}
            ),
        }

    def seal(self, caller: Caller, place: bytes) -> str:
        """A cursor: the place, and proof that it was made here for this user; its text has `+`, `/` and `=`."""
        proof = hmac.digest(self.secret, caller.user.encode() + place, "sha256")
        return base64.b64encode(proof + place).decode()

    def cursor(self, caller: Caller, last_id: str) -> str:
        places = (json.dumps([job.created_us, job.id]).encode() for job in self.jobs if job.id == last_id)
        return self.seal(caller, next(places))

    def place(self, caller: Caller, cursor: str) -> tuple[int, str]:
        with suppress(ValueError):
            place = base64.b64decode(cursor.encode("ascii"), validate=True)[32:]
            if hmac.compare_digest(self.seal(caller, place).encode(), cursor.encode()):
                created_us, job_id = json.loads(place)
                return created_us, job_id
        raise invalid(("cursor", "was not made here for you"))

    def submit(self, caller: Caller, headers: dict[str, str], data: bytes) -> JsonObject:
        kind = headers.get("content-type", "application/json").lower().replace(" ", "")
        if kind.removesuffix(";charset=utf-8") != "application/json" or "content-encoding" in headers:
            raise Refused(415, "Send plain JSON.")
        body = parsed(data)
        offer = OFFERS.get(body["model"]) if isinstance(body, dict) and isinstance(body.get("model"), str) else None
        if not isinstance(body, dict) or not offer:
            where = "model" if isinstance(body, dict) else "body"
            raise invalid((where, "is not one that we serve"))
        if found := problems(offer.validator, body):
            raise invalid(*found)
        key = headers.get("idempotency-key", "")
        if len(key) > 255:
            raise invalid(("Idempotency-Key", "has more than 255 characters"))
        slot = (caller.user, key)
        with self.lock:
            first = self.replays.get(slot)
            if first and now_us() - first.created_us < DAY_S * 1_000_000:
                if first.body != body:
                    raise Refused(409, "Another body came with this key before.")
                return {"estimatedSeconds": 1, "status": first.stage()[0], "jobId": first.id}
            if slot in self.claims:
                raise Refused(409, "The first request with this key is still being worked on.")
            self.claims |= {slot} if key else set()
        try:
            if key:
                self.stop.wait(0.03)  # long enough for a duplicate sent at the same time to meet the claim
            with self.lock:
                return self.accept(caller, body, offer, key)
        finally:
            self.claims.discard(slot)

    def accept(self, caller: Caller, body: JsonObject, offer: Offer, key: str) -> JsonObject:
        """Charge and store at once, or refuse for want of credits."""
        self.settle()
        cost, left = offer.price(body), caller.team.credits_left
        if cost > left:
            raise Refused(402, "Insufficient credits", creditsRequired=cost, creditsAvailable=left)
        caller.team.credits_left -= cost
        job = Job(caller, body, cost, max(now_us(), self.jobs[-1].created_us + 1 if self.jobs else 0))
        self.jobs.append(job)
        if key:
            self.replays[caller.user, key] = job
        if "webhookUrl" in body:
            job.webhook = "pending"
            courier = threading.Thread(target=self.deliver, args=(job,), daemon=True)
            self.couriers = [*(one for one in self.couriers if one.is_alive()), courier]
            courier.start()
        return {"estimatedSeconds": 1, "status": "QUEUED", "jobId": job.id}

    def deliver(self, job: Job) -> None:
        """Send the job's events as they come due; `webhookStatus` speaks of the last one."""
        wanted = job.body.get("webhookEvents", ["completed", "failed"])
        for at_s in (QUEUED_S, HALF_S, TOTAL_S):
            if self.stop.wait(max(0, at_s + 0.02 - (now_us() - job.created_us) / 1e6)):
                return
            seen = job.shown()
            event = "progress" if at_s < TOTAL_S else str(seen["status"]).lower()
            if event not in wanted or (event == "progress" and seen["status"] != "PROCESSING"):
                continue
            shown = ("status", "model", *EVENT_FIELDS[event])
            payload = {"sender": "imitation", "jobId": job.id, "event": event, **{name: seen[name] for name in shown}}
            data = json.dumps(payload, indent=1).encode()
            arrived = attempt(job, event, data)
            for gap_s in () if event == "progress" else RETRY_GAPS_S:
                if arrived or self.stop.wait(gap_s):
                    break
                arrived = attempt(job, event, data)
            if event != "progress":
                job.webhook = "delivered" if arrived else "failed"
                return
        job.webhook = "delivered"  # nothing was asked for that is still to come


def attempt(job: Job, event: str, data: bytes) -> bool:
    """Try a delivery once; whether the receiver answered 2xx. Redirects are not followed."""
    secret = hashlib.sha256(job.owner.key.encode()).digest()
    headers = {
        "x-webhook-event": event,
        "X-WEBHOOK-SIGNATURE": f"sha256={hmac.new(secret, data, 'sha256').hexdigest()}",
        "content-type": "application/json; charset=utf-8",
    }
    with suppress(OSError, http.client.HTTPException, ValueError):
        url = urlsplit(job.body["webhookUrl"])
        connect = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}.get(url.scheme)
        if connect and url.hostname:
            with closing(connect(url.hostname, url.port, timeout=3)) as connection:
                connection.request("POST", (url.path or "/") + (f"?{url.query}" if url.query else ""), data, headers)
                return connection.getresponse().status in range(200, 300)
    return False


def me(caller: Caller) -> JsonObject:
    """Who is calling; a key's prefix is its first eight characters."""
    team = {"customerId": None, "plan": "imitation", "credits": caller.team.credits_left, "name": "Imitation team"}
    return {
        "apiKey": {"prefix": caller.key[:8], "name": "Imitation key", "id": caller.key_id, "scopes": ["all"]},
        "team": {"seats": 3, **team, "id": caller.team.id},
        "user": {"role": caller.role, "email": "someone@example.net", "id": caller.user, "locale": "en"},
        "region": "nowhere",
    }


def read_query(query: str) -> dict[str, str]:
    """Query parameters, each at most once, in valid UTF-8 and without NUL."""
    found: dict[str, str] = {}
    try:
        for name, value in parse_qsl(query.encode("latin-1").decode("ascii"), True, errors="strict", max_num_fields=50):  # noqa: FBT003
            if name in found or "\0" in name + value:
                raise invalid((name[:60], "is there twice, or holds a NUL"))
            found[name] = value
    except ValueError as reason:
        raise Refused(400, "The query cannot be read.") from reason
    return found


def choose(asked: dict[str, str], name: str, allowed: tuple[str, ...]) -> None:
    """Refuse a parameter that is there with a value that is not allowed."""
    if name in asked and asked[name] not in allowed:
        raise invalid((name, "has a value that is not allowed"))


class Imitation:
    """The imitation on a port of this machine, for as long as the `with` block lasts."""

    def __init__(self, port: int = 0, credits_each: int = 500) -> None:
        self.api = Api(credits_each)
        self.key, self.second_key, self.plain_key = (caller.key for caller in self.api.callers)
        self.server = Server(port, self.api.answer)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.api.stop.set()
        self.server.shutdown()
        self.server.server_close()
        for thread in [self.thread, *self.api.couriers]:
            thread.join(timeout=4)


def main() -> None:
    """Serve until interrupted; the address is the first line printed, the keys follow."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--credits", type=int, default=500, help="what each team has at first")
    options = parser.parse_args()
    with Imitation(options.port, options.credits) as it, suppress(KeyboardInterrupt):
        names = ("key", "second_key", "plain_key")
        sys.stdout.write(f"listening on {it.url}\n" + "".join(f"{name} {getattr(it, name)}\n" for name in names))
        sys.stdout.flush()
        it.thread.join()


if __name__ == "__main__":
    main()
