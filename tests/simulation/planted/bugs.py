"""Every planted bug."""

from __future__ import annotations

from tests.simulation.planted import giving_back, keeping, payments
from tests.simulation.planted.bug import Bug

BUGS: dict[str, Bug] = dict(
    sorted(
        {**payments.BUGS, **giving_back.BUGS, **keeping.BUGS}.items(),
        key=lambda item: (item[1].fault, item[0]),
    )
)
"""By name, in the order of the fault model."""
