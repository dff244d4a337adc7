"""What the measured costs give at other rates: the tables of docs/scale.md, `python -m bench.scale`."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

RESULTS = Path(__file__).parent / "results" / "latest.json"
MIX = {"submit": 0.1, "poll": 0.8, "list": 0.05, "balance": 0.05}
"""Of all requests: a job is polled eight times, and now and then somebody looks at a list or at the balance."""
STORES = ("memory", "sqlite", "redis")
RATES = (1_000, 100_000, 10_000_000)
"""Requests a minute."""
BUSY = 0.6
"""The share of a core that is planned for; the rest is for bursts."""


def figures() -> Mapping[str, float]:
    """The results by name; a figure that was not measured counts as none."""
    rows = json.loads(RESULTS.read_text(encoding="utf-8"))["rows"]
    return {row["name"]: row["value"] or 0.0 for row in rows}


def mixed(what: str) -> float:
    """The mean of a figure over the mix; *what* has the kind of request in it as `{}`."""
    known = figures()
    return sum(share * known[what.format(kind)] for kind, share in MIX.items())


def cost_table() -> str:
    """What one request costs."""
    known = figures()
    head = (
        "request",
        "memory",
        "SQLite",
        "Redis: server",
        "Redis itself",
        "scripts",
        "commands",
        "bytes to it",
        "from it",
    )
    rows = []
    for kind in MIX:
        of_server = [f"{known[f'{kind}, {store}: processor time']:.0f} us" for store in STORES]
        of_redis = f"{known[f'{kind}, redis: time of Redis']:.0f} us"
        scripts, commands = known[f"{kind}, redis: scripts"], known[f"{kind}, redis: commands, those of scripts too"]
        wire = [f"{known[f'{kind}, redis: bytes {way} Redis']:,.0f}" for way in ("to", "from")]
        rows.append((kind, *of_server, of_redis, f"{scripts:.1f}", f"{commands:.0f}", *wire))
    return table(head, rows)


def rate_table() -> str:
    """What rates need, with one webhook a job."""
    hook_us = MIX["submit"] * figures()["webhook delivery: processor time"]
    memory_us, redis_us = (mixed(f"{{}}, {store}: processor time") + hook_us for store in ("memory", "redis"))
    own_us = mixed("{}, redis: time of Redis")
    wire = sum(mixed(f"{{}}, redis: bytes {way} Redis") for way in ("to", "from"))
    rows = []
    for rate in RATES:
        a_second = rate / 60
        cores = a_second * redis_us / 1e6
        in_memory, of_redis = a_second * memory_us / 1e6, a_second * own_us / 1e6
        megabytes = f"{a_second * wire / 1e6:.3g} MB/s"
        processes = math.ceil(cores / BUSY)
        rows.append((f"{rate:,}", f"{in_memory:.2g}", f"{cores:.2g}", f"{processes}", f"{of_redis:.2g}", megabytes))
    return table(
        ("requests a minute", "cores in memory", "of servers", "processes", "of Redis", "to and from Redis"), rows
    )


def most_a_minute(core_us: float) -> int:
    """Requests a minute that one core at 60 % can take, rounded down to ten thousand."""
    return int(60 * BUSY * 1e6 / core_us) // 10_000 * 10_000


def ceilings() -> str:
    """Where each store ends with one process, or one Redis."""
    hook_us = MIX["submit"] * figures()["webhook delivery: processor time"]
    rows = [("one process, memory", mixed("{}, memory: processor time") + hook_us)]
    rows += [(f"one process, {store}", mixed(f"{{}}, {store}: processor time") + hook_us) for store in STORES[1:]]
    rows.append(("one Redis, any number of servers", mixed("{}, redis: time of Redis")))
    shown = [(what, f"{core_us:.0f} us", f"{most_a_minute(core_us):,}") for what, core_us in rows]
    return table(("what", "core time a request", "requests a minute"), shown)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """In Markdown."""
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows))


if __name__ == "__main__":
    print(cost_table(), rate_table(), ceilings(), sep="\n\n")
