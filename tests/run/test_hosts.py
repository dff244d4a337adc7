"""Which hosts a NO_PROXY is about."""

import pytest

from mockserver.intercept.hosts import covers, entries, is_loopback, plain_name


@pytest.mark.parametrize(
    ("entry", "host"),
    [
        ("*", "api.apiframe.ai"),
        ("api.apiframe.ai", "api.apiframe.ai"),
        ("API.Apiframe.ai.", "api.apiframe.ai"),
        ("api.apiframe.ai:443", "api.apiframe.ai"),
        ("apiframe.ai", "api.apiframe.ai"),
        (".apiframe.ai", "api.apiframe.ai"),
        ("*.apiframe.ai", "api.apiframe.ai"),
        ("10.0.0.0/8", "10.1.2.3"),
        ("10.1.2.3", "10.1.2.3"),
        ("::1", "::1"),
    ],
)
def test_an_entry_covers_a_name_the_names_below_it_and_a_network(entry: str, host: str) -> None:
    assert covers(entry, host)


@pytest.mark.parametrize(
    ("entry", "host"),
    [
        ("pi.apiframe.ai", "api.apiframe.ai"),
        ("api.apiframe.ai", "cdn2.apiframe.ai"),
        ("10.0.0.0/8", "api.apiframe.ai"),
        ("10.0.0.0/8", "11.0.0.1"),
        (":443", "api.apiframe.ai"),
        (".", "api.apiframe.ai"),
    ],
)
def test_an_entry_covers_nothing_else(entry: str, host: str) -> None:
    assert not covers(entry, host)


def test_entries_are_separated_by_commas_and_spaces() -> None:
    assert entries(" a.test, b.test c.test,,") == ["a.test", "b.test", "c.test"]


def test_names_are_compared_without_case_and_without_the_root_s_dot() -> None:
    assert plain_name("API.apiframe.AI.") == "api.apiframe.ai"


def test_this_machine_s_names_and_addresses_are_loopback() -> None:
    known = ["localhost", "LOCALHOST.", "my.localhost", "127.0.0.1", "127.1.2.3", "::1"]
    others = ["localhost.example.com", "10.0.0.1", "api.apiframe.ai", "::2", ""]
    assert [is_loopback(host) for host in [*known, *others]] == [True] * len(known) + [False] * len(others)
