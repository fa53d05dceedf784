"""A seed decides everything: the same run leaves the same trace, wherever and however it is played."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from galla.simulation.day import play
from galla.simulation.playhouse import Playhouse, open_house
from tests.simulation.planted.bugs import BUGS
from tests.simulation.planted.trial import CAUGHT, RUSH, SEED, STEPS

ROOT = Path(__file__).parents[2]
KNOWN = {name: row for name, row in json.loads(CAUGHT.read_text()).items() if row["caught"]}
PLAY = """
import sys
from galla.simulation.day import play
from galla.simulation.playhouse import open_house
with open_house() as house:
    for number in range(3):
        print(play(house, "same", number, steps=8).trace)
"""


@pytest.fixture(scope="module")
def house() -> Iterator[Playhouse]:
    """A loop and a folder in memory for all runs."""
    with open_house() as made:
        yield made


def test_the_same_seed_leaves_the_same_trace() -> None:
    """Two processes with other hash seeds play the same runs to the last row and byte."""
    found = [
        subprocess.run(
            [sys.executable, "-c", PLAY],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT / "src"), "PATH": ""},
            capture_output=True, text=True, check=True,
        ).stdout
        for seed in ("1", "2024")
    ]
    assert found[0] == found[1]
    assert len(set(found[0].split())) == 3, "other runs leave the same trace"


def test_thirty_bugs_are_caught() -> None:
    """At least thirty of the planted bugs have a run that catches them."""
    assert set(KNOWN) <= set(BUGS)
    assert len(KNOWN) >= 30


@pytest.mark.parametrize("name", KNOWN)
def test_a_planted_bug_is_caught(name: str, house: Playhouse) -> None:
    """The run that the record names cries when the bug is planted."""
    with BUGS[name].planted():
        played = play(house, SEED, KNOWN[name]["run"], STEPS, RUSH)
    house.heard.clear()
    assert played.breach is not None


@pytest.mark.parametrize("number", [0, 1])
def test_nothing_is_found_where_nothing_is_planted(number: int, house: Playhouse) -> None:
    """The runs that catch the bugs find nothing in the real thing."""
    played = play(house, SEED, number, STEPS, RUSH)
    assert played.breach is None, f"step {played.step}: {played.breach}"
