"""What stands in the way of a new payment is found by one question; what it does not know is asked about one by one."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection

from galla.ids import new_id
from galla.payments.model import Status
from galla.payments.refund import Refund
from galla.payments.voiding import VOID
from galla.store import keys, refunds
from galla.store.database import Database
from galla.store.obstacles import nothing_before
from tests.store.samples import NOW, Shop, make_bill, make_shop, sql, write_paid, write_sale

Asked = dict[str, Any]
MACHINE = "11111111"


def asked(**changes: Any) -> Asked:
    """Return what a start names: a key, a reference and a machine."""
    return {"key": "k-1", "reference": "INV-1", "terminal": MACHINE, **changes}


def use_key(connection: Connection, shop: Shop) -> None:
    """Let another request have the key."""
    values = {"merchant_id": shop.merchant_id, "key": "k-1", "fingerprint": "f", "object_id": "pay_1", "answer": None}
    keys.claim(connection, {**values, "lease_until": 0, "created_at": 0})


def open_void(connection: Connection, shop: Shop) -> None:
    """Let the machine wait for somebody to accept a void."""
    payment = write_paid(connection, shop, terminal_id=shop.terminals[0], holds_terminal=True)
    void = Refund(
        id=new_id("rfd", NOW), merchant_id=shop.merchant_id, payment_id=payment.id, mid=shop.mid, kind=VOID,
        ref_id="REF1", amount_paise=1000, created_at=NOW, reason="Cream returned", actor="me", due_at=NOW,
    )  # fmt: skip
    refunds.insert_refund(connection, void)


OBSTACLES: dict[str, Callable[[Connection, Shop], Any]] = {
    "a key in use": use_key,
    "a bill with that number": lambda c, shop: make_bill(c, shop, number="INV-1"),
    "a live payment for it": lambda c, shop: write_sale(c, shop, reference="INV-1"),
    "one nobody is sure of": lambda c, shop: write_sale(c, shop, reference="INV-1", status=Status.IN_DOUBT),
    "a payment on the machine": lambda c, shop: write_sale(c, shop, terminal_id=shop.terminals[0], holds_terminal=True),
    "a void on the machine": open_void,
    "a machine switched off": lambda c, _: sql(c, f"UPDATE terminals SET is_active = 0 WHERE tid = '{MACHINE}'"),
}


@pytest.mark.parametrize("name", OBSTACLES)
async def test_each_obstacle_is_seen(database: Database, name: str) -> None:
    """With nothing in the way the machine is found; with any one thing in the way, and only at that shop, it is not."""
    other = await database.write(make_shop)
    await database.write(OBSTACLES[name], other)
    if name == "a machine switched off":
        await database.write(sql, "UPDATE terminals SET is_active = 1")
    shop = await database.write(make_shop)
    is_free, machine = await database.read(nothing_before, shop.merchant_id, **asked())
    assert is_free
    assert machine is not None
    assert (machine.id, machine.tid) == (shop.terminals[0], MACHINE)

    await database.write(OBSTACLES[name], shop)

    is_free, _ = await database.read(nothing_before, shop.merchant_id, **asked())
    assert not is_free


async def test_a_bill_named_by_its_id_is_in_the_way(database: Database) -> None:
    """A reference may be a bill's id as well as its number."""
    shop = await database.write(make_shop)
    bill = await database.write(make_bill, shop)

    found = await database.read(nothing_before, shop.merchant_id, **asked(reference=bill, terminal=None))
    assert found == (False, None)


async def test_what_is_over_is_not_in_the_way(database: Database) -> None:
    """A paid payment for the same, on the same machine, and another machine's sale leave the way free."""
    shop = await database.write(make_shop)
    await database.write(write_paid, shop, reference="INV-1", terminal_id=shop.terminals[0], holds_terminal=True)
    await database.write(write_sale, shop, reference="INV-2", terminal_id=shop.terminals[1], holds_terminal=True)

    is_free, _ = await database.read(nothing_before, shop.merchant_id, **asked())
    assert is_free


async def test_only_what_is_named_is_asked_about(database: Database) -> None:
    """A start may name no key, no reference and no machine; a machine that is not there is in the way."""
    shop = await database.write(make_shop)
    await database.write(use_key, shop)
    free = await database.read(nothing_before, shop.merchant_id, **asked(key=None, reference=None, terminal=None))
    gone, machine = await database.read(nothing_before, shop.merchant_id, **asked(key=None, terminal="33333333"))

    assert free == (True, None)
    assert (gone, machine) == (False, None)
