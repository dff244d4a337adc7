"""The clauses as ordinary pytest tests: `pytest --pyargs contract_tests --target URL`."""

import os
from collections.abc import Iterator

import pytest

from contract_tests.clause import Clause
from contract_tests.clauses import CLAUSES
from contract_tests.main import DEFAULT_SEED
from contract_tests.options import Options
from contract_tests.preflight import CannotRun
from contract_tests.profile import PROFILES
from contract_tests.runner import Run, prepared
from contract_tests.silence import Silence


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of `mockserver verify` that say what is tested, and where."""
    group = parser.getgroup("contract", "the contract of an Apiframe v2 server")
    group.addoption("--target", metavar="URL", help="server to test; default: a mock of its own")
    group.addoption("--key-env", metavar="NAME", default="APIFRAME_API_KEY", help="variable with the API key")
    group.addoption("--second-key-env", metavar="NAME", default="APIFRAME_SECOND_API_KEY", help="of another user")
    group.addoption("--tier", type=int, choices=range(4), help="0 free, 1 golden job, 2 further jobs, 3 mocks alone")
    group.addoption("--budget", type=int, default=0, metavar="CREDITS", help="most that may be spent")
    group.addoption("--yes-spend", action="store_true", help="agree to submissions on another machine")
    group.addoption("--profile", choices=sorted(PROFILES), default="quick", help="how much is tried")
    group.addoption("--receiver", metavar="HOST:PORT", help="where the target can send webhooks")
    group.addoption("--contract-seed", type=int, default=DEFAULT_SEED, metavar="N", help="repeats a run")
    group.addoption("--insecure", action="store_true", help="accept any TLS certificate")


def pytest_configure(config: pytest.Config) -> None:
    """The markers."""
    config.addinivalue_line("markers", "clause(id): the clause of the contract that the test is about")
    config.addinivalue_line("markers", "tier(number): what it costs on a real endpoint, 0 to 3")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test a clause."""
    if "clause" in metafunc.fixturenames:
        rows = [
            pytest.param(clause, id=clause.id, marks=[pytest.mark.clause(clause.id), pytest.mark.tier(clause.tier)])
            for clause in CLAUSES.values()
        ]
        metafunc.parametrize("clause", rows)


@pytest.fixture(scope="session")
def run(request: pytest.FixtureRequest) -> Iterator[Run]:
    """The run that all tests share."""
    given = request.config.getoption
    target = given("--target")
    options = Options(
        profile=PROFILES[given("--profile")],
        seed=given("--contract-seed"),
        target=target,
        key=os.environ.get(given("--key-env")) if target else None,
        second_key=os.environ.get(given("--second-key-env")) if target else None,
        tier=given("--tier"),
        budget=given("--budget"),
        yes_spend=given("--yes-spend"),
        receiver=given("--receiver"),
        insecure=given("--insecure"),
    )
    try:
        with prepared(options, Silence()) as ready:
            yield ready
    except CannotRun as error:
        pytest.exit(str(error), returncode=2)


@pytest.fixture
def reason(run: Run, clause: Clause) -> str:
    """Why the clause cannot be tested in this run; empty where it can."""
    return next(planned.skipped for planned in run.plan.clauses if planned.clause.id == clause.id)
