"""Log lines on standard error, as text or JSON, with API keys masked."""

import json
import logging
import re
from datetime import UTC, datetime
from typing import Literal

_KEY = re.compile(r"afk_[A-Za-z0-9_\-]+")
_KEY_IN_PATH = re.compile(r"(?<=/_mock/keys/)[^/\s\"?]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def masked(text: str) -> str:
    """The text with every API key in it replaced, those included that the control plane's paths name."""
    return _KEY_IN_PATH.sub("***", _KEY.sub("afk_***", text))


def on_one_line(text: str) -> str:
    """The text with line ends and other control characters written as escapes: nobody forges lines with a request."""
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


class TextLines(logging.Formatter):
    """`10:00:32 warning webhook ...`."""

    def format(self, record: logging.LogRecord) -> str:
        """One record, with its traceback where there is one."""
        at = datetime.fromtimestamp(record.created, UTC).strftime("%H:%M:%S")
        text = f"{at} {record.levelname.lower()} {on_one_line(record.getMessage())}"
        if record.exc_info:
            text += "\n" + self.formatException(record.exc_info)
        return masked(text)


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, logger, message, and trace where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """One record."""
        fields = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            fields["trace"] = self.formatException(record.exc_info)
        return masked(json.dumps(fields))


def set_up(form: Literal["text", "json"], *, is_quiet: bool) -> None:
    """Send the log of the mock to standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(TextLines() if form == "text" else JsonLines())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("mockserver").setLevel(logging.WARNING if is_quiet else logging.INFO)
