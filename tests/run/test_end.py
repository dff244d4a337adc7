"""What is said at the end of a run."""

import subprocess
import sys

import pytest

from mockserver.cli.summary import summary_lines
from tests.run.conftest import PLAIN, Under

posix = pytest.mark.skipif(sys.platform == "win32", reason="uses a shell")
NONE = "mockserver: 0 requests, 0 jobs, 0 credits that the real API would have taken"
UNTRUSTED = (
    "the program came to api.apiframe.ai but did not trust the certificate; docs/run.md tells what each language needs"
)
HIDDEN = "import sys; sys.modules['trustme'] = None; from mockserver.cli.main import run; sys.exit(run(['run', 'x']))"


HOOKS = {"pending": 0, "delivered": 2, "failed": 1}
SUMMARY = {"requests": 1200, "jobs": 1, "operations": {"x": 1}, "creditsSpent": 6, "webhooks": HOOKS, "faults": 1}


def test_a_summary_tells_requests_jobs_and_credits_and_of_the_rest_what_there_was() -> None:
    assert summary_lines({**SUMMARY, "findings": {"RETRY-AFTER-IGNORED": 2, "POLLED-TOO-FAST": 1}}) == [
        "1,200 requests, 1 job, 6 credits that the real API would have taken",
        "webhooks: 2 delivered, 1 failed",
        "1 fault fired",
        "finding: RETRY-AFTER-IGNORED, 2 times",
        "finding: POLLED-TOO-FAST, 1 time",
    ]
    made = {**SUMMARY, "jobs": 1003, "operations": {"videos.generate": 1, "images.edit": 1002}, "findings": {}}
    assert summary_lines(made)[0] == (
        "1,200 requests, 1,003 jobs (1,002 images.edit, 1 videos.generate), "
        "6 credits that the real API would have taken"
    )
    none = {"requests": 0, "jobs": 0, "operations": {}, "creditsSpent": 0, "webhooks": dict.fromkeys(HOOKS, 0)}
    none["faults"] = 0
    assert summary_lines({**none, "findings": {}}) == [NONE.removeprefix("mockserver: ")]


def test_a_finding_stands_with_its_latest_evidence_and_advice_where_they_are_known() -> None:
    occurrences = [{"evidence": "request 1 ..."}, {"evidence": "request 5 came 0.05 s later"}]
    told = {"id": "RETRY-AFTER-IGNORED", "title": "Came back early", "advice": "Wait.", "occurrences": occurrences}
    assert summary_lines({**SUMMARY, "findings": {"RETRY-AFTER-IGNORED": 2}}, [told])[3:] == [
        "finding: RETRY-AFTER-IGNORED, 2 times: Came back early",
        "  request 5 came 0.05 s later",
        "  Wait.",
    ]


@posix
@pytest.mark.parametrize(
    ("then", "code"), [("true", 1), ("exit 3", 3)], ids=["the command is content", "the command is not"]
)
def test_findings_fail_a_run_and_stand_there_with_evidence_and_advice(under: Under, then: str, code: int) -> None:
    ask = "curl -s -o reply -H 'X-API-Key: afk_test' https://api.apiframe.ai/v2/jobs/x"
    done = under("sh", "-c", f"{ask}; {ask}; {then}", options=("--fail-on-findings",))
    assert done.code == code
    finding, evidence, advice = done.err.splitlines()[2:]
    assert finding == "mockserver: finding: REFUSAL-RETRIED, 1 time: Sent a refused request again unchanged"
    assert evidence.startswith("mockserver:   request 1, GET /v2/jobs/x, was answered 400; ")
    assert advice.startswith("mockserver:   ")


@posix
def test_it_says_when_a_program_did_not_trust_the_certificate(under: Under) -> None:
    done = under("sh", "-c", "unset CURL_CA_BUNDLE SSL_CERT_FILE; exec curl -s https://api.apiframe.ai/v2/models")
    assert (done.code, done.err.splitlines()[1:]) == (
        60,
        [
            NONE,
            f"mockserver: {UNTRUSTED}",
        ],
    )


@posix
def test_it_says_which_hosts_were_refused_and_that_a_key_was_unknown(under: Under) -> None:
    asks = "curl -s https://b.test; curl -s http://a.test https://b.test; curl -s -H 'X-API-Key: afk_x' {}/v2/me"
    done = under("sh", "-c", asks.format("https://api.apiframe.ai"), options=("--offline",))
    assert (done.code, done.err.splitlines()[1:]) == (
        0,
        [
            "mockserver: 1 request, 0 jobs, 0 credits that the real API would have taken",
            "mockserver: 1 answered 401: the fake does not know their key; APIFRAME_API_KEY has one that works",
            "mockserver: refused by --offline: a.test (1), b.test (2)",
        ],
    )
    assert done.out.startswith('mockserver run: --offline: "a.test" is not reached; without --offline it would be\n')


def test_without_the_extra_it_says_what_to_install() -> None:
    done = subprocess.run([sys.executable, "-c", HIDDEN], env=PLAIN, capture_output=True, encoding="utf-8", check=False)
    assert (done.returncode, done.stdout, done.stderr) == (
        2,
        "",
        'mockserver: run needs trustme; install it with: pip install "apiframe-mockserver[run]"\n',
    )
