"""CRED: what jobs cost, and what comes back."""

from hypothesis import strategies as st

from contract_tests.clause import Level, Method, Need, clause
from contract_tests.client import GENERATE, Client
from contract_tests.outcome import Inconclusive
from contract_tests.strategies import minimal_body
from contract_tests.trial import ACCEPTED, BAD_REQUEST, NOT_FOUND, OK, PROMPT, UNAUTHORIZED, Trial

PAYMENT_REQUIRED = 402
_CREDITS = "facts 7; docs faq"


@clause(
    "CRED-1",
    "The balance is what it was, less the price of each job, plus what failed jobs gave back, whenever it is read.",
    level=Level.MUST,
    source=_CREDITS,
    method=Method.STATE_MACHINE,
    tier=1,
    needs=[Need.GOLDEN_JOB],
    broken_by="balance-drifts",
)
def balance_adds_up(trial: Trial) -> None:
    """Reads the balance around each watched job; on a mock through a row of jobs of many prices."""
    for story in trial.stories():
        story.must_be_new()
        before, charged, after = story.balances
        cost = story.polls[0]["creditCost"]
        if cost is None:
            continue
        trial.require(charged == before - cost, f"balance {before - cost} once accepted", f"balance {charged}")
        # Whether a failed job gives its credits back is another clause.
        fine = (charged, before) if story.last["status"] in ("FAILED", "CANCELLED") else (charged,)
        trial.require(after in fine, f"balance {fine[-1]} once {story.last['status']}", f"balance {after}")
    if trial.session.target.levers is None:
        return
    client = trial.client()
    wanted = trial.balance(client)
    for operation in trial.contract.submissions:
        for model in trial.contract.models_of(operation.id)[:8]:
            job_id = trial.accepted(client, minimal_body(model, PROMPT))
            wanted -= trial.job(client, job_id)["creditCost"]
            trial.require_balance(client, wanted, f"balance {wanted} after {model.id}")


@clause(
    "CRED-2",
    "With too few credits a submission is refused with 402 and the exact numbers, and makes no job.",
    level=Level.MUST,
    source="seed; document, 402",
    method=Method.STATE_MACHINE,
    tier=3,
    needs=[Need.LEVERS],
    broken_by="debt-allowed",
)
def too_few_credits(trial: Trial) -> None:
    """Gives users one credit less than the price, exactly the price, and nothing."""
    body = trial.body()
    cost = trial.price(body)
    for balance in dict.fromkeys([cost - 1, 0]):
        client = trial.client(credits=balance)
        answer = trial.refused(client.submit(body), PAYMENT_REQUIRED)
        numbers = (answer.get("creditsRequired"), answer.get("creditsAvailable"))
        trial.require(numbers == (cost, balance), f"{cost} required, {balance} available", f"{answer}")
        trial.require(trial.listed(client) == [], "no job", client.jobs())
        trial.require_balance(client, balance, f"balance {balance} still")
    client = trial.client(credits=cost)
    trial.accepted(client, body)
    trial.require_balance(client, 0, "balance 0")
    trial.refused(client.submit(body), PAYMENT_REQUIRED)


@clause(
    "CRED-3",
    "In every 402 `creditsRequired` is more than `creditsAvailable`.",
    level=Level.MUST,
    source="document, 402",
    method=Method.PROPERTY,
    tier=3,
    needs=[Need.LEVERS],
    broken_by="numbers-swapped",
)
def more_required_than_available(trial: Trial) -> None:
    """Submits to users of every small balance, for models of every price."""
    models = [model for op in trial.contract.submissions for model in trial.contract.models_of(op.id)]

    def check(drawn: tuple[int, int]) -> None:
        number, balance = drawn
        client = trial.client(credits=balance)
        exchange = client.submit(minimal_body(models[number], PROMPT))
        if exchange.status == PAYMENT_REQUIRED:
            answer = trial.expect(exchange, PAYMENT_REQUIRED)
            numbers = answer["creditsRequired"], answer["creditsAvailable"]
            trial.require(numbers[0] > numbers[1] == balance, f"more than {balance} required", f"{answer}")
        else:
            trial.expect(exchange, ACCEPTED)

    trial.each(st.tuples(st.integers(0, len(models) - 1), st.integers(0, 12)), check)


@clause(
    "CRED-4",
    "Submissions at one moment never spend more than there is; no balance is ever below zero.",
    level=Level.MUST,
    source="design 2; facts 7",
    method=Method.HISTORY,
    tier=3,
    needs=[Need.LEVERS],
    broken_by="overspend-by-race",
)
def no_overspending(trial: Trial) -> None:
    """Lets up to eight threads submit at once to a user whose credits reach for a part of them."""
    body = trial.body()
    cost = trial.price(body)

    def check(drawn: tuple[int, int]) -> None:
        crowd, affordable = drawn
        client = trial.client(credits=cost * affordable)
        answers = trial.together(*[lambda: client.submit(body)] * crowd)
        accepted = [each for each in answers if each.status == ACCEPTED]
        others = [each for each in answers if each.status not in (ACCEPTED, PAYMENT_REQUIRED)]
        trial.require(not others, "202 or 402", others[0] if others else "")
        wanted = min(crowd, affordable)
        trial.require(len(accepted) == wanted, f"{wanted} of {crowd} accepted", f"{len(accepted)} accepted")
        balance = trial.expect(client.me(), OK)["team"]["credits"]
        trial.require(balance == cost * (affordable - wanted), f"{cost * (affordable - wanted)} left", f"{balance}")

    trial.each(st.tuples(st.integers(2, 8), st.integers(0, 5)), check, max(6, trial.session.examples // 3))


@clause(
    "CRED-5",
    "A failed job's credits come back, once.",
    level=Level.SHOULD,
    source=_CREDITS,
    method=Method.STATE_MACHINE,
    tier=3,
    needs=[Need.LEVERS],
    broken_by="failure-keeps-the-money",
)
def failures_are_refunded_once(trial: Trial) -> None:
    """Makes jobs fail at several moments, and reads the balance at once, later and after looking at the job again."""
    for waits_s in (0.0, 0.05):
        client = trial.client()
        before = trial.balance(client)
        job_id = trial.accepted(client, trial.body())
        trial.session.pass_time(waits_s)
        if not trial.levers.end_job(job_id, fail="no capacity"):
            msg = "jobs end at once on this mock, so that none can be made to fail"
            raise Inconclusive(msg)
        for later_s in (0.0, 60.0, 86_400.0):
            trial.session.pass_time(later_s)
            trial.job(client, job_id)
            trial.require_balance(client, before, f"balance {before}, as before the job")


@clause(
    "CRED-6",
    "`creditCost` of a job is what the balance lost by it.",
    level=Level.MUST,
    source="document, creditCost; facts 7",
    method=Method.STATE_MACHINE,
    tier=1,
    needs=[Need.GOLDEN_JOB],
    broken_by="cost-misstated",
)
def cost_is_what_was_taken(trial: Trial) -> None:
    """Compares the two for each watched job."""
    for story in trial.stories():
        story.must_be_new()
        before, charged, _ = story.balances
        cost = story.polls[0]["creditCost"]
        if cost is not None:
            trial.require(cost == before - charged, f"creditCost {before - charged}", f"creditCost {cost}")


@clause(
    "CRED-7",
    "What is refused costs nothing: bad bodies, bad keys, unknown jobs, limits and outages.",
    level=Level.MUST,
    source="facts 5 and 7",
    method=Method.STATE_MACHINE,
    broken_by="not-found-costs",
)
def refusals_cost_nothing(trial: Trial) -> None:
    """Reads the balance before and after refusals of every kind that can be had."""
    client = trial.client()
    before = trial.balance(client)
    _refusals(trial, client)
    trial.require_balance(client, before, f"balance {before}")
    if trial.session.target.levers is None:
        return
    levers = trial.levers
    levers.change_key(client.key, queueDown=True)
    trial.refused(client.submit(trial.body()), 503)
    levers.change_key(client.key, queueDown=False, rateLimit="1/60s")
    trial.session.pass_time(61.0)  # what was asked before may count
    trial.expect(client.jobs(), OK)
    trial.refused(client.submit(trial.body()), 429)
    levers.change_key(client.key, rateLimit=None)
    trial.require_balance(client, before, f"balance {before} after outage and limit")


def _refusals(trial: Trial, client: Client) -> None:
    unknown = "00000000-0000-4000-8000-000000000000"
    trial.refused(client.submit({**trial.body(), "prompt": ""}), BAD_REQUEST)
    trial.refused(client.submit({**trial.body(), "noSuchField": 1}), BAD_REQUEST)
    trial.refused(client.send("POST", GENERATE, body=b"{"), BAD_REQUEST)
    trial.refused(client.send("POST", GENERATE, value=trial.body(), key="afk_no_such_key"), UNAUTHORIZED)
    trial.refused(client.job(unknown), NOT_FOUND)
    trial.refused(client.jobs(limit=0), BAD_REQUEST)
