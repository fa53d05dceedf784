"""One run as a seed decides it: so much trouble, so many steps, and whatever may happen in each.

How much goes wrong differs from run to run, so that some find what only a quiet shop shows and some what only a
storm does. Together more than a fifth of all requests to Paytm meet a fault.
"""

from __future__ import annotations

from collections import Counter

import msgspec

from galla.sandbox.faults import Fault, Kind
from galla.simulation.deeds import TROUBLES, WEIGHTS
from galla.simulation.dice import Choice, Dice
from galla.simulation.network import Road, Trouble
from galla.simulation.paytm import BAD_ROADS, DELAYS_MS, LATE_MS, SPOILED, TOLD_LATE
from galla.simulation.playhouse import Playhouse
from galla.simulation.run import Run

STEPS = 48
IN_THE_RUSH = {"bill", "card", "upi", "cash", "code"}
FROM_THE_SKY = {"spoil", "bad_road", "delay", "told_late", "hold"}
BUSY = {**{name: weight for name, weight in WEIGHTS.items() if name not in IN_THE_RUSH}, "rush": 60}
BAD = {name: weight for name, weight in TROUBLES.items() if name not in FROM_THE_SKY}
CALM_DEEDS, ALL_DEEDS = Choice(BUSY), Choice({**BUSY, **BAD})
TROUBLED = (20, 30, 35, 40, 45, 60, 75)
"""In how many of a hundred requests something goes wrong, one of these in each run."""
BEFALLS = {"spoiled": 5, "bad road": 6, "delayed": 2, "told late": 3, "held": 5, "stale": 2}
_BEFALLS = Choice(BEFALLS)
HOLDS = (Road.HOLD_REQUEST, Road.HOLD_ANSWER, Road.STALL)


class Played(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one run: what it counted, the hash of all that happened in it, and what broke at which step."""

    number: int
    tally: dict[str, int]
    trace: str
    breach: str | None = None
    step: int | None = None


def play(house: Playhouse, seed: str, number: int, steps: int = STEPS) -> Played:
    """Play one run of a seed to its end, or to the first breach."""
    name = f"{seed}/{number}"
    dice, tally = Dice(name), Counter[str]()
    step, breach = 0, None  # the last step is the end itself
    run = Run(house, tally, seed=name)
    try:
        troubled = dice.one_of(TROUBLED)
        run.stage.network.weather = lambda: _weather(dice, troubled)
        deeds = CALM_DEEDS if dice.below(8) == 0 else ALL_DEEDS
        while step < steps:
            step += 1
            run.step(deeds.draw(dice), dice.below(6), dice.below(6), dice.below(64))
        step += 1
        run.end()
    except Exception as error:
        breach = f"{type(error).__name__}: {error}"
    finally:
        trace = run.trace.hexdigest()
        run.close()
    return Played(number=number, tally=dict(tally), trace=trace, breach=breach, step=step if breach else None)


def _weather(dice: Dice, troubled: int) -> Trouble:
    """Decide what befalls one request."""
    if dice.below(100) >= troubled:
        return Road.OPEN
    match _BEFALLS.draw(dice):
        case "spoiled":
            return Fault(kind=dice.one_of(SPOILED))
        case "bad road":
            return Fault(kind=dice.one_of(BAD_ROADS), retry_after_s=5)
        case "delayed":
            return Fault(kind=Kind.DELAY, after_ms=dice.one_of(DELAYS_MS))
        case "told late":
            return Fault(kind=dice.one_of(TOLD_LATE), after_ms=dice.one_of(LATE_MS))
        case "held":
            return dice.one_of(HOLDS)
        case _:
            return Road.STALE
