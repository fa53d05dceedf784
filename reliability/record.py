"""What a trial leaves: counts, seeds, faults, figures beside their targets, and every violation it found.

One file of `reliability/` holds the records of one trial by section, such as a database. A section that is run again
takes the place of the one before.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from bench.report import Figure, machine

FOLDER = Path(__file__).parent


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One trial as it was run: `machine` says when, at which commit and on what."""

    title: str
    how: str
    command: str
    seeds: str
    machine: list[str]
    faults: list[str]
    figures: list[Figure]
    violations: list[str] = []

    @property
    def is_good(self) -> bool:
        """Whether nothing was violated and no target missed."""
        return not self.violations and all(figure.is_met is not False for figure in self.figures)


def tell(record: Record) -> None:
    """Print what came of a trial: each figure beside its target, and every violation."""
    for figure in record.figures:
        missed = "MISSED" if figure.is_met is False else ""
        print(f"{figure.what:<66} {figure.value:>12} {figure.target} {missed}".rstrip(), flush=True)
    for violation in record.violations:
        print(f"VIOLATION {violation}", flush=True)


def exactly(what: str, value: int, wanted: int = 0) -> Figure:
    """Return a figure that must be just this number."""
    return Figure(what=what, value=f"{value:,}", target=f"{wanted:,}", is_met=value == wanted)


def at_least(what: str, value: int, wanted: int) -> Figure:
    """Return a count that must not be smaller."""
    return Figure(what=what, value=f"{value:,}", target=f"≥ {wanted:,}", is_met=value >= wanted)


def count(what: str, value: int) -> Figure:
    """Return a count without a target."""
    return Figure(what=what, value=f"{value:,}")


def within(what: str, values_s: list[float], limit_s: float | None = None) -> list[Figure]:
    """Return the median and the 99th percentile of waits in seconds; only the latter has a limit."""
    if not values_s:
        return [Figure(what=f"{what}: none measured", value="0")]
    ranked = sorted(values_s)
    p99 = ranked[min(len(ranked) - 1, round(0.99 * (len(ranked) - 1)))]
    return [
        Figure(what=f"{what}: how many", value=f"{len(ranked):,}"),
        Figure(what=f"{what}: half within", value=f"{ranked[len(ranked) // 2]:.2f} s"),
        Figure(
            what=f"{what}: p99",
            value=f"{p99:.2f} s",
            target=f"≤ {limit_s:g} s" if limit_s is not None else "",
            is_met=p99 <= limit_s if limit_s is not None else None,
        ),
        Figure(what=f"{what}: longest", value=f"{ranked[-1]:.2f} s"),
    ]


def facts() -> list[str]:
    """Return when this is run, at which commit, on what computer."""
    return machine()


def read(name: str, folder: Path = FOLDER) -> dict[str, Record]:
    """Return the records of a trial by section; none if it was never run."""
    path = folder / f"{name}.json"
    return msgspec.json.decode(path.read_bytes(), type=dict[str, Record]) if path.exists() else {}


def keep(name: str, section: str, record: Record, folder: Path = FOLDER) -> Path:
    """Write a record down in the place of the section's earlier one, and return its file."""
    records = {**read(name, folder), section: record}
    path = folder / f"{name}.json"
    path.write_bytes(msgspec.json.format(msgspec.json.encode(records), indent=2) + b"\n")
    return path
