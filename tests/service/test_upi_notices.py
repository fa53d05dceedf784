"""What arrives at the callback address: verified over its raw bytes, kept once, and never believed about money."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, quote

import pytest
from paytmchecksum import PaytmChecksum
from sqlalchemy import Connection, func, select

from galla.errors import ChecksumMismatch, NotFound, RemoteProtocolError
from galla.protocol.form import FORM_TYPE, JSON_TYPE
from galla.sandbox.faults import Kind
from galla.sandbox.sandbox import DEMO_KEY, DEMO_MID
from galla.service import callbacks
from galla.store import record_tables
from tests.service.upi_shop import UpiShop, open_upi_shop


def fields_of(payment: Any, **changes: str) -> dict[str, str]:
    """Return the fields of a success about a payment."""
    return {
        "MID": DEMO_MID,
        "ORDERID": payment["paytm"]["id"],
        "TXNID": "20260105111212800110168000000000001",
        "TXNAMOUNT": "2500.00",
        "PAYMENTMODE": "UPI",
        "CURRENCY": "INR",
        "TXNDATE": "2026-01-05 10:20:30.0",
        "STATUS": "TXN_SUCCESS",
        "RESPCODE": "01",
        "RESPMSG": "Txn Success",
        "GATEWAYNAME": "PPBEX",
        "BANKTXNID": "600512345678",
    } | changes


def form(fields: dict[str, str], signature: str | None = "") -> bytes:
    """Write a form, signed by Paytm's own library unless another signature, or none, is given."""
    if signature == "":
        signature = PaytmChecksum.generateSignature(fields, DEMO_KEY)
    signed = fields if signature is None else {**fields, "CHECKSUMHASH": signature}
    return "&".join(f"{name}={quote(value, safe='')}" for name, value in signed.items()).encode()


async def test_one_rupee_for_a_large_order_is_only_an_inquiry(database_url: str) -> None:
    """A truly signed notice of ₹1 success naming an order of ₹2,500: not paid, nothing booked, one question asked."""
    async with open_upi_shop(database_url) as shop:
        payment = await shop.begin("upi_qr")
        received = await shop.tell(FORM_TYPE, form(fields_of(payment, TXNAMOUNT="1.00")))
        assert (received.is_new, received.payment_id) == (True, payment["id"])
        assert (await shop.see(payment))["status"] == "pending"
        assert shop.calls("order_status") == 0
        await shop.drain()
        after = await shop.see(payment)
        assert (after["status"], after["proof"], shop.calls("order_status")) == ("pending", None, 1)


async def test_a_success_that_is_not_true_is_only_an_inquiry(fresh_sqlite_url: str) -> None:
    """Every field right, truly signed, and nobody has paid: Paytm is asked, says so, and it stays unpaid."""
    async with open_upi_shop(fresh_sqlite_url) as shop:
        payment = await shop.begin("upi_intent")
        await shop.tell(FORM_TYPE, form(fields_of(payment)))
        await shop.pass_time(60)
        assert (await shop.see(payment))["status"] == "pending"


async def test_a_replay_a_week_later_changes_nothing(database_url: str) -> None:
    """A true notice of a paid payment, sent again after a week: known, no question, no event, no posting."""
    async with open_upi_shop(database_url) as shop:
        payment = await shop.begin("upi_qr")
        shop.approve(payment)
        (post,) = shop.box.due_posts()
        await shop.tell(post.content_type, post.body)
        await shop.drain()
        paid = await shop.see(payment)
        assert paid["status"] == "paid"
        await shop.pass_time(7 * 86_400)
        before, asked = await _everything(shop), shop.calls("order_status")
        received = await shop.tell(post.content_type, post.body)
        await shop.pass_time(3600)
        assert not received.is_new
        assert (await shop.see(payment), await _everything(shop)) == (paid, before)
        assert shop.calls("order_status") == asked == 1


async def test_a_replayed_failure_never_unpays(database_url: str) -> None:
    """A customer declines, another pays, and the old notice of the failure comes last: paid it stays."""
    async with open_upi_shop(database_url) as shop:
        payment = await shop.begin("upi_qr")
        shop.tap(payment, "decline")
        shop.approve(payment, vpa="neha@okhdfcbank")
        declined, approved = shop.box.due_posts()
        await shop.tell(approved.content_type, approved.body)
        await shop.drain()
        paid = await shop.see(payment)
        await shop.tell(declined.content_type, declined.body)
        await shop.pass_time(3600)
        assert (paid["status"], await shop.see(payment)) == ("paid", paid)


def _renamed(fields: dict[str, str]) -> bytes:
    """P has no names in it: the amount's name moved to another value signs the same."""
    signature = PaytmChecksum.generateSignature(fields, DEMO_KEY)
    moved = dict(fields)
    moved["TXNAMOUNT_"] = moved.pop("TXNAMOUNT")
    return form(moved, signature)


def _split(fields: dict[str, str]) -> bytes:
    """`a|b` in one value signs like `a` and `b` in two."""
    signature = PaytmChecksum.generateSignature(fields, DEMO_KEY)
    joined = dict(fields)
    joined["STATUS"] = f"{joined['STATUS']}|{joined.pop('TXNAMOUNT')}"
    return form(joined, signature)


def _doubled(fields: dict[str, str]) -> bytes:
    """The same name twice: which one was signed?"""
    return form(fields) + b"&STATUS=TXN_SUCCESS"


def _doubled_by_escape(fields: dict[str, str]) -> bytes:
    """The same name twice, once hidden by an escape."""
    return form(fields) + b"&%53TATUS=TXN_SUCCESS"


BAD_FORMS: dict[str, Callable[[dict[str, str]], bytes]] = {
    "renamed key": _renamed,
    "value split by a pipe": _split,
    "duplicate key": _doubled,
    "duplicate key, escaped": _doubled_by_escape,
    "no signature": lambda fields: form(fields, None),
    "empty signature": lambda fields: form(fields, None) + b"&CHECKSUMHASH=",
    "another's key": lambda fields: form(fields, PaytmChecksum.generateSignature(fields, "another_key_here")),
    "changed after signing": lambda fields: form(fields).replace(b"2500.00", b"1.00"),
    "one field left out": lambda fields: form(fields).replace(b"CURRENCY=INR&", b""),
    "one field added": lambda fields: form(fields) + b"&UDF=1",
    "signature of other fields": lambda fields: form(fields, PaytmChecksum.generateSignature({"A": "1"}, DEMO_KEY)),
    "junk": lambda fields: b"%zz=1",
    "nothing": lambda fields: b"",
    "another merchant": lambda fields: form({**fields, "MID": "SOMEBODYELSE00000000"}),
}


@pytest.mark.parametrize("bad", BAD_FORMS)
async def test_a_form_that_is_not_plainly_paytms_changes_nothing(fresh_sqlite_url: str, bad: str) -> None:
    """Renamed, split, doubled, unsigned, another's: refused, not kept, no question asked, the payment as it was."""
    async with open_upi_shop(fresh_sqlite_url) as shop:
        payment = await shop.begin("upi_qr")
        shop.approve(payment)
        before = await _everything(shop)
        with pytest.raises((ChecksumMismatch, RemoteProtocolError)):
            await shop.tell(FORM_TYPE, BAD_FORMS[bad](fields_of(payment)))
        await shop.drain()
        assert await _everything(shop) == before
        assert shop.calls("order_status") == 0
        assert (await shop.see(payment))["status"] == "pending"
        assert (await shop.ended(payment))["status"] == "paid"


@pytest.mark.parametrize("kind", [Kind.NO_CHECKSUM, Kind.BAD_SIGNATURE, Kind.WRONG_MID])
async def test_a_bad_refund_webhook_changes_nothing(fresh_sqlite_url: str, kind: Kind) -> None:
    """Unsigned, another's signature, another merchant: refused; the refund is found done by asking."""
    async with open_upi_shop(fresh_sqlite_url) as shop:
        shop.box.refund_delay_s = 0
        payment = await shop.paid()
        for post in shop.box.due_posts():
            shop.box.posted(post.number, 200)
        shop.fault(kind, operation="callback", times=2)
        refund = await shop.give_back(payment)
        posts = shop.box.due_posts()
        assert len(posts) == 2
        for post in posts:
            with pytest.raises((ChecksumMismatch, RemoteProtocolError)):
                await shop.tell(post.content_type, post.body)
        assert (await shop.see_refund(refund))["status"] == "pending"
        assert (await shop.refund_ended(refund))["status"] == "done"


async def test_a_signed_refund_webhook_that_is_not_true_is_only_an_inquiry(fresh_sqlite_url: str) -> None:
    """"Done" from a truly signed webhook while Paytm says pending: still pending."""
    async with open_upi_shop(fresh_sqlite_url) as shop:
        shop.box.refund_delay_s = 3 * 86_400
        payment = await shop.paid()
        refund = await shop.give_back(payment)
        body = (
            f'{{"mid":"{DEMO_MID}","orderId":"{payment["paytm"]["id"]}","refId":"{refund["paytm"]["ref_id"]}",'
            '"refundAmount":"2500.00"}'
        )
        signature = PaytmChecksum.generateSignature(body, DEMO_KEY)
        posted = f'{{"head":{{"version":"v1","signature":"{signature}"}},"body":{body}}}'.encode()
        received = await shop.tell(JSON_TYPE, posted)
        assert received.refund_id == refund["id"]
        await shop.drain()
        assert (await shop.see_refund(refund))["status"] == "pending"
        assert shop.calls("refund_status") == 1


async def test_both_encodings_of_a_payment_notice_are_read(fresh_sqlite_url: str) -> None:
    """The form of the official pages and the JSON of newer ones: each leads to one question, and to paid."""
    async with open_upi_shop(fresh_sqlite_url, hears=True) as shop:
        for kind in (None, Kind.JSON_STYLE):
            if kind is not None:
                shop.fault(kind, operation="callback")
            payment = await shop.begin("upi_qr")
            shop.approve(payment)
            await shop.pass_time(0)
            after = await shop.see(payment)
            assert (after["status"], after["checks"]) == ("paid", 1)
        kinds = [post.content_type for post in shop.box.outbox.ended]
        assert kinds == [FORM_TYPE, JSON_TYPE]


async def test_an_unknown_address_and_an_unknown_order(fresh_sqlite_url: str) -> None:
    """A made-up token is nobody's; a signed notice about an unknown order is kept and leads to no question."""
    async with open_upi_shop(fresh_sqlite_url) as shop:
        payment = await shop.begin("upi_qr")
        with pytest.raises(NotFound):
            await callbacks.receive(shop.till, "x" * 40, FORM_TYPE, form(fields_of(payment)))
        received = await shop.tell(FORM_TYPE, form(fields_of(payment, ORDERID="SOMETHING_ELSE_1")))
        assert (received.is_new, received.payment_id, received.result_token) == (True, None, None)
        await shop.drain()
        assert shop.calls("order_status") == 0


async def test_twenty_copies_at_once_are_one(database_url: str) -> None:
    """The same notice twenty times in the same moment, from two processes' worth of writers: kept once, paid once."""
    async with open_upi_shop(database_url) as shop:
        payment = await shop.begin("upi_qr")
        shop.approve(payment)
        (post,) = shop.box.due_posts()
        heard = await asyncio.gather(*(shop.tell(post.content_type, post.body) for _ in range(20)))
        assert sum(each.is_new for each in heard) == 1
        await shop.drain()
        assert (await shop.see(payment))["status"] == "paid"
        assert shop.calls("order_status") == 1


async def test_the_signature_is_over_what_was_sent(fresh_sqlite_url: str) -> None:
    """A form of Paytm's with every field it may have, verified by Paytm's own library, is taken by ours."""
    async with open_upi_shop(fresh_sqlite_url) as shop:
        payment = await shop.begin("upi_qr")
        shop.approve(payment)
        (post,) = shop.box.due_posts()
        fields = dict(parse_qsl(post.body.decode(), keep_blank_values=True))
        signature = fields.pop("CHECKSUMHASH")
        assert PaytmChecksum.verifySignature(dict(fields), DEMO_KEY, signature)
        assert (await shop.tell(post.content_type, post.body)).is_new
        await shop.drain()


async def _everything(shop: UpiShop) -> list[int]:
    """Count the rows of all that a notice could have touched."""
    return await shop.till.database.read(_counted)


def _counted(connection: Connection) -> list[int]:
    tables = [record_tables.callbacks, record_tables.events, record_tables.entries, record_tables.postings]
    return [connection.scalar(select(func.count()).select_from(table)) or 0 for table in tables]
