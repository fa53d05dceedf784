"""The test that would find a lost rupee: thousands of random steps in a real shop, each one checked.

`galla simulate` does many more of them by a seed; here hypothesis is at the wheel, and can make what it finds small.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import seed as seeded
from hypothesis.stateful import run_state_machine_as_test

from galla.simulation.day import play
from galla.simulation.playhouse import Playhouse, listening, open_house
from tests.acceptance.crash_table import TABLE
from tests.simulation.machine import SimulatedShop
from tests.simulation.postgres_house import PostgresHouse

PARTS = 2
STEPS = int(os.environ.get("GALLA_SIMULATED_STEPS", "3000"))
SEED = os.environ.get("GALLA_SIMULATED_SEED", "galla")
RUN = 150


@pytest.fixture
def house() -> Iterator[Playhouse]:
    """A loop and a folder in memory for all runs of a test."""
    with open_house() as made:
        yield made


@pytest.fixture
def postgres_house(postgres_url: str, tmp_path: Path) -> Iterator[Playhouse]:
    """A loop and a PostgreSQL for the runs of a test."""
    made = PostgresHouse(tmp_path, postgres_url)
    with listening(made.heard):
        yield made
    made.close()


@pytest.mark.timeout(900)
@pytest.mark.parametrize("part", range(1, PARTS + 1))
def test_no_step_loses_a_rupee(
    part: int, house: Playhouse, record_property: Callable[[str, object], None]
) -> None:
    """Staff, customers, Paytm, network, clock and computer do as they please: every invariant holds after each step."""
    record_property(TABLE, _simulate(house, STEPS // PARTS, f"part {part} of {PARTS}"))


@pytest.mark.timeout(300)
def test_no_step_loses_a_rupee_on_postgresql(
    postgres_house: Playhouse, record_property: Callable[[str, object], None]
) -> None:
    """The same on PostgreSQL, for a few busy steps by a seed: the rules are the same, and a step is dearer."""
    played = play(postgres_house, SEED, 1, steps=12)
    assert played.breach is None, f"step {played.step}: {played.breach}"
    assert played.tally["payments"] > 5
    seen = ", ".join(f"{count:,} {what}" for what, count in played.tally.items() if count)
    record_property(TABLE, f"simulated shop, on PostgreSQL\n{seen}")


def _simulate(house: Playhouse, wanted: int, name: str) -> str:
    """Run at least so many steps and return what is to be told of them."""
    began = time.monotonic()

    class Part(SimulatedShop):
        """The rules of one part, counted by themselves."""

    Part.house, Part.tally = house, Counter()
    while Part.tally["steps"] < wanted:  # hypothesis may end a run early: more runs, until there are enough steps
        left = wanted - Part.tally["steps"]
        chosen = settings(
            max_examples=left // RUN + 1,
            stateful_step_count=RUN,
            deadline=None,
            database=None,
            print_blob=False,
            phases=[Phase.generate, Phase.shrink] if os.environ.get("GALLA_SIMULATED_SHRINK") else [Phase.generate],
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        )
        seeded(f"{SEED}/{name}/{left}")(Part)
        run_state_machine_as_test(Part, settings=chosen)
    steps, runs = Part.tally.pop("steps"), Part.tally.pop("runs")
    seen = ", ".join(f"{count:,} {what}" for what, count in Part.tally.items())
    assert Part.tally["payments"] > wanted // 50, "the steps have hardly reached a payment"
    return f"simulated shop, {name}\n{steps:,} steps in {runs} runs and {time.monotonic() - began:.0f} s: {seen}"
