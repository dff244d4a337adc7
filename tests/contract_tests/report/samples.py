"""A report that has everything: each verdict, money, a comparison, a baseline, and text that means harm."""

from copy import deepcopy
from typing import Any

from contract_tests.report.baseline import exit_code

HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(2)> \"'`|[red]bold[/red] {{ 7*7 }} {% raw %} ]]> </pre>"
    "\x1b[31mred\x1b[0m\x07\x00 \u202egnp.exe\u2066 \ud800 @everyone :smile: ![x](http://evil.example/x.png)"
    "\n# head\n| a | b |"
)
_RULES = {
    "AUTH": [
        "A request without a credential is answered 401 on every operation but the model list.",
        "An unknown, empty, truncated or misspelt key is answered 401, in the same shape.",
        "An inactive key, or one without the permission, is answered 403.",
        "A bearer token is accepted; two different credentials in one request are recorded.",
        "A job of another team is 404, never 403, and is never shown.",
        "401 comes before 400: a bad body without a key does not reveal the rules.",
        "The model list answers with no credential, and with a bad one.",
        "The key never appears in an answer, a header or an error text.",
    ],
    "VAL": [
        "Every body that breaks the schema is answered 400 with an error and details by field.",
        "Every body that fits the schema is answered 202 with a job id and a status.",
        "Limits hold on both sides: a prompt of 2,000 characters is accepted, one of 2,001 refused.",
        "Details name the path of the field at fault.",
        "Several errors in one body are all reported.",
        "A refused request creates no job, changes no balance and uses no key.",
        "1.0 is an integer, true is not, NaN and Infinity are refused.",
        "A bad limit, status, cursor or search in the query is answered 400.",
        "An id that is no UUID is 400; an unknown UUID is 404.",
        "A prompt is counted in UTF-16 units or in code points.",
    ],
    "IDEMP": [
        "The same key and body within 24 hours is answered 202 with the first job id.",
        "A replay creates nothing and charges nothing.",
        "Submissions at one moment with one key create exactly one job and charge once.",
        "Different keys with equal bodies are different jobs.",
        "A replay shows the job's current status, never an earlier one.",
        "Keys belong to a user: the same key of another user is another job.",
        "A key of 255 characters works; one of 256 is answered 400.",
        "The same key with another body is replayed, or answered 409 or 422.",
        "After 400, 402, 429 or 503 the key is still free.",
    ],
    "LIFE": [
        "Right after 202 the job can be read with its id, model and input.",
        "A status only moves forward, and the last one is final.",
        "Progress is null or 0 to 100, and never falls.",
        "Every job ends within its bound.",
        "The moment of completion is empty until the end, then constant.",
        "A completed job has a file; a failed one says why.",
        "Polling changes nothing: two readers see one history.",
    ],
    "LIST": [
        "The list is ordered by creation, newest first.",
        "A page has at most `limit` entries, 20 if not given.",
        "There is a next cursor if and only if there are more entries.",
        "Walking the cursors gives each job once and misses none, also while jobs are added.",
        "A forged, cut or foreign cursor is answered 400.",
    ],
    "CRED": [
        "The balance is the start less the charges plus the refunds, at every read.",
        "Too small a balance is answered 402 with the exact numbers, and no job.",
        "Every 402 requires more than there is.",
        "Submissions at one moment never overspend; the balance is never negative.",
        "A failed job is refunded once.",
        "The cost of a job equals the change of the balance.",
    ],
    "WH": [
        "A delivery's signature covers the exact bytes sent.",
        "Only the chosen events are delivered.",
        "There is exactly one final event for each job, retries aside.",
        "A 2xx answer ends the delivery; another one is retried with growing gaps, within a bound.",
        "A job without a webhook has no delivery.",
    ],
    "ROBUST": [
        "Broken JSON, an empty body, a scalar or trailing text is answered 400.",
        "A missing or wrong content type is recorded.",
        "A body over the limit is answered 4xx, declared or chunked, and memory stays bounded.",
        "Unusual text comes back unchanged in the job's input.",
        "A client that leaves in the middle of an answer does no harm.",
    ],
}
_METHODS = ("property", "state machine", "example", "raw", "history", "timed")
_MODELS = [
    "flux-2-pro", "flux-2-max", "flux-2-flex", "flux-dev", "flux-schnell", "flux-lora", "flux-kontext-pro",
    "midjourney", "midjourney-niji", "ideogram-v3", "ideogram-character", "imagen-4", "imagen-4-fast", "imagen-4-ultra",
    "nano-banana", "nano-banana-pro", "seedream-4", "seedream-4-5", "gpt-image-1", "gpt-image-1-mini", "recraft-v3",
    "recraft-v3-svg", "qwen-image", "qwen-image-edit", "reve-create", "z-image-turbo", "remove-background",
]  # fmt: skip


def sample() -> dict[str, Any]:
    """A run with every verdict; changed by its caller at will."""
    rows = [
        _clause(f"{area}-{number}", area, promise, number)
        for area, promises in _RULES.items()
        for number, promise in enumerate(promises, start=1)
    ]
    clauses = {row["id"]: row for row in rows}
    _judge(clauses)
    report: dict[str, Any] = {
        "version": 1,
        "tool": {"name": "contract_tests", "version": "0.3.0"},
        "startedAt": "2026-11-23T03:00:00.000Z",
        "tookS": 6.81,
        "seed": 20260101,
        "profile": "ci",
        "clock": "virtual",
        "target": {"kind": "mock", "url": "http://127.0.0.1:41234", "about": "mock 0.2.0"},
        "environment": {"python": "3.11.7", "platform": "Linux", "hypothesis": "6.170.15"},
        "contract": {"sha256": "3f9a" * 16, "operations": 5, "models": len(_MODELS)},
        "plan": {"tier": 3, "budget": 4, "clauses": len(rows), "requests": 900, "jobs": 1, "worstCaseCredits": 2},
        "ledger": {
            "before": 60,
            "after": 58,
            "spent": 2,
            "jobs": ["7d9f0f6e-9a53-4c5e-8c0e-0d5b6f6a1f11", "0b0ab3f2-2f6c-4a59-a9a4-6c1b0f1f2a77"],
        },
        "requests": 4912,
        "stopped": None,
        "exitCode": 0,
        "counts": {},
        "clauses": rows,
        "coverage": _coverage(),
        "comparison": {
            "with": "2026-11-22T03:00:00.000Z",
            "new": ["CRED-5"],
            "fixed": ["LIST-4"],
            "still": ["ROBUST-1"],
            "changed": [{"id": "AUTH-3", "was": "PASS", "now": "SKIPPED"}],
        },
        "baseline": {"file": "baseline.toml", "accepted": ["VAL-7"], "expired": ["LIST-4"]},
    }
    return recounted(report)


def quiet() -> dict[str, Any]:
    """A run in which everything passed, with no money, comparison or baseline."""
    report = sample()
    for clause in report["clauses"]:
        clause.update(verdict="PASS", reason=None, failure=None, accepted=None, recorded={})
    report.update(ledger=None, comparison=None, baseline=None)
    report["plan"].update(budget=0, jobs=0, worstCaseCredits=0)
    return recounted(report)


def recounted(report: dict[str, Any]) -> dict[str, Any]:
    """*report* with the counts and the exit code that its clauses amount to."""
    verdicts = ("PASS", "FAIL", "WARN", "RECORDED", "INCONCLUSIVE", "SKIPPED", "NOT EXERCISED")
    found = [clause["verdict"] for clause in report["clauses"]]
    report["counts"] = {verdict: found.count(verdict) for verdict in verdicts}
    report["exitCode"] = exit_code(report)
    return report


def clause_of(report: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(clause for clause in report["clauses"] if clause["id"] == name)
    return found


def _clause(name: str, area: str, promise: str, number: int) -> dict[str, Any]:
    return {
        "id": name,
        "area": area,
        "promise": promise,
        "level": "must",
        "source": "API reference, POST /v2/images/generate",
        "method": _METHODS[number % len(_METHODS)],
        "tier": number % 4,
        "verdict": "PASS",
        "reason": None,
        "exercised": 40 * number,
        "requests": 113 * number,
        "tookS": 0.04 * number,
        "recorded": {},
        "accepted": None,
        "failure": None,
    }


def _judge(clauses: dict[str, dict[str, Any]]) -> None:
    clauses["CRED-5"].update(verdict="FAIL", failure=_lost_refund())
    clauses["CRED-1"].update(verdict="FAIL", failure={**deepcopy(_lost_refund()), "exchange": None, "curl": None})
    clauses["ROBUST-1"].update(verdict="FAIL", failure=_hostile(), source=HOSTILE)
    clauses["VAL-7"].update(
        verdict="FAIL",
        failure={**_lost_refund(), "cause": "true accepted", "expected": "400", "seen": "202"},
        accepted={"reason": "Reported to the vendor; a fix is promised for January.", "expires": "2026-12-31"},
    )
    clauses["VAL-4"].update(
        verdict="WARN",
        level="should",
        failure={**_lost_refund(), "cause": "path", "expected": 'a key "prompt"', "seen": 'only the key ""'},
    )
    for name in ("AUTH-4", "VAL-10", "IDEMP-8", "ROBUST-2"):
        clauses[name].update(verdict="RECORDED", level="record")
    clauses["AUTH-4"]["recorded"] = {"bearer": 200, "both, different": {"status": 401, "error": "Unauthorized"}}
    clauses["VAL-10"]["recorded"] = {"unit": "UTF-16", "hostile": HOSTILE}
    clauses["IDEMP-8"]["recorded"] = {"status": 409}
    clauses["ROBUST-2"]["recorded"] = {"text/plain": 400, "none": 202, "deep": [[[{"a": None}]]]}
    for name, reason in {
        "AUTH-3": "Needs an inactive key; give one with --inactive-key.",
        "AUTH-5": "Needs a second key; give one with --second-key.",
        "IDEMP-6": "Needs a second key; give one with --second-key.",
    }.items():
        clauses[name].update(verdict="SKIPPED", reason=reason, exercised=0, requests=0, tookS=0)
    clauses["LIFE-4"].update(
        verdict="INCONCLUSIVE", level="should", reason="The job was still PROCESSING when the wait of 30 s ended."
    )
    clauses["CRED-3"].update(verdict="NOT EXERCISED", reason="No answer was a 402 in 200 tries.", exercised=0)


def _lost_refund() -> dict[str, Any]:
    return {
        "expected": "balance 60, as before the failed job",
        "seen": "balance 50, 1.0 s (virtual) after the job became FAILED",
        "cause": "refund missing",
        "steps": [
            {"text": 'submit(model="midjourney", prompt="FAIL")', "result": "202 job 1, balance 50"},
            {"text": "advance(1.0)", "result": None},
            {"text": "balance()", "result": "50, expected 60"},
        ],
        "shrunkFrom": 19,
        "curl": 'curl -sS -X POST http://127.0.0.1:41234/v2/images/generate -H "X-API-Key: $APIFRAME_API_KEY"'
        ' -H "Content-Type: application/json" -d \'{"model": "midjourney", "prompt": "FAIL"}\'',
        "reproduce": "mockserver verify --only CRED-5 --seed 20260101 --profile ci",
        "exchange": {
            "request": {
                "method": "GET",
                "url": "http://127.0.0.1:41234/v2/me",
                "headers": [["X-API-Key", "***"], ["Accept", "application/json"]],
                "body": None,
            },
            "answer": {
                "status": 200,
                "headers": [
                    ["Content-Type", "application/json; charset=utf-8"],
                    ["Content-Length", "96"],
                    ["x-request-id", "6b1f1a52-8f0a-4f9c-9d6f-0c9a1b8d3e55"],
                ],
                "body": '{"user":{"id":"u_1","plan":"pro"},"team":{"credits":50,"limits":[]},"seen":1e2,"seen":2}',
            },
            "error": None,
            "tookS": 0.0042,
        },
    }


def _hostile() -> dict[str, Any]:
    return {
        "expected": f"400 {HOSTILE}",
        "seen": f"500 {HOSTILE}",
        "cause": HOSTILE,
        "steps": [{"text": f"{number} {HOSTILE}", "result": HOSTILE} for number in range(80)],
        "shrunkFrom": None,
        "curl": f"curl -d '{HOSTILE}' {'x' * 1_000_000}",
        "reproduce": "mockserver verify --only ROBUST-1 --seed 20260101 --profile ci",
        "exchange": {
            "request": {
                "method": "POST",
                "url": f"http://127.0.0.1:41234/{HOSTILE}",
                "headers": [["Content-Type", "application/json"], ["X-Odd", HOSTILE]],
                "body": HOSTILE,
            },
            "answer": {
                "status": 500,
                "headers": [["X-Odd", HOSTILE * 30]],
                "body": '{"a": "</script>' + "<b>" * 350_000,
            },
            "error": f"closed early: {HOSTILE}",
            "tookS": 1.5,
        },
    }


def _coverage() -> dict[str, Any]:
    documented = {
        "images.generate": (202, 400, 401, 402, 403, 429, 503),
        "jobs.get": (200, 400, 401, 404, 429),
        "jobs.list": (200, 400, 401, 429),
        "me.get": (200, 401, 429),
        "models.list": (200,),
    }
    rows = [
        {"operation": operation, "status": status, "documented": True, "seen": 0 if status == 503 else status * 3 - 599}
        for operation, statuses in documented.items()
        for status in statuses
    ]
    rows.append({"operation": "images.generate", "status": 500, "documented": False, "seen": 3})
    limits = [f"{model}.prompt.{side}" for model in _MODELS for side in ("minLength", "maxLength")]
    return {
        "operations": {"covered": list(documented), "all": list(documented)},
        "statuses": rows,
        "models": {"covered": _MODELS[:-2], "all": _MODELS},
        "limits": {"covered": limits[:-5], "all": limits},
    }
