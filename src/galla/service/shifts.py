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
from galla.service import approval, comparing
from galla.service.shift_match import Theirs
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
    till: Till,
    principal: Principal,
    shift_id: str,
    counted_paise: int,
    approver: Secret,
    reason: str | None = None,
    paytm_reason: str | None = None,
) -> View:
    """End a shift: the cash is counted, its payments stand beside Paytm's list, and a second person signs.

    A difference in the cash has a `reason`. Where Paytm's list differs, or cannot be had, one of the two is a lead, and
    `paytm_reason` is what they say to it.

    Raises:
        NotFound: no such shift for this merchant.
        InvalidField: the count is no amount or differs without a reason (`difference_unexplained`), or Paytm's list
            differs without one (`paytm_differs`, `paytm_not_asked`).
        IllegalTransition: it is closed already (`shift_closed`), or something is unfinished (`shift_unfinished`).
        Forbidden: the second person is not known, may not sign, or is the caller.
    """
    counted = _paise(counted_paise, "counted")
    words = clean(reason, "reason", limit=200)
    said = clean(paytm_reason, "paytm_reason", limit=200)
    await till.database.read(_check_closable, principal.merchant_id, shift_id)
    theirs = await comparing.ask(till, principal, shift_id)
    found = await till.database.read(comparing.beside, principal.merchant_id, shift_id, theirs)
    if found["status"] != "agrees" and said is None:
        raise _unexplained(found)
    is_leads = found["status"] == "agrees" or "refund" in principal.scopes
    signers = frozenset({"collect", "refund", "admin"} if is_leads else {"refund"})
    witness = await approval.second_person(till, principal, approver, signers)
    ending = _Ending(
        counted_paise=counted,
        reason=words,
        witness=witness,
        theirs=theirs,
        paytm=found["status"],
        paytm_reason=said if found["status"] != "agrees" else None,
        lead=(principal.actor if "refund" in principal.scopes else witness) if found["status"] != "agrees" else None,
    )
    closed = await till.database.write(_close, till.clock.now(), principal, shift_id, ending)
    till.bell.ring()
    return closed


class _Ending(msgspec.Struct, frozen=True, kw_only=True):
    """How a shift is closed: the count, who signs, what Paytm lists (`paytm`: how that compared), and what was said."""

    counted_paise: int
    reason: str | None
    witness: str
    theirs: Theirs
    paytm: str
    paytm_reason: str | None
    lead: str | None


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


def _check_closable(connection: Connection, merchant_id: str, shift_id: str, *, lock: bool = False) -> Row[Any]:
    """Return the row of a shift that is open and has nothing unfinished; others are refused before Paytm is asked."""
    row = shifts.get(connection, merchant_id, shift_id, lock=lock)
    if row is None:
        raise NotFound(f"There is no shift {shift_id[:60]}.")
    if row.closed_at is not None:
        raise IllegalTransition(f"The shift {row.id} is closed already, by {row.closed_by}.", code="shift_closed")
    _check_finished(row, [str(each.id) for each in shifts.unfinished(connection, merchant_id, row.counter)])
    return row


def _close(connection: Connection, now: datetime, principal: Principal, shift_id: str, ending: _Ending) -> View:
    merchant_id = principal.merchant_id
    row = _check_closable(connection, merchant_id, shift_id, lock=True)
    made, counted_ids = reported(connection, row)
    paytm = comparing.beside(connection, merchant_id, row.id, ending.theirs)
    if paytm["status"] != ending.paytm:
        raise IllegalTransition(
            f"A payment at {row.counter} was proven while the shift was being closed. Nothing is lost; look at the "
            "shift once more, then close it.",
            code="shift_unfinished",
        )
    made["paytm"] = {**paytm, "reason": ending.paytm_reason, "by": ending.lead}
    difference = ending.counted_paise - made["cash_expected"]
    if difference and ending.reason is None:
        raise _counted_wrong(difference, made["cash_expected"])
    values = {
        "closed_by": principal.actor,
        "witness": ending.witness,
        "closed_at": to_millis(now),
        "counted_paise": ending.counted_paise,
        "expected_paise": made["cash_expected"],
        "difference_reason": ending.reason if difference else None,
        "report": msgspec.json.encode(made).decode(),
        "number": shifts.next_number(connection, merchant_id, row.counter),
        "sequence": row.sequence + 1,
    }
    shifts.close(connection, merchant_id, row.id, values)
    shifts.count(connection, merchant_id, row.id, counted_ids)
    if difference:
        ledger.add_account(connection, merchant_id, CASH_DIFFERENCE)
        ledger.book(connection, merchant_id, for_cash_difference(row.id, row.counter, difference, now))
    view = shown(connection, merchant_id, row.id)
    _journal(connection, principal, "shift.closed", view, row.sequence + 1, now)
    return view


def _counted_wrong(difference: int, expected: int) -> InvalidField:
    less_or_more = "more" if difference > 0 else "less"
    return InvalidField(
        f"There is {format_inr(abs(difference))} {less_or_more} in the drawer than the books say "
        f"({format_inr(expected)}). Count again, or give the reason.",
        param="reason",
        code="difference_unexplained",
    )


def _unexplained(found: View) -> InvalidField:
    """Return the error for a comparison that a lead must say something to."""
    if found["status"] == "not_asked":
        said, code = f"{found['trouble']} The card and UPI totals could not be compared.", "paytm_not_asked"
    else:
        count = len(found["only_ours"]) + len(found["only_theirs"]) + len(found["differ"])
        many = "1 payment" if count == 1 else f"{count} payments"
        said, code = f"Paytm's list and galla's books differ in {many}.", "paytm_differs"
    return InvalidField(
        f"{said} Nothing is closed yet. Try again, or let a lead look at it and say why it may be closed.",
        param="paytm_reason",
        code=code,
    )


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
        "paytm": None,
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
