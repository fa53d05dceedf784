"""What a counter took and gave back in a shift, added up: by mode, machine and user. Plain sums of paise."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from sqlalchemy import Row

from galla.clock import from_millis, rfc3339
from galla.payments.model import Method, Proof
from galla.service.views import View

_proofs = msgspec.json.Decoder(Proof)


def report(
    taken: Sequence[Row[Any]],
    given: Sequence[Row[Any]],
    moved: Sequence[Row[Any]],
    float_paise: int,
    opened_at: int,
) -> View:
    """Return the report of a shift; what is given back has a minus sign.

    Args:
        taken: what became paid, as `galla.store.shifts.taken` returns it.
        given: what was given back, as `galla.store.shifts.given` returns it.
        moved: what was put into the drawer and taken out, as `galla.store.drawer.of_shift` returns it.
        float_paise: what lay in the drawer at the beginning.
        opened_at: the instant the shift began, in milliseconds; money for an older bill is an old due, and cash that
            came after the last shift and before this one lies in the float already.
    """
    collected = sum(row.amount_paise for row in taken)
    returned = sum(row.amount_paise for row in given)
    cash = [row.amount_paise for row in taken if _in_drawer(row, opened_at)]
    cash_back = [row.amount_paise for row in given if _in_drawer(row, opened_at)]
    early = [row.amount_paise for row in taken if row.settled_at < opened_at]
    early_back = [row.amount_paise for row in given if row.settled_at < opened_at]
    put_in = sum(row.amount_paise for row in moved if row.kind == "pay_in")
    taken_out = sum(row.amount_paise for row in moved if row.kind == "pay_out")
    old = [row.amount_paise for row in taken if row.billed_at is not None and row.billed_at < opened_at]
    return {
        "payments": len(taken),
        "refunds": len(given),
        "collected": collected,
        "given_back": -returned,
        "net": collected - returned,
        "before_opening": sum(early) - sum(early_back),
        "old_dues": sum(old),
        "by_mode": _by(_mode, taken, given),
        "by_machine": _by_machine(taken, given),
        "by_user": _by(lambda row: str(row.actor), taken, given),
        "cash_taken": sum(cash),
        "cash_given_back": -sum(cash_back),
        "put_in": put_in,
        "taken_out": -taken_out,
        "movements": [_movement(row) for row in moved],
        "cash_expected": float_paise + sum(cash) - sum(cash_back) + put_in - taken_out,
    }


def _by_machine(taken: Sequence[Row[Any]], given: Sequence[Row[Any]]) -> list[View]:
    """Return the sums by TID, each with the name its machine had."""
    labels = {row.tid: row.machine for row in (*given, *taken)}
    return [{**line, "label": labels[line["name"]]} for line in _by(lambda row: str(row.tid or ""), taken, given)]


def _movement(row: Row[Any]) -> View:
    """Return one movement of the drawer; what was taken out has a minus sign."""
    amount = row.amount_paise if row.kind == "pay_in" else -row.amount_paise
    at = rfc3339(from_millis(row.at))
    return {"id": row.id, "kind": row.kind, "amount": amount, "reason": row.reason, "actor": row.actor, "at": at}


def _in_drawer(row: Row[Any], opened_at: int) -> bool:
    """Return whether cash came or went since the float was counted: what lay there before is part of the float."""
    return bool(row.method == Method.CASH and row.settled_at >= opened_at)


def _by(name: Callable[[Row[Any]], str], taken: Sequence[Row[Any]], given: Sequence[Row[Any]]) -> list[View]:
    sums: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for row in taken:
        sums[name(row)][0] += 1
        sums[name(row)][1] += row.amount_paise
    for row in given:
        sums[name(row)][2] -= row.amount_paise
    return [
        {"name": each, "count": count, "collected": collected, "given_back": back, "net": collected + back}
        for each, (count, collected, back) in sorted(sums.items())
        if each
    ]


def _mode(row: Row[Any]) -> str:
    if row.method == Method.CASH:
        return "CASH"
    return _proofs.decode(row.proof).mode or str(row.method).upper()
