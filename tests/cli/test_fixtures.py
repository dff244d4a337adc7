"""`mockserver fixtures`."""

import json
from pathlib import Path

import pytest

from mockserver.cli.fixtures import own_folder
from mockserver.recording.shelf import pieces_of
from tests.cli.conftest import Run

SHIPPED = Path(__file__).parents[2] / "fixtures"
MODEL = Path("models", "images.generate", "flux-2-pro.json")


@pytest.fixture
def kept(here: Run, tmp_path: Path) -> Path:
    """A folder of the fixtures of one model and of the assets."""
    done = here("fixtures", "flux-2-pro", "assets", "--out", str(tmp_path))
    assert (done.code, done.out, done.err) == (0, f"{tmp_path}: 2 files, 2 of them changed\n", "")
    return tmp_path


def test_files_of_the_models_that_are_named_are_those_that_ship(kept: Path) -> None:
    written = {path.relative_to(kept) for path in kept.rglob("*.json")}
    assert written == {MODEL, Path("assets.json")}
    assert [path for path in written if kept.joinpath(path).read_bytes() != SHIPPED.joinpath(path).read_bytes()] == []


def test_check_names_what_differs_or_is_missing_and_writes_nothing(here: Run, kept: Path) -> None:
    kept.joinpath(MODEL).write_text("{}", encoding="utf-8")
    kept.joinpath("assets.json").unlink()
    done = here("fixtures", "flux-2-pro", "assets", "--check", "--out", str(kept))
    assert (done.code, done.out) == (1, f"{kept / MODEL}: differs\n{kept / 'assets.json'}: is missing\n")
    assert [path.relative_to(kept) for path in kept.rglob("*.json")] == [MODEL]
    assert here("fixtures", "flux-2-pro", "assets", "--out", str(kept)).code == 0
    done = here("fixtures", "flux-2-pro", "assets", "--check", "--out", str(kept))
    assert (done.code, done.out) == (0, f"{kept}: 2 files as recorded now\n")


def test_a_file_that_belongs_to_no_model_is_named_and_left_to_its_owner(
    here: Run, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mockserver.cli.fixtures.everything", dict)
    monkeypatch.setattr("mockserver.cli.fixtures.pieces_of", lambda *args: pieces_of(*args)[2:3])
    written, checked = here("fixtures", "--out", str(kept)), here("fixtures", "--check", "--out", str(kept))
    assert (written.code, written.err) == (0, f"mockserver: {kept / MODEL} belongs to no model; delete it\n")
    assert (checked.code, checked.out) == (1, f"{kept / MODEL}: belongs to no model\n")
    assert kept.joinpath(MODEL).exists()


def test_one_model_is_printed(here: Run) -> None:
    done = here("fixtures", "flux-2-pro", "--stdout")
    assert (done.code, done.out.encode()) == (0, SHIPPED.joinpath(MODEL).read_bytes())
    assert json.loads(done.out)["minimal"]["price"] == 6


def test_a_checkout_s_own_folder_is_the_default_and_an_installed_package_leaves_its_own_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert own_folder() == SHIPPED
    monkeypatch.setattr("mockserver.cli.fixtures.data_folder", lambda name: tmp_path / "_data" / name)
    assert own_folder() == Path("fixtures")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["flux-2-por"], 'there is no model "flux-2-por"; did you mean flux-2-pro'),
        (["error"], 'there is no model "error"; did you mean errors'),
        (["--stdout"], "--stdout: goes with one MODEL"),
        (["assets", "--stdout", "--check"], "--stdout: goes with one MODEL"),
        (["assets", "--out", f"{__file__}/below"], "--out: "),
    ],
    ids=["model", "other", "which", "both", "folder"],
)
def test_a_misuse_is_one_line(here: Run, arguments: list[str], complaint: str) -> None:
    done = here("fixtures", *arguments)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert done.err.startswith(f"mockserver: {complaint}")
