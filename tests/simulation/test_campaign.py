"""Many runs of one seed are told as one, and one that was interrupted goes on where it stood."""

from __future__ import annotations

from pathlib import Path

import pytest

from galla.errors import ConfigError
from galla.simulation.campaign import Campaign, play_all
from galla.simulation.notebook import Notebook


def test_a_campaign_goes_on_where_it_was_interrupted(tmp_path: Path) -> None:
    """Runs that a notebook holds are not played again, one that was half written is, and the trace is the same."""
    path, told = tmp_path / "runs.jsonl", list[int]()

    def campaign() -> Campaign:
        kept = Notebook(path, "again", 1)
        return play_all(Campaign("again", 1, seeds=3), 1, lambda each: told.append(each.runs), kept)

    whole = campaign()
    path.write_bytes(path.read_bytes()[:-20])
    again = campaign()
    assert told == [1, 2, 3, 3]
    assert (again.trace, again.tally, again.runs) == (whole.trace, whole.tally, 3)


def test_a_notebook_is_of_one_seed_and_one_galla(tmp_path: Path) -> None:
    """Nothing is added to the runs of another seed, nor to a file that is something else."""
    path = tmp_path / "runs.jsonl"
    Notebook(path, "monsoon", 1)
    for seed, times in (("summer", 1), ("monsoon", 2)):
        with pytest.raises(ConfigError, match="Name another file"):
            Notebook(path, seed, times)
    path.write_text("a shopping list")
    with pytest.raises(ConfigError, match="Name another file"):
        Notebook(path, "monsoon", 1)
    assert path.read_text() == "a shopping list"
