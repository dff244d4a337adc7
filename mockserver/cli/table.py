"""Plain text tables: whole in a pipe, and as much as fits on a terminal."""

import io
import shutil
import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

GAP = 2
WIDER_THAN_ANY = 1000


def table(rows: Sequence[Sequence[str]], *, right: Sequence[int] = ()) -> str:
    """The rows with their columns aligned; on a terminal without those columns at the end that do not fit.

    *right* are the columns of numbers. The last of two columns is wrapped instead.
    """
    room = terminal_width()
    count = len(rows[0]) if room is None or len(rows[0]) == 2 else _fitting(rows, room)  # noqa: PLR2004 - see above
    drawn = Table(box=None, show_header=False, pad_edge=False, padding=(0, GAP, 0, 0))
    for number in range(count):
        drawn.add_column(justify="right" if number in right else "left", no_wrap=number == 0 or count > 2)  # noqa: PLR2004
    for row in rows:
        drawn.add_row(*map(Text, row[:count]))
    console = Console(file=io.StringIO(), width=room or WIDER_THAN_ANY, color_system=None)
    with console.capture() as shown:
        console.print(drawn)
    return "\n".join(line.rstrip() for line in shown.get().splitlines())


def terminal_width() -> int | None:
    """Columns of the terminal that output goes to; none when it goes elsewhere."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def _fitting(rows: Sequence[Sequence[str]], room: int) -> int:
    """How many of the first columns fit, at least one."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    fitting = [count for count in range(1, len(widths) + 1) if sum(widths[:count]) + GAP * (count - 1) <= room]
    return max(fitting, default=1)
