"""All that is measured, in the order of the report."""

from bench import cost, deliveries, growth, latency, starting, throughput, workers
from bench.parts import Part

PARTS: tuple[Part, ...] = tuple(
    part for topic in (throughput, latency, workers, growth, deliveries, starting, cost) for part in topic.PARTS
)
TOPICS = tuple(dict.fromkeys(part.topic for part in PARTS))


def chosen(names: str) -> tuple[Part, ...]:
    """The parts of topics, and single ones such as `throughput/redis`, by their names with commas between.

    Raises:
        ValueError: there is none of such a name.
    """
    wanted = set(names.split(","))
    strangers = wanted - {*TOPICS, *(f"{part.topic}/{part.name}" for part in PARTS)}
    if strangers:
        msg = f'there is no "{min(strangers)}"; there are {", ".join(TOPICS)}, or one part such as throughput/redis'
        raise ValueError(msg)
    return tuple(part for part in PARTS if {part.topic, f"{part.topic}/{part.name}"} & wanted)
