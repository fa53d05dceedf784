"""What Paytm lists beside what a shift took by card and UPI: every order on one side only, and amounts that differ.

Pure: who asks Paytm is `comparing.py`. The list proves nothing and moves no money; it says where a person must look.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Row

from galla.clock import IST
from galla.payments.model import Method
from galla.protocol.order import ListedOrder
from galla.protocol.pg_envelope import paise
from galla.service.views import View

SUCCESS = "SUCCESS"


class Theirs(msgspec.Struct, frozen=True, kw_only=True):
    """What Paytm's list says, by order id; or why it could not be asked."""

    orders: Mapping[str, ListedOrder] = {}
    trouble: str | None = None


def match(
    taken: Sequence[Row[Any]], theirs: Theirs, known: Mapping[str, Row[Any]], counter: str, began: datetime
) -> View:
    """Return the comparison of a shift with Paytm's list.

    Args:
        taken: what the shift took, as `galla.store.shifts.taken` returns it; cash is left out.
        theirs: Paytm's list.
        known: galla's payments behind the orders of the list, at whatever counter.
        counter: the shift's counter.
        began: when the time of this shift begins: what Paytm took earlier was the matter of an earlier shift.
    """
    if theirs.trouble is not None:
        return _view("not_asked", theirs.trouble)
    ours = {row.paytm_id: row for row in taken if row.method != Method.CASH}
    paid = {name: order for name, order in theirs.orders.items() if order.order_search_status == SUCCESS}
    only_ours = [_ours(row) for name, row in ours.items() if name not in paid and not row.is_voided]
    only_theirs = [
        _theirs(name, order, known.get(name))
        for name, order in paid.items()
        if name not in ours and _is_missing(order, known.get(name), counter, began)
    ]
    differ = [
        {**_ours(row), "theirs": paise(paid[name].amount)}
        for name, row in ours.items()
        if name in paid and paise(paid[name].amount) != row.amount_paise
    ]
    return {
        **_view("differs" if only_ours or only_theirs or differ else "agrees", None),
        "by_machine": _by_machine(ours, paid),
        "only_ours": only_ours,
        "only_theirs": only_theirs,
        "differ": differ,
    }


def _view(status: str, trouble: str | None) -> View:
    return {
        "status": status,
        "trouble": trouble,
        "by_machine": [],
        "only_ours": [],
        "only_theirs": [],
        "differ": [],
        "reason": None,
        "by": None,
    }


def _is_missing(order: ListedOrder, known: Row[Any] | None, counter: str, began: datetime) -> bool:
    """Return whether galla does not have the money that Paytm lists: it knows of no such sale, or holds it not paid."""
    if known is None:
        made_at = _instant(order.order_created_time)
        return made_at is None or made_at >= began
    return bool(known.status == "not_paid" and known.counter == counter)


def _instant(text: str | None) -> datetime | None:
    """Read a time of the list; None where it cannot be read, so that its order is shown rather than left out."""
    try:
        read = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return read if read.tzinfo is not None else read.replace(tzinfo=IST)


def _ours(row: Row[Any]) -> View:
    return {"payment": row.id, "reference": row.reference, "tid": row.tid, "amount": row.amount_paise}


def _theirs(name: str, order: ListedOrder, known: Row[Any] | None) -> View:
    return {
        "payment": known.id if known is not None else None,
        "paytm_id": name,
        "mode": order.pay_mode,
        "rrn": order.rrn,
        "at": order.order_created_time,
        "amount": paise(order.amount),
    }


def _by_machine(ours: Mapping[str, Row[Any]], paid: Mapping[str, ListedOrder]) -> list[View]:
    """Return what each machine took by galla's books and by the list; payments in an app have none."""
    sums: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    labels: dict[str, str | None] = {}
    for name, row in ours.items():
        line = sums[row.tid or ""]
        labels.setdefault(row.tid or "", row.machine if row.tid else "UPI without a machine")
        line[0] += 1
        line[1] += row.amount_paise
        line[2] += (paise(paid[name].amount) or 0) if name in paid else 0
    return [
        {"name": tid, "label": labels[tid], "count": count, "ours": mine, "theirs": listed}
        for tid, (count, mine, listed) in sorted(sums.items())
    ]
