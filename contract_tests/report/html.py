"""One HTML page that needs nothing but itself, for a person to read."""

import base64
import hashlib
from datetime import datetime
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from contract_tests.report import summary
from contract_tests.report.summary import Report
from contract_tests.report.text import Cut, cut, indented, shortened, visible
from contract_tests.report.values import as_text

_LONGEST_BODY = 16_000


def html(report: Report) -> str:
    """The report as a page. Every text in it is escaped; its policy lets only the page's own script and style run."""
    return _environment().get_template("page.html.j2").render(report=report, summary=summary)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("contract_tests.report"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for name in ("page.css", "page.js"):
        text, _, _ = PackageLoader("contract_tests.report").get_source(environment, name)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        # The text is this package's own file, never a server's.
        key = name.removeprefix("page.")
        environment.globals[key] = Markup(text)  # noqa: S704
        environment.globals[f"{key}_hash"] = f"sha256-{digest}"
    environment.filters |= {
        "as_text": as_text,
        "body": _body,
        "day": _day,
        "number": _number,
        "seconds": _seconds,
        "short": shortened,
        "slug": _slug,
    }
    return environment


def _shown(value: Any) -> Any:
    """What an expression of the template prints: a plain text made visible, markup as it is."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _body(text: str) -> Cut:
    return cut(indented(text), _LONGEST_BODY)


def _day(instant: str) -> str:
    """`2026-11-23T03:00:00.000Z` as `2026-11-23 03:00 UTC`; any other text as it is."""
    try:
        return f"{datetime.fromisoformat(instant):%Y-%m-%d %H:%M} UTC"
    except ValueError:
        return instant


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}".rstrip("0").rstrip(".")


def _seconds(value: float) -> str:
    return f"{value:,.2f} s" if value >= 1 or not value else f"{1000 * value:.3g} ms"


def _slug(verdict: str) -> str:
    return verdict.lower().replace(" ", "-")
