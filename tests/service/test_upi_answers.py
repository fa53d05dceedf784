"""Answers about a UPI payment: only a signed success of this order, this amount and this MID pays it."""

from __future__ import annotations

import pytest

from galla.protocol.message import Response
from galla.sandbox.faults import Kind
from galla.service import tasks
from tests.service.shop import AMOUNT
from tests.service.upi_shop import answering, open_upi_shop, said

OTHER = [Kind.WRONG_AMOUNT, Kind.WRONG_MID, Kind.WRONG_ID]


@pytest.mark.parametrize("kind", OTHER)
async def test_a_success_about_something_else_never_pays(database_url: str, kind: Kind) -> None:
    """Signed success with another amount, MID or order: not paid, flagged; a right answer later pays, flag kept."""
    async with open_upi_shop(database_url) as shop:
        payment = await shop.begin("upi_qr")
        shop.fault(kind, operation="order_status", times=2)
        shop.approve(payment)
        await shop.pass_time(6)
        held = await shop.see(payment)
        assert (held["status"], held["needs_review"], held["proof"]) == ("in_doubt", True, None)
        assert held["reason"]["code"] == "mismatch"
        assert "not take this payment again" in held["next_action"]["text"]
        after = await shop.ended(payment)
        assert (after["status"], after["needs_review"], after["amount"]) == ("paid", True, AMOUNT)
        assert await tasks.unexplained(shop.till, shop.principal) == 1


@pytest.mark.parametrize("kind", [Kind.BAD_SIGNATURE, Kind.NO_CHECKSUM])
async def test_an_unsigned_success_never_pays(fresh_sqlite_url: str, kind: Kind) -> None:
    """A success whose signature is missing or another's is no information; it is flagged until a signed one comes."""
    async with open_upi_shop(fresh_sqlite_url) as shop:
        payment = await shop.begin("upi_intent")
        shop.approve(payment)
        shop.fault(kind, operation="order_status", times=2)
        await shop.pass_time(6)
        held = await shop.see(payment)
        assert (held["status"], held["needs_review"], held["proof"]) == ("pending", True, None)
        assert held["reason"]["code"] == "bad_signature"
        after = await shop.ended(payment)
        assert (after["status"], after["needs_review"]) == ("paid", False)


async def test_an_unknown_code_is_pending_and_flagged(fresh_sqlite_url: str) -> None:
    """A result nobody has heard of is neither paid nor failed: still open, flagged, asked again."""
    async with open_upi_shop(fresh_sqlite_url) as shop:
        payment = await shop.begin("upi_qr")
        shop.approve(payment)
        shop.fault(Kind.UNKNOWN_STATUS, operation="order_status", times=2)
        await shop.pass_time(6)
        held = await shop.see(payment)
        assert (held["status"], held["needs_review"], held["reason"]["paytm_code"]) == ("pending", True, "7777")
        after = await shop.ended(payment)
        assert (after["status"], after["needs_review"]) == ("paid", False)


CONTRARY = [
    ("TXN_SUCCESS", "227"), ("TXN_FAILURE", "01"), ("SUCCESS", "01"), ("PENDING", "01"), ("TXN_SUCCESS", "0000"),
    ("TXN_SUCCESS", ""), ("", "01"), ("S", "0000"), ("NO_RECORD_FOUND", "01"), ("TXN_SUCCESS", "501"),
]  # fmt: skip


@pytest.mark.parametrize(("status", "code"), CONTRARY)
async def test_only_01_with_its_own_word_is_paid(fresh_sqlite_url: str, status: str, code: str) -> None:
    """Word and code must agree: 0000, success in other words, or a success with a failure's code is never paid."""
    async with open_upi_shop(fresh_sqlite_url) as shop:
        payment = await shop.begin("upi_qr")
        answering(shop, "order_status", said(status, code, orderId=payment["paytm"]["id"], txnAmount="2500.00"))
        after = await shop.check(payment)
        assert (after["status"], after["proof"]) == ("pending", None)
        await shop.ended(payment, within_s=3 * 3600)


NOTHING = [
    said("TXN_FAILURE", "501"), said("PENDING", "501"), Response(status=404, body=b"<html>"),
    Response(status=408, body=b""), Response(status=429, body=b"", headers={"retry-after": "1"}),
    Response(status=500, body=b""), Response(status=502, body=b"<html>"), Response(status=503, body=b"{}"),
    Response(status=504, body=b""), Response(status=200, body=b""), Response(status=200, body=b"[]"),
    Response(status=200, body=b'{"head":{},"body":{"txnAmount":"\xe2\x82\xb92,500.00",}}'),
    Response(status=200, body=b'{"head":{},"body":{"resultInfo":{"resultMsg":"He said \\"no\\" \\\\/ \xe2\x82\xb9"}}}'),
]  # fmt: skip


@pytest.mark.parametrize("answer", NOTHING, ids=lambda each: f"{each.status} {each.body[-30:]!r}")
async def test_c24_an_answer_that_says_nothing_leaves_it_pending(fresh_sqlite_url: str, answer: Response) -> None:
    """501, a gateway's 404, 408, 429 or 5xx, half a JSON: still pending, for as long as it lasts; then paid."""
    async with open_upi_shop(fresh_sqlite_url) as shop:
        payment = await shop.begin("upi_intent")
        shop.approve(payment)
        answering(shop, "order_status", *[answer] * 5)
        await shop.pass_time(60)
        held = await shop.see(payment)
        assert (held["status"], held["needs_review"], held["reason"]) == ("pending", False, None)
        assert (await shop.ended(payment, within_s=3600))["status"] == "paid"


async def test_no_record_means_nothing_while_the_token_lives(database_url: str) -> None:
    """331 for ten minutes is a customer who has not opened the app yet; the same QR is paid afterwards."""
    async with open_upi_shop(database_url) as shop:
        payment = await shop.begin("upi_qr")
        await shop.pass_time(600)
        held = await shop.see(payment)
        assert (held["status"], held["next_action"]["type"]) == ("pending", "scan_qr")
        assert {call.answer for call in shop.box.wire.calls(operation="order_status")} == {"NO_RECORD_FOUND 331"}
        shop.approve(payment)
        assert (await shop.ended(payment))["status"] == "paid"


async def test_a_made_link_is_not_a_payment(database_url: str) -> None:
    """0000 at process and a deep link: awaiting the payer, nothing booked, nothing proven, no event "paid"."""
    async with open_upi_shop(database_url) as shop:
        bill = await shop.bill()
        payment = await shop.begin("upi_intent", bill=bill["id"])
        assert [call.answer for call in shop.box.wire.calls()] == ["S 0000", "S 0000"]
        shop.prompt(payment)
        await shop.pass_time(300)
        seen = await shop.see(payment)
        assert (seen["status"], seen["phase"], seen["proof"]) == ("pending", "awaiting_payer", None)
        assert not shop.is_paid(payment)
        kinds = [row["text"] for row in await shop.timeline(payment)]
        assert not any("paid" in kind for kind in kinds if "not" not in kind)
        shop.tap(payment, "decline")
        assert (await shop.ended(payment))["status"] == "not_paid"


@pytest.mark.parametrize("kind", [Kind.LATE_SUCCESS, Kind.LATE_SUCCESS_AFTER_FAILURE])
@pytest.mark.parametrize("operation", ["process", "qr"])
async def test_a_success_that_is_told_late_is_paid(fresh_sqlite_url: str, kind: Kind, operation: str) -> None:
    """Paytm says pending, or failed, for two hours after the money moved: found by asking; late if it had failed."""
    async with open_upi_shop(fresh_sqlite_url) as shop:
        shop.fault(kind, operation=operation, after_ms=2 * 3_600_000)
        payment = await shop.begin("upi_qr" if operation == "qr" else "upi_intent")
        shop.approve(payment)
        await shop.pass_time(120)
        is_failed = kind is Kind.LATE_SUCCESS_AFTER_FAILURE
        assert (await shop.see(payment))["status"] == ("not_paid" if is_failed else "pending")
        await shop.pass_time(24 * 3600)
        after = await shop.see(payment)
        assert (after["status"], after["is_late"]) == ("paid", is_failed)


STUMBLES = [
    Kind.DROP_BEFORE, Kind.DROP_AFTER, Kind.HTTP_500, Kind.SYSTEM_501, Kind.TRUNCATED_JSON, Kind.REFUSE_CONNECTION,
]  # fmt: skip


@pytest.mark.parametrize("operation", ["initiate", "process", "qr"])
@pytest.mark.parametrize("kind", STUMBLES)
async def test_a_start_that_stumbles_charges_once_or_says_so(fresh_sqlite_url: str, operation: str, kind: Kind) -> None:
    """A start whose answer is lost goes on with what was kept: payable again, or ended unpaid."""
    async with open_upi_shop(fresh_sqlite_url) as shop:
        method = "upi_qr" if operation == "qr" else "upi_intent"
        shop.fault(kind, operation=operation)
        payment = await shop.begin(method)
        assert payment["status"] in ("created", "pending", "in_doubt")
        await shop.pass_time(10)
        seen = await shop.see(payment)
        if seen["next_action"].get("upi_link"):
            shop.approve(seen)
            assert (await shop.ended(payment))["status"] == "paid"
        else:
            assert operation == "process", "only a link whose answer was lost cannot be shown again"
            after = await shop.ended(payment, within_s=3 * 3600)
            assert (after["status"], shop.is_paid(payment)) == ("not_paid", False)


@pytest.mark.parametrize("code", ["2005", "1001", "1007", "2013", "196", "1008"])
async def test_a_refused_order_is_not_paid_at_once(fresh_sqlite_url: str, code: str) -> None:
    """A no to the order itself: nothing can be charged by it, so it ends at once with Paytm's code and a hint."""
    async with open_upi_shop(fresh_sqlite_url) as shop:
        answering(shop, "initiate", said("F", code))
        payment = await shop.begin("upi_intent")
        assert (payment["status"], payment["reason"]["paytm_code"]) == ("not_paid", code)
        assert payment["reason"]["hint"].endswith(".")
        assert shop.box.orders == {}


async def test_a_used_order_id_is_asked_about_and_never_paid_twice(fresh_sqlite_url: str) -> None:
    """2023, the order id was used with other details: held open and asked about, never a second order."""
    async with open_upi_shop(fresh_sqlite_url) as shop:
        answering(shop, "initiate", said("F", "2023"))
        payment = await shop.begin("upi_intent")
        assert (payment["status"], payment["phase"]) == ("pending", "checking")
        assert "upi_link" not in payment["next_action"]
        after = await shop.ended(payment, within_s=3 * 3600)
        assert (after["status"], shop.calls("initiate")) == ("not_paid", 0)
