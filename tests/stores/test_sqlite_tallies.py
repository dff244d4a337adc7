"""What is counted in a transaction of SQLite, read once and written once."""

import sqlite3
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from mockserver.stores.sqlite.schema import MIGRATIONS
from mockserver.stores.sqlite.tallies import Tallies, Tally

TALLIES = st.sampled_from([("jobs", ""), ("credit", "a"), ("credit", "b"), ("models", "1/a")])
ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), TALLIES, st.integers(-5, 5)),
        st.tuples(st.just("ask"), TALLIES, st.just(0)),
        st.tuples(st.sampled_from(["commit", "roll back"]), TALLIES, st.just(0)),
    ),
    max_size=30,
)


def written(connection: sqlite3.Connection) -> dict[Tally, int]:
    return {(what, whose): n for what, whose, n in connection.execute("SELECT what, whose, n FROM tallies")}


@given(ACTS)
def test_counts_are_those_of_the_transaction_and_stay_when_it_is_kept(acts: Sequence[tuple[str, Tally, int]]) -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute(MIGRATIONS[0][0])
    tallies = Tallies(connection.cursor())
    kept: dict[Tally, int] = {}
    now = dict(kept)
    connection.execute("BEGIN")
    for act, tally, count in acts:
        match act:
            case "add":
                tallies.add(*tally, count)
                now[tally] = now.get(tally, 0) + count
            case "ask":
                assert tallies.of(*tally) == now.get(tally)
            case "commit":
                tallies.write()
                connection.execute("COMMIT")
                kept = dict(now)
                assert written(connection) == kept
                connection.execute("BEGIN")
            case _:
                tallies.forget()
                connection.execute("ROLLBACK")
                now = dict(kept)
                connection.execute("BEGIN")
    connection.close()


def test_what_is_asked_for_again_is_not_read_again() -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute(MIGRATIONS[0][0])
    statements: list[str] = []
    tallies = Tallies(connection.cursor())
    connection.set_trace_callback(statements.append)
    for _ in range(3):
        tallies.add("jobs", "", 1)
        tallies.of("jobs")
    tallies.write()
    assert [each.split()[0] for each in statements] == ["SELECT", "INSERT"]
    connection.close()
