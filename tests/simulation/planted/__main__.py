"""Try planted bugs against many seeds, print the table, and keep what came of it.

    python -m tests.simulation.planted [--seeds N] [--most N] [--jobs N] [NAME …]

Without names every bug is tried. What is known of the others is kept in `caught.json`, and all of it goes into
`reliability/planted.json`.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from typing import Any

from bench.report import machine
from reliability.record import Figure, Record, keep
from tests.simulation.planted.bugs import BUGS
from tests.simulation.planted.trial import CAUGHT, RUSH, SEED, STEPS, attempt, open_one


def main() -> int:
    """Try them; 1 if one was never caught."""
    given = argparse.ArgumentParser(prog="planted")
    given.add_argument("--seeds", type=int, default=8, help="seeds for each bug")
    given.add_argument("--most", type=int, default=48, help="seeds at most for one that none has caught")
    given.add_argument("--jobs", type=int, default=os.cpu_count())
    given.add_argument("names", nargs="*")
    asked = given.parse_args()
    known = json.loads(CAUGHT.read_text()) if CAUGHT.exists() else {}
    about = machine()  # before the first row is kept, which changes the records that are committed
    with ProcessPoolExecutor(asked.jobs, get_context("spawn"), open_one) as pool:
        trials = [pool.submit(attempt, name, asked.seeds, asked.most) for name in asked.names or BUGS]
        for trial in as_completed(trials):
            row = trial.result()
            known[row["bug"]] = row
            _keep(known, about)
            print("{bug:42} {fault}  {caught:>2} of {seeds:>2}  {first}".format_map(row), flush=True)
    missed = [name for name in BUGS if not known.get(name, {}).get("caught")]
    print(f"{len(BUGS) - len(missed)} of {len(BUGS)} planted bugs were caught", *missed, sep="; ")
    return 1 if missed else 0


def _keep(known: dict[str, Any], about: list[str]) -> None:
    rows = {name: known[name] for name in BUGS if name in known}
    CAUGHT.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n")
    caught = sum(row["caught"] > 0 for row in rows.values())
    keep("planted", "SQLite", Record(
        title="Planted bugs",
        how="The naive version of each fault's handling is put in the place of the real one, and the simulated shop is "
        "played with it. A run catches it when an invariant, the model of the shop, the database or the log cries.",
        command="make planted",
        seeds=f"{SEED}/0 and on, runs of {STEPS} deeds, one in {RUSH} parts a rush",
        machine=about,
        faults=sorted({bug.fault for bug in BUGS.values()}),
        figures=[
            Figure(what="bugs caught", value=f"{caught}", target=f"{len(BUGS)}", is_met=caught == len(BUGS)),
            *(_figure(name, rows.get(name)) for name in BUGS),
        ],
    ))


def _figure(name: str, row: dict[str, Any] | None) -> Figure:
    bug = BUGS[name]
    what = f"{bug.fault} {name}: {bug.sentence}"
    if row is None:
        return Figure(what=what, value="not tried yet", target="1 seed or more", is_met=False)
    value = f"{row['caught']} of {row['seeds']} seeds, first {row['first']}"
    return Figure(what=what, value=value, target="1 seed or more", is_met=row["caught"] > 0)


if __name__ == "__main__":
    sys.exit(main())
