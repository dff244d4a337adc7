"""How much a run tries."""

from typing import NamedTuple


class Profile(NamedTuple):
    """Sizes of a run."""

    name: str
    examples: int
    """Of each property, where requests are free."""
    walks: int
    """Runs of the state machine."""
    steps: int
    """Of one such run."""
    stories: int
    """Jobs that are watched from submission to end."""


PROFILES = {
    profile.name: profile
    for profile in (
        Profile("quick", examples=12, walks=12, steps=14, stories=4),
        Profile("ci", examples=60, walks=100, steps=25, stories=12),
        Profile("deep", examples=1500, walks=2500, steps=30, stories=102),
    )
}
EXAMPLES_ON_A_REAL_ENDPOINT = 3
EXAMPLES_NEARBY = 20
"""On a server of this machine whose time cannot be moved."""
