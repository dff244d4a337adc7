"""Log lines hold no key, and one record is one line."""

import json
import logging

import pytest

from mockserver.logs import JsonLines, TextLines, masked, on_one_line


def record(message: str, *values: object) -> logging.LogRecord:
    made = logging.LogRecord("mockserver.http", logging.INFO, "server.py", 1, message, values, None)
    made.created = 1_767_225_600.25
    return made


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("afk_test", "afk_***"),
        ("/v2/afk_a-B_9/x?key=afk_0", "/v2/afk_***/x?key=afk_***"),
        ("GET /_mock/keys/my%2Dkey -> 404", "GET /_mock/keys/*** -> 404"),
        ("GET /_mock/keys -> 200", "GET /_mock/keys -> 200"),
        ("no key: afk", "no key: afk"),
    ],
)
def test_a_key_is_masked_wherever_it_stands(text: str, shown: str) -> None:
    assert masked(text) == shown


@pytest.mark.parametrize("char", ["\n", "\r", "\x1b", "\x00", "\x7f", "\x85", "\u2028"])
def test_a_control_character_is_written_as_an_escape(char: str) -> None:
    assert on_one_line(f"a{char}b") == f"a{char.encode('unicode_escape').decode()}b"


def test_text_from_outside_cannot_forge_a_line() -> None:
    line = TextLines().format(record("webhook to %s", "http://x/\n10:00:00 error forged afk_secret \x1b[31mé"))
    assert line == "00:00:00 info webhook to http://x/\\n10:00:00 error forged afk_*** \\x1b[31mé"


def test_a_json_line_is_ascii_and_has_time_level_logger_and_message() -> None:
    line = JsonLines().format(record("to %s", "é\n\ud800 afk_secret"))
    assert line.isascii()
    assert json.loads(line) == {
        "time": "2026-01-01T00:00:00.250+00:00",
        "level": "info",
        "logger": "mockserver.http",
        "message": "to é\n\ud800 afk_***",
    }
