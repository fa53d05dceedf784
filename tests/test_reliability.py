"""RELIABILITY.md says what the records say, and points at tests that exist."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

from reliability import document
from reliability.record import Figure, Record, keep, read

ROOT = Path(__file__).parents[1]


def test_the_page_is_what_the_records_give() -> None:
    """RELIABILITY.md is current: `make reliability` writes it from the records of the trials."""
    assert document.PAGE.read_text(encoding="utf-8") == document.page()


def test_no_record_holds_a_violation() -> None:
    """A trial whose record is kept here violated nothing. A target it missed is shown as missed."""
    records = [record for name in document.TRIALS for record in read(name).values()]
    assert [record.title for record in records if record.violations] == []
    for record in records:
        missed = sum(figure.is_met is False for figure in record.figures)
        assert document.page().count("**missed**") >= missed


def test_every_test_it_names_exists() -> None:
    """Each invariant names a test file, or a test in it, that is there."""
    said = tomllib.loads(document.SAID.read_text(encoding="utf-8"))
    named = {test for each in said["invariant"] for test in each["shown_by"]}
    assert sorted(named - set(_tests(named))) == []
    assert [each["number"] for each in said["invariant"]] == [f"I-{number:02}" for number in range(1, 26)]


def test_a_trial_that_was_not_run_is_said_to_be(tmp_path: Path) -> None:
    """Without its record a trial is listed as not run; with one, its figures, seeds and violations are shown."""
    assert document.page(tmp_path).count("| not run |") == len(document.TRIALS)
    record = Record(
        title="SIGKILL", how="How.", command="run", seeds="7", machine=["here"], faults=["2 × SIGKILL"],
        figures=[Figure(what="lost", value="1", target="0", is_met=False)], violations=["pay_1 is gone"],
    )  # fmt: skip
    keep("crash", "SQLite", record, tmp_path)
    page = document.page(tmp_path)
    assert "| SIGKILL | `make crash` | **1 violations** |" in page
    assert "| lost | 1 | 0 | **missed** |" in page
    assert "- pay_1 is gone" in page
    assert not record.is_good


def _tests(named: set[str]) -> Iterator[str]:
    for path in {test.partition("::")[0] for test in named}:
        yield path
        for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{path}::{node.name}"
