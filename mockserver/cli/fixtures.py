"""`mockserver fixtures`."""

import random
import sys
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path

import click

from mockserver import logs
from mockserver.cli.catalogue import EXAMPLE, everything, least_body, pointed, prompted
from mockserver.cli.main import Misuse
from mockserver.cli.options import examples
from mockserver.cli.running import run_loop
from mockserver.core.catalog import Model
from mockserver.core.samples import sample_body
from mockserver.recording.jobs import Asked
from mockserver.recording.shelf import MODELS, OTHERS, Piece, pieces_of, recorded
from mockserver.recording.studio import Unexpected
from mockserver.recording.writing import text_of
from mockserver.schemas import catalog, data_folder

PROMPT = "a lighthouse in a storm"
DIFFERENT = 1


@click.command(
    "fixtures",
    epilog=examples(
        "mockserver fixtures",
        "mockserver fixtures --check",
        f"mockserver fixtures {EXAMPLE} --stdout",
        f"mockserver fixtures {EXAMPLE} errors --out spec/fixtures",
    )
    + """\n
\b
Exit codes:
  0  written; with --check: all files are as they should be
  1  with --check: the files that are named differ, are missing, or belong to nothing""",
)
@click.argument("names", nargs=-1, metavar="[MODEL]...")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder.  [default: fixtures of the checkout, else ./fixtures]",
)
@click.option("--check", is_flag=True, help="Write nothing; name the files that differ, and exit 1 for any.")
@click.option("--stdout", "to_stdout", is_flag=True, help="Print the JSON of one MODEL instead of writing a file.")
def command(names: Sequence[str], out: Path | None, *, check: bool, to_stdout: bool) -> int:
    """Record what the API answers, as JSON files for tests in any language.

    Of each MODEL or action: requests, the job in each state, webhooks with their signatures. "loras", "uploads",
    "assets" and "errors" are MODELs here too; without any, all are written. The same bytes come every time.
    """
    logs.set_up("text", is_quiet=True)
    pieces = pieces_of(catalog(), everything(), asked_of)
    chosen = [_named(name, pieces) for name in dict.fromkeys(names)] or pieces
    if to_stdout:
        if len(chosen) != 1 or check or out is not None:
            msg = f"--stdout: goes with one MODEL and no other option, as in mockserver fixtures {EXAMPLE} --stdout"
            raise Misuse(msg)
        (text,) = run_loop(_texts(chosen)).values()
        click.echo(text.encode(), nl=False)
        return 0
    folder, texts = out or own_folder(), run_loop(_texts(chosen))
    if check:
        return _check(folder, texts, is_whole=not names)
    return _write(folder, texts, is_whole=not names)


def asked_of(row: Model) -> Asked:
    """The two requests that are recorded of a row: with as little as possible, and with every field."""
    chance = random.Random(f"{row.operation}/{row.id}").random  # noqa: S311 - the same values every time
    full = pointed(sample_body(row, PROMPT, every=True, chance=chance))
    return Asked(least_body(row, PROMPT), full | prompted(row, full, PROMPT))


def own_folder() -> Path:
    """The checkout's folder of fixtures, or of an installed package, whose own nobody edits, ./fixtures."""
    shipped = Path(str(data_folder("fixtures")))
    return Path("fixtures") if shipped.parent.name == "_data" else shipped


def _named(name: str, pieces: Sequence[Piece]) -> Piece:
    known = {piece.name: piece for piece in pieces}
    if name in known:
        return known[name]
    alike = get_close_matches(name.lower(), known, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(alike)}?" if alike else f"mockserver models lists them; {', '.join(OTHERS)} too"
    msg = f'there is no model "{name[:80]}"; {hint}'
    raise Misuse(msg)


async def _texts(pieces: Sequence[Piece]) -> dict[str, str]:
    """The text of each file by its path below the folder."""
    texts: dict[str, str] = {}
    is_watched = sys.stderr.isatty()
    try:
        with click.progressbar(length=len(pieces), label="recording", file=sys.stderr, hidden=not is_watched) as bar:
            async for piece, fixture in recorded(pieces):
                texts[str(piece.path)] = text_of(fixture)
                bar.update(1)
    except Unexpected as error:
        msg = f"{pieces[len(texts)].name} cannot be recorded: {error}"
        raise Misuse(msg) from error
    return texts


def _check(folder: Path, texts: Mapping[str, str], *, is_whole: bool) -> int:
    wrong = [
        f"{folder / path}: {mistake}" for path, text in texts.items() if (mistake := _mistake(folder / path, text))
    ]
    if is_whole:
        wrong += [f"{path}: belongs to no model" for path in _strays(folder, texts)]
    for line in wrong:
        click.echo(line)
    if not wrong:
        click.echo(f"{folder}: {_files(len(texts))} as recorded now")
    return DIFFERENT if wrong else 0


def _mistake(path: Path, text: str) -> str:
    """What is wrong with a file that should hold this text."""
    try:
        return "" if path.read_bytes() == text.encode() else "differs"
    except FileNotFoundError:
        return "is missing"
    except OSError as error:
        return f"cannot be read: {error.strerror}"


def _write(folder: Path, texts: Mapping[str, str], *, is_whole: bool) -> int:
    changed = {folder / path: text for path, text in texts.items() if _mistake(folder / path, text)}
    try:
        for path, text in changed.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode())
    except OSError as error:
        msg = f"--out: {error.filename or folder} cannot be written: {error.strerror}"
        raise Misuse(msg) from None
    click.echo(f"{folder}: {_files(len(texts))}, {len(changed)} of them changed")
    for path in _strays(folder, texts) if is_whole else ():
        click.echo(f"mockserver: {path} belongs to no model; delete it", err=True)
    return 0


def _strays(folder: Path, texts: Mapping[str, str]) -> list[Path]:
    """What stands among the fixtures of models and is none."""
    known = {folder / path for path in texts}
    return sorted(path for path in (folder / MODELS).rglob("*") if path.is_file() and path not in known)


def _files(count: int) -> str:
    return f"{count} file{'' if count == 1 else 's'}"
