"""What a measurement is, how one is repeated, and how all of them are printed and written down."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from statistics import median

import msgspec
import psutil  # type: ignore[import-untyped]

from galla.clock import SYSTEM, rfc3339

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "bench" / "RESULTS.md"
ROUND_S = 0.02
PACE = (
    "A target written `≤ 40 µs × 1.5` was set on a computer where `paytmchecksum` signs six fields in 17.9 µs, and is "
    "multiplied by how much longer it takes here, measured in the same rounds."
)
_PACKAGES = ("paytmchecksum", "cryptography", "msgspec", "aiohttp", "SQLAlchemy", "pysqlite3", "asyncpg")


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the results; `is_met` is None where there is no target."""

    what: str
    value: str
    target: str = ""
    is_met: bool | None = None


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One measured part, with a sentence on how it was measured."""

    title: str
    how: str
    figures: list[Figure]


def at_most(what: str, value: float, limit: float, unit: str) -> Figure:
    """Return a figure that should not be above a limit."""
    return Figure(what=what, value=f"{value:.3g} {unit}", target=f"≤ {limit:g} {unit}", is_met=value <= limit)


def at_least(what: str, value: float, limit: float, unit: str) -> Figure:
    """Return a figure that should not be below a limit."""
    return Figure(what=what, value=f"{value:.3g}{unit}", target=f"≥ {limit:g}{unit}", is_met=value >= limit)


def say(line: str) -> None:
    """Tell whoever waits what is being measured."""
    print(line, flush=True)


def medians_us(works: list[Callable[[], object]], rounds: int) -> list[float]:
    """Return the CPU microseconds of one call of each, the median of rounds in which they take turns."""
    return [median(seen) for seen in zip(*_turns_us(works, rounds), strict=True)]


def compared_us(theirs: Callable[[], object], ours: Callable[[], object], rounds: int) -> tuple[float, float, float]:
    """Return the CPU microseconds of one call of each, and how many times theirs is ours: medians of rounds.

    The ratio is taken in each round, so that a busy computer, which slows both, changes it little.
    """
    turns = _turns_us([theirs, ours], rounds)
    theirs_us, ours_us = (median(seen) for seen in zip(*turns, strict=True))
    return theirs_us, ours_us, median(theirs / ours for theirs, ours in turns)


def _turns_us(works: list[Callable[[], object]], rounds: int) -> list[list[float]]:
    counts = [_calls_in_a_round(work) for work in works]
    return [
        [_cpu_s(work, count) / count * 1e6 for work, count in zip(works, counts, strict=True)] for _ in range(rounds)
    ]


def _calls_in_a_round(work: Callable[[], object]) -> int:
    count = 64
    while _cpu_s(work, count) < ROUND_S:
        count *= 2
    return count


def _cpu_s(work: Callable[[], object], count: int) -> float:
    started = time.process_time()
    for _ in range(count):
        work()
    return time.process_time() - started


def machine() -> list[str]:
    """Return what the figures depend on: the computer, how busy it is, the versions, the commit."""
    memory_gib = psutil.virtual_memory().total / 2**30
    packages = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    load = ", ".join(f"{number:.2f}" for number in os.getloadavg())
    return [
        f"{rfc3339(SYSTEM.now())}, commit {_commit()}",
        f"{_processor()}, {os.cpu_count()} cores, {memory_gib:.0f} GiB, {platform.system()} {platform.release()}",
        f"Python {platform.python_version()}, {packages}",
        f"load average at the start: {load} (1, 5, 15 minutes), run at niceness {os.nice(0)}",
    ]


def show(part: Part) -> None:
    """Print a part."""
    say(f"\n{part.title}")
    for figure in part.figures:
        verdict = "" if figure.is_met is None else f"  {figure.target}: {'met' if figure.is_met else 'MISSED'}"
        say(f"  {figure.what:<58} {figure.value:>16}{verdict}")


def write(facts: list[str], parts: list[Part]) -> None:
    """Write the results down, for people. What `put` has written, which this did not measure, stays at the end."""
    kept = _alone({part.title for part in parts}) if RESULTS.exists() else []
    command = " ".join(["python -m bench", *sys.argv[1:]])
    lines = ["# Measurements", "", f"Written by `{command}`. Medians; CPU time where nothing else is said.", ""]
    lines += [PACE, ""]
    lines += [f"- {fact}" for fact in facts]
    for part in parts:
        lines += ["", f"## {part.title}", "", part.how, "", *_table(part)]
    lines += [line for each in kept for line in ("", f"## {each.strip()}")]
    RESULTS.write_text("\n".join(lines) + "\n", encoding="utf-8")


def put(part: Part, facts: list[str]) -> None:
    """Write one part down among the results, in the place of what stood there under its title."""
    text = RESULTS.read_text(encoding="utf-8") if RESULTS.exists() else "# Measurements\n"
    before, _, rest = text.partition(f"\n## {part.title}\n")
    _, mark, after = rest.partition("\n## ")
    lines = [f"## {part.title}", "", part.how, "", *(f"- {fact}" for fact in facts), ""]
    written = "\n".join([before.rstrip(), "", *lines, *_table(part), ""])
    RESULTS.write_text(f"{written}{mark}{after}", encoding="utf-8")


def _alone(measured: set[str]) -> list[str]:
    """Return the parts that were measured alone, and not now: each names the computer and the hour itself."""
    _, *written = RESULTS.read_text(encoding="utf-8").split("\n## ")
    return [each for each in written if "\n- load average" in each and each.partition("\n")[0] not in measured]


def _table(part: Part) -> list[str]:
    lines = ["| | | Target | |", "|---|--:|--:|---|"]
    for figure in part.figures:
        verdict = {True: "met", False: "**missed**", None: ""}[figure.is_met]
        lines.append(f"| {figure.what} | {figure.value} | {figure.target} | {verdict} |")
    return lines


def _commit() -> str:
    """Return the commit, and whether anything has changed since but what trials and measurements themselves write."""
    written = [f":!{each}" for each in ("reliability/*.json", "*/caught.json", "RELIABILITY.md", "bench/RESULTS.md")]
    at, changed = (
        subprocess.run(["git", "-C", str(ROOT), *asked], capture_output=True, text=True, check=False).stdout.strip()
        for asked in (["describe", "--always"], ["status", "--porcelain", "--untracked-files=no", "--", ".", *written])
    )
    return (at or "unknown") + ("-dirty" if changed else "")


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(": ", 1)[1] for line in lines if line.startswith("model name")), platform.machine())
