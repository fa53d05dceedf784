"""F45: a backup of an hour ago is restored, and every rupee of the lost hour is in the books or with a person."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select

from galla import PaytmEDC, ids
from galla.clock import ManualClock
from galla.errors import InvalidField
from galla.sandbox.autoplay import Outcome
from galla.sandbox.charge import ChargeState, VoidState
from galla.sandbox.faults import Fault, Kind
from galla.sandbox.sandbox import DEMO_KEY, DEMO_MID, Sandbox
from galla.service import access, audit, tasks
from galla.service.rebuilding import rebuild
from galla.service.till import Till
from galla.store.backup import back_up, restore
from galla.store.tables import payments, refunds
from tests.service.card_shop import CardShop
from tests.service.shop import API_KEY, FIRST, SECOND, TEN_TWENTY_IST, Line, settings_for
from tests.service.upi_shop import CLIENT, PUBLIC, change_merchant
from tests.store.samples import sql


@asynccontextmanager
async def shop_at(url: str, box: Sandbox, clock: ManualClock) -> AsyncIterator[CardShop]:
    """Open a shop on whatever a database holds, before a Paytm that may know more."""
    settings = settings_for(url, client_id=CLIENT, public_url=PUBLIC)
    till = await Till.open(settings, send=box.ahandle, clock=clock)
    try:
        principal = await access.principal_for_key(till, API_KEY)
        assert principal is not None
        account = await till.account(principal.merchant_id)
        change_merchant(box, callback_url=account.callback_url)
        yield CardShop(till, box, clock, principal, Line(box.ahandle))
    finally:
        await till.close()


async def test_f45_after_a_restore_every_rupee_is_in_the_books_or_with_a_person(tmp_path: Path) -> None:
    """Sales, a backup, an hour of sales, refunds and voids, the backup restored: a rebuild accounts for every rupee."""
    clock = ManualClock(TEN_TWENTY_IST)
    box = Sandbox(clock, seed=1)
    file, url = tmp_path / "galla.db", f"sqlite:///{tmp_path / 'galla.db'}"
    async with shop_at(url, box, clock) as shop:
        kept, voided = await shop.sold(10_000), await shop.sold(10_001)
        returned = await shop.paid(10_002)
        waiting = await shop.start(10_003, tid=FIRST)
        held = back_up(file, tmp_path / "backup.db")  # galla is running
        assert held.payments == 4
        clock.advance(600)
        shop.pay_by_card(FIRST)
        await shop.check(waiting)
        card = await shop.sold(20_000, tid=SECOND)
        online = await shop.paid(20_001)
        await shop.give_back(returned)
        await shop.give_back(voided)
        shop.accept_void(FIRST)
        clock.advance(1_200)
        await shop.drain()
        before = await _sent(shop)
    clock.advance(1_800)
    again = restore(tmp_path / "backup.db", file, "stamp")
    assert again.before == tmp_path / "galla.db.before-stamp"
    async with shop_at(url, box, clock) as shop:
        assert (await shop.see(waiting))["status"] == "pending"
        await shop.deliver()  # Paytm's word of the lost hour comes only now
        told = {task["object_id"]: task["amount"] for task in await _open(shop)}
        assert told == {card["paytm"]["id"]: 20_000, online["paytm"]["id"]: 20_001}
        found = await rebuild(shop.till, shop.principal, clock.now() - timedelta(hours=1))
        assert [view["id"] for view in found.became_paid] == [waiting["id"]]
        assert (found.asked, found.troubles, found.waiting) == (4, [], 0)
        await _assert_explained(shop)
        assert [view["amount"] for view in found.tasks] == [10_002, 10_001]  # the others are with a person already
        assert (await shop.see(kept))["status"] == "paid"
        twice = await rebuild(shop.till, shop.principal, clock.now() - timedelta(hours=1))
        assert (twice.tasks, twice.became_paid) == ([], [])
        assert (await audit.verify(shop.till))["first_bad"] is None
        clock.advance(2)
        fresh = await shop.sold(30_000, tid=SECOND)
        assert fresh["paytm"]["id"] not in before, "an id was given twice"
        assert ids.is_paytm_id(fresh["paytm"]["id"])


async def test_f45_money_of_another_program_is_shown_and_never_booked(database_url: str) -> None:
    """What Paytm lists and galla never began is a task with its amount, time and RRN; a failed or open one is none."""
    clock = ManualClock(TEN_TWENTY_IST)
    box = Sandbox(clock, seed=1)
    other = PaytmEDC(mid=DEMO_MID, key=DEMO_KEY, environment="sandbox", transport=box.handle, clock=clock)
    async with shop_at(database_url, box, clock) as shop:
        for number, outcome in enumerate((Outcome.CARD, Outcome.REJECT)):
            box.play(0, outcome)
            other.sale(tid=FIRST, amount_paise=50_000 + number, id=f"KEYED{number:05}")
            clock.advance(30)
            box.settle()
        box.stop_play()
        other.sale(tid=FIRST, amount_paise=50_002, id="KEYED00002")
        clock.advance(60)
        found = await rebuild(shop.till, shop.principal, TEN_TWENTY_IST)
        (task,) = found.tasks
        assert (task["kind"], task["amount"], task["payment"], task["refund"]) == ("not_in_books", 50_000, None, None)
        assert "Paytm lists ₹500.00 as paid on 5 Jan 2026, 10:20 (RRN" in task["message"]
        assert (found.asked, found.waiting) == (0, 1)
        assert await tasks.unexplained(shop.till, shop.principal) == 1
        assert await shop.till.database.read(sql, "SELECT id FROM payments") == []
        done = await tasks.close_task(shop.till, shop.principal, task["id"], "keyed in by hand for bill 7")
        assert done["status"] == "closed"
        assert (await rebuild(shop.till, shop.principal, TEN_TWENTY_IST)).tasks == []


async def test_f45_what_paytm_does_not_say_is_said_to_be_missing(fresh_sqlite_url: str) -> None:
    """A list that cannot be had is a trouble that names its time, never an empty list; a wrong time is refused."""
    clock = ManualClock(TEN_TWENTY_IST)
    box = Sandbox(clock, seed=1)
    async with shop_at(fresh_sqlite_url, box, clock) as shop:
        clock.advance(3_600)
        box.add_fault(Fault(kind=Kind.HTTP_500, operation="order_list"))
        found = await rebuild(shop.till, shop.principal, TEN_TWENTY_IST)
        assert [trouble.partition(" is missing")[0] for trouble in found.troubles] == [
            "Paytm's list of transactions from 5 Jan 2026, 10:15 to 5 Jan 2026, 11:25"
        ]
        for since in (clock.now() + timedelta(seconds=1), clock.now() - timedelta(days=31)):
            with pytest.raises(InvalidField) as refused:
                await rebuild(shop.till, shop.principal, since)
            assert refused.value.param == "since"


def test_a_backup_is_never_written_over_and_is_checked(tmp_path: Path) -> None:
    """A backup needs a new name and a database; what is restored must be whole, and galla must not be running."""
    file = tmp_path / "galla.db"
    with pytest.raises(Exception, match="no database"):
        back_up(file, tmp_path / "copy.db")
    (tmp_path / "torn.db").write_bytes(b"SQLite format 3\x00" + b"x" * 5_000)
    with pytest.raises(InvalidField, match="no backup that can be used"):
        restore(tmp_path / "torn.db", file, "stamp")
    assert not file.exists()


async def _assert_explained(shop: CardShop) -> None:
    """Every charge, return and void that truly happened is booked, or an open task names it."""
    named = {task["object_id"] for task in await _open(shop)}
    held = await shop.till.database.read(_held)
    taken = {each.id for each in shop.box.charges.values() if each.state is ChargeState.PAID}
    taken |= {order.id for order in shop.box.orders.values() if order.paid}
    assert taken <= held["paid"] | named
    assert {each.id for each in shop.box.refunds.values()} <= held["returned"] | named
    voided = {each.id for each in shop.box.charges.values() if each.void is VoidState.DONE}
    assert {f"void of {name}" for name in voided} <= named | {f"void of {name}" for name in held["voided"]}


async def _open(shop: CardShop) -> list[dict[str, Any]]:
    found = await tasks.find(shop.till, shop.principal, {"status": "open"})
    about = dict(await shop.till.database.read(sql, "SELECT id, object_id FROM tasks"))
    return [{**view, "object_id": about[view["id"]]} for view in found["data"]]


def _held(connection: Connection) -> dict[str, set[str]]:
    rows = connection.execute(select(payments)).all()
    return {
        "paid": {row.paytm_id for row in rows if row.status == "paid"},
        "voided": {row.paytm_id for row in rows if row.is_voided},
        "returned": {row.refund_id for row in connection.execute(select(refunds)) if row.status == "done"},
    }


async def _sent(shop: CardShop) -> set[str]:
    return {call.paytm_id for call in shop.box.wire.calls() if call.paytm_id is not None}
