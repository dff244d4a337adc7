"""The pytest plugin: a fake for the tests of a program, one server for all of them and a key for each."""

import os
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any, cast

import pytest

if TYPE_CHECKING:
    from mockserver.client.control import Control, KeyView
    from mockserver.client.team import NewKey
    from mockserver.webhook_inbox import WebhookInbox, WebhookInboxes

URL, TOKEN = "APIFRAME_MOCK_URL", "APIFRAME_MOCK_TOKEN"
BASE_URL, API_KEY = "APIFRAME_BASE_URL", "APIFRAME_API_KEY"
MARKER, FAIL = "apiframe", "fail_on_findings"
ARGUMENTS = (FAIL, "scenario", "credits", "speed", "retention", "rate_limit", "active", "queue_down")
_VIEW: "pytest.StashKey[KeyView]" = pytest.StashKey()
_HAS_TOLD = pytest.StashKey[bool]()
"""Whether the findings are what the test fails for, and stand there already."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of the command line and of the configuration."""
    group = parser.getgroup("apiframe", "Apiframe mock server")
    group.addoption(
        "--apiframe-fail-on-findings",
        action="store_true",
        default=None,
        help="Fail tests whose client did something against the contract.",
    )
    group.addoption("--apiframe-url", metavar="URL", help=f"Use the mock that runs there. [{URL}, token: {TOKEN}]")
    parser.addini("apiframe_fail_on_findings", "As --apiframe-fail-on-findings.", type="bool", default=False)
    parser.addini("apiframe_url", "As --apiframe-url.", default="")


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line(
        "markers",
        f"{MARKER}({', '.join(ARGUMENTS)}): use the fixture apiframe, with a key and a team like this.",
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the fixture to tests that are marked: a marker without effect would be a trap."""
    for item in items:
        if isinstance(item, pytest.Function) and item.get_closest_marker(MARKER):
            item.fixturenames = list(dict.fromkeys([*item.fixturenames, "apiframe"]))


@pytest.fixture(scope="session")
def apiframe_server(request: pytest.FixtureRequest) -> "Iterator[Control]":
    """The server of all tests of this process: a MockServer, or the one that runs at --apiframe-url."""
    from mockserver import Control, MockServer  # noqa: PLC0415 - only where it is used

    config = request.config
    url = config.getoption("apiframe_url") or os.environ.get(URL) or config.getini("apiframe_url")
    with Control(url, token=os.environ.get(TOKEN, "")) if url else MockServer(speed="instant") as server:
        yield server


@pytest.fixture
def apiframe(request: pytest.FixtureRequest, apiframe_server: "Control") -> "Iterator[KeyView]":
    """The levers for a fresh key with a team of its own, which APIFRAME_BASE_URL and APIFRAME_API_KEY name."""
    from mockserver.client.control import Control  # noqa: PLC0415 - only where it is used

    said = _marked(request.node)
    said.pop(FAIL, None)
    usual = {"speed": "instant"} if type(apiframe_server) is Control else {}  # a server elsewhere may be slow
    new: dict[str, Any] = {"name": request.node.name[:200], **usual, **said}
    scenario = new.pop("scenario", None)
    with apiframe_server.new_key(**new) as view, pytest.MonkeyPatch.context() as patch:
        if scenario is not None:
            view.begin(cast("NewKey", said))
        patch.setenv(BASE_URL, view.url)
        patch.setenv(API_KEY, view.key)
        request.node.stash[_VIEW] = view
        yield view


@pytest.fixture(scope="session")
def _apiframe_inboxes() -> "Iterator[WebhookInboxes]":
    from mockserver.webhook_inbox import WebhookInboxes  # noqa: PLC0415 - only where it is used

    with WebhookInboxes() as inboxes:
        yield inboxes


@pytest.fixture
def apiframe_webhooks(apiframe: "Control", _apiframe_inboxes: "WebhookInboxes") -> "WebhookInbox":
    """An address that receives this test's webhooks and verifies their signatures."""
    return _apiframe_inboxes.open(apiframe.key)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Fail a test that passed, where findings are to."""
    result = yield
    view = item.stash.get(_VIEW, None)
    if view is not None and _fails_on_findings(item):
        from mockserver.client.telling import findings_told  # noqa: PLC0415 - only where it is used

        found = findings_told(view)
        if found:
            item.stash[_HAS_TOLD] = True
            pytest.fail("\n".join(found), pytrace=False)
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: "pytest.CallInfo[None]"
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show beside a failure what the test asked of the mock."""
    report = yield
    view = item.stash.get(_VIEW, None)
    if view is not None and report.failed and call.when != "teardown":
        report.sections.append(("apiframe requests", _told(view, with_findings=not item.stash.get(_HAS_TOLD, False))))
    return report


def _marked(node: pytest.Item) -> dict[str, Any]:
    """The arguments of the test's markers, those that stand nearer over those of its class and module."""
    wanted: dict[str, Any] = {}
    for marker in reversed([*node.iter_markers(MARKER)]):
        unknown = [name for name in marker.kwargs if name not in ARGUMENTS]
        if unknown or marker.args:
            given = f'no "{unknown[0]}"' if unknown else "nothing without a name"
            pytest.fail(f"the marker {MARKER} takes {given}; it takes {', '.join(ARGUMENTS)}", pytrace=False)
        wanted |= marker.kwargs
    return wanted


def _fails_on_findings(item: pytest.Item) -> bool:
    """As the marker says, else the command line, else the configuration."""
    given = (_marked(item).get(FAIL), item.config.getoption("apiframe_fail_on_findings"))
    default = item.config.getini("apiframe_fail_on_findings")
    return bool(next((value for value in given if value is not None), default))


def _told(view: "Control", *, with_findings: bool) -> str:
    from mockserver.client.telling import told  # noqa: PLC0415 - only where it is used
    from mockserver.client.wire import ControlError  # noqa: PLC0415 - only where it is used

    try:
        return told(view, with_findings=with_findings)
    except (ControlError, RuntimeError) as error:
        return f"cannot be told: {error}"
