"""One planted bug against many seeds."""

from __future__ import annotations

import atexit
from collections import Counter
from pathlib import Path
from typing import Any

from galla.simulation.day import play
from galla.simulation.playhouse import Playhouse, open_house
from tests.simulation.planted.bugs import BUGS

SEED, STEPS, RUSH = "planted", 36, 24
CAUGHT = Path(__file__).with_name("caught.json")
CLUMSY = ("TypeError", "AttributeError", "NameError", "KeyError", "UnboundLocalError")
"""What a planted bug raises that no longer fits the code around it: nothing of galla's has caught that."""
_houses: list[Playhouse] = []


def open_one() -> None:
    """Open a playhouse for this process."""
    house = open_house()
    _houses.append(house.__enter__())
    atexit.register(house.__exit__, None, None, None)


def attempt(name: str, seeds: int, most: int) -> dict[str, Any]:
    """Play the seeds with the bug planted, and more of them until one catches it, up to `most`.

    `run` is the one that catches it soonest.
    """
    bug, cries, soonest, tried = BUGS[name], Counter[str](), (10**6, -1), 0
    while tried < seeds or (not cries and tried < most):
        with bug.planted():
            played = play(_houses[0], SEED, tried, STEPS, RUSH)
        _houses[0].heard.clear()
        if played.breach is not None and not any(name in played.breach for name in CLUMSY):
            cries[_who(played.breach)] += 1
            soonest = min(soonest, (played.step or 0, tried))
        tried += 1
    return {
        "bug": name, "fault": bug.fault, "sentence": bug.sentence, "caught": sum(cries.values()), "seeds": tried,
        "first": cries.most_common(1)[0][0] if cries else "nobody", "run": soonest[1], "step": soonest[0],
        "cries": dict(cries),
    }


def _who(breach: str) -> str:
    """Return who cried first: an invariant by its number, the database, the log, or the model of the shop."""
    words = breach.removeprefix("Breach: ")
    if words.startswith("I-"):
        return words[:4]
    if "IntegrityError" in breach:
        return "the database"
    if "_failed:" in breach or "Task exception" in breach:
        return "the log"
    return "the model" if breach.startswith("Breach") else breach.partition(":")[0]
