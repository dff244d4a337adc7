from contract_tests.report.text import Cut, cut, indented, one_line, shortened, visible
from contract_tests.report.values import as_text, writable


def test_what_a_terminal_obeys_or_a_reader_cannot_see_is_written_out() -> None:
    assert visible("a\x1b[31m\x00\x9b\u202e\ud800\ufffe\U000e0041\tb\r\nc\rd") == (
        "a\\x1b[31m\\x00\\x9b\\u202e\\ud800\\ufffe\\U000e0041\tb\nc\\x0dd"
    )
    assert visible("naïve 漢字 🦊 \ufffd") == "naïve 漢字 🦊 \ufffd"


def test_a_long_text_is_cut_with_a_note() -> None:
    assert cut("abcdef", 4) == Cut("abcd", 2)
    assert shortened("abc", 3) == "abc"
    assert shortened("x" * 1_000_000, 2) == "xx … (999,998 more characters in report.json)"
    assert one_line(" a\n\n b ") == "a b"


def test_json_is_indented_with_its_own_numbers_and_repeated_keys() -> None:
    assert indented('{"a":1e2,"a":[],"b":{"c":"}, {"}}') == (
        '{\n  "a": 1e2,\n  "a": [],\n  "b": {\n    "c": "}, {"\n  }\n}'
    )


def test_what_is_not_json_stays_as_it_is() -> None:
    for text in ("", "oops", "12", "{broken", "[" * 100_000, '{"a": ' + "9" * 300_000 + "}"):
        assert indented(text) == text


def test_values_that_json_cannot_hold_become_text() -> None:
    found = writable({"a": [float("inf"), float("nan"), 10**5000, True, None, 1.5]})
    assert found == {"a": ["inf", "nan", "an integer of 16610 bits", True, None, 1.5]}
    assert as_text("bare") == "bare"
    assert as_text({"é": [1]}) == '{"é": [1]}'
