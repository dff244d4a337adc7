"""The test that the README shows passes."""

import re
from pathlib import Path

from tests.plugin.conftest import Play

pytest_plugins = ["pytester"]

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
PROGRAM = """
class my_program:
    def order(prompt):
        return submit(prompt)[1]["jobId"]
"""


def test_the_test_of_the_readme_passes(play: Play) -> None:
    [shown] = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    play(PROGRAM + shown).assert_outcomes(passed=1)
