"""A short spell of what `make torture` does at length."""

import pytest

from tests.torture.scenes import SCENES
from tests.torture.storm import Weather, storm

LONG = ("sqlite",)
"""What takes ten seconds and more; workers, who share such a file too, have their spell in every run."""
SPELLS = [pytest.param(name, marks=pytest.mark.slow) if name in LONG else name for name in SCENES]


@pytest.mark.timeout(180)  # what a killed server had taken is free once its lease ends, and cores may be few
@pytest.mark.parametrize("name", SPELLS)
async def test_nothing_is_lost_doubled_or_stuck(name: str) -> None:
    tally = await storm(name, Weather(seconds=4, clients=8, receivers=4, longest_calm_s=1))
    assert tally.broken == []
    assert tally.counts["jobs"] == tally.counts["submissions"] > 0
