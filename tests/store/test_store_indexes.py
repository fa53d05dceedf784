"""What every page of the counter asks is answered by an index, however many bills and payments there are."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Connection, event

from galla.clock import SYSTEM
from galla.payments.ladder import EDC, UPI
from galla.store import bills, customers, deliveries, listing, payments, shifts, tasks, webhooks
from galla.store.claims import Schedule
from galla.store.database import open_database
from galla.store.left_behind import take_up

SCHEDULE = Schedule(card=EDC, upi=UPI, lease_ms=5_000)


def plan(connection: Connection, ask: Callable[[Connection], Any]) -> list[str]:
    """Return how SQLite means to answer what a store function asks."""
    asked: list[tuple[str, Any]] = []

    def note(_: object, __: object, statement: str, values: Any, ___: object, ____: object) -> None:
        asked.append((statement, values))

    event.listen(connection, "before_cursor_execute", note)
    ask(connection)
    event.remove(connection, "before_cursor_execute", note)
    rows = [row for each in asked for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {each[0]}", each[1])]
    return [str(row[3]) for row in rows]


async def test_an_index_answers_what_every_page_asks(tmp_path: Path) -> None:
    """No table is read from end to end, and what is unfinished is found by the index that holds only that."""
    database = await open_database(f"sqlite:///{tmp_path / 'galla.db'}")
    shop = "mer_1"
    shift: Any = SimpleNamespace(merchant_id=shop, id="shf_1", counter="Counter 1", opened_at=1)

    def look(connection: Connection) -> dict[str, list[str]]:
        wanted = payments.Filter(text="1234")
        asks: dict[str, Callable[[Connection], Any]] = {
            "due": lambda c: bills.find(c, shop, status="due"),
            "bills": lambda c: bills.find(c, shop, q="98123"),
            "customers": lambda c: customers.find(c, shop, "sita", 8),
            "phones": lambda c: customers.find(c, shop, "98123", 8),
            "payments": lambda c: payments.find(c, shop, wanted, limit=30),
            "takers": lambda c: listing.takers(c, shop),
            "unfinished": lambda c: payments.unfinished(c, shop),
            "in the way": lambda c: shifts.unfinished(c, shop, "Counter 1"),
            "shift": lambda c: shifts.taken_paise(c, shift),
            "unexplained": lambda c: tasks.count_unexplained(c, SYSTEM.now(), EDC, UPI, shop),
        }
        return {name: plan(connection, ask) for name, ask in asks.items()}

    try:
        plans = await database.read(look)
    finally:
        await database.close()
    for name, steps in plans.items():
        whole = [step for step in steps if step.startswith(("SCAN payments", "SCAN bills", "SCAN customers"))]
        assert whole == [], name
    assert any("ix_bills_due" in step for step in plans["due"])
    assert any("ix_payments_taken" in step for step in plans["shift"])
    for name in ("unfinished", "unexplained", "in the way"):
        assert any("ix_payments_open" in step for step in plans[name]), (name, plans[name])
    for index in ("number_key", "name_key", "phone_key"):
        assert any(f"ix_bills_merchant_id_{index}" in step for step in plans["bills"])


async def test_an_index_answers_what_a_worker_asks_of_webhooks(tmp_path: Path) -> None:
    """However much waits for a system that is down, what is due, next or given up is found by an index of only that;
    so is what a dead process held.
    """
    database = await open_database(f"sqlite:///{tmp_path / 'galla.db'}")
    asks: dict[str, tuple[Callable[[Connection], Any], str]] = {
        "listening": (webhooks.listening, "ix_deliveries_due"),
        "claim": (lambda c: deliveries.claim(c, "mer_1", "whe_1", 1, 1, 8), "ix_deliveries_due"),
        "release": (lambda c: deliveries.release(c, "mer_1", "whe_1", 1, ["pay_1"]), "object_id=?"),
        "count": (lambda c: deliveries.count(c, "mer_1", "whe_1", "waiting"), "ix_deliveries_open"),
        "has failed": (lambda c: deliveries.has_failed(c, "mer_1", "whe_1"), "ix_deliveries_failed"),
        "replay": (lambda c: deliveries.replay(c, "mer_1", "whe_1"), "ix_deliveries_failed"),
    }
    try:
        plans = await database.write(lambda c: {name: plan(c, ask) for name, (ask, _) in asks.items()})
        left_behind = await database.write(plan, lambda c: take_up(c, SCHEDULE, SYSTEM.now()))
    finally:
        await database.close()
    assert len(left_behind) == 4
    assert not [step for step in left_behind if step.startswith("SCAN")], left_behind
    for name, steps in plans.items():
        assert not [step for step in steps if step.startswith("SCAN deliveries")], (name, steps)
        assert any(asks[name][1] in step for step in steps if "deliveries" in step and "earlier" not in step), steps
