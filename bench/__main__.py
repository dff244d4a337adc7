"""`make bench`: what the mock can do, as ratios within one run, and each goal beside its figure.

Servers run on core 0 and get load from core 1 (bench/workers.py has its own order). Each topic has a file that says
what it measures. A full run writes bench/results/; one of a part, or a quick one, writes build/bench/.
"""

import argparse
import datetime as dt
import signal
import time
import traceback
from pathlib import Path

from bench import report
from bench.machine import LOAD_CORE, described, pin
from bench.parts import FULL, QUICK, Part, Scale, measured
from bench.rows import Row
from bench.topics import PARTS, TOPICS, chosen
from mockserver.cli.running import run_loop

ASIDE = Path("build", "bench")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and smaller rounds: some minutes")
    parser.add_argument("--only", metavar="NAME[,NAME]", help=f"of {', '.join(TOPICS)}, or one part: throughput/redis")
    parser.add_argument("--to", type=Path, metavar="FOLDER", help=f"for the results (bench/results, or {ASIDE})")
    given = parser.parse_args()
    try:
        parts = chosen(given.only) if given.only else PARTS
    except ValueError as error:
        parser.error(f"--only: {error}")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that no server is left behind
    pin(LOAD_CORE)
    results = bench(parts, QUICK if given.quick else FULL)
    folder = given.to or (ASIDE if given.quick or given.only else report.COMMITTED)
    report.write(results, folder)
    draw(results, folder)
    print(report.verdict(results.rows))
    print(f"all of it in {folder}")


def bench(parts: tuple[Part, ...], scale: Scale) -> report.Results:
    """Measure the parts one after the other, and print what comes."""
    at = dt.datetime.now(dt.UTC).strftime("%Y-%m-%d %H:%M UTC")
    machine = described()
    for what, which in machine.items():
        print(f"{what}: {which}")
    rows: list[Row] = []
    for number, part in enumerate(parts, 1):
        print(f"{part.topic}: {part.name} (part {number} of {len(parts)})", flush=True)
        began = time.perf_counter()
        rows += run_loop(measured(part, scale, lambda row: print(report.line(row), flush=True)))
        print(f"  ... took {time.perf_counter() - began:.0f} s", flush=True)
    return report.Results(at, scale.name, machine, rows)


def draw(results: report.Results, folder: Path) -> None:
    """The plot, if it can be drawn: the figures are worth more."""
    try:
        from bench.plot import draw  # noqa: PLC0415 - slow, and an extra

        draw(results.rows, folder)
    except Exception:  # noqa: BLE001 - told, and the rest stays
        traceback.print_exc()
        print("no plot: see above")


if __name__ == "__main__":
    main()
