"""F36, F37 at the lowest edge: the power is cut, or the disk fails, under galla's own store. The long form is `make
powercut`."""

from __future__ import annotations

import pytest

from reliability.disk import Kind
from reliability.powercut import GALLA, HURTS, WEAK, cut, hurt, tape


async def test_f36_what_was_acknowledged_outlives_a_power_cut() -> None:
    """Wherever the power is cut and whatever was not synced is left: every acknowledged commit is there, none by half.

    With `synchronous=NORMAL` the same cuts find losses, so this test can fail.
    """
    kept = cut(await tape(1, synchronous=GALLA), 50, "seed")
    assert (kept.cuts, kept.lost, kept.torn, dict(kept.wrong)) == (50, 0, 0, {})
    assert cut(await tape(1, synchronous=WEAK), 20, "seed").lost > 0


@pytest.mark.parametrize("place", [0, 5])
@pytest.mark.parametrize(("kind", "code"), [(kind, code) for kind, code, _ in HURTS], ids=[says for *_, says in HURTS])
def test_f37_a_disk_that_fails_stops_the_till(kind: Kind, code: int, place: int) -> None:
    """A commit whose write or sync fails is refused, nothing is written after it, and a restart finds all before it."""
    made, found = hurt(kind, code, place)
    assert (made.has_failed, made.is_closed) == (True, True)
    assert (found.cuts, found.lost, found.torn, dict(found.wrong)) == (2, 0, 0, {})
