"""Workers and questions: two at once, a stale one, a poisoned record, a storm of checks, a budget of asks."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from galla.errors import StaleClaim, TooSoon
from galla.payments.ladder import EDC
from galla.payments.machine import Asking, apply
from galla.payments.model import Captured, Proof
from galla.protocol.message import Response
from galla.sandbox.faults import Kind
from galla.sandbox.sandbox import DEMO_MID
from galla.sandbox.terminal import Action
from galla.service import payments
from galla.service.advance import commit_step
from galla.service.till import Till
from galla.store.claims import claim_one
from tests.service.shop import AMOUNT, Shop, open_shop

MANY = tuple(f"5234567{number}" for number in range(10))


@pytest.mark.parametrize(
    "poison", [b'{"body":{"resultInfo":null}}', b"[[[[1]]]]", b"\xff\xfe\x00", b'{"body":7,"head":[]}', b""]
)
async def test_f08_one_poisoned_record_does_not_stop_the_others(database_url: str, poison: bytes) -> None:
    """Ten payments wait and one's answers are rubbish: the nine are paid, the one stays open and says so."""
    async with open_shop(database_url, tids=MANY) as shop:
        for tid in MANY:
            shop.box.add_terminal(tid, DEMO_MID)
        waiting = [await shop.start(1_000 + int(tid[-1]), tid=tid) for tid in MANY]
        bad = waiting[4]

        async def spoiled(request: Any) -> Response:
            answer = await shop.box.ahandle(request)
            return Response(status=200, body=poison) if request.paytm_id == bad["paytm"]["id"] else answer

        shop.line.answer_with(spoiled)
        shop.box.play(after_s=1, outcome="card")
        await shop.pass_time(30)
        ends = [(await shop.see(payment))["status"] for payment in waiting]
        assert ends == ["paid"] * 4 + ["pending"] + ["paid"] * 5
        shop.line.answer_with(shop.box.ahandle)
        assert (await shop.ended(bad, within_s=240))["status"] == "paid"


async def test_f08_a_row_that_cannot_be_advanced_leaves_the_others_alone(database_url: str) -> None:
    """A payment whose machine code raises (here: a merchant key that cannot be opened) delays nobody else."""
    async with open_shop(database_url, tids=MANY) as shop:
        for tid in MANY[:3]:
            shop.box.add_terminal(tid, DEMO_MID)
        waiting = [await shop.start(1_000, tid=tid) for tid in MANY[:3]]
        connector = shop.till.connectors["edc"]
        shop.till.connectors["edc"] = _Brittle(connector, waiting[0]["id"])
        shop.box.play(after_s=1, outcome="card")
        await shop.pass_time(30)
        assert [(await shop.see(payment))["status"] for payment in waiting] == ["pending", "paid", "paid"]
        shop.till.connectors["edc"] = connector
        assert (await shop.ended(waiting[0]))["status"] == "paid"


async def test_a_slow_paytm_holds_up_nobody_else_and_is_waited_for_at_the_end(database_url: str) -> None:
    """Ten questions are all asked before the first is answered, and a worker told to stop hears every answer."""
    async with open_shop(database_url, tids=MANY) as shop:
        for tid in MANY:
            shop.box.add_terminal(tid, DEMO_MID)
            await shop.start(1_000, tid=tid)
        shop.clock.advance(10)
        asked, answers = asyncio.Semaphore(0), asyncio.Event()

        async def slow(request: Any) -> Response:
            asked.release()
            await answers.wait()
            return await shop.box.ahandle(request)

        shop.line.answer_with(slow)
        worker, stop = shop.till.worker(), asyncio.Event()
        running = asyncio.create_task(worker.run(stop))
        async with asyncio.timeout(20):
            for _ in MANY:
                await asked.acquire()
            stop.set()
            answers.set()
            await running
        assert worker.advanced == len(MANY)


async def test_f32_two_workers_never_do_the_same_work(database_url: str) -> None:
    """Two workers drain at the same time, again and again: each payment is asked about once each time, paid once."""
    async with open_shop(database_url, tids=MANY) as shop:
        for tid in MANY:
            shop.box.add_terminal(tid, DEMO_MID)
        for tid in MANY:
            await shop.start(1_000, tid=tid)
        shop.box.play(after_s=9, outcome="card")
        for _ in range(20):
            shop.clock.advance(1)
            await asyncio.gather(*(shop.till.worker().drain_due() for _ in range(4)))
        found = await payments.find(shop.till, shop.principal, {"status": "paid"})
        assert len(found["data"]) == len(MANY)
        assert shop.calls("sale") == len(MANY)
        assert shop.calls("status") <= 3 * len(MANY)


async def test_f32_two_tills_on_one_database_never_do_the_same_work(fresh_postgres_url: str) -> None:
    """Workers of two processes share PostgreSQL: no question overlaps, every payment is paid once."""
    async with open_shop(fresh_postgres_url, tids=MANY) as shop:
        twin = await Till.open(shop.till.settings, send=shop.line.send, clock=shop.clock)
        try:
            for tid in MANY:
                shop.box.add_terminal(tid, DEMO_MID)
                await shop.start(1_000, tid=tid)
            shop.box.play(after_s=9, outcome="card")
            for _ in range(20):
                shop.clock.advance(1)
                await asyncio.gather(*(till.worker().drain_due() for till in (shop.till, twin, shop.till, twin)))
        finally:
            await twin.close()
        found = await payments.find(shop.till, shop.principal, {"status": "paid"})
        assert len(found["data"]) == len(MANY)
        assert shop.calls("status") <= 3 * len(MANY)


async def test_f32_a_stale_worker_changes_no_row(database_url: str) -> None:
    """A worker whose lease ran out and was taken over writes nothing, not even the truth."""
    async with open_shop(database_url) as shop:
        payment = await shop.start()
        shop.pay_by_card()
        stale = await _claim(shop, payment)
        shop.clock.advance(6)
        fresh = await _claim(shop, payment)
        assert fresh.fence == stale.fence + 1
        charge = next(iter(shop.box.charges.values()))
        proof = Proof(mid=stale.mid, paytm_id=stale.paytm_id, amount_paise=AMOUNT, transaction_id=charge.acquirement_id)
        step = apply(stale, Captured(proof=proof), Asking.INQUIRE, shop.clock.now(), EDC)
        with pytest.raises(StaleClaim):
            await shop.till.database.write(commit_step, shop.till, stale, step, None)
        assert (await shop.see(payment))["status"] == "pending"
        await shop.pass_time(10)
        assert (await shop.see(payment))["status"] == "paid"


async def test_f32_a_second_proof_that_comes_too_late_is_thrown_away(database_url: str) -> None:
    """Two workers learn of one success, the slower after its lease: it is stale and told so, and nothing breaks."""
    async with open_shop(database_url) as shop:
        payment = await shop.start()
        shop.pay_by_card()
        stale = await _claim(shop, payment)
        shop.clock.advance(6)
        await shop.check(payment)
        assert (await shop.see(payment))["status"] == "paid"
        charge = next(iter(shop.box.charges.values()))
        proof = Proof(mid=stale.mid, paytm_id=stale.paytm_id, amount_paise=AMOUNT, transaction_id=charge.acquirement_id)
        step = apply(stale, Captured(proof=proof), Asking.INQUIRE, shop.clock.now(), EDC)
        with pytest.raises(StaleClaim):
            await shop.till.database.write(commit_step, shop.till, stale, step, None)


async def test_f26_c08_many_hints_at_once_make_one_posting(database_url: str) -> None:
    """Thirty hints that a payment is done, at once and again: one transition, one entry, one event."""
    async with open_shop(database_url) as shop:
        bill = await shop.bill()
        payment = await shop.start(bill=bill["id"])
        shop.pay_by_card()
        shop.clock.advance(2)
        answers = await asyncio.gather(
            *(payments.check(shop.till, shop.principal, payment["id"], wait_s=0.2) for _ in range(30)),
            return_exceptions=True,
        )
        assert all(isinstance(answer, dict | TooSoon) for answer in answers), answers
        assert (await shop.see(payment))["status"] == "paid"
        for _ in range(3):
            await shop.pass_time(5)
            await shop.check(payment)
        assert shop.calls("sale") == 1


async def test_f27_c08_a_hint_before_the_answer_to_the_sale(database_url: str) -> None:
    """The hint is faster than the reply to the sale: it neither charges nor breaks; hint, reply and poll end as one."""
    async with open_shop(database_url) as shop:
        shop.line.hold()
        caller = asyncio.create_task(shop.start())
        await shop.line.held()
        (live,) = await payments.unfinished(shop.till, shop.principal)
        early = await payments.check(shop.till, shop.principal, live["id"], wait_s=0.05)
        assert early["status"] == "created"
        shop.line.let_go()
        payment = await caller
        shop.pay_by_card()
        shop.clock.advance(3)
        await asyncio.gather(shop.check(payment), shop.drain(), shop.drain())
        await shop.pass_time(10)
        assert (await shop.see(payment))["status"] == "paid"
        assert shop.calls("sale") == 1


async def test_f28_a_hint_weeks_later_changes_nothing(database_url: str) -> None:
    """A success told again weeks later adds no event, no entry and no money."""
    async with open_shop(database_url) as shop:
        payment = await shop.start()
        shop.pay_by_card()
        before = await shop.ended(payment)
        await shop.pass_time(21 * 24 * 3600)
        after = await shop.check(payment)
        assert {**after, "checks": 0} == {**before, "checks": 0}


async def test_who_asks_while_a_question_is_out_hears_its_answer(database_url: str) -> None:
    """Somebody who presses "check again" while Paytm is being asked waits for that answer and asks nothing anew."""
    async with open_shop(database_url) as shop:
        payment = await shop.start()
        shop.pay_by_card()
        shop.clock.advance(5)
        shop.line.hold()
        asking = shop.till.spawn(shop.drain())
        await shop.line.held()
        shop.clock.advance(2)
        waiting = asyncio.create_task(shop.check(payment))
        await asyncio.sleep(0.1)
        assert not waiting.done()
        shop.line.let_go()
        assert (await waiting)["status"] == "paid"
        await asking
        assert shop.calls("status") == 1


async def test_f17_i16_a_storm_of_checks_never_overlaps_and_never_charges(database_url: str) -> None:
    """Two hundred presses of "check now": a question at a time, no more than one a second, no sale."""
    async with open_shop(database_url) as shop:
        payment = await shop.start()
        for _ in range(10):
            shop.clock.advance(0.3)
            await asyncio.gather(
                *(payments.check(shop.till, shop.principal, payment["id"], wait_s=0.02) for _ in range(20)),
                return_exceptions=True,
            )
        assert shop.calls("sale") == 1
        assert shop.calls("status") <= 4
        shop.pay_by_card()
        assert (await shop.ended(payment))["status"] == "paid"


async def test_i16_no_more_questions_than_the_ladder_has_rungs(database_url: str) -> None:
    """A day of waiting asks at most as often as the published ladder; nothing is asked once it is over."""
    async with open_shop(database_url) as shop:
        payment = await shop.start()
        budget, begin_s = 1, 0.0
        for rung in EDC.rungs:
            budget += int((rung.until_s - begin_s) / rung.every_s)
            begin_s = rung.until_s
            await shop.pass_time(rung.until_s - (shop.clock.now() - _created(shop)).total_seconds())
            assert shop.calls("status") <= budget
        assert shop.calls("status") >= budget * 0.8  # jitter makes it up to a tenth fewer, and no more
        shop.act(Action.REJECT)
        assert (await shop.ended(payment, within_s=7200))["status"] == "not_paid"
        asked = shop.calls("status")
        await shop.pass_time(80 * 3600)
        assert shop.calls("status") - asked <= 7


async def test_i15_a_healthy_paytm_is_asked_within_the_interval(database_url: str) -> None:
    """No live payment is left alone for longer than its rung, jitter and a minute."""
    async with open_shop(database_url) as shop:
        shop.fault(Kind.HTTP_500, operation="status", times=5)
        await shop.start()
        await shop.pass_time(3600)
        asked = [call.at for call in shop.box.wire.calls(operation="status")]
        gaps = [later - earlier for earlier, later in pairwise(asked)]
        assert max(gaps) <= timedelta(seconds=300 * 1.1 + 60)


def _created(shop: Shop) -> Any:
    return next(iter(shop.box.charges.values())).received_at


async def _claim(shop: Shop, payment: Any) -> Any:
    merchant = shop.principal.merchant_id
    claimed = await shop.till.database.write(
        claim_one, shop.till.schedule, shop.clock.now(), merchant, payment["id"]
    )
    assert claimed is not None
    return claimed


class _Brittle:
    """A connector with a bug that one payment brings out."""

    def __init__(self, inner: Any, payment_id: str) -> None:
        self._inner = inner
        self._id = payment_id
        self.capabilities = inner.capabilities

    def begin(self, payment: Any, *rest: Any) -> Any:
        """Begin as the real one."""
        return self._inner.begin(payment, *rest)

    def inquire(self, payment: Any, *rest: Any) -> Any:
        """Fail for the one payment."""
        if payment.id == self._id:
            raise KeyError("resultInfo")
        return self._inner.inquire(payment, *rest)
