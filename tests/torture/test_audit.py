"""The audit of a run finds what it is for."""

from collections import Counter
from collections.abc import Callable

import aiohttp
import pytest

from tests.conftest import Inbox
from tests.driver import COST, Driver
from tests.torture.audit import Auditor
from tests.torture.clients import Order
from tests.torture.tally import Tally

OPENING = 1_000_000


class Run:
    """A finished run of two orders in which all went well."""

    def __init__(self, orders: list[Order], taken: Counter[tuple[str, str]]) -> None:
        self.orders, self.taken, self.opening = orders, taken, OPENING

    def lose_a_job(self) -> None:
        self.orders[0].job_ids.clear()
        self.orders[0].job_ids.add("00000000-0000-4000-8000-000000000000")

    def double_a_job(self) -> None:
        self.orders[0].job_ids.update(self.orders.pop().job_ids)

    def forget_an_answer(self) -> None:
        self.orders[0].job_ids.clear()

    def lose_credits(self) -> None:
        self.opening -= COST

    def lose_a_webhook(self) -> None:
        del self.taken[next(iter(self.taken))]


@pytest.fixture
async def run(driver: Driver, inbox: Inbox) -> Run:
    orders = [Order(f"order-{number}", {}, {await driver.submit(webhookUrl=inbox.url)}) for number in range(2)]
    await driver.advance("1h")
    return Run(orders, Counter((job_id, "completed") for order in orders for job_id in order.job_ids))


async def judged(run: Run, client: aiohttp.ClientSession) -> list[str]:
    tally = Tally.empty()
    auditor = Auditor(client, run.opening, tally)
    await auditor.settle()
    await auditor.judge(run.orders, run.taken)
    return [text.partition(" (")[0] for text in tally.broken]


async def test_where_all_went_well_nothing_is_broken(run: Run, client: aiohttp.ClientSession) -> None:
    assert await judged(run, client) == []


@pytest.mark.parametrize(
    ("harm", "broken"),
    [
        (Run.lose_a_job, ["every 202 has its job", "every job is that of a key"]),
        (Run.double_a_job, ["every key has one job"]),
        (Run.forget_an_answer, ["every job is that of a key", "every key has a job"]),
        (Run.lose_credits, ["the ledger adds up"]),
        (Run.lose_a_webhook, ["what is called delivered was taken"]),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
async def test_each_harm_breaks_its_promise(
    run: Run, client: aiohttp.ClientSession, harm: Callable[[Run], None], broken: list[str]
) -> None:
    harm(run)
    assert await judged(run, client) == broken
