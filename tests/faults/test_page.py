"""docs/faults.md: its examples are accepted, and it names everything that a rule can have."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from mockserver.core.directives import WEBHOOK_ORDERS
from mockserver.core.faults import read_rule
from mockserver.faults import check_rule
from mockserver.scenarios.shelf import find, known_in, scenario_of
from mockserver.schemas import control_schema
from mockserver.settings import LIVE
from tests.driver import Driver

PAGE = (Path(__file__).parents[2] / "docs" / "faults.md").read_text(encoding="utf-8")


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def rules() -> list[Any]:
    settings, scenario = map(tomllib.loads, blocks("toml"))
    steps = [rule for step in scenario["timeline"] for rule in step["faults"]]
    bodies = re.findall(r"/_mock/faults -d '([^']+)'", PAGE)
    return [*map(json.loads, [*blocks("json"), *bodies]), *settings["faults"], *scenario["faults"], *steps]


@pytest.mark.parametrize("rule", rules(), ids=json.dumps)
async def test_each_rule_shown_is_accepted(driver: Driver, rule: dict[str, Any]) -> None:
    await driver.pull("POST", "faults", rule, status=201)


def test_the_scenario_shown_can_be_played() -> None:
    shown = scenario_of(tomllib.loads(blocks("toml")[1]), "flaky-afternoon")
    assert (shown.credits, len(shown.keys), len(shown.faults)) == (40, 1, 2)


def test_the_page_has_every_field_of_a_rule_and_no_other() -> None:
    schema = control_schema("fault")["properties"]
    fields = {*schema, *schema["match"]["properties"], *schema["job"]["properties"]} - {"$schema", "about"}
    named = set(re.findall(r"`\"?(\w+)", PAGE))
    assert fields - named == set()
    assert set(WEBHOOK_ORDERS) <= set(re.findall(r"^\| `\"([a-z-]+)\"` \|", PAGE, re.MULTILINE))


def test_every_effect_in_the_tables_is_a_rule() -> None:
    shown = re.findall(r'^\| `("[a-zA-Z]+": [^`]+)` \|', PAGE, re.MULTILINE)
    assert len(shown) > 15
    for text in shown:
        fields = json.loads("{" + text + "}")
        job = control_schema("fault")["properties"]["job"]["properties"]
        rule = {"job": fields} if fields.keys() <= job.keys() else fields
        if rule.keys() <= {"times", "probability", "commit"}:
            rule["gateway"] = 502
        check_rule(rule)
        read_rule(rule, "shown", 0.0)


def test_every_scenario_stands_on_the_page_with_its_own_words() -> None:
    rows = dict(re.findall(r"^\| `([a-z-]+)` \| (.+) \|$", PAGE, re.MULTILINE))
    for known in known_in("none"):
        assert rows[known.name] == find(known.name, "none").scenario.about


def test_what_holds_at_once_is_said() -> None:
    following = PAGE.split("## Edits while it runs")[1]
    assert all(f"`{name.replace('_', '-')}`" in following for name in LIVE - {"scenarios"})
