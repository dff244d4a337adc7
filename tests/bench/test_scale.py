"""docs/scale.md says what the committed results give."""

from pathlib import Path

import pytest

from bench import scale

PAGE = (Path(__file__).parents[2] / "docs" / "scale.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "table", [scale.cost_table, scale.rate_table, scale.ceilings], ids=lambda table: table.__name__
)
def test_a_table_of_the_page_is_made_from_the_results(table: object) -> None:
    assert callable(table)
    assert table() in PAGE, "python -m bench.scale prints the tables of the committed results"
