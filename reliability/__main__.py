"""Run one of the long trials, or write RELIABILITY.md of what they left: `python -m reliability --help`."""

from __future__ import annotations

import argparse
import logging
import sys

import structlog

from reliability import document

DATABASES = ("sqlite", "postgres")


def main() -> int:
    """Run what is asked for; the exit code is 1 when something was violated or missed."""
    given = _parser().parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    if given.what in ("crash", "load"):
        good = [_on(name, given) for name in DATABASES if given.database in (name, "both")]
        return 0 if all(good) else 1
    if given.what == "powercut":
        from reliability import powercut

        return 0 if powercut.keep_run(given.cuts, given.rounds, given.seed) else 1
    if given.what == "mutants":
        from reliability import mutants

        return 1 if any(mutants.run(given.modules or list(mutants.TARGETS)).values()) else 0
    document.write()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m reliability", description=__doc__)
    parts = parser.add_subparsers(dest="what", required=True)
    crash = parts.add_parser("crash", help="SIGKILL of the real processes under load")
    crash.add_argument("--kills", type=int, default=200)
    load = parts.add_parser("load", help="customers at a steady rate, at two hundred counters")
    load.add_argument("--rate", type=float, help="customers a second; if left out, 20 on SQLite and 60 on PostgreSQL")
    load.add_argument("--minutes", type=float, default=10.0)
    for both in (crash, load):
        both.add_argument("--database", choices=[*DATABASES, "both"], default="both")
        both.add_argument("--seed", type=int, default=1)
        both.add_argument("--try", action="store_true", dest="is_try", help="leave no record")
    power = parts.add_parser("powercut", help="power cuts and bad disks under the SQLite store")
    power.add_argument("--cuts", type=int, default=2_000)
    power.add_argument("--rounds", type=int, default=20)
    power.add_argument("--seed", type=int, default=1)
    changed = parts.add_parser("mutants", help="small mistakes in the code on which money hangs")
    changed.add_argument("modules", nargs="*")
    parts.add_parser("document", help="write RELIABILITY.md")
    return parser


def _on(database: str, given: argparse.Namespace) -> bool:
    """Run a trial on one database, and return whether it was good; unless it is only a try, it leaves its record."""
    if given.what == "crash":
        from reliability import crash

        if given.is_try:
            return crash.run(database, given.kills, given.seed).is_good
        return crash.keep_run(database, given.kills, given.seed)
    from reliability import load

    rate_s = given.rate or load.RATE_S[database]
    if given.is_try:
        return load.run(database, rate_s, given.minutes * 60, given.seed).is_good
    return load.keep_run(database, rate_s, given.minutes, given.seed)


if __name__ == "__main__":
    sys.exit(main())
