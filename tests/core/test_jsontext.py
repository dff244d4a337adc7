"""JSON as a JavaScript server reads and writes it."""

import json
import math
import tracemalloc
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.core import jsontext
from mockserver.core.jsontext import Parsed, encode, parse, utf16_length, well_formed

surrogates = st.sampled_from(["\ud800", "\udbff"])
"""High ones: two lone ones in a row are never a pair."""
texts = st.text(st.characters() | surrogates, max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=10,
)

_SPACES = st.sampled_from(["", " ", "\n", "\t ", "\r\n"])
_NUMBERS = st.one_of(
    st.from_regex(r"-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,25})?([eE][+-]?[0-9]{1,3})?", fullmatch=True),
    st.integers().map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.sampled_from(
        ["-0", "-0.0", "1.0", "1e400", "-1e-400", "999999999999999", "1000000000000000", "9007199254740993"]
    ),
)
_STRINGS = st.one_of(
    st.sampled_from(
        ['"a"', '"1.0"', r'"\u00e9"', r'"\ud83d\ude00"', r'"\ud800"', r'"\/\b"', '"\ud800"', '"\x01"', r'"\x"']
    ),
    texts.map(json.dumps),
    texts.map(lambda text: json.dumps(text, ensure_ascii=False)),
)
_NAMES = st.sampled_from(['"a"', '"b"', r'"\u0061"']) | _STRINGS


def _joined(parts: list[str], opening: str, closing: str, space: str) -> str:
    return opening + space + f"{space},{space}".join(parts) + space + closing


def _around(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pairs = st.tuples(_NAMES, _SPACES, inner).map(lambda pair: f"{pair[0]}{pair[1]}:{pair[1]}{pair[2]}")
    return st.builds(_joined, st.lists(inner, max_size=4), st.just("["), st.just("]"), _SPACES) | st.builds(
        _joined, st.lists(pairs, max_size=5), st.just("{"), st.just("}"), _SPACES
    )


_ATOMS = _NUMBERS | _STRINGS | st.sampled_from(["true", "false", "null", "NaN", "-Infinity", "01", "", "\ufeff"])
_DEEP = st.builds(
    lambda opening, depth, inner: opening * depth + inner + ("]" if opening == "[" else "}") * depth,
    st.sampled_from(["[", '{"a":']),
    st.integers(90, 110),
    _NUMBERS,
)
spelled = st.builds("{}{}{}".format, _SPACES, st.recursive(_ATOMS, _around, max_leaves=12) | _DEEP, _SPACES)
"""JSON texts in many spellings, and some that are none."""

BROKEN = {
    "nothing": b"",
    "spaces": b"  \n",
    "a byte order mark": b"\xef\xbb\xbf{}",
    "UTF-16 with a mark": '{"a":1}'.encode("utf-16"),
    "UTF-16 without a mark": '{"a":1}'.encode("utf-16-le"),
    "UTF-32": '{"a":1}'.encode("utf-32"),
    "Latin 1": b'{"a":"\xe9"}',
    "an overlong form": b'"\xc0\xaf"',
    "a surrogate in UTF-8": b'"\xed\xa0\x80"',
    "a cut character": b'"\xf0\x9f\x98"',
    "NaN": b"NaN",
    "NaN inside": b'{"a":[NaN]}',
    "Infinity": b'{"a":Infinity}',
    "minus Infinity": b'{"a":-Infinity}',
    "a single quote": b"{'a':1}",
    "a trailing comma": b'{"a":1,}',
    "a comment": b'{"a":1}//',
    "two values": b"{}{}",
    "a NUL behind it": b"{}\x00",
    "a raw control character": b'"\x01"',
    "a raw newline": b'"\n"',
    "a leading zero": b"01",
    "a plus": b"+1",
    "a bare point": b"1.",
    "a missing whole part": b".5",
    "hexadecimal": b"0x10",
    "an underscore": b"1_000",
    "other digits": '{"a":\uff11}'.encode(),
    "True": b"True",
    "undefined": b"undefined",
    "an unknown escape": b'"\\x41"',
    "a cut escape": b'"\\u12"',
    "a space that JSON does not know": "\u00a0{}".encode(),
    "an open string": b'"a',
    "an open object": b'{"a":1',
    "a number as a name": b"{1:1}",
}


@pytest.mark.parametrize("raw", BROKEN.values(), ids=BROKEN)
def test_what_a_javascript_server_cannot_parse_is_refused(raw: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the texts are Python's, and nobody sees them
        parse(raw)


@pytest.mark.parametrize(("opening", "inner"), [(b"[", b"1e400"), (b'{"a":', b'"\\ud800"'), (b'[{"a":', b"1")])
@pytest.mark.parametrize("depth", [600, 800, 900, 950, 980, 1_000, 20_000, 100_000])
def test_deep_nesting_is_parsed_or_refused_and_breaks_nothing(depth: int, inner: bytes, opening: bytes) -> None:
    closing = opening.replace(b"[", b"]").replace(b'{"a":', b"}")[::-1].replace(b"}]", b"}]")
    try:
        parse(opening * depth + inner + closing * depth)
    except ValueError as refused:
        assert str(refused) == "nested too deeply"  # noqa: PT017 - how deep it may go depends on the interpreter
        assert depth >= 400


def test_a_hundred_thousand_levels_are_too_deep() -> None:
    with pytest.raises(ValueError, match="nested too deeply"):
        parse(b"[" * 100_000 + b"]" * 100_000)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("1", "1"),
        ("-1", "-1"),
        ("1.0", "1"),
        ("1e2", "100"),
        ("0.1e1", "1"),
        ("-0", "0"),
        ("-0.0", "0"),
        ("1.5", "1.5"),
        ("9007199254740991", "9007199254740991"),
        ("9007199254740993", "9007199254740992"),
        ("-9007199254740993", "-9007199254740992"),
        ("12345678901234567890", "12345678901234567000"),
        ("1.2345678901234567890e19", "12345678901234567000"),
        ("100000000000000000000", "100000000000000000000"),
        ("999999999999999999999", "1e+21"),
        ("1e21", "1e+21"),
        ("1" + "0" * 300, "1e+300"),
        ("1e-400", "0"),
    ],
)
def test_numbers_are_read_and_written_as_javascript_does(text: str, written: str) -> None:
    assert encode(parse(text.encode()).value).decode() == written


@pytest.mark.parametrize(
    "number",
    ["1e400", "-1e400", "9" * 5_000, "-" + "9" * 5_000, "9" * 400 + ".5", "1.5E+309", "1e00400", "9" * 250 + "e99"],
)
def test_a_number_beyond_a_double_is_infinite(number: str) -> None:
    value, has_astral = parse(f'{{"a":[{{"b":{number}}}]}}'.encode())
    assert (abs(value["a"][0]["b"]), has_astral) == (math.inf, False)


@pytest.mark.parametrize(
    ("text", "has_astral"),
    [('"a"', False), ('"é"', True), ('"😀"', True), ('"\\ud83d\\ude00"', True), ('"\\n"', False)],
)
def test_a_text_that_may_count_twice_in_utf_16_is_said_to_be(text: str, has_astral: bool) -> None:  # noqa: FBT001 - a row
    assert parse(text.encode()).has_astral == has_astral


@given(data=st.data())
def test_a_text_is_read_as_the_careful_decoder_reads_it(data: st.DataObject) -> None:
    raw = data.draw(spelled).encode("utf-8", "surrogatepass")
    try:
        careful = jsontext.decoded(raw)
    except ValueError as error:
        with pytest.raises(type(error)):
            parse(raw)
    else:
        assert repr(parse(raw).value) == repr(careful)  # 1 and 1.0 are equal, and so are 0.0 and -0.0


def test_of_a_key_that_stands_twice_the_last_value_holds() -> None:
    assert parse(b'{"a":1,"b":2,"a":{"c":3,"c":4}}') == Parsed({"a": {"c": 4}, "b": 2}, has_astral=False)


@given(value=values)
def test_a_value_survives_being_written_and_read(value: Any) -> None:
    assert parse(encode(value)).value == as_parsed(value)


@given(value=values)
def test_what_is_written_is_compact_json_in_utf_8(value: Any) -> None:
    written = encode(value)
    assert json.loads(written.decode("utf-8")) == value
    assert written == encode(json.loads(written))


@given(text=texts)
def test_only_lone_surrogates_are_escaped(text: str) -> None:
    is_well_formed = not any("\ud800" <= char <= "\udfff" for char in text)
    assert (json.dumps(text, ensure_ascii=False).encode("utf-8", "replace") == encode(text)) == is_well_formed


@given(text=texts)
def test_length_is_counted_in_utf_16_units(text: str) -> None:
    assert utf16_length(text) == len(text.encode("utf-16-le", "surrogatepass")) // 2


@given(text=st.text(max_size=8), lone=surrogates, rest=st.text(max_size=8))
def test_a_lone_surrogate_is_replaced_where_text_must_be_well_formed(text: str, lone: str, rest: str) -> None:
    assert well_formed(text + rest) == text + rest
    assert well_formed(text + lone + rest) == text + "\ufffd" + rest


@given(value=values)
def test_equal_numbers_are_of_one_type_however_they_are_spelled(value: Any) -> None:
    spelled = json.dumps(value, allow_nan=False)
    assert json.dumps(parse(spelled.encode()).value) == json.dumps(as_parsed(value))


def test_a_text_that_is_kept_takes_no_more_memory_than_it_is_long() -> None:
    tracemalloc.start()
    kept = [encode({"prompt": "a fox"}) for _ in range(1000)]
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert taken / len(kept) < 100 + len(kept[0])


def as_parsed(value: Any) -> Any:
    """Whole floats as the ints that JavaScript writes for them."""
    if isinstance(value, dict):
        return {key: as_parsed(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_parsed(item) for item in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e21:
        return int(Decimal(repr(value)))
    return value
