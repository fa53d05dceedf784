"""The record of a simulated shop, from what `galla simulate --json` has printed: `python -m reliability.shop FILE`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from bench.report import machine
from reliability.record import Figure, Record, at_least, exactly, keep

LEAST_SHARE = 20
WANTED = 300_000
SEEDS = 50


def record(told: dict[str, Any]) -> Record:
    """Return the record of one simulation; a run that was ended early is told as far as it came."""
    is_twice = told["times"] > 1
    share = 100 * told["calls_with_a_fault"] // max(1, told["calls"])
    return Record(
        title="Simulated shops, each twice" if is_twice else "Simulated shops",
        how="The real service and store on one thread, with a virtual clock and the sandbox's truth; every invariant "
        "and a model of the shop are asked after each step, and the whole books once more at the end of each run.",
        command=f"make simulate ARGS='--seeds {told['runs']} --twice'" if is_twice else "make simulate",
        seeds=f"{told['seed']}, {told['runs']:,} runs, trace {told['trace']}",
        machine=machine(),
        faults=[f"{count:,} × {name.replace('_', ' ')}" for name, count in told["faults"].items()],
        figures=[
            *(_twice(told) if is_twice else [at_least("payments", told["payments"], WANTED)]),
            Figure(what="steps, each followed by every invariant", value=f"{told['steps']:,}"),
            Figure(what="requests to Paytm", value=f"{told['calls']:,}"),
            at_least("of a hundred requests, met by a fault", share, LEAST_SHARE),
            Figure(what="deaths of the process", value=f"{told['seen'].get('deaths', 0):,}"),
            *(exactly(name, count) for name, count in told["found"].items()),
            exactly("runs that broke something", len(told["broken_runs"])),
        ],
        violations=[f"run {each['run']}, step {each['step']}: {each['what']}" for each in told["broken_runs"]],
    )


def _twice(told: dict[str, Any]) -> list[Figure]:
    return [
        at_least("runs, each a seed of its own, played by two processes", told["runs"], SEEDS),
        exactly("runs that left another trace the second time", len(told["runs_unlike_themselves"])),
        Figure(what="payments", value=f"{told['payments']:,}"),
    ]


if __name__ == "__main__":
    simulated = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    keep("simulate", "SQLite, twice" if simulated["times"] > 1 else "SQLite", record(simulated))
