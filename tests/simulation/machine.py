"""Hypothesis at the wheel of a simulated run: a stateful test whose rules are the run's deeds.

The deeds are one rule with a weighted choice, because hypothesis would leave half of many rules out of each run. How
much trouble there is differs from run to run.
"""

from __future__ import annotations

import sys
from collections import Counter
from typing import ClassVar

import hypothesis.strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from galla.simulation.deeds import TROUBLES, WEIGHTS
from galla.simulation.playhouse import Playhouse
from galla.simulation.run import Run

DEEDS = [deed for deed, weight in WEIGHTS.items() for _ in range(weight)]
TROUBLE = [deed for deed, weight in TROUBLES.items() for _ in range(weight)]
SECTIONS = 8


class SimulatedShop(RuleBasedStateMachine):
    """Each step is one deed with three small numbers; when the run is over, everything is healed and compared."""

    house: ClassVar[Playhouse]
    tally: ClassVar[Counter[str]]

    def __init__(self) -> None:
        super().__init__()
        self._run = Run(self.house, self.tally)
        self.tally["runs"] += 1
        self._calm = 0

    @initialize(calm=st.integers(0, SECTIONS))
    def morning(self, calm: int) -> None:
        """The day begins with two customers, and more or less peace: so many eighths of its trouble are left out."""
        self._calm = calm
        for which in (0, 2):
            self._run.step("bill", which, 0, 0)

    @rule(deed=st.sampled_from(DEEDS + TROUBLE), a=st.integers(0, 5), b=st.integers(0, 5), c=st.integers(0, 63))
    def do(self, deed: str, a: int, b: int, c: int) -> None:
        """Somebody does something."""
        if deed in TROUBLES and c % SECTIONS < self._calm:
            deed = DEEDS[(a * 64 + c) % len(DEEDS)]
        self._run.step(deed, a, b, c)

    def teardown(self) -> None:
        """The day ends; if nothing has been found yet, everything is healed and compared."""
        try:
            if sys.exc_info()[0] is None:
                self._run.end()
        finally:
            self._run.close()
