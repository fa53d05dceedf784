"""The end of a trial: what the counters were told, beside the books, beside what the pretend Paytm holds true."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection

from galla.clock import from_millis, to_millis
from galla.simulation.books import Books, Rows
from galla.simulation.invariants import INVARIANTS
from galla.simulation.truth import Truth
from galla.store import bill_tables, guards  # noqa: F401 - every table, before the invariants look for amounts
from galla.store.database import open_database
from reliability.counters import FINAL, Asked
from reliability.outside import Outside

PACE = "I-16"
"""How often Paytm is asked: the ladder of a trial is made quicker, so that it does not apply."""


class Row(msgspec.Struct, frozen=True):
    """A payment in the books; instants in milliseconds since 1970."""

    id: str
    paytm_id: str
    status: str
    amount_paise: int
    created_at: int
    settled_at: int | None


class Held(msgspec.Struct, frozen=True):
    """What the books say that the verdict needs."""

    payments: dict[str, Row]
    keys: dict[str, str]
    refunds: dict[str, str]
    unexplained: list[str]
    breaches: list[str]


class Verdict(msgspec.Struct, frozen=True):
    """What was found: `lost` and `doubled` are those of acknowledged payments and of sales."""

    lost: list[str]
    doubled: list[str]
    breaches: list[str]
    statuses: dict[str, int]
    refunds: dict[str, int]
    sales: int
    rows: list[Row]


async def judge(database_url: str, outside: Outside, asked: list[Asked], now: datetime) -> Verdict:
    """Compare everything with everything; galla must have been stopped."""
    truth = outside.truth()
    database = await open_database(database_url)
    try:
        books = await database.read(_look, truth, now)
    finally:
        await database.close()
    accepted = outside.sales_accepted()
    doubled = [f"the sale {name} was accepted {count} times" for name, count in accepted.items() if count > 1]
    amounts = Counter(charge.amount_paise for charge in truth.charges)
    doubled += [f"{amount} paise were charged {count} times" for amount, count in amounts.items() if count > 1]
    return Verdict(
        lost=list(_lost(books, asked)),
        doubled=doubled,
        breaches=[*books.breaches, *books.unexplained],
        statuses=dict(Counter(row.status for row in books.payments.values())),
        refunds=dict(Counter(books.refunds.values())),
        sales=sum(accepted.values()),
        rows=list(books.payments.values()),
    )


def _lost(books: Held, asked: list[Asked]) -> list[str]:
    """Return what galla acknowledged and does not hold, or holds otherwise."""
    found = []
    for each in asked:
        if each.id is None:
            continue
        row = books.payments.get(each.id)
        if row is None:
            found.append(f"{each.id} of {each.key} was acknowledged and is gone")
            continue
        if row.amount_paise != each.amount_paise or books.keys.get(each.key) != each.id:
            found.append(f"{each.id} of {each.key} is another payment than the one acknowledged")
        if each.status == "paid" != row.status:
            found.append(f"{each.id} was said to be paid and is {row.status}")
        if row.status not in FINAL:
            found.append(f"{each.id} is {row.status}, long after the last crash")
        if each.refund is not None and each.refund not in books.refunds:
            found.append(f"{each.refund} was acknowledged and is gone")
    return found


def _unexplained(rows: Rows) -> Iterator[str]:
    """Yield each task and each payment that is open: its kind, its object, what it says, and what led there."""
    for kind, found, payment_id, says in rows(
        "SELECT kind, object_id, payment_id, message FROM tasks WHERE closed_at IS NULL ORDER BY id"
    ):
        yield f"the task {kind} of {found} is open: {says} {_trail(rows, {found, payment_id or found})}"
    ended = ", ".join(f"'{status}'" for status in FINAL)
    for found, method, says in rows(
        f"SELECT id, method, reason FROM payments WHERE status NOT IN ({ended}) ORDER BY id"
    ):
        yield f"the {method} payment {found} is open: {says} {_trail(rows, {found})}"


def _trail(rows: Rows, objects: set[str]) -> str:
    """Return the events of some objects, with the instant in UTC, the state and the trouble after each."""
    names = ", ".join(f"'{name}'" for name in sorted(objects))
    said = []
    for at, event, data in rows(f"SELECT at, type, data FROM events WHERE object_id IN ({names}) ORDER BY position"):
        view = msgspec.json.decode(data)
        trouble = view.get("reason") if isinstance(view.get("reason"), dict) else view.get("trouble")
        code = trouble["code"] if isinstance(trouble, dict) else "-"
        said.append(f"{from_millis(at):%H:%M:%S.%f} {event} {view.get('status')} {code}")
    for name, sends, instant in rows(f"SELECT id, sends, sent_at FROM refunds WHERE id IN ({names})"):
        said.append(f"{name} was sent {sends} times, last at {from_millis(instant or 0):%H:%M:%S.%f}")
    return f"[{'; '.join(said)}]"


def _look(connection: Connection, truth: Truth, now: datetime) -> Held:
    def rows(statement: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in connection.exec_driver_sql(statement)]

    books = Books(rows)
    books.look(to_millis(now), is_over=True)
    found = rows("SELECT id, paytm_id, status, amount_paise, created_at, settled_at FROM payments")
    return Held(
        payments={row[0]: Row(*row) for row in found},
        keys=dict(rows("SELECT key, object_id FROM idempotency_keys")),
        refunds=dict(rows("SELECT id, status FROM refunds")),
        unexplained=list(_unexplained(rows)),
        breaches=[
            f"{name}: {breach}"
            for name, holds in INVARIANTS.items()
            if name != PACE
            for breach in holds(books, truth)
        ],
    )
