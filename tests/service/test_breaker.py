"""The breaker: while nobody answers nothing is sent and no sale is begun; afterwards all are asked, none in a burst."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection

from galla.client.edc import PaytmEDC
from galla.clock import ManualClock
from galla.errors import NoReply, NotSent, Unreachable
from galla.ids import new_id, paytm_id
from galla.payments.model import Payment, Phase, Status
from galla.protocol.message import Host
from galla.sandbox.faults import Kind
from galla.sandbox.sandbox import DEMO_KEY, DEMO_MID
from galla.service import breaker, payments
from galla.service.breaker import LONGEST_S, OPENS_AFTER, RATE, Breaker
from galla.store import payments as stored
from tests.service.shop import SECOND, TEN_TWENTY_IST, Shop, open_shop

OPEN_AT_ONCE = 500


async def test_f18_a_new_sale_is_refused_before_anything_is_written_or_sent(database_url: str) -> None:
    """With Paytm away a sale is refused in words and leaves no trace; an old key hears its answer; a probe ends it."""
    async with open_shop(database_url) as shop:
        first = await shop.start(key="click-1")
        shop.fault(Kind.REFUSE_CONNECTION, times=None)
        await _fail(shop)
        sent, known = len(shop.box.wire.calls()), await _count(shop)
        with pytest.raises(Unreachable) as refused:
            await shop.start(tid=SECOND, key="click-2")
        assert refused.value.code == "provider_unreachable"
        assert str(refused.value).startswith("Paytm cannot be reached since 10:2")
        assert "Nothing was sent and no money has moved. Take cash" in str(refused.value)
        assert (len(shop.box.wire.calls()), await _count(shop)) == (sent, known)
        assert (await shop.start(key="click-1"))["id"] == first["id"]
        shop.box.faults.remove()
        shop.clock.advance(LONGEST_S)
        after = await shop.start(tid=SECOND, key="click-2")
        assert (after["status"], shop.till.breakers.seen()) == ("pending", {"edc": False})
        shop.pay_by_card(SECOND)
        assert (await shop.ended(after))["status"] == "paid"


async def test_f18_a_question_that_is_kept_back_is_no_answer(database_url: str) -> None:
    """While nobody answers a payment waits unasked: no miss, no check, no flag; then it is asked and paid."""
    async with open_shop(database_url) as shop:
        payment = await shop.start()
        shop.fault(Kind.REFUSE_CONNECTION, times=None)
        await _fail(shop)
        before, asked = await _row(shop, payment), len(shop.box.wire.calls())
        await shop.pass_time(20)
        after = await _row(shop, payment)
        probes = len(shop.box.wire.calls()) - asked
        assert probes <= 3, "only a probe is sent, and ever more seldom"
        assert after.checks - before.checks <= probes
        assert (after.status, after.needs_review) == (Status.PENDING, False)
        assert after.due_at is not None
        assert after.lease_until is None
        shop.box.faults.remove()
        shop.pay_by_card()
        assert (await shop.ended(payment, within_s=2 * LONGEST_S))["status"] == "paid"


async def test_f18_one_payment_that_fails_again_and_again_stops_nobody(fresh_sqlite_url: str) -> None:
    """Questions about one payment that Paytm cannot answer say nothing about its host: others are sold and asked."""
    async with open_shop(fresh_sqlite_url) as shop:
        sick = await shop.start()
        shop.fault(Kind.HTTP_500, operation="status", paytm_id=sick["paytm"]["id"], times=None)
        await shop.pass_time(300)
        assert shop.calls("status", sick) > OPENS_AFTER
        assert (await shop.start(tid=SECOND))["status"] == "pending"


@pytest.mark.timeout(120)
async def test_f17_f18_five_hundred_recover_within_minutes_and_in_no_burst(fresh_sqlite_url: str) -> None:
    """After an outage 500 open payments are all asked within 10 minutes, and in no second more than the limit."""
    async with open_shop(fresh_sqlite_url) as shop:
        many = await _open_many(shop)
        shop.fault(Kind.REFUSE_CONNECTION, times=None)
        await _go_on(shop, 12)
        shop.box.faults.remove()
        back_at = shop.clock.now()
        asked: dict[str, Any] = {}
        while len(asked) < OPEN_AT_ONCE and shop.clock.now() < back_at + timedelta(minutes=10):
            await _go_on(shop, 2)
            asked |= {call.paytm_id: call for call in shop.box.wire.calls(operation="status") if call.at >= back_at}
        assert asked.keys() == {payment.paytm_id for payment in many}
        calls = [call.at for call in shop.box.wire.calls(operation="status") if call.at >= back_at]
        seconds = Counter(int((at - back_at).total_seconds()) for at in calls)
        assert max(seconds.values()) <= RATE
        at_once = max(sum(1 for other in calls if timedelta() <= other - at < timedelta(seconds=1)) for at in calls)
        assert at_once <= RATE


def test_only_a_failed_probe_makes_the_wait_longer() -> None:
    """Many that fail together open the breaker for 5 s; only a probe that fails makes it 10."""
    clock = ManualClock(TEN_TWENTY_IST)
    one = Breaker(Host.EDC, clock)
    flying = [one.asked(f"P{number}", "mer_1") for number in range(100)]
    for number, leave in enumerate(flying):
        one.ended(leave, f"P{number}", NoReply("lost"))
    assert one.asked("P1", "mer_1").wait_s == pytest.approx(5.0)
    clock.advance(5.0)
    probe = one.asked("P1", "mer_1")
    assert probe.is_probe
    assert one.asked("P2", "mer_1").wait_s > 0, "one probe at a time"
    one.ended(probe, "P1", NotSent("closed"))
    assert one.asked("P3", None).wait_s == pytest.approx(10.0)
    clock.advance(10.0)
    one.ended(one.asked("P3", None), "P3", 404)
    assert not one.is_open
    assert one.asked("P4", None).wait_s == 0


def test_no_merchant_takes_all_the_turns() -> None:
    """While one merchant's thousand wait for their turns, another's three have theirs among the first."""
    clock = ManualClock(TEN_TWENTY_IST)
    one = Breaker(Host.EDC, clock)
    for number in range(OPENS_AFTER):
        one.ended(one.asked(f"P{number}", None), f"P{number}", NoReply("lost"))
    many = [one.asked(f"P{number}", "mer_1").wait_s for number in range(1000)]
    few = [one.asked(f"Q{number}", "mer_2").wait_s for number in range(3)]
    assert max(few) < breaker.FIRST_S + 0.2
    assert max(many) > breaker.FIRST_S + 0.9 * 1000 / RATE


async def _go_on(shop: Shop, seconds: int) -> None:
    """Let a worker look four times a second."""
    for _ in range(4 * seconds):
        shop.clock.advance(0.25)
        await shop.drain()


async def _fail(shop: Shop) -> None:
    """Let questions fail until the breaker is open."""
    for _ in range(80):
        if shop.till.breakers.seen()["edc"]:
            return
        await shop.pass_time(5)
    raise AssertionError("the breaker did not open")


async def _count(shop: Shop) -> int:
    found = await payments.find(shop.till, shop.principal, {}, limit=200)
    return len(found["data"])


async def _row(shop: Shop, payment: Any) -> Payment:
    row = await shop.till.database.read(stored.get, shop.principal.merchant_id, payment["id"])
    assert row is not None
    return row


async def _open_many(shop: Shop) -> list[Payment]:
    """Push sales to hundreds of machines, and write them down as a till that has done so would have."""
    paytm = PaytmEDC(
        mid=DEMO_MID, key=DEMO_KEY, environment="sandbox", transport=shop.box.handle, clock=shop.clock
    )
    now = shop.clock.now()
    many = []
    for number in range(OPEN_AT_ONCE):
        tid = str(81_000_000 + number)
        shop.box.add_terminal(tid, DEMO_MID)
        name = paytm_id("sandbox", now)
        paytm.sale(tid=tid, amount_paise=1_000 + number, id=name)
        many.append(
            Payment(
                id=new_id("pay", now),
                merchant_id=shop.principal.merchant_id,
                environment="sandbox",
                mid=DEMO_MID,
                method="edc",
                amount_paise=1_000 + number,
                paytm_id=name,
                created_at=now,
                tid=tid,
                status=Status.PENDING,
                phase=Phase.ON_DEVICE,
                sends=1,
                sent_at=now,
                accepted_at=now,
                due_at=now + timedelta(milliseconds=10 * number),
                jitter=number * 2,
                sequence=0,
            )
        )

    def write(connection: Connection) -> None:
        for payment in many:
            stored.insert_payment(connection, payment)

    await shop.till.database.write(write)
    return many
