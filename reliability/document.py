"""RELIABILITY.md: what was run, with which seeds and faults, what came of it, what it found, and what it cannot show.

All figures come from the records beside this file; what people write is in `said.toml`. A trial without a record is
said to be not run.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from reliability.record import FOLDER, Figure, Record, read

PAGE = FOLDER.parent / "RELIABILITY.md"
SAID = FOLDER / "said.toml"

TRIALS = {
    "crash": ("SIGKILL under load", "make crash"),
    "powercut": ("Power cuts", "make powercut"),
    "simulate": ("Simulated shops", "make simulate"),
    "planted": ("Planted bugs", "make planted"),
    "load": ("Load", "make load"),
    "mutants": ("Mutants", "make mutants"),
}
"""Every trial there is: its record's name, its title, and the command that runs it."""

HEAD = """\
# Reliability

<!-- Written by `make reliability` from reliability/*.json and reliability/said.toml: run the trial, then that. -->

galla promises that every rupee is explained: no payment lost, none doubled, none guessed. This page says how that is
tried, by what, and how far the trials reach. Each figure comes from a record in `reliability/` that names its commit,
its seed and its computer; the command beside it runs it again.

No failure in N independent trials means, with 95 % confidence, that fewer than 3 in N of **the faults tried here** do
harm. It says nothing about faults that are not tried; the last part lists them.
"""


def page(folder: Path = FOLDER) -> str:
    """Return the page as the records and the written part make it."""
    said = tomllib.loads(SAID.read_text(encoding="utf-8"))
    records = {name: read(name, folder) for name in TRIALS}
    parts = [HEAD, *_summary(records)]
    for name, found in records.items():
        for record in found.values():
            parts += _trial(TRIALS[name][1], record)
    parts += _found(said.get("found", []))
    parts += _invariants(said["invariant"])
    parts += ["## What is not modelled", "", *(f"- {line}" for line in said["not_modelled"]["says"]), ""]
    return "\n".join(parts)


def write() -> Path:
    """Write the page, and return where."""
    PAGE.write_text(page(), encoding="utf-8")
    print(f"Written: {PAGE.name}")
    return PAGE


def _summary(records: dict[str, dict[str, Record]]) -> Iterator[str]:
    yield from ("## What was run", "", "| Trial | Run by | Came to |", "|---|---|---|")
    for name, (title, command) in TRIALS.items():
        found = records[name]
        if not found:
            yield f"| {title} | `{command}` | not run |"
        for record in found.values():
            yield f"| {record.title} | `{command}` | {_came_to(record)} |"
    yield ""


def _came_to(record: Record) -> str:
    missed = [figure.what for figure in record.figures if figure.is_met is False]
    if record.violations:
        return f"**{len(record.violations)} violations**"
    if len(missed) > 1:
        return f"nothing violated; **{len(missed)} targets missed**, see below"
    return f"nothing violated; **missed**: {missed[0]}" if missed else "nothing violated, every target met"


def _trial(command: str, record: Record) -> Iterator[str]:
    yield from (f"## {record.title}", "", record.how, "")
    yield f"Run by `{command}`: `{record.command}`. Seeds: {record.seeds}."
    yield from ("", *(f"- {fact}" for fact in record.machine), "")
    if record.faults:
        yield from ("Faults: " + "; ".join(record.faults) + ".", "")
    yield from ("| | | Target | |", "|---|--:|--:|---|", *map(_line, record.figures), "")
    if record.violations:
        yield from ("Violations:", "", *(f"- {violation}" for violation in record.violations), "")


def _line(figure: Figure) -> str:
    verdict = {True: "met", False: "**missed**", None: ""}[figure.is_met]
    return f"| {figure.what} | {figure.value} | {figure.target} | {verdict} |"


def _found(found: list[dict[str, Any]]) -> Iterator[str]:
    yield from ("## What the trials have found", "")
    if not found:
        yield from ("Nothing yet.", "")
        return
    yield from ("| By | What was wrong | Now |", "|---|---|---|")
    yield from (f"| {each['by']} | {each['wrong']} | {each['now']} |" for each in found)
    yield ""


def _invariants(invariants: list[dict[str, Any]]) -> Iterator[str]:
    yield from ("## What always holds, and what keeps it", "")
    yield from ("| | Always | Kept by | Shown by |", "|---|---|---|---|")
    for each in invariants:
        shown = ", ".join(_link(test) for test in each["shown_by"])
        yield f"| {each['number']} | {each['says']} | {each['kept_by']} | {shown} |"
    yield ""


def _link(test: str) -> str:
    path, _, name = test.partition("::")
    return f"[{name or Path(path).stem}]({path})"
