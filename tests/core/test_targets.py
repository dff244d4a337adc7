"""Where webhooks may go."""

import pytest

from mockserver.core.targets import is_allowed, refusal_text

LOOPBACK = ["127.0.0.1", "127.255.255.254", "::1", "::ffff:127.0.0.1", "::1%lo"]
PRIVATE = ["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "fd00::1", "fe80::1%eth0", "::ffff:10.0.0.1"]
PUBLIC = ["8.8.8.8", "172.32.0.1", "93.184.216.34", "2606:4700::1111", "::ffff:8.8.8.8", "1.1.1.1"]


@pytest.mark.parametrize("address", LOOPBACK)
def test_this_machine_is_a_target_by_default(address: str) -> None:
    assert is_allowed("hooks.test", [address], ["loopback"])
    assert is_allowed("hooks.test", [address], ["private"])


@pytest.mark.parametrize("address", PRIVATE)
def test_a_private_network_is_a_target_when_private_is_allowed(address: str) -> None:
    assert not is_allowed("hooks.test", [address], ["loopback"])
    assert is_allowed("hooks.test", [address], ["private"])


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_a_target_only_when_any_or_its_host_is_allowed(address: str) -> None:
    assert not is_allowed("hooks.test", [address], ["loopback", "private", "other.test"])
    assert is_allowed("hooks.test", [address], ["any"])
    assert is_allowed("hooks.test", [address], ["loopback", "hooks.test"])


def test_every_address_of_a_host_has_to_be_allowed() -> None:
    assert not is_allowed("hooks.test", ["127.0.0.1", "8.8.8.8"], ["loopback", "private"])
    assert not is_allowed("hooks.test", ["127.0.0.1", "10.0.0.1"], ["loopback"])
    assert is_allowed("hooks.test", ["127.0.0.1", "10.0.0.1"], ["private"])


def test_a_host_without_an_address_is_a_target_only_by_name_or_any() -> None:
    assert not is_allowed("hooks.test", [], ["loopback", "private"])
    assert is_allowed("hooks.test", [], ["hooks.test"])
    assert is_allowed("hooks.test", [], ["any"])


def test_a_host_that_is_allowed_opens_no_other() -> None:
    assert is_allowed("localhost", ["127.0.0.1"], ["loopback", "hooks.test"])
    assert not is_allowed("other.test", ["8.8.8.8"], ["hooks.test"])


@pytest.mark.parametrize(
    ("host", "name"),
    [("Hooks.Test", "hooks.test"), ("hooks.test", "HOOKS.test"), ("[2606:4700::1111]", "2606:4700::1111")],
)
def test_a_host_is_allowed_by_its_name_in_any_case(host: str, name: str) -> None:
    assert is_allowed(host, ["8.8.8.8"], [name])


@pytest.mark.parametrize("host", ["sub.hooks.test", "hooks.test.evil.test", "xhooks.test", "hooks", ""])
def test_a_host_is_not_allowed_by_a_part_of_its_name(host: str) -> None:
    assert not is_allowed(host, ["8.8.8.8"], ["hooks.test"])


@pytest.mark.parametrize("word", ["loopback", "private"])
def test_a_host_that_is_called_like_a_group_does_not_belong_to_it(word: str) -> None:
    assert not is_allowed(word, ["8.8.8.8"], [word])


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "017700000001"])
def test_a_host_written_as_a_number_is_judged_by_the_address_that_it_is(host: str) -> None:
    assert is_allowed(host, ["127.0.0.1"], ["loopback"])
    assert not is_allowed(host, ["8.8.8.8"], ["loopback", "127.0.0.1"])


def test_a_refusal_names_the_target_and_the_switch_that_would_allow_it() -> None:
    assert refusal_text("hooks.test") == (
        'target "hooks.test" is not allowed by --webhook-allow; '
        "allow it with --webhook-allow hooks.test (or private, any)"
    )
