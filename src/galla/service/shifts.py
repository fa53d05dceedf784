"""Shifts: opened with a float, looked at any time (X), closed once with the counted cash and two people (Z).

A shift cannot be closed over a payment that has not come to its end: whoever goes home leaves nothing unexplained.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Row

from galla import ids
from galla.clock import from_millis, rfc3339, to_millis
from galla.config import Secret
from galla.errors import IllegalTransition, InvalidField, NotFound
from galla.ledger.accounts import CASH_DIFFERENCE
from galla.ledger.posting import for_cash_difference
from galla.money import MAX_PAISE, format_inr
from galla.service import approval
from galla.service.shift_report import report
from galla.service.till import Principal, Till
from galla.service.views import View
from galla.service.words import clean
from galla.store import drawer, ledger, shifts
from galla.store.journal import Event, Note, record

_NAMED_MAX = 5


async def open_shift(till: Till, principal: Principal, counter: str, float_paise: int) -> View:
    """Begin a shift at a counter with what lies in its drawer.

    Raises:
        InvalidField: no counter, or a float that is no amount.
        IllegalTransition: a shift is open there already (`shift_open`).
    """
    name = clean(counter, "counter", limit=40, is_required=True) or ""
    return await till.database.write(_open, till, principal, name, _paise(float_paise, "float"))


async def get(till: Till, principal: Principal, shift_id: str) -> View:
    """Return one shift: closed, as it was closed; open, as it stands now (the X report).

    Raises:
        NotFound: no such shift for this merchant.
    """
    return await till.database.read(shown, principal.merchant_id, shift_id)


async def find(
    till: Till, principal: Principal, *, counter: str | None = None, limit: int = 50, cursor: str | None = None
) -> View:
    """Return a page of shifts, newest first, without the sums of those that are open."""
    limit = min(max(limit, 1), 200)
    rows = await till.database.read(
        shifts.find, principal.merchant_id, limit=limit + 1, before=cursor, counter=counter
    )
    page = rows[:limit]
    return {
        "data": [_view(row, _frozen(row)) for row in page],
        "next_cursor": page[-1].id if len(rows) > limit else None,
    }


async def at_counter(till: Till, principal: Principal, counter: str) -> View | None:
    """Return the shift that is open at a counter as it stands now, or None."""
    return await till.database.read(_at_counter, principal.merchant_id, counter)


async def standing(till: Till, principal: Principal) -> View | None:
    """Return since when a shift is open at the caller's counter and what it took, for the bar; None: none is open."""
    if principal.counter is None:
        return None
    return await till.database.read(_standing, principal.merchant_id, principal.counter)


async def in_the_way(till: Till, principal: Principal, counter: str) -> list[View]:
    """Return what keeps a counter's shift from being closed: `kind` is `payment`, `task` or `refund`."""
    rows = await till.database.read(shifts.unfinished, principal.merchant_id, counter)
    return [
        {
            "id": row.id,
            "kind": row.kind,
            "payment": row.payment_id,
            "reference": row.reference,
            "amount": row.amount_paise,
            "status": row.status,
        }
        for row in rows
    ]


async def close_shift(
    till: Till, principal: Principal, shift_id: str, counted_paise: int, approver: Secret, reason: str | None = None
) -> View:
    """End a shift: the cash is counted, a difference has a reason, and a second person signs.

    Raises:
        NotFound: no such shift for this merchant.
        InvalidField: the count is no amount, or differs without a reason.
        IllegalTransition: it is closed already (`shift_closed`), or something is unfinished (`shift_unfinished`).
        Forbidden: the second person is not known, may not sign, or is the caller.
    """
    counted = _paise(counted_paise, "counted")
    words = clean(reason, "reason", limit=200)
    witness = await approval.second_person(till, principal, approver, frozenset({"collect", "refund", "admin"}))
    closed = await till.database.write(_close, till, principal, shift_id, counted, words, witness)
    till.bell.ring()
    return closed


def _open(connection: Connection, till: Till, principal: Principal, counter: str, float_paise: int) -> View:
    now = till.clock.now()
    known = shifts.open_at(connection, principal.merchant_id, counter)
    if known is not None:
        raise IllegalTransition(
            f"A shift is open at {counter} since {rfc3339(from_millis(known.opened_at))}, by {known.opened_by}. "
            "Close that one first.",
            code="shift_open",
            param="counter",
            blocker=known.id,
        )
    shift_id = ids.new_id("shf", now)
    values = {
        "merchant_id": principal.merchant_id,
        "id": shift_id,
        "counter": counter,
        "opened_by": principal.actor,
        "opened_at": to_millis(now),
        "float_paise": float_paise,
        "sequence": 1,
    }
    shifts.insert_shift(connection, values)
    view = shown(connection, principal.merchant_id, shift_id)
    _journal(connection, principal, "shift.opened", view, 1, now)
    return view


def shown(connection: Connection, merchant_id: str, shift_id: str) -> View:
    """Return one shift inside a transaction, as `get` does.

    Raises:
        NotFound: no such shift for this merchant.
    """
    row = shifts.get(connection, merchant_id, shift_id)
    if row is None:
        raise NotFound(f"There is no shift {shift_id[:60]}.")
    return _view(row, _frozen(row) or reported(connection, row)[0])


def _at_counter(connection: Connection, merchant_id: str, counter: str) -> View | None:
    row = shifts.open_at(connection, merchant_id, counter)
    return None if row is None else _view(row, reported(connection, row)[0])


def _standing(connection: Connection, merchant_id: str, counter: str) -> View | None:
    row = shifts.open_at(connection, merchant_id, counter)
    if row is None:
        return None
    collected = shifts.taken_paise(connection, row)
    return {"id": row.id, "opened_at": rfc3339(from_millis(row.opened_at)), "collected": collected}


def _close(
    connection: Connection,
    till: Till,
    principal: Principal,
    shift_id: str,
    counted: int,
    reason: str | None,
    witness: str,
) -> View:
    now = till.clock.now()
    row = shifts.get(connection, principal.merchant_id, shift_id, lock=True)
    if row is None:
        raise NotFound(f"There is no shift {shift_id[:60]}.")
    if row.closed_at is not None:
        raise IllegalTransition(f"The shift {row.id} is closed already, by {row.closed_by}.", code="shift_closed")
    made, counted_ids = reported(connection, row)
    _check_finished(row, made["unfinished"])
    difference = counted - made["cash_expected"]
    if difference and reason is None:
        less_or_more = "more" if difference > 0 else "less"
        raise InvalidField(
            f"There is {format_inr(abs(difference))} {less_or_more} in the drawer than the books say "
            f"({format_inr(made['cash_expected'])}). Count again, or give the reason.",
            param="reason",
            code="difference_unexplained",
        )
    values = {
        "closed_by": principal.actor,
        "witness": witness,
        "closed_at": to_millis(now),
        "counted_paise": counted,
        "expected_paise": made["cash_expected"],
        "difference_reason": reason if difference else None,
        "report": msgspec.json.encode(made).decode(),
        "number": shifts.next_number(connection, principal.merchant_id, row.counter),
        "sequence": row.sequence + 1,
    }
    shifts.close(connection, principal.merchant_id, row.id, values)
    shifts.count(connection, principal.merchant_id, row.id, counted_ids)
    if difference:
        ledger.add_account(connection, principal.merchant_id, CASH_DIFFERENCE)
        ledger.book(connection, principal.merchant_id, for_cash_difference(row.id, row.counter, difference, now))
    view = shown(connection, principal.merchant_id, row.id)
    _journal(connection, principal, "shift.closed", view, row.sequence + 1, now)
    return view


def _check_finished(row: Row[Any], unfinished: list[str]) -> None:
    if not unfinished:
        return
    named = ", ".join(unfinished[:_NAMED_MAX]) + (" and more" if len(unfinished) > _NAMED_MAX else "")
    raise IllegalTransition(
        f"The shift at {row.counter} cannot be closed: {len(unfinished)} of its payments are unfinished ({named}). "
        "Check each again, or settle its task; then close the shift.",
        code="shift_unfinished",
        blocker=unfinished[0],
    )


def reported(connection: Connection, row: Row[Any]) -> tuple[View, list[str]]:
    """Return how a shift stands, and the ids of the payments and refunds that are in it."""
    unfinished = shifts.unfinished(connection, row.merchant_id, row.counter)
    going = shifts.on_their_way(connection, row.merchant_id, row.counter)
    taken, given = shifts.taken(connection, row), shifts.given(connection, row)
    made = {
        **report(taken, given, drawer.of_shift(connection, row.merchant_id, row.id), row.float_paise, row.opened_at),
        "refunds_on_their_way": len(going),
        "on_its_way_back": -sum(going),
        "unfinished": [str(each.id) for each in unfinished],
    }
    return made, [str(each.id) for each in (*taken, *given)]


def _frozen(row: Row[Any]) -> View | None:
    return msgspec.json.decode(row.report) if row.report is not None else None


def _view(row: Row[Any], made: View | None) -> View:
    is_closed = row.closed_at is not None
    return {
        "id": row.id,
        "object": "shift",
        "status": "closed" if is_closed else "open",
        "counter": row.counter,
        "number": row.number,
        "opened_by": row.opened_by,
        "opened_at": rfc3339(from_millis(row.opened_at)),
        "float": row.float_paise,
        "closed_by": row.closed_by,
        "witness": row.witness,
        "closed_at": rfc3339(from_millis(row.closed_at)) if is_closed else None,
        "counted": row.counted_paise,
        "difference": row.counted_paise - row.expected_paise if is_closed else None,
        "difference_reason": row.difference_reason,
        "report": made,
    }


def _journal(
    connection: Connection, principal: Principal, action: str, view: View, sequence: int, now: datetime
) -> None:
    detail = {name: view[name] for name in ("counter", "float", "counted", "difference", "witness")}
    note = Note(
        actor=principal.actor, origin=principal.origin, action=action, object_id=view["id"], detail=detail
    )
    record(connection, principal.merchant_id, now, note, event(action, view, sequence))


def event(action: str, view: View, sequence: int) -> Event:
    """Return what others are told of a shift."""
    data = msgspec.json.encode(view).decode()
    return Event(type=action, object_id=view["id"], sequence=sequence, data=data)


def _paise(value: int, param: str) -> int:
    if type(value) is not int or not 0 <= value <= MAX_PAISE:
        raise InvalidField(f"`{param}` must be an amount in whole paise, from 0.", param=param)
    return value
