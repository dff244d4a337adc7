"""Orders in prompts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.core.directives import DEFAULT_ERROR, NONE, STATUSES, Directives, read

UNDERSTOOD = {
    "[[fail]]": Directives(error=DEFAULT_ERROR),
    "[[fail: content policy]]": Directives(error="content policy"),
    "[[fail: a: b]]": Directives(error="a: b"),
    "[[fail:]]": Directives(error=DEFAULT_ERROR),
    "[[slow 30s]]": Directives(processing_s=30.0),
    "[[slow 500ms]]": Directives(processing_s=0.5),
    "[[stuck]]": Directives(is_stuck=True),
    "[[instant]]": Directives(is_instant=True),
    "[[cancel]]": Directives(is_cancelled=True),
    "[[webhook: drop]]": Directives(webhook="drop"),
    "[[webhook: duplicate]]": Directives(webhook="duplicate"),
    "[[webhook: bad-signature]]": Directives(webhook="bad-signature"),
    "[[webhook: late 10s]]": Directives(webhook_late_s=10.0),
    **{f"[[status {status}]]": Directives(status=status) for status in STATUSES},
}


@pytest.mark.parametrize(("text", "meant"), UNDERSTOOD.items())
def test_a_directive_is_found_anywhere_in_a_prompt(text: str, meant: Directives) -> None:
    for prompt in (text, f"a fox {text}", f"{text} a fox", f"a{text}fox", f"a fox [ [[ {text} ]]", f"[[a fox]]{text}"):
        assert read(prompt) == meant


@pytest.mark.parametrize(("text", "meant"), [pair for pair in UNDERSTOOD.items() if "fail:" not in pair[0]])
def test_a_directive_is_read_in_any_case_and_with_any_spaces(text: str, meant: Directives) -> None:
    inside = text[2:-2]
    assert read(f"[[{inside.upper()}]]") == meant
    assert read(f"[[  {inside.title()}\t]]") == meant
    assert read(f"[[{inside.replace(' ', '  ').replace(':', ' : ')}]]") == meant


def test_a_reason_keeps_its_case_and_loses_only_the_spaces_around_it() -> None:
    assert read("[[ FAIL :  No  Capacity ]]") == Directives(error="No  Capacity")


def test_directives_of_several_kinds_hold_together() -> None:
    assert read("[[slow 30s]] a fox [[fail: no]] [[webhook: late 10s]][[webhook: duplicate]]") == Directives(
        error="no", processing_s=30.0, webhook="duplicate", webhook_late_s=10.0
    )


def test_of_a_directive_given_twice_the_last_holds() -> None:
    assert read("[[status 404]] [[slow 1s]] [[status 503]] [[slow 2s]]") == Directives(status=503, processing_s=2.0)


@pytest.mark.parametrize(
    "prompt",
    [
        "",
        "a fox",
        "fail",
        "[fail]",
        "[[fail",
        "fail]]",
        "[[]]",
        "[[ ]]",
        "[[:]]",
        "[[: fail]]",
        "[[failed]]",
        "[[fail now]]",
        "[[fail\x00]]",
        "[[\u017ftuck]]",
        "[[slow]]",
        "[[slow 30]]",
        "[[slow -1s]]",
        "[[slow 1e3s]]",
        "[[slow soon]]",
        "[[slow: 30s]]",
        "[[slow 30s 40s]]",
        "[[slow 30\u017f]]",
        "[[slow 30m\u017f]]",
        "[[slow \uff13\uff10s]]",
        "[[slow nans]]",
        "[[slow infs]]",
        "[[slow 9999999999999s]]",
        "[[stuck: yes]]",
        "[[instant: yes]]",
        "[[cancel: yes]]",
        "[[status]]",
        "[[status 200]]",
        "[[status 999]]",
        "[[status: 503]]",
        "[[status \uff15\uff10\uff13]]",
        "[[status 503.0]]",
        "[[webhook]]",
        "[[webhook:]]",
        "[[webhook drop]]",
        "[[webhook: lost]]",
        "[[webhook: late]]",
        "[[webhook: late soon]]",
        "[[webhook: drop duplicate]]",
        f"[[fail: {'x' * 500}]]",
    ],
)
def test_what_is_no_directive_is_plain_text(prompt: str) -> None:
    assert read(prompt) == NONE


@given(prompt=st.text(st.characters() | st.sampled_from("[]: fails0123lowm"), max_size=80))
def test_any_prompt_can_be_read(prompt: str) -> None:
    assert isinstance(read(prompt), Directives)


@given(span=st.text(max_size=12), name=st.sampled_from(["slow", "webhook: late", "status", "fail:", "webhook:"]))
def test_any_value_of_a_directive_can_be_read(span: str, name: str) -> None:
    assert isinstance(read(f"[[{name} {span}]]"), Directives)
