"""How fast this computer is, told by a named peer, so that one limit holds on every computer.

The limits in microseconds and in shares of a core were set on the computer where Paytm's own library signs six fields
in `REFERENCE_US`. A pace of 2 means that it takes twice as long here, now; such a limit is then allowed twice as much.
"""

from __future__ import annotations

from collections.abc import Callable

from paytmchecksum import PaytmChecksum  # type: ignore[import-untyped]

from bench.checksums import BODY, KEY_TEXT
from bench.report import Figure, medians_us

REFERENCE_US = 17.9


def beside(works: list[Callable[[], object]], rounds: int) -> tuple[float, list[float]]:
    """Return the pace while the works took turns with the peer, and the CPU microseconds of one call of each."""
    peer_us, *ours = medians_us([_sign, *works], rounds)
    return peer_us / REFERENCE_US, ours


def now(rounds: int = 9) -> float:
    """Return the pace of this moment."""
    return beside([], rounds)[0]


def at_most(what: str, value: float, limit: float, unit: str, pace: float) -> Figure:
    """Return a figure that should not be above a limit of the reference computer, times this one's pace."""
    return Figure(
        what=what,
        value=f"{value:.3g} {unit}",
        target=f"≤ {limit:g} {unit} × {pace:.2f}",
        is_met=value <= limit * pace,
    )


def _sign() -> object:
    return PaytmChecksum.generateSignature(BODY, KEY_TEXT)
