"""Run one of the long trials, or write RELIABILITY.md of what they left: `python -m reliability --help`."""

from __future__ import annotations

import argparse
import logging
import sys

import structlog

from reliability import document


def main() -> int:
    """Run what is asked for; the exit code is 1 when something was violated or missed."""
    parser = argparse.ArgumentParser(prog="python -m reliability", description=__doc__)
    parts = parser.add_subparsers(dest="what", required=True)
    crash = parts.add_parser("crash", help="SIGKILL of the real processes under load")
    crash.add_argument("--kills", type=int, default=200)
    crash.add_argument("--database", choices=["sqlite", "postgres", "both"], default="both")
    crash.add_argument("--seed", type=int, default=1)
    crash.add_argument("--try", action="store_true", dest="is_try", help="leave no record")
    power = parts.add_parser("powercut", help="power cuts and bad disks under the SQLite store")
    power.add_argument("--cuts", type=int, default=2_000)
    power.add_argument("--rounds", type=int, default=20)
    power.add_argument("--seed", type=int, default=1)
    changed = parts.add_parser("mutants", help="small mistakes in the code on which money hangs")
    changed.add_argument("modules", nargs="*")
    parts.add_parser("document", help="write RELIABILITY.md")
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    if given.what == "crash":
        from reliability import crash as trial

        names = ["sqlite", "postgres"] if given.database == "both" else [given.database]
        go = (lambda *words: trial.run(*words).is_good) if given.is_try else trial.keep_run
        good = [go(name, given.kills, given.seed) for name in names]
        return 0 if all(good) else 1
    if given.what == "powercut":
        from reliability import powercut

        return 0 if powercut.keep_run(given.cuts, given.rounds, given.seed) else 1
    if given.what == "mutants":
        from reliability import mutants

        return 1 if any(mutants.run(given.modules or list(mutants.TARGETS)).values()) else 0
    document.write()
    return 0


if __name__ == "__main__":
    sys.exit(main())
