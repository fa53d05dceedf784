"""Many runs of one seed are told as one, and one that was interrupted goes on where it stood."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import psutil  # type: ignore[import-untyped]
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


def test_a_campaign_that_is_killed_leaves_no_process_behind(tmp_path: Path) -> None:
    """The processes that play the runs end soon after the one that reads what they say, however that one ended."""
    notebook = tmp_path / "runs.jsonl"
    words = ["simulate", "--payments", "1000000", "--jobs", "2", "--notebook", str(notebook)]
    with subprocess.Popen([sys.executable, "-m", "galla.cli", *words], stderr=subprocess.DEVNULL) as first:
        end = time.monotonic() + 60
        while not notebook.exists() or notebook.read_bytes().count(b"\n") < 3:
            assert time.monotonic() < end, "no run has ended"
            time.sleep(0.05)
        players = psutil.Process(first.pid).children(recursive=True)
        first.kill()
    assert len(players) >= 2
    _, alive = psutil.wait_procs(players, timeout=60)
    assert alive == []
