"""What is told of a test that failed, and tests that fail for what was found."""

import pytest

from tests.plugin.conftest import Play

pytest_plugins = ["pytester"]

RETRIES = """
    def retry():
        for _ in range(2):
            assert ask("POST", "/v2/images/generate", {"model": "none", "prompt": "a fox"})[0] == 400
"""


def test_a_failing_test_shows_what_it_asked(play: Play) -> None:
    result = play("""
        def test_passes(apiframe):
            submit("another one")

        def test_fails(apiframe, apiframe_webhooks):
            apiframe.faults.add(path="/v2/me", respond=503, id="down")
            job_id = submit("a red fox", webhookUrl=apiframe_webhooks.url)[1]["jobId"]
            apiframe_webhooks.wait()
            ask("GET", "/v2/me")
            ask("GET", "/v2/models", **{"X-API-Key": "afk_wrong"})
            ask("GET", "/v2/me", **{"X-API-Key": "afk_wrong"})
            assert False
    """)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "*- apiframe requests -*",
            "[#]2 POST /v2/images/generate -> 202 in * ms",
            '    sent:     {"model": "flux-2-pro", "prompt": "a red fox", "webhookUrl": "http://127.0.0.1:*/*"}',
            '    answered: {"jobId": "*", "status": "QUEUED"}',
            "[#]3 GET /v2/me -> 503 in * ms, faults: down",
            '    answered: {"error": *}',
            "with another key, or none:",
            "[#]5 GET /v2/me -> 401 in * ms",
            "webhooks:",
            "  completed of job *: delivered, answered 200",
        ],
    )
    assert "another one" not in result.stdout.str()


def test_many_requests_and_long_bodies_are_cut_short(play: Play) -> None:
    result = play("""
        def test_fails(apiframe):
            for _ in range(55):
                ask("GET", "/v2/me")
            submit("a" * 1000)
            assert False
    """)
    result.stdout.fnmatch_lines(["(6 more before)", "[#]7 GET /v2/me *", "[#]56 POST *", "*aaa… (* characters)"])
    assert "#6 GET" not in result.stdout.str()


def test_a_test_that_asks_nothing_says_so(play: Play) -> None:
    result = play("""
        @pytest.fixture
        def broken(apiframe):
            raise ValueError

        def test_fails(broken):
            pass
    """)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*- apiframe requests -*", "no request with this key has come"])


def test_where_the_server_is_gone_the_failure_is_shown_all_the_same(play: Play) -> None:
    result = play("""
        def test_fails(apiframe, apiframe_server):
            apiframe_server.close()
            assert False, "for another reason"
    """)
    result.stdout.fnmatch_lines(["*for another reason", "cannot be told: the mock is not running*"])


def test_an_expectation_that_fails_shows_the_line_of_the_test_and_the_nearest_misses(play: Play) -> None:
    result = play("""
        def test_fails(apiframe):
            submit("a bear")
            apiframe.expect(1, prompt="fox")
    """)
    result.stdout.fnmatch_lines(
        [
            '>       apiframe.expect(1, prompt="fox")',
            'E       AssertionError: wanted exactly 1 of the requests that fit {"prompt":"fox"}, found 0 among 1',
            "E       nearest:",
            "E         #1 POST /v2/images/generate -> 202: prompt is a bear, wanted fox",
            "",
            "test_it.py:*: AssertionError",
        ],
        consecutive=True,
    )


@pytest.mark.parametrize(
    ("marker", "option", "ini", "outcomes"),
    [
        ("", "", "", {"passed": 2}),
        ("fail_on_findings=True", "", "", {"failed": 1, "passed": 1}),
        ("", "--apiframe-fail-on-findings", "", {"failed": 1, "passed": 1}),
        ("", "", "apiframe_fail_on_findings = true", {"failed": 1, "passed": 1}),
        ("fail_on_findings=False", "--apiframe-fail-on-findings", "", {"passed": 2}),
        ("fail_on_findings=False", "", "apiframe_fail_on_findings = true", {"passed": 2}),
    ],
)
def test_findings_fail_a_test_where_they_are_to(
    play: Play, marker: str, option: str, ini: str, outcomes: dict[str, int]
) -> None:
    tests = f"""
    @pytest.mark.apiframe({marker})
    def test_retries(apiframe):
        retry()

    def test_does_well(apiframe):
        assert submit()[0] == 202
    """
    result = play(RETRIES + tests, *([option] if option else []), ini=ini)
    result.assert_outcomes(**outcomes)
    if "failed" in outcomes:
        result.stdout.fnmatch_lines(
            [
                "findings:",
                "  REFUSAL-RETRIED, 1x: Sent a refused request again unchanged",
                "    request 1, POST /v2/images/generate, was answered 400; request 2 is the same, * later",
                "    A 4xx other than * means that the request has to change: *",
            ]
        )
        assert "pytest_plugin.py" not in result.stdout.str()
        assert result.outlines.count("findings:") == 1


def test_tests_that_are_skipped_or_fail_anyway_keep_their_outcome(play: Play) -> None:
    tests = """
    def test_fails(apiframe):
        retry()
        assert False, "for another reason"

    def test_skips(apiframe):
        retry()
        pytest.skip("not here")

    @pytest.mark.xfail
    def test_is_to_fail(apiframe):
        retry()

    def test_without_it():
        pass
    """
    result = play(RETRIES + tests, "--apiframe-fail-on-findings")
    result.assert_outcomes(failed=1, skipped=1, xfailed=1, passed=1)
    result.stdout.fnmatch_lines(["*for another reason", "findings:", "  REFUSAL-RETRIED, 1x: *"])
