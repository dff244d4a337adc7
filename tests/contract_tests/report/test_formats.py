"""JUnit, Markdown and the page: each says everything, and hostile text does nothing in it."""

import base64
import hashlib
import re
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

from contract_tests.report.html import html
from contract_tests.report.junit import junit
from contract_tests.report.markdown import escaped, fenced, markdown
from tests.contract_tests.report.samples import HOSTILE, clause_of, quiet, recounted, sample


class _Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self._is_script = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._is_script = tag == "script"

    def handle_data(self, data: str) -> None:
        if self._is_script:
            self.scripts.append(data)

    def handle_endtag(self, tag: str) -> None:
        self._is_script = self._is_script and tag != "script"


def test_junit_has_one_case_for_each_clause() -> None:
    report = sample()
    root = ET.fromstring(junit(report))  # noqa: S314 (our own)
    cases = {str(case.get("name")).split()[0]: case for case in root.iter("testcase")}
    assert list(cases) == [clause["id"] for clause in report["clauses"]]
    assert {name: root.get(name) for name in ("tests", "failures", "skipped", "errors")} == {
        "tests": "55",
        "failures": "4",
        "skipped": "5",
        "errors": "0",
    }
    assert cases["CRED-5"].get("classname") == "CRED"
    failures = {name: case.find("failure") for name, case in cases.items()}
    types = {name: found.get("type") for name, found in failures.items() if found is not None and name != "ROBUST-1"}
    assert types == {"CRED-1": "refund missing", "CRED-5": "refund missing", "CRED-3": "not-exercised"}
    skipped = {name: case.find("skipped") for name, case in cases.items()}
    assert {name: found.get("message") for name, found in skipped.items() if found is not None} == {
        "AUTH-3": "Needs an inactive key; give one with --inactive-key.",
        "AUTH-5": "Needs a second key; give one with --second-key.",
        "VAL-7": "accepted until 2026-12-31: Reported to the vendor; a fix is promised for January.",
        "IDEMP-6": "Needs a second key; give one with --second-key.",
        "LIFE-4": "inconclusive: The job was still PROCESSING when the wait of 30 s ended.",
    }
    assert "WARN" in str(cases["VAL-4"].findtext("system-out"))
    assert "unit: UTF-16" in str(cases["VAL-10"].findtext("system-out"))
    properties = {item.get("name"): item.get("value") for item in root.findall("testsuite[1]/properties/property")}
    assert properties["seed"] == "20260101"
    assert properties["contract.sha256"] == "3f9a" * 16


def test_markdown_says_what_failed_and_what_was_not_tested() -> None:
    text = markdown(sample())
    assert text.startswith("## ❌ Contract broken\n")
    assert "| area | pass | fail | warn | not exercised | inconclusive | recorded | skipped |" in text
    assert "| CRED | 3 | 2 |  | 1 |  |  |  |" in text
    assert "mockserver verify --only CRED-5" in text
    assert "fails CRED\\-5" in text
    assert "- skipped: AUTH\\-5, IDEMP\\-6 (Needs a second key" in text
    assert "**Coverage** operations 5/5, documented answers 19/20, models 25/27, limits 49/54" in text
    assert len(text) < 100_000
    assert markdown(quiet()).startswith("## ✅ Contract kept\n")


def test_hostile_text_is_only_text_in_markdown() -> None:
    assert escaped("a|b\n<i>`*_[x](y)") == "a\\|b &lt;i&gt;\\`\\*\\_\\[x\\]\\(y\\)"
    assert fenced("a\n````\nb") == "`````\na\n````\nb\n`````"
    outside, fence = [], ""
    for line in markdown(sample()).splitlines():
        if not fence and (found := re.match("`{3,}", line)):
            fence = found.group()
        elif fence and line == fence:
            fence = ""
        elif not fence:
            outside.append(line)
    assert not fence
    assert set(re.findall(r"<[^>]*>", "\n".join(outside))) <= {"<details>", "<summary>", "</summary>", "</details>"}
    assert "# head" not in outside
    assert not any("@everyone" in line or "\x1b" in line for line in outside)


def test_the_page_holds_no_markup_but_its_own() -> None:
    text = html(sample())
    page = _Page(text)
    calm = sample()
    clean = html(recounted({**calm, "clauses": [row for row in calm["clauses"] if row["id"] != "ROBUST-1"]}))
    assert len(page.scripts) == len(_Page(clean).scripts) == 1
    assert not [tag for tag, _ in page.tags if tag in {"img", "iframe", "object", "b:script", "base", "form"}]
    handlers = {name for _, attributes in page.tags for name in attributes if name.startswith("on") or name == "style"}
    assert handlers == set()
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "49" not in re.findall(r"\{\{ (\S+) \}\}", text)
    assert len(text) < 400_000
    assert HOSTILE not in text


def test_the_page_asks_for_nothing_and_allows_only_its_own_script() -> None:
    text = html(sample())
    page = _Page(text)
    for tag, attributes in page.tags:
        link = attributes.get("href") or attributes.get("src") or "#"
        assert link.startswith("#") or (tag == "link" and link == "data:,")
    digest = base64.b64encode(hashlib.sha256(page.scripts[0].encode()).digest()).decode()
    policy = next(str(row["content"]) for tag, row in page.tags if tag == "meta" and "http-equiv" in row)
    assert f"script-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_the_page_has_a_row_for_each_clause_that_a_link_can_name() -> None:
    report = sample()
    rows = [row for tag, row in _Page(html(report)).tags if tag == "details" and "data-verdict" in row]
    assert [row["id"] for row in rows] == [clause["id"] for clause in report["clauses"]]
    assert [row["id"] for row in rows if "open" in row] == ["CRED-1", "CRED-5", "ROBUST-1"]


def test_the_page_says_where_a_long_text_goes_on_and_what_was_not_tested() -> None:
    text = html(sample())
    assert "more characters are in report.json." in text
    assert "20 more steps are in report.json." in text
    assert "Needs a second key; give one with --second-key." in text
    assert "Plan and ledger" in text
    assert "Plan and ledger" not in html(quiet())
    assert "Contract kept" in html(quiet())


def test_a_report_without_a_clause_has_every_form() -> None:
    report = recounted({**quiet(), "clauses": [], "stopped": "the target went away"})
    report["coverage"] = {
        "operations": {"covered": [], "all": []},
        "statuses": [],
        "models": {"covered": [], "all": []},
        "limits": {"covered": [], "all": []},
    }
    assert "Stopped early" in html(report)
    assert "Stopped early" in markdown(report)
    assert ET.fromstring(junit(report)).get("tests") == "0"  # noqa: S314 (our own)


def test_an_exchange_without_an_answer_is_shown() -> None:
    report = sample()
    clause_of(report, "CRED-5")["failure"]["exchange"].update(answer=None, error="timed out")
    assert "No answer" in html(report)
    assert "reproduce" in junit(report)
