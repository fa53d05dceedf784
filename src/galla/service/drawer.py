"""Cash that is put into a drawer or taken out of it beside the sales: each with a reason, booked, and in the report."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from galla import ids
from galla.clock import to_millis
from galla.errors import IdempotencyMismatch, IllegalTransition, InvalidField, NotFound
from galla.ledger.accounts import CASH_MOVED
from galla.ledger.posting import for_drawer_movement
from galla.money import check_amount, format_inr
from galla.service import shifts
from galla.service.till import Principal, Till
from galla.service.views import View
from galla.service.words import clean
from galla.store import drawer, ledger
from galla.store import shifts as stored
from galla.store.journal import Note, record

KINDS = ("pay_in", "pay_out")


async def move(
    till: Till,
    principal: Principal,
    shift_id: str,
    kind: str,
    amount_paise: int,
    reason: str,
    *,
    attempt: str | None = None,
) -> View:
    """Write down that cash was put in (`pay_in`) or taken out (`pay_out`), and return the shift as it stands now.

    Args:
        till: the open till.
        principal: who does it.
        shift_id: the open shift of the drawer.
        kind: one of `KINDS`.
        amount_paise: how much, in paise.
        reason: why; it stays with the shift.
        attempt: names the request: made again, it moves nothing again.

    Raises:
        NotFound: no such shift for this merchant.
        InvalidField, AmountNotAllowed: the kind, the reason or the amount cannot be used.
        IllegalTransition: the shift is closed (`shift_closed`), or less than that is in the drawer (`drawer_short`).
        IdempotencyMismatch: the attempt named another movement before.
    """
    if kind not in KINDS:
        raise InvalidField("`kind` is `pay_in` or `pay_out`.", param="kind")
    amount = check_amount(amount_paise)
    why = clean(reason, "reason", limit=200, is_required=True) or ""
    moved = await till.database.write(_move, till.clock.now(), principal, shift_id, kind, amount, why, attempt)
    till.bell.ring()
    return moved


def _move(
    connection: Connection,
    now: datetime,
    principal: Principal,
    shift_id: str,
    kind: str,
    amount: int,
    reason: str,
    attempt: str | None,
) -> View:
    merchant_id = principal.merchant_id
    row = stored.get(connection, merchant_id, shift_id, lock=True)
    if row is None:
        raise NotFound(f"There is no shift {shift_id[:60]}.")
    known = drawer.with_attempt(connection, merchant_id, attempt) if attempt is not None else None
    if known is not None:
        if (known.shift_id, known.kind, known.amount_paise, known.reason) != (row.id, kind, amount, reason):
            raise IdempotencyMismatch(
                "This request was made before with other values. Look at the shift before you move cash again.",
                param="Idempotency-Key",
                blocker=row.id,
            )
        return shifts.shown(connection, merchant_id, row.id)
    if row.closed_at is not None:
        raise IllegalTransition(f"The shift {row.id} is closed already, by {row.closed_by}.", code="shift_closed")
    held = shifts.reported(connection, row)[0]["cash_expected"]
    if kind == "pay_out" and amount > held:
        raise IllegalTransition(
            f"By the books there is {format_inr(held)} in the drawer at {row.counter}; {format_inr(amount)} cannot be "
            "taken out. Count it, and look whether a payment is still missing.",
            code="drawer_short",
            param="amount",
        )
    signed = amount if kind == "pay_in" else -amount
    movement_id = ids.new_id("mov", now)
    values = {
        "merchant_id": merchant_id,
        "id": movement_id,
        "shift_id": row.id,
        "kind": kind,
        "amount_paise": amount,
        "reason": reason,
        "actor": principal.actor,
        "attempt": attempt,
        "at": to_millis(now),
    }
    drawer.insert_movement(connection, values)
    sequence = stored.step(connection, merchant_id, row.id)
    ledger.add_account(connection, merchant_id, CASH_MOVED)
    ledger.book(connection, merchant_id, for_drawer_movement(movement_id, row.counter, signed, reason, now))
    view = shifts.shown(connection, merchant_id, row.id)
    note = Note(
        actor=principal.actor,
        origin=principal.origin,
        action="drawer.moved",
        object_id=row.id,
        detail={"counter": row.counter, "kind": kind, "amount": amount, "reason": reason},
    )
    record(connection, merchant_id, now, note, shifts.event("drawer.moved", view, sequence))
    return view
