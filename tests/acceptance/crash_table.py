"""Prints what the crash tests found, at the end of any run and however quiet it is."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

TABLE = "crash table"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the tables that tests of this folder have left."""
    for reports in terminalreporter.stats.values():
        for title, lines in tables(reports):
            terminalreporter.section(title)
            for line in lines:
                terminalreporter.write_line(line)


def tables(reports: Iterable[object]) -> Iterable[tuple[str, list[str]]]:
    """Yield the title and lines of each table that a finished test recorded."""
    for report in reports:
        if getattr(report, "when", None) == "call":
            for name, value in getattr(report, "user_properties", []):
                if name == TABLE:
                    title, *lines = str(value).splitlines()
                    yield title, lines
