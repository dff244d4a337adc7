"""LIST: the pages of a caller's jobs."""

import base64
from typing import Any, NamedTuple

from hypothesis import strategies as st

from contract_tests.clause import Level, Method, Need, clause
from contract_tests.clauses.lifecycle import at
from contract_tests.client import Client
from contract_tests.strategies import minimal_body
from contract_tests.trial import BAD_REQUEST, OK, PROMPT, Trial

_LIST = "document, GET /v2/jobs"
CROWD = 13
"""Jobs of the users whose lists are looked at: more than one page of most sizes, and a multiple of none."""
DEFAULT_LIMIT = 20
ALL_HAVE_ENDED_S = 6 * 3600.0
STATUSES = ("QUEUED", "PROCESSING", "COMPLETED", "FAILED", "CANCELLED")


class Shelf(NamedTuple):
    """A user with jobs whose list is known."""

    client: Client
    ids: list[str]
    """Newest first; empty where the list belongs to somebody else and is not known."""


def shelf(trial: Trial, size: int = CROWD) -> Shelf:
    """A user with that many jobs of several models and states; without levers the run's own user as it is."""
    if trial.session.target.levers is None:
        return Shelf(trial.client(), [])
    client = trial.client()
    models = [model for op in trial.contract.submissions for model in trial.contract.models_of(op.id)][:5]
    ids = []
    for number in range(size):
        ids.append(trial.accepted(client, minimal_body(models[number % len(models)], PROMPT)))
        if number % 4 == 1:
            trial.levers.end_job(ids[-1], complete=True)
        if number % 4 == 2:  # noqa: PLR2004 - one in four
            trial.levers.end_job(ids[-1], fail="no capacity")
        if number % 3 == 0:  # several jobs in one instant, so that ids decide their order
            trial.session.pass_time(0.5)
    entries = trial.listed(client, limit=100)
    known = {entry["id"] for entry in entries}
    trial.require(known == set(ids), f"{size} jobs in the list", f"{len(known)} jobs", clause="LIST-4")
    return Shelf(client, sorted(ids, key=lambda each: _place(entries, each), reverse=True))


def _place(entries: list[dict[str, Any]], job_id: str) -> tuple[Any, str]:
    entry = next(each for each in entries if each["id"] == job_id)
    return at(entry["createdAt"]), job_id


def walked(trial: Trial, client: Client, **query: Any) -> list[list[dict[str, Any]]]:
    """The pages of one walk."""
    return [trial.expect(page, OK)["jobs"] for page in client.pages(**query)]


@clause(
    "LIST-1",
    "The newest job comes first: by `createdAt`, then by `id`, both falling.",
    level=Level.MUST,
    source=_LIST,
    method=Method.STATE_MACHINE,
    broken_by="list-oldest-first",
)
def newest_first(trial: Trial) -> None:
    """Walks lists in pages of several sizes and compares neighbours."""
    client = shelf(trial).client
    for limit in (100, 4):
        entries = [entry for page in walked(trial, client, limit=limit) for entry in page]
        places = [(at(entry["createdAt"]), entry["id"]) for entry in entries]
        trial.require(
            places == sorted(places, reverse=True),
            "falling order",
            ", ".join(f"{when} {job_id}" for when, job_id in places[:3]),
            cause="order",
        )


@clause(
    "LIST-2",
    "A page has at most `limit` jobs, 20 when nothing is said.",
    level=Level.MUST,
    source=_LIST,
    method=Method.STATE_MACHINE,
    broken_by="limit-ignored",
)
def pages_have_a_size(trial: Trial) -> None:
    """Asks for pages of 1 to 100 jobs, and without a size."""
    client = shelf(trial, DEFAULT_LIMIT + 3).client
    sizes = st.one_of(st.sampled_from([1, 2, 20, 99, 100]), st.integers(1, 100))

    def check(limit: int) -> None:
        page = client.jobs(limit=limit)
        count = len(trial.expect(page, OK)["jobs"])
        trial.require(count <= limit, f"at most {limit} jobs", f"{count} jobs")

    trial.each(sizes, check)
    count = len(trial.expect(client.jobs(), OK)["jobs"])
    trial.require(count <= DEFAULT_LIMIT, "at most 20 jobs", f"{count} jobs")


@clause(
    "LIST-3",
    "`hasMore` is true if and only if `nextCursor` is a text.",
    level=Level.SHOULD,
    source=_LIST,
    method=Method.STATE_MACHINE,
    broken_by="has-more-lies",
)
def has_more_means_a_cursor(trial: Trial) -> None:
    """Compares the two on every page of several walks."""
    client = shelf(trial).client
    for limit in (100, 20, 5, 1):
        for page in client.pages(limit=limit):
            answer = trial.expect(page, OK)
            is_text = isinstance(answer["nextCursor"], str)
            trial.require(answer["hasMore"] is is_text, f"hasMore {str(is_text).lower()}", page)


@clause(
    "LIST-4",
    "Following the cursors gives each job once and leaves none out, also while jobs are added.",
    level=Level.MUST,
    source=_LIST,
    method=Method.STATE_MACHINE,
    broken_by="page-skips-one",
)
def walks_are_complete(trial: Trial) -> None:
    """Walks in pages of every small size; on a mock jobs are submitted between the pages, and another end."""
    stock = shelf(trial)
    for limit in (1, 2, 5, 12, 13, 14):
        entries = [entry["id"] for page in walked(trial, stock.client, limit=limit) for entry in page]
        trial.require(len(entries) == len(set(entries)), "each job once", f"{len(entries)} entries", cause="twice")
        if stock.ids:
            trial.require(entries == stock.ids, f"{len(stock.ids)} jobs, in order", f"{len(entries)} jobs")
        elif limit > 1:
            break
    if trial.session.target.levers is None:
        return
    entries = []
    for number, page in enumerate(stock.client.pages(limit=3)):
        entries += [entry["id"] for entry in trial.expect(page, OK)["jobs"]]
        if number < 3:  # noqa: PLR2004 - a few are enough
            trial.accepted(stock.client, trial.body())
    trial.require(
        entries == stock.ids, "the jobs of the walk's start, each once", f"{len(entries)} of {len(stock.ids)}"
    )


@clause(
    "LIST-5",
    "The filters by status, model and search select exactly.",
    level=Level.MUST,
    source=_LIST,
    method=Method.STATE_MACHINE,
    broken_by="filter-ignored",
)
def filters_select(trial: Trial) -> None:
    """Looks at what each filter shows; on a mock compares it, once all jobs have ended, with the unfiltered list."""
    client = shelf(trial).client
    _filter(trial, client, _first_page(trial, client), is_whole=False)
    if trial.session.target.levers is not None:
        trial.session.pass_time(ALL_HAVE_ENDED_S)  # what still moves could differ between two requests
        _filter(trial, client, trial.listed(client, limit=100), is_whole=True)


def _filter(trial: Trial, client: Client, everything: list[dict[str, Any]], *, is_whole: bool) -> None:
    """Ask with every filter; *is_whole* says that the unfiltered list is complete and stands still."""
    models = sorted({entry["model"] for entry in everything})[:3]
    wanted = [("status", value) for value in STATUSES] + [("model", value) for value in [*models, "no-such-model"]]
    wanted += [("search", entry["id"]) for entry in everything[:2]]
    for name, value in wanted:
        field = {"search": "id"}.get(name, name)
        seen = _first_page(trial, client, **{name: value})
        wrong = [entry for entry in seen if entry[field] != value]
        trial.require(not wrong, f"only jobs with {name} {value}", f"{len(wrong)} others", cause=f"{name} ignored")
        if is_whole or name == "search":
            right = {entry["id"] for entry in everything if entry[field] == value}
            trial.require(
                {entry["id"] for entry in seen} == right, f"{len(right)} jobs with {name}", f"{len(seen)} jobs"
            )


def _first_page(trial: Trial, client: Client, **query: Any) -> list[dict[str, Any]]:
    jobs: list[dict[str, Any]] = trial.expect(client.jobs(limit=100, **query), OK)["jobs"]
    return jobs


@clause(
    "LIST-6",
    "A last page may be short; an empty page never says that there is more.",
    level=Level.SHOULD,
    source=_LIST,
    method=Method.STATE_MACHINE,
    broken_by="empty-page-with-more",
)
def empty_pages_are_last(trial: Trial) -> None:
    """Walks in sizes that divide the number of jobs, and through an empty list."""
    client = shelf(trial, 12).client
    for query in ({"limit": 12}, {"limit": 6}, {"limit": 4}, {"limit": 3}, {"model": "no-such-model"}):
        for page in client.pages(**query):
            answer = trial.expect(page, OK)
            trial.require(answer["jobs"] or not answer["hasMore"], "an empty page to be the last", page)


@clause(
    "LIST-7",
    "A forged, cut or foreign cursor is refused with 400; it never shows another user's jobs.",
    level=Level.MUST,
    source="document, GET /v2/jobs 400; design 4",
    method=Method.PROPERTY,
    broken_by="cursor-unsigned",
)
def cursors_are_checked(trial: Trial) -> None:
    """Sends texts that were never a cursor, and real cursors cut and changed; on a mock another user's too."""
    stock = shelf(trial, 4)
    page = trial.expect(stock.client.jobs(limit=1), OK)
    real = page["nextCursor"] if isinstance(page["nextCursor"], str) else ""
    plain = st.one_of(
        st.text("abcXYZ019-_=", min_size=1, max_size=60),
        st.text("!?%é\u200b", min_size=1, max_size=8),
        st.binary(min_size=4, max_size=40).map(lambda raw: base64.urlsafe_b64encode(raw).decode()),
    )
    cut = st.integers(1, max(1, len(real) - 1)).map(lambda size: real[:size])
    forged = st.one_of(plain, cut) if len(real) > 1 else plain

    def check(text: str) -> None:
        answer = stock.client.jobs(cursor=text)
        trial.refused(answer, BAD_REQUEST)

    trial.each(forged.filter(lambda text: text != real), check)
    if trial.session.target.levers is not None and real:
        stranger = trial.client()
        trial.accepted(stranger, trial.body())
        answer = stranger.jobs(cursor=real)
        shown = {entry.get("id") for entry in answer.fields.get("jobs", [])}
        trial.require(not shown & set(stock.ids), "no job of another user", answer)
        trial.refused(answer, BAD_REQUEST)


@clause(
    "LIST-8",
    "An entry of the list equals the job itself, but for `input`.",
    level=Level.SHOULD,
    source=_LIST,
    method=Method.STATE_MACHINE,
    tier=1,
    needs=[Need.GOLDEN_JOB],
    broken_by="list-entry-differs",
)
def entries_equal_jobs(trial: Trial) -> None:
    """Compares the entry of each watched job with a look at it right after."""
    for story in trial.stories():
        for entry, job in zip(story.entries, story.poll_at_entry, strict=True):
            if entry.get("status") != job.get("status"):
                continue  # time went by between the two
            moving = ("webhookStatus",) if trial.session.target.time.is_virtual else ("progress", "webhookStatus")
            names = [name for name in job if name in entry and name not in ("input", *moving)]
            differing = [name for name in names if entry[name] != job[name]]
            shown = "; ".join(f"{name} {entry[name]!r}, not {job[name]!r}" for name in differing)[:300]
            trial.require(not differing, "the same in list and job", shown, cause=f"{differing} differ")


@clause(
    "LIST-9",
    "`include_models=true` adds the distinct models of the caller's jobs, each once.",
    level=Level.MUST,
    source=_LIST,
    method=Method.EXAMPLE,
    broken_by="models-left-out",
)
def models_are_added(trial: Trial) -> None:
    """Asks with and without, and compares with the jobs themselves."""
    stock = shelf(trial)
    page = trial.expect(stock.client.jobs(include_models="true", limit=100), OK)
    models = page.get("models")
    trial.require(isinstance(models, list), "a list `models`", f"{models!r}"[:300])
    trial.require(len(set(models or [])) == len(models or []), "each model once", f"{models}")
    here = {entry["model"] for entry in page["jobs"]}
    trial.require(here <= set(models or []), "the models of all jobs shown", f"{models}")
    plain = trial.expect(stock.client.jobs(limit=1), OK)
    trial.require("models" not in plain, "no `models` unless asked for", f"{plain.get('models')}")
