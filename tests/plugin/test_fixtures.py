"""The fixtures: a server for the session, a key and a team for the test, a receiver of its webhooks."""

import subprocess
import sys

import pytest

from mockserver import MockServer
from tests.plugin.conftest import API, Play

pytest_plugins = ["pytester"]


def test_each_test_has_a_key_of_its_own_on_one_server(play: Play) -> None:
    result = play("""
        import os
        seen = []

        @pytest.mark.parametrize("number", range(3))
        def test_it(apiframe, number):
            assert (os.environ["APIFRAME_BASE_URL"], os.environ["APIFRAME_API_KEY"]) == (apiframe.url, apiframe.key)
            assert submit()[0] == 202
            assert (len(apiframe.requests), len(apiframe.jobs), apiframe.team.credits) == (1, 1, 1_000_000 - 6)
            seen.append((apiframe.url, apiframe.key, apiframe.team.id))

        def test_all(apiframe_server):
            urls, keys, teams = map(set, zip(*seen))
            assert (urls, len(keys), len(teams)) == ({apiframe_server.url}, 3, 3)
            assert not {"APIFRAME_BASE_URL", "APIFRAME_API_KEY"} & set(os.environ)
            assert len(apiframe_server.requests) == 3
            assert ask_with(seen[0][1]) == 401

        def ask_with(key):
            os.environ.update({"APIFRAME_BASE_URL": seen[0][0], "APIFRAME_API_KEY": key})
            try:
                return ask("GET", "/v2/me")[0]
            finally:
                del os.environ["APIFRAME_BASE_URL"], os.environ["APIFRAME_API_KEY"]
    """)
    result.assert_outcomes(passed=4)


def test_jobs_end_at_once_unless_the_marker_says_otherwise(play: Play) -> None:
    result = play("""
        def test_instant(apiframe):
            assert apiframe.jobs[submit()[1]["jobId"]].status == "COMPLETED"

        @pytest.mark.apiframe(speed=1)
        def test_slow(apiframe):
            assert apiframe.jobs[submit()[1]["jobId"]].status in ("QUEUED", "PROCESSING")
    """)
    result.assert_outcomes(passed=2)


def test_the_marker_says_what_key_team_and_scenario_are_like(play: Play) -> None:
    result = play("""
        pytestmark = pytest.mark.apiframe(credits=7, retention="10s")

        def test_of_the_module(apiframe):
            assert (apiframe.team.credits, apiframe.team.retention) == (7, "10s")

        @pytest.mark.apiframe(credits=8)
        class TestClass:
            def test_of_the_class(self, apiframe):
                assert (apiframe.team.credits, apiframe.team.retention) == (8, "10s")

            @pytest.mark.apiframe(credits=9, rate_limit="1/1h")
            def test_of_its_own(self, apiframe):
                assert apiframe.team.credits == 9
                assert [ask("GET", "/v2/me")[0] for _ in range(2)] == [200, 429]

        @pytest.mark.apiframe(active=False)
        def test_inactive(apiframe):
            assert ask("GET", "/v2/me")[0] == 403

        @pytest.mark.apiframe(queue_down=True)
        def test_down(apiframe):
            assert submit()[0] == 503

        @pytest.mark.apiframe(scenario="content-policy")
        def test_scenario(apiframe):
            assert len(apiframe.faults) > 0

        @pytest.mark.apiframe(scenario={"about": "nothing", "faults": [{"respond": {"status": 500}}]})
        def test_own_scenario(apiframe):
            assert ask("GET", "/v2/me")[0] == 500

        def test_after_it(apiframe):
            assert (len(apiframe.faults), ask("GET", "/v2/me")[0]) == (0, 200)
    """)
    result.assert_outcomes(passed=8)


def test_a_marked_test_has_the_fixture_without_naming_it(play: Play) -> None:
    result = play("""
        @pytest.mark.apiframe(credits=1)
        def test_it():
            assert submit()[0] == 402
    """)
    result.assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("credit=1", '*the marker apiframe takes no "credit"; it takes fail_on_findings, scenario, credits, *'),
        ("'queue-outage'", "*the marker apiframe takes nothing without a name; it takes *"),
        ("scenario='no-such'", "*no-such*"),
        ("credits=-1", "*Invalid body: credits: *"),
    ],
)
def test_a_marker_that_will_not_do_says_what_would(play: Play, arguments: str, said: str) -> None:
    result = play(f"""
        @pytest.mark.apiframe({arguments})
        def test_it(apiframe):
            pass
    """)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([said])


def test_the_marker_is_listed(play: Play) -> None:
    play("", "--markers").stdout.fnmatch_lines(["@pytest.mark.apiframe(fail_on_findings, scenario, credits, *"])


def test_the_clock_is_put_back_after_the_test(play: Play) -> None:
    result = play("""
        def test_freezes(apiframe):
            apiframe.clock.freeze()
            apiframe.clock.speed = 60

        def test_after_it(apiframe):
            assert (apiframe.clock.is_frozen, apiframe.clock.speed) == (False, 1)
    """)
    result.assert_outcomes(passed=2)


def test_webhooks_come_in_verified(play: Play) -> None:
    result = play("""
        def test_signed(apiframe, apiframe_webhooks):
            job_id = submit(webhookUrl=apiframe_webhooks.url)[1]["jobId"]
            [came] = apiframe_webhooks.wait(event="completed", job=job_id)
            assert (came.is_signed, came.job_id, came.body["status"], came.answered) == (True, job_id, "COMPLETED", 200)
            assert came.headers["x-webhook-event"] == "completed"
            assert apiframe_webhooks.received == [came]
            apiframe_webhooks.clear()
            assert apiframe_webhooks.received == []

        def test_falsely_signed(apiframe, apiframe_webhooks):
            apiframe.faults.add(webhook="bad-signature")
            submit(webhookUrl=apiframe_webhooks.url)
            [delivery] = apiframe.webhooks.wait()
            assert delivery.attempts[0].status == 401
            [came] = apiframe_webhooks.received
            assert (came.is_signed, came.answered) == (False, 401)

        def test_refused_and_sent_again(apiframe, apiframe_webhooks):
            apiframe_webhooks.status = 500
            submit(webhookUrl=apiframe_webhooks.url)
            apiframe_webhooks.wait()
            apiframe_webhooks.status = 204
            apiframe.clock.advance("10s")
            assert [came.answered for came in apiframe_webhooks.wait(count=2)] == [500, 204]

        def test_of_this_test_alone(apiframe_webhooks):
            assert apiframe_webhooks.received == []
    """)
    result.assert_outcomes(passed=4)


def test_what_comes_for_a_test_that_is_over_is_taken_quietly(play: Play) -> None:
    result = play("""
        urls = []

        def test_before(apiframe_webhooks):
            urls.append(apiframe_webhooks.url)

        def test_after(apiframe, apiframe_webhooks):
            submit(webhookUrl=urls[0])
            [delivery] = apiframe.webhooks.wait()
            assert delivery.status == "delivered"
            assert apiframe_webhooks.received == []
    """)
    result.assert_outcomes(passed=2)


def test_tests_of_asyncio_and_trio_await_what_takes_time(play: Play) -> None:
    result = play("""
        import aiohttp
        import httpx

        @pytest.mark.asyncio
        async def test_asyncio(apiframe, apiframe_webhooks):
            async with aiohttp.ClientSession(apiframe.url, headers={"X-API-Key": apiframe.key}) as client:
                body = {"model": "flux-2-pro", "prompt": "a fox", "webhookUrl": apiframe_webhooks.url}
                async with client.post("/v2/images/generate", json=body) as answer:
                    assert answer.status == 202
            await apiframe.clock.advance("1m")
            assert len(await apiframe_webhooks.wait(event="completed")) == 1

        @pytest.mark.anyio
        async def test_anyio(apiframe, apiframe_webhooks, anyio_backend):
            async with httpx.AsyncClient(base_url=apiframe.url, headers={"X-API-Key": apiframe.key}) as client:
                body = {"model": "flux-2-pro", "prompt": "a fox", "webhookUrl": apiframe_webhooks.url}
                assert (await client.post("/v2/images/generate", json=body)).status_code == 202
            await apiframe.clock.advance("1m")
            assert len(await apiframe_webhooks.wait(event="completed")) == 1
            assert len(await apiframe.requests.wait(method="POST")) == 1
    """)
    result.assert_outcomes(passed=3)


def test_a_server_that_runs_elsewhere_is_used(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    tests = """
        def test_it(apiframe):
            assert apiframe.jobs[submit()[1]["jobId"]].status == "COMPLETED"

        @pytest.mark.apiframe(scenario="slow-day", credits=6)
        def test_slow(apiframe):
            assert apiframe.jobs[submit()[1]["jobId"]].status in ("QUEUED", "PROCESSING")
            assert apiframe.team.credits == 0
    """
    with MockServer(admin_token="sesame") as mock:
        monkeypatch.setenv("APIFRAME_MOCK_TOKEN", "sesame")
        play(tests, "--apiframe-url", mock.url).assert_outcomes(passed=2)
        play(tests, ini=f"apiframe_url = {mock.url}").assert_outcomes(passed=2)
        monkeypatch.setenv("APIFRAME_MOCK_URL", mock.url)
        play(tests).assert_outcomes(passed=2)
        assert len(mock.requests) == 6
    result = play(tests)
    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(["E * POST http://127.0.0.1:*/_mock/keys: * is the mock running[?]"])


def test_the_server_of_the_session_can_be_another(play: Play) -> None:
    result = play(
        """
        def test_it(apiframe, apiframe_server):
            assert apiframe.jobs[submit("a fox")[1]["jobId"]].status != "COMPLETED"
            assert ask("GET", "/v2/me")[0] == 429
        """,
        conftest="""
            import pytest
            from mockserver import MockServer

            @pytest.fixture(scope="session")
            def apiframe_server():
                with MockServer(speed=1, rate_limit="1/1h") as mock:
                    yield mock
        """,
    )
    result.assert_outcomes(passed=1)


def test_where_it_is_not_used_next_to_nothing_is_imported() -> None:
    program = "import sys, mockserver.pytest_plugin; print([n for n in sys.modules if n.startswith('mockserver.')])"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "['mockserver.pytest_plugin']"


def test_workers_of_xdist_have_a_server_each(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    pytester.makepyfile(
        api=API,
        test_it="""
        import pathlib
        import pytest
        from api import submit

        @pytest.mark.parametrize("number", range(20))
        def test_it(apiframe, apiframe_webhooks, number, worker_id):
            submit(webhookUrl=apiframe_webhooks.url)
            assert len(apiframe_webhooks.wait()) == 1
            apiframe.clock.freeze()
            apiframe.expect(1)
            pathlib.Path(f"{worker_id}-{apiframe.url.rpartition(':')[2]}").touch()
            assert number != 13
        """,
    )
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # three processes load the others otherwise
    plugins = ("-p", "mockserver.pytest_plugin", "-p", "xdist", "-p", "no:cacheprovider")
    result = pytester.runpytest_subprocess(*plugins, "-n", "2", "-W", "error")
    result.assert_outcomes(passed=19, failed=1)
    result.stdout.fnmatch_lines(["*- apiframe requests -*", "#* POST /v2/images/generate -> 202 in *"])
    assert len(list(pytester.path.glob("gw0-*"))) == len(list(pytester.path.glob("gw1-*"))) == 1
