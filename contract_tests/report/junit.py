"""JUnit XML: one test case for each clause."""

from xml.etree import ElementTree as ET

from contract_tests.report.summary import Clause, Report, areas, is_idle
from contract_tests.report.text import one_line, shortened, visible
from contract_tests.report.values import as_text

_LONGEST_BODY = 4_000


def junit(report: Report) -> str:
    """The report as an XML document: a suite for each area, a case for each clause.

    An accepted failure and a clause without a judgement are skipped cases; a WARN and what was recorded are output.
    """
    root = ET.Element("testsuites", name=report["tool"]["name"], time=_seconds(report["tookS"]))
    totals = dict.fromkeys(("tests", "failures", "skipped"), 0)
    for area in areas(report["clauses"]):
        suite = ET.SubElement(root, "testsuite", name=visible(area.name), timestamp=report["startedAt"])
        suite.append(_properties(report))
        suite.extend(_case(clause) for clause in area.clauses)
        counts = {
            "tests": len(area.clauses),
            "failures": len(suite.findall("testcase/failure")),
            "skipped": len(suite.findall("testcase/skipped")),
        }
        for name, count in counts.items():
            suite.set(name, str(count))
            totals[name] += count
        suite.set("errors", "0")
        suite.set("time", _seconds(sum(clause["tookS"] for clause in area.clauses)))
    for name, total in totals.items():
        root.set(name, str(total))
    root.set("errors", "0")
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _properties(report: Report) -> ET.Element:
    found = ET.Element("properties")
    rows = {
        "seed": str(report["seed"]),
        "profile": report["profile"],
        "contract.sha256": report["contract"]["sha256"],
        "target.kind": report["target"]["kind"],
        "target.url": report["target"]["url"],
        "target.about": report["target"]["about"],
    }
    for name, value in rows.items():
        ET.SubElement(found, "property", name=name, value=one_line(value))
    return found


def _case(clause: Clause) -> ET.Element:
    case = ET.Element(
        "testcase",
        classname=visible(clause["area"]),
        name=one_line(f"{clause['id']} {clause['promise']}"),
        time=_seconds(clause["tookS"]),
    )
    told: list[str] = []
    reason = one_line(clause["reason"] or "")
    match clause["verdict"]:
        case "FAIL" if clause["accepted"] is not None:
            why = f"accepted until {clause['accepted']['expires']}: {clause['accepted']['reason']}"
            ET.SubElement(case, "skipped", message=one_line(why))
            told.append(_story(clause))
        case "FAIL":
            seen = one_line(shortened(clause["failure"]["seen"], 500))
            ET.SubElement(case, "failure", type=one_line(clause["failure"]["cause"]), message=seen).text = _story(
                clause
            )
        case "NOT EXERCISED" if is_idle(clause):
            ET.SubElement(case, "failure", type="not-exercised", message=reason).text = reason
        case "INCONCLUSIVE" | "SKIPPED" | "NOT EXERCISED" as verdict:
            ET.SubElement(case, "skipped", message=reason if verdict == "SKIPPED" else f"{verdict.lower()}: {reason}")
        case "WARN":
            told += ["WARN", reason, _story(clause)]
        case _:
            pass
    told += [shortened(f"{name}: {as_text(value)}", _LONGEST_BODY) for name, value in clause["recorded"].items()]
    if told:
        ET.SubElement(case, "system-out").text = "\n".join(filter(None, told))
    return case


def _story(clause: Clause) -> str:
    failure = clause["failure"]
    if failure is None:
        return ""
    lines = [
        f"source     {clause['source']}",
        f"expected   {shortened(failure['expected'], _LONGEST_BODY)}",
        f"seen       {shortened(failure['seen'], _LONGEST_BODY)}",
    ]
    for number, step in enumerate(failure["steps"], start=1):
        result = "" if step["result"] is None else f"   -> {shortened(step['result'], 500)}"
        lines.append(f"  {number}  {shortened(step['text'], 500)}{result}")
    if failure["curl"] is not None:
        lines.append(f"curl       {shortened(failure['curl'], _LONGEST_BODY)}")
    lines.append(f"reproduce  {failure['reproduce']}")
    exchange = failure["exchange"]
    if exchange is not None and exchange["answer"] is not None:
        body = shortened(exchange["answer"]["body"] or "", _LONGEST_BODY)
        lines.append(f"answer     {exchange['answer']['status']} {body}")
    return visible("\n".join(lines))


def _seconds(value: float) -> str:
    return f"{value:.3f}"
