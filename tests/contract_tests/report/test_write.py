import json
from pathlib import Path

import pytest

from contract_tests.report.write import ReportError, read, write
from tests.contract_tests.report.samples import clause_of, sample


def test_a_report_is_written_in_four_forms_and_read_back(tmp_path: Path) -> None:
    folder = tmp_path / "out" / "run 1"
    paths = write(sample(), folder)
    assert paths == {form: folder / f"report.{form}" for form in ("json", "xml", "html", "md")}
    assert sorted(folder.iterdir()) == sorted(paths.values())
    assert read(paths["json"]) == sample()
    write(sample(), folder)
    assert sorted(folder.iterdir()) == sorted(paths.values())


def test_numbers_that_json_cannot_hold_do_not_cost_the_report(tmp_path: Path) -> None:
    report = sample()
    clause_of(report, "ROBUST-2")["recorded"] = {"big": float("inf"), "long": 10**5000}
    found = read(write(report, tmp_path)["json"])
    assert clause_of(found, "ROBUST-2")["recorded"] == {"big": "inf", "long": "an integer of 16610 bits"}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is damaged, not JSON: "),
        (b'{"version": 1, "to', "is damaged, not JSON: "),
        (b"\xff\xfe", "is damaged, not JSON: "),
        (b"[" * 100_000, "is damaged, not JSON: "),
        (b"[]", 'is no report: it has no "version"'),
        (b'{"version": 2}', "is a report of version 2, want 1: run the contract again to renew it"),
        (b'{"version": true}', "is damaged: "),
        (b'{"version": 1}', "is damaged: the top: "),
    ],
)
def test_a_file_that_is_no_report_is_an_error_with_its_name(tmp_path: Path, content: bytes, problem: str) -> None:
    path = tmp_path / "report.json"
    path.write_bytes(content)
    with pytest.raises(ReportError) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}: {problem}")


def test_a_missing_file_and_a_folder_in_the_way_are_errors(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="cannot be read: No such file"):
        read(tmp_path / "none.json")
    (tmp_path / "file").write_text("x")
    with pytest.raises(ReportError, match="cannot be written: "):
        write(sample(), tmp_path / "file")
    (tmp_path / "busy" / "report.html").mkdir(parents=True)
    with pytest.raises(ReportError, match="cannot be written: "):
        write(sample(), tmp_path / "busy")
    assert not list((tmp_path / "busy").glob(".*"))


def test_a_value_too_deep_is_an_error(tmp_path: Path) -> None:
    report = sample()
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    clause_of(report, "ROBUST-2")["recorded"] = {"deep": deep}
    with pytest.raises(ReportError, match="too deep"):
        write(report, tmp_path)


def test_the_file_is_json_that_any_reader_takes(tmp_path: Path) -> None:
    text = write(sample(), tmp_path)["json"].read_bytes()
    assert text.isascii()
    json.loads(text, parse_constant=pytest.fail)
