"""Measure galla on this computer and write `bench/RESULTS.md`: about five minutes, with `--quick` half of that.

`pages` fills both engines with the bills and payments of a year, `history` with those of many; `queues` takes the job
queues alone. The first two take minutes more: ask for them by name.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import time

import structlog

from bench import (
    checksums,
    history,
    messages,
    pages,
    polling,
    queues,
    report,
    sdks,
    starting,
    upi_flow,
    upi_messages,
)
from bench.engines import Engine, both
from bench.report import Part, say
from galla.cli.hosting import run


def main() -> None:
    """Measure everything, print it, write it down."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds; for a first impression")
    parser.add_argument("only", nargs="?", choices=["pages", "history", "queues"], help="only this part")
    parser.add_argument("--long", action="store_true", help="history: to ten million, on SQLite alone")
    given = parser.parse_args()
    if given.long and given.only != "history":
        parser.error("--long is for `history`.")
    is_quick = given.quick
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    began = time.monotonic()
    facts = report.machine()
    for fact in facts:
        say(fact)
    rounds = 7 if is_quick else 25
    parts: list[Part] = []
    if given.only is not None:
        _measure_only(given.only, is_quick, facts, is_long=given.long)
        return

    def done(part: Part) -> None:
        parts.append(part)
        report.show(part)

    done(checksums.measure(rounds))
    done(messages.measure(rounds))
    done(upi_messages.measure(rounds))
    done(sdks.measure(rounds))
    say("\nUPI over HTTP")
    done(asyncio.run(upi_flow.measure(3 if is_quick else 9)))
    say("\nStarting databases")
    with both() as engines:
        for engine in engines:
            done(run(starting.measure(engine, rounds=1 if is_quick else 3, count=500 if is_quick else 1000)))
        for engine in engines:
            done(run(polling.measure(engine, windows=2 if is_quick else 3, window_s=5 if is_quick else 10)))
        done(run(queues.measure(engines[1], window_s=5 if is_quick else 15)))
    report.write(facts, parts)
    missed = [figure.what for part in parts for figure in part.figures if figure.is_met is False]
    say(f"\nMissed: {', '.join(missed) or 'nothing'}.")
    say(f"Written to bench/{report.RESULTS.name} after {time.monotonic() - began:.0f} s.")


def _measure_only(what: str, is_quick: bool, facts: list[str], *, is_long: bool) -> None:
    """Measure one part; what is written down about all else stays."""
    with both() as engines:
        chosen = engines[1:] if what == "queues" else engines[:1] if is_long else engines
        for engine in chosen:
            part = run(_part(what, engine, is_quick, is_long))
            report.show(part)
            report.put(part, facts)


async def _part(what: str, engine: Engine, is_quick: bool, is_long: bool) -> Part:
    if what == "pages":
        return await pages.measure(engine, bills=10_000 if is_quick else 100_000, rounds=60)
    if what == "history":
        counts = [10_000, 100_000] if is_quick else [100_000, 1_000_000]
        return await history.measure(engine, [*counts, 10_000_000] if is_long else counts)
    return await queues.measure(engine, window_s=5 if is_quick else 15)


if __name__ == "__main__":
    main()
