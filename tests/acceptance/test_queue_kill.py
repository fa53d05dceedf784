"""The kill test of a payment by code: the process dies at every boundary, and one charge is made, by a code on show.

As in `test_upi_kill.py`, whose lives these are. A code that a dead process was given and had not written down is
seen by nobody; whoever stands at a machine types only what the counter shows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from galla.clock import ManualClock
from galla.errors import IdempotencyInProgress
from galla.protocol.queue import QueueState
from galla.sandbox.charge import ChargeState
from galla.sandbox.sandbox import Sandbox
from galla.sandbox.terminal import Action
from galla.service import payments
from galla.service.till import Principal, Till
from galla.simulation.dying import DyingDatabase
from galla.store.claims import next_due_at
from galla.store.tables import payments as payment_rows
from tests.acceptance import test_upi_kill as lives
from tests.acceptance.test_upi_kill import Fresh
from tests.service.shop import AMOUNT, SECOND

fresh = lives.fresh
PATIENCE = 400


@pytest.mark.timeout(300)
async def test_f03_killed_at_any_boundary_of_a_code_it_is_paid_once(
    fresh: Fresh, request: pytest.FixtureRequest, record_property: Callable[[str, object], None]
) -> None:
    """Whatever the boundary: one payment, one charge, by the code that is written down; no other code is left alive."""
    boundaries = await lives._undisturbed(fresh, lives._nothing, _take)
    assert len(boundaries) >= 20
    rows, failures = await lives._killed_at_each(fresh, boundaries, lives._nothing, _take, _paid_once)
    lives._tell(record_property, request, "a payment by code", rows, failures)
    assert not failures, "\n".join(failures)


async def _take(till: Till, principal: Principal, box: Sandbox, clock: ManualClock) -> None:
    """Ask for a code, then let time pass, with a worker and somebody at a machine, until the payment is final."""
    box.stop_play()  # a machine that collects by itself would type in what nobody has seen
    new = payments.NewPayment(amount_paise=AMOUNT, method="queue", reference="R-1")
    with suppress(IdempotencyInProgress):
        await payments.start(till, principal, new, idempotency_key="click-1", fingerprint="f")
    safe = till.database.real if isinstance(till.database, DyingDatabase) else till.database
    for _ in range(PATIENCE):
        (row,) = await safe.read(_rows) or [None]
        due_at = await safe.read(next_due_at)
        if row is None or row.status in ("paid", "not_paid") or due_at is None:
            return
        _type_in(box, row)
        clock.advance(max(0.1, (due_at - clock.now()).total_seconds()))
        await till.worker().drain_due()


def _rows(connection: Any) -> list[Any]:
    return list(connection.execute(payment_rows.select()))


def _type_in(box: Sandbox, row: Any) -> None:
    """Type the code that the counter shows into a machine, and pay there, unless that was done before."""
    entry = box.entries.get((row.mid, row.code or ""))
    if entry is not None and box.state_of(entry, box.clock.now()) is QueueState.IN_QUEUE:
        box.type_code(SECOND, entry.code)
        box.act(SECOND, Action.INSERT)
        box.act(SECOND, Action.PIN_RIGHT)


async def _paid_once(till: Till, principal: Principal, box: Sandbox, boundary: str, crossed: list[str]) -> str:
    (view,) = (await payments.find(till, principal, {}))["data"]
    assert (view["status"], view["needs_review"], view["is_late"]) == ("paid", False, False)
    assert [charge.amount_paise for charge in box.charges.values() if charge.state is ChargeState.PAID] == [AMOUNT]
    states = Counter(box.state_of(entry, box.clock.now()) for entry in box.entries.values())
    assert states[QueueState.COMPLETED] == 1
    assert set(states) <= {QueueState.COMPLETED, QueueState.CANCELLED}, "a code that nobody has seen can be typed in"
    sent = Counter(call.operation for call in box.wire.calls())
    assert sent["queue"] <= 2
    return f"paid once: {sent['queue']} created, {sent['queue_cancel']} taken back, {sent['queue_status']} asked"
