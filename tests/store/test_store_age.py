"""What a worker and a counter ask all the time costs the same after years: an index over what is open answers it."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection, event, insert

from galla.clock import to_millis
from galla.ids import new_id
from galla.payments.ladder import EDC, UPI
from galla.payments.model import Status
from galla.store import journal, payments, refunds, shifts, tasks
from galla.store.claims import Schedule, claim_due, next_due_at
from galla.store.database import Database, open_database
from galla.store.obstacles import nothing_before
from galla.store.record_tables import events
from galla.store.record_tables import tasks as tasks_table
from galla.store.rows import payment_values
from galla.store.tables import payments as payments_table
from galla.store.tables import proofs
from galla.store.tables import refunds as refunds_table
from tests.store.samples import NOW, Shop, make_bill, make_shop, sale, sql

GROWING = ("payments", "proofs", "refunds", "exchanges", "events", "audit", "bills", "tasks", "entries", "postings")
SCHEDULE = Schedule(card=EDC, upi=UPI, lease_ms=5000)
PAST, BILLS, OPEN = 3_000, 500, 5

Ask = Callable[[Connection, Shop], Any]
ASKS: dict[str, tuple[str, Ask]] = {
    "what is due": ("ix_payments_due", lambda c, _: claim_due(c, SCHEDULE, NOW, 200)),
    "what is due, by turns": ("ix_payments_due", lambda c, _: claim_due(c, SCHEDULE, NOW, 200, in_turn=True)),
    "when something is due": ("ix_payments_due", lambda c, _: next_due_at(c)),
    "refunds that are due": ("ix_refunds_due", lambda c, _: refunds.claim_due(c, NOW, 5_000, 20)),
    "unfinished": ("ix_payments_open", lambda c, shop: payments.unfinished(c, shop.merchant_id)),
    "how many are open": ("ix_payments_open", lambda c, _: payments.count_by_status(c)),
    "unexplained": ("ix_payments_open", lambda c, shop: tasks.count_unexplained(c, NOW, EDC, UPI, shop.merchant_id)),
    "who holds machines": ("uq_payments_terminal_held", lambda c, shop: payments.holders(c, shop.merchant_id)),
    "who holds a machine": (
        "uq_payments_terminal_held",
        lambda c, shop: payments.holder_of_terminal(c, shop.merchant_id, shop.terminals[0]),
    ),
    "voids on a machine": (
        "refunds_void_open|ix_refunds_merchant_id_status|ix_refunds_open",
        lambda c, shop: refunds.open_void_on(c, shop.merchant_id, shop.terminals[0]),
    ),
    "unfinished at a counter": (
        "(?s)ix_payments_open.*ix_refunds_",
        lambda c, shop: shifts.unfinished(c, shop.merchant_id, "Desk"),
    ),
    "given back and not there yet": (
        "ix_refunds_open|ix_refunds_merchant_id_status",
        lambda c, shop: shifts.on_their_way(c, shop.merchant_id, "Desk"),
    ),
    "what stands in the way": (
        "uq_payments_terminal_held",
        lambda c, shop: nothing_before(c, shop.merchant_id, key="k", reference="INV-1", terminal="11111111"),
    ),
    "news": ("pk_events|autoindex_events", lambda c, shop: journal.events_after(c, shop.merchant_id, 100, 100)),
}


@pytest.fixture
async def shop(database: Database) -> Shop:
    """A shop with a long past and a little that is open."""
    made = await database.write(make_shop)
    await database.write(_live_long, made)
    await database.write(sql, "ANALYZE")
    return made


async def test_nothing_asked_all_the_time_reads_the_past(database: Database, shop: Shop) -> None:
    """No plan of a hot statement walks a table that grows, and each uses the index over what is open."""
    for name, (index, ask) in ASKS.items():
        plan = "\n".join(await database.write(_plan, ask, shop))
        for table in GROWING:
            walked = re.search(rf"(Seq Scan on|SCAN) {table}\b(?! USING (COVERING )?INDEX)", plan)
            assert walked is None, f"{name} reads all of {table}:\n{plan}"
        assert re.search(index, plan), f"{name}:\n{plan}"
        assert not name.startswith("what is due") or "Bitmap Index Scan on ix_payments_due" not in plan, plan


async def test_a_young_shop_is_not_walked_through(fresh_sqlite_url: str) -> None:
    """What happened to one payment is found by its id before SQLite has ever looked at how full its tables are."""
    database = await open_database(fresh_sqlite_url)
    shop = await database.write(make_shop)
    asks: list[Ask] = [
        lambda c, shop: journal.events_after(c, shop.merchant_id, 0, 100, object_id="pay_1"),
        lambda c, shop: journal.events_after(c, shop.merchant_id, 0, 100, bill_id="bill_1"),
        lambda c, shop: journal.trail(c, shop.merchant_id, "pay_1"),
    ]
    for ask in asks:
        for line in await database.write(_plan, ask, shop):
            assert re.search(r"(object_id|bill_id)=\?|ORDER BY", line), line
    await database.close()


class _Undo(Exception):
    """Takes back what a statement that was only to be explained has done."""


def _plan(connection: Connection, ask: Ask, shop: Shop) -> list[str]:
    """Return how the database means to answer what a store function asks."""
    asked: list[tuple[str, Any]] = []

    def note(_: object, __: object, statement: str, values: Any, ___: object, ____: object) -> None:
        if not statement.startswith(("SAVEPOINT", "ROLLBACK")):
            asked.append((statement, values))

    event.listen(connection, "before_cursor_execute", note)
    undo = connection.begin_nested()
    ask(connection, shop)
    undo.rollback()
    event.remove(connection, "before_cursor_execute", note)
    words = "EXPLAIN QUERY PLAN" if connection.dialect.name == "sqlite" else "EXPLAIN"
    plans: list[Any] = []
    for statement, values in asked:
        if statement.startswith("SET LOCAL"):
            connection.exec_driver_sql(statement)
        else:
            plans.extend(connection.exec_driver_sql(f"{words} {statement}", values))
    return [str(row[-1]) for row in plans]


def _live_long(connection: Connection, shop: Shop) -> None:
    past = []
    for _ in range(BILLS):
        make_bill(connection, shop)
    for number in range(PAST):
        payment = sale(shop, status=Status.NOT_PAID, due_at=None, counter="Desk", created_at=NOW)
        past.append({**payment_values(payment), "status": "paid", "proof_id": f"prf_{number}"})
    live = [
        {**payment_values(sale(shop, status=Status.PENDING, counter="Desk", created_at=NOW)), "proof_id": None}
        for _ in range(OPEN)
    ]
    connection.execute(insert(payments_table), [*past, *live])
    known = [
        {
            **{name: row[name] for name in ("merchant_id", "mid", "paytm_id", "amount_paise", "currency")},
            "id": row["proof_id"],
            "payment_id": row["id"],
            "source": "status",
            "data": "{}",
            "created_at": to_millis(NOW),
        }
        for row in past
    ]
    connection.execute(insert(proofs), known)
    given = [
        {
            "merchant_id": shop.merchant_id,
            "id": new_id("rfd", NOW),
            "payment_id": row["id"],
            "kind": "refund",
            "mid": shop.mid,
            "ref_id": f"REF{number}",
            "amount_paise": 100,
            "status": "done" if number < PAST else "pending",
            "reason": "returned",
            "actor": "desk",
            "created_at": to_millis(NOW),
            "due_at": None if number < PAST else to_millis(NOW),
            **dict.fromkeys(
                ("needs_review", "sends", "may_resend", "not_found_count", "checks", "misses", "jitter", "fence"), 0
            ),
            "sequence": 1,
        }
        for number, row in enumerate([*past, *past[:OPEN]])
    ]
    connection.execute(insert(refunds_table), given)
    told = [
        {
            "merchant_id": shop.merchant_id,
            "position": number + 1,
            "type": "payment.paid",
            "object_id": row["id"],
            "sequence": 1,
            "data": "{}",
            "at": to_millis(NOW),
        }
        for number, row in enumerate(past)
    ]
    connection.execute(insert(events), told)
    done = [
        {
            "merchant_id": shop.merchant_id,
            "id": new_id("task", NOW),
            "kind": "mismatch",
            "object_id": row["id"],
            "message": "Compare.",
            "next_step": "Compare.",
            "sequence": 1,
            "created_at": to_millis(NOW),
            "closed_at": to_millis(NOW),
            "closed_by": "desk",
        }
        for row in past
    ]
    connection.execute(insert(tasks_table), done)
