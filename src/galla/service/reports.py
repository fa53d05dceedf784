"""What a time's payments come to, and how well taking them went. Sums are paise, shares per cent as text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection, Row

from galla.clock import business_date, midnight
from galla.errors import InvalidField
from galla.service.till import Principal, Till
from galla.service.views import View
from galla.store import merchants, reports

_FIRST, _LAST = date(2000, 1, 1), date(2199, 12, 31)

LEAST_SUCCESS = 95
MOST_TIMEOUT = 2
MOST_VOID = 5
MOST_WAIT_MS = 30_000
"""What a shop in good order keeps: of 100 payments, and for half of all proofs."""


async def summary(till: Till, principal: Principal, first: date | None = None, last: date | None = None) -> View:
    """Return counts, sums, shares and waits of the payments begun on these business days; today's without any.

    Raises:
        InvalidField: a day is out of reach, or the last is before the first.
    """
    last = last or first or business_date(till.clock.now())
    first = first or last
    for day, param in ((first, "from"), (last, "to")):
        if not _FIRST <= day <= _LAST:
            raise InvalidField(f"`{param}` must be a day of this century or the next.", param=param)
    if last < first:
        raise InvalidField("`to` is before `from`.", param="to")
    return await till.database.read(_summary, principal.merchant_id, first, last)


def _summary(connection: Connection, merchant_id: str, first: date, last: date) -> View:
    since, until = midnight(first), midnight(last + timedelta(days=1))
    rows = reports.tallies(connection, merchant_id, since, until)
    names = _machines(merchants.terminals_of(connection, merchant_id))
    whole = _line("all", rows)
    number = whole.pop("count")
    decided = sum(row.number for row in rows if row.status in ("paid", "not_paid"))
    voided, ran_out = (sum(int(getattr(row, name)) for row in rows) for name in ("voided", "ran_out"))
    undecided = sum(int(row.ran_out) for row in rows if row.status not in ("paid", "not_paid"))
    waits = reports.waits(connection, merchant_id, since, until)
    half, most = (_wait(connection, merchant_id, first, last, waits, share) for share in (50, 95))
    return {
        "object": "summary",
        "from": first.isoformat(),
        "to": last.isoformat(),
        "payments": number,
        **{name: value for name, value in whole.items() if name != "name"},
        "by_status": _by(rows, lambda row: str(row.status)),
        "by_method": _by(rows, lambda row: str(row.method)),
        "by_terminal": _by(rows, lambda row: names.get(row.terminal_id)),
        "by_cashier": _by(rows, lambda row: str(row.actor)),
        "success_rate": _share(whole["paid_count"], decided, at_least=LEAST_SUCCESS),
        "timeout_rate": _share(ran_out, decided + undecided, at_most=MOST_TIMEOUT),
        "void_rate": _share(voided, whole["paid_count"], at_most=MOST_VOID),
        "time_to_proof": {
            "of": waits,
            "median_ms": half,
            "p95_ms": most,
            "threshold_ms": MOST_WAIT_MS,
            "is_met": half <= MOST_WAIT_MS if half is not None else None,
        },
    }


def _machines(machines: Sequence[Row[Any]]) -> dict[str, str]:
    """Return what each machine is called; two of one name are told apart by their TIDs."""
    labels = [row.label for row in machines]
    return {row.id: row.label if labels.count(row.label) == 1 else f"{row.label}, TID {row.tid}" for row in machines}


def _wait(connection: Connection, merchant_id: str, first: date, last: date, waits: int, share: int) -> int | None:
    """Return the shortest wait that this share of 100 did not exceed."""
    if waits == 0:
        return None
    place = (waits * share + 99) // 100 - 1
    return reports.nth_wait(connection, merchant_id, midnight(first), midnight(last + timedelta(days=1)), place)


def _by(rows: Sequence[Row[Any]], name: Callable[[Row[Any]], str | None]) -> list[View]:
    """Return a line for each name, most taken first; a row without a name is in none."""
    groups: dict[str, list[Row[Any]]] = {}
    for row in rows:
        if (called := name(row)) is not None:
            groups.setdefault(called, []).append(row)
    lines = [_line(called, group) for called, group in groups.items()]
    return sorted(lines, key=lambda line: (-line["paid"], -line["count"], line["name"]))


def _line(name: str, rows: Sequence[Row[Any]]) -> View:
    paid = [row for row in rows if row.status == "paid"]
    taken, back = sum(int(row.amount) for row in paid), sum(int(row.given_back) for row in paid)
    return {
        "name": name,
        "count": sum(row.number for row in rows),
        "amount": sum(int(row.amount) for row in rows),
        "paid_count": sum(row.number for row in paid),
        "paid": taken,
        "given_back": -back,
        "net": taken - back,
    }


def _share(count: int, of: int, *, at_least: int | None = None, at_most: int | None = None) -> View:
    """Return a share per cent with one decimal, cut off rather than rounded, beside what it should be."""
    is_met = None
    if of:
        is_met = count * 100 >= of * at_least if at_least is not None else count * 100 <= of * (at_most or 0)
    tenths = count * 1000 // of if of else None
    return {
        "count": count,
        "of": of,
        "percent": f"{tenths // 10}.{tenths % 10}" if tenths is not None else None,
        "at_least": at_least,
        "at_most": at_most,
        "is_met": is_met,
    }
