"""A card machine's server callbacks, from Paytm's outbox to the books: three for a card, one for UPI."""

from __future__ import annotations

import asyncio
import itertools

import pytest
from sqlalchemy import Connection, func, select

from galla.protocol.form import JSON_TYPE
from galla.protocol.message import MerchantKey, Request, Response
from galla.protocol.notify import EdcNotice
from galla.sandbox.faults import Kind
from galla.sandbox.outbox import Post
from galla.sandbox.sandbox import DEMO_KEY, DEMO_MID
from galla.sandbox.terminal import Action
from galla.store import record_tables
from tests.service.queue_shop import QueueShop, open_queue_shop
from tests.service.shop import FIRST, SECOND, only

KEY = MerchantKey(DEMO_KEY)


def posts(shop: QueueShop) -> list[Post]:
    """Return the callbacks that Paytm has to deliver now."""
    return list(shop.box.due_posts())


async def told(shop: QueueShop) -> list[bool]:
    """Let all callbacks arrive, the last first; return which said something new about a payment."""
    received = [await shop.tell(post.content_type, post.body) for post in reversed(posts(shop))]
    return [each.is_new and each.payment_id is not None for each in received]


async def entries(shop: QueueShop) -> int:
    """Count the entries in the books."""

    def count(connection: Connection) -> int:
        return int(connection.execute(select(func.count()).select_from(record_tables.entries)).scalar_one())

    return await shop.till.database.read(count)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
async def test_c08_three_callbacks_of_a_card_sale_are_one_posting(
    fresh_sqlite_url: str, order: tuple[int, ...]
) -> None:
    """PRE_AUTH, the plain one and CAPTURE, in any order and twice over: one question, one proof, one entry."""
    async with open_queue_shop(fresh_sqlite_url) as shop:
        payment = await shop.start()
        shop.pay_by_card()
        sent = posts(shop)
        assert len(sent) == 3
        for number in (*order, *order):
            await shop.tell(sent[number].content_type, sent[number].body)
        assert (await shop.see(payment))["status"] == "pending"
        await shop.drain()
        assert (await shop.see(payment))["status"] == "paid"
        for post in sent:
            await shop.tell(post.content_type, post.body)
        await shop.drain()
        assert (await entries(shop), shop.calls("status")) == (1, 1)


async def test_a_repeat_that_is_no_reason_to_ask_writes_nothing(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second and third callback wait for nobody's commit: the payment is due already, and then it is paid."""

    async def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a repeat was written")

    async with open_queue_shop(database_url) as shop:
        payment = await shop.start()
        shop.pay_by_card()
        sent = posts(shop)
        first = await shop.tell(sent[0].content_type, sent[0].body)
        assert first.is_new
        with monkeypatch.context() as patched:
            patched.setattr(shop.till.database, "write", refuse)
            second = await shop.tell(sent[1].content_type, sent[1].body)
        await shop.drain()
        assert (await shop.see(payment))["status"] == "paid"
        with monkeypatch.context() as patched:
            patched.setattr(shop.till.database, "write", refuse)
            third = await shop.tell(sent[2].content_type, sent[2].body)
        assert (second.is_new, third.is_new) == (False, False)


async def test_a_upi_sale_on_a_machine_sends_one(database_url: str) -> None:
    """One callback without a type for a UPI payment on the machine: asked, proven, paid by UPI."""
    async with open_queue_shop(database_url) as shop:
        payment = await shop.start()
        shop.act(Action.ACCEPT, Action.SHOW_QR, Action.SCAN, Action.APPROVE)
        post = only(posts(shop))
        await shop.tell(post.content_type, post.body)
        await shop.drain()
        paid = await shop.see(payment)
        assert (paid["status"], paid["proof"]["mode"]) == ("paid", "UPI")


async def test_c08_a_callback_before_the_sales_own_reply_is_one_posting(database_url: str) -> None:
    """The customer is quicker than the network: all callbacks arrive while the sale's answer is still on its way."""
    async with open_queue_shop(database_url) as shop:
        gate, at_paytm = asyncio.Event(), asyncio.Event()

        async def slow(request: Request) -> Response:
            answer = await shop.box.ahandle(request)
            if request.operation == "sale":
                at_paytm.set()
                await gate.wait()
            return answer

        shop.line.answer_with(slow)
        starting = asyncio.create_task(shop.start())
        await at_paytm.wait()
        shop.pay_by_card()
        assert await told(shop) == [True, False, False]
        await shop.drain()
        assert shop.calls("status") == 0, "nobody may ask while the sale itself is under way"
        gate.set()
        payment = await starting
        await shop.drain()
        assert ((await shop.see(payment))["status"], await entries(shop)) == ("paid", 1)


async def test_the_lean_shape_of_a_sound_box_is_a_reason_to_ask(database_url: str) -> None:
    """`orderId`, rupees, `respCode 01`: it names the sale, and the status decides."""
    async with open_queue_shop(database_url) as shop:
        payment = await shop.start()
        lean = EdcNotice(merchant_transaction_id=payment["paytm"]["id"], paytm_mid=DEMO_MID)
        posted = lean.encode_json(KEY, "2026-01-05 10:21:00")
        assert (await shop.tell(JSON_TYPE, posted.body)).payment_id == payment["id"]
        await shop.drain()
        assert ((await shop.see(payment))["status"], shop.calls("status")) == ("pending", 1)
        shop.pay_by_card()
        assert (await shop.ended(payment))["status"] == "paid"


@pytest.mark.parametrize("kind", [Kind.BAD_SIGNATURE, Kind.NO_CHECKSUM, Kind.WRONG_MID])
async def test_a_forged_callback_changes_nothing(fresh_sqlite_url: str, kind: Kind) -> None:
    """A callback of a stranger, unsigned or of another merchant is refused, and nobody is asked because of it."""
    async with open_queue_shop(fresh_sqlite_url) as shop:
        payment = await shop.start()
        shop.fault(kind, operation="callback", times=3)
        shop.pay_by_card()
        for post in posts(shop):
            with pytest.raises(Exception, match=r"sign|merchant"):
                await shop.tell(post.content_type, post.body)
        assert shop.calls("status", payment) == 0
        assert (await shop.ended(payment))["status"] == "paid"


async def test_a_wrong_amount_in_a_callback_is_not_believed(fresh_sqlite_url: str) -> None:
    """A truly signed callback that names ₹1 more only makes galla ask; what the status proves is booked."""
    async with open_queue_shop(fresh_sqlite_url) as shop:
        payment = await shop.start()
        shop.fault(Kind.WRONG_AMOUNT, operation="callback", times=3)
        shop.pay_by_card()
        for post in posts(shop):
            await shop.tell(post.content_type, post.body)
        await shop.drain()
        paid = await shop.see(payment)
        assert (paid["status"], paid["amount"], paid["needs_review"]) == ("paid", 250_000, False)


@pytest.mark.parametrize("tid", [FIRST, SECOND])
async def test_a_code_is_called_back_too(database_url: str, tid: str) -> None:
    """A payment by code, collected at any machine: its three callbacks name it, and its status proves it, once."""
    async with open_queue_shop(database_url) as shop:
        payment = await shop.code()
        shop.collect(payment, tid)
        assert await told(shop) == [True, False, False]
        await shop.drain()
        paid = await shop.see(payment)
        assert (paid["status"], paid["paytm"]["tid"], await entries(shop)) == ("paid", tid, 1)
