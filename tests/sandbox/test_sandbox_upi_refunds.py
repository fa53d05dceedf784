"""Refunds: each code of the refund desk, and that taken in is not yet done."""

import pytest
from msgspec.structs import replace

from galla.protocol.checksum import raw_section, sign
from galla.protocol.codes import Kind
from galla.protocol.message import MerchantKey, join_envelope
from galla.sandbox import DEMO_MID, Fault
from galla.sandbox import Kind as FaultKind
from tests.sandbox.online_pretend import ORDER, Shop, verdict
from tests.sandbox.pretend import KEY, Till
from tests.sandbox.test_sandbox_upi import code


@pytest.fixture
def shop() -> Shop:
    """A shop with one paid order of ₹2,500.00."""
    shop = Shop()
    shop.pay()
    return shop


def test_a_refund_is_taken_in_and_done_later(shop: Shop) -> None:
    """601 at once, 10 after its delay; the order then names what was given back."""
    reply = shop.refund(amount="100.00")
    assert (verdict(reply), reply.refund_amount, reply.kind) == ("PENDING 601", "100.00", Kind.ACCEPTED)
    assert verdict(shop.refund_status()) == "PENDING 601"
    assert shop.status().refund_amt == "0.00"

    shop.sandbox.clock.advance(5)

    done = shop.refund_status()
    assert (
        verdict(done),
        done.amount_paise,
        done.total_refund_amount,
    ) == ("TXN_SUCCESS 10", 10_000, "100.00")
    assert (done.refund_id, done.ref_id) == (reply.refund_id, "REF1")
    assert done.refund_detail_info_list[0].masked_vpa == "ra***@oksbi"
    assert shop.status().refund_amt == "100.00"


def test_the_delay_can_be_set(shop: Shop) -> None:
    """A refund takes as long as it was told to."""
    shop.sandbox.refund_delay_s = 86_400
    shop.refund()
    shop.sandbox.clock.advance(86_399)
    assert verdict(shop.refund_status()) == "PENDING 601"

    shop.sandbox.clock.advance(1)
    assert verdict(shop.refund_status()) == "TXN_SUCCESS 10"


@pytest.mark.parametrize(
    ("first", "wait_s", "second", "expected"),
    [
        (("R1", "100.00"), 700, ("R1", "200.00"), "617"),  # the same reference
        (("R1", "100.00"), 599, ("R2", "100.00"), "617"),  # the same amount too soon
        (("R1", "100.00"), 600, ("R2", "100.00"), "601"),
        (("R1", "100.00"), 1, ("R2", "200.00"), "626"),  # the first is not done
        (("R1", "100.00"), 6, ("R2", "2400.01"), "619"),  # more than is left
        (("R1", "100.00"), 6, ("R2", "2400.00"), "601"),
        (("R1", "2500.00"), 6, ("R2", "1.00"), "629"),  # all is back
        (("R1", "2499.50"), 6, ("R2", "0.50"), "635"),  # a part below a rupee
    ],
)
def test_a_second_refund(
    shop: Shop, first: tuple[str, str], wait_s: int, second: tuple[str, str], expected: str
) -> None:
    """Repeats, refunds in progress and amounts above what is left are refused, each with its code."""
    shop.refund(*first)
    shop.sandbox.clock.advance(wait_s)

    assert expected == shop.refund(*second).result.code


def test_a_whole_refund_below_a_rupee_is_allowed() -> None:
    """Only a part may not be below ₹1.00."""
    shop = Shop()
    shop.pay(amount="0.50")

    assert shop.refund(amount="0.50").result.code == "601"


def test_a_refund_needs_the_right_payment(shop: Shop) -> None:
    """Another transaction is 627, an unpaid order 607, an unknown refund 631."""
    request = replace(shop.refund_request(), txn_id="20260105000")
    assert code(shop.sandbox.handle(request.encode(KEY))) == "TXN_FAILURE 627"
    shop.link("ORD2")
    assert verdict(shop.refund("R2", "1.00", "ORD2")) == "TXN_FAILURE 607"
    assert verdict(shop.refund_status("NEVER")) == "TXN_FAILURE 631"
    shop.refund("R3")
    assert verdict(shop.refund_status("R3", "ORD2")) == "TXN_FAILURE 631"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (DEMO_MID.encode(), b"NOBODY", "TXN_FAILURE 335"),
        (b'"REFUND"', b'"GIFT"', "TXN_FAILURE 600"),
        (b'"refId"', b'"reference"', "TXN_FAILURE 600"),
        (b'"2500.00"', b'"2500"', "TXN_FAILURE 619"),
    ],
)
def test_what_is_wrong_with_a_refund_has_its_code(shop: Shop, old: bytes, new: bytes, expected: str) -> None:
    """Each fault is answered with Paytm's code, and nothing is refunded."""
    request = shop.refund_request().encode(KEY)
    body = raw_section(request.body, "body")
    assert body is not None
    changed = body.replace(old, new)
    head = b'{"signature":"' + sign(changed.decode(), KEY).encode() + b'"}'

    response = shop.sandbox.handle(replace(request, body=join_envelope(head, changed)))

    assert (expected, {}) == (code(response), shop.sandbox.refunds)


def test_a_refund_signed_by_another_is_330(shop: Shop) -> None:
    """Both refund calls check the signature."""
    stranger = MerchantKey("another_key_here")

    assert code(shop.sandbox.handle(shop.refund_request().encode(stranger))) == "TXN_FAILURE 330"


def test_the_old_paths_of_refunds_answer_too(shop: Shop) -> None:
    """The SDK's older names do the same."""
    old = replace(shop.refund_request().encode(KEY), path="/refund/api/v1/async/refund")

    assert code(shop.sandbox.handle(old)) == "PENDING 601"


def test_a_refund_that_the_bank_rejects(shop: Shop) -> None:
    """Taken in, then 600; what it would have given back is free again."""
    shop.sandbox.add_fault(Fault(kind=FaultKind.REFUND_FAILS))
    shop.refund()
    shop.sandbox.clock.advance(5)

    assert verdict(shop.refund_status()) == "TXN_FAILURE 600"
    assert shop.refund("REF2").result.code == "601"


def test_a_card_machine_sale_is_refunded_by_its_id() -> None:
    """The refund desk knows sales; a refunded one cannot be voided, a voided one not refunded."""
    shop = Shop()
    till = Till(shop.clock)
    till.sandbox = shop.sandbox
    till.sale("CLINIC000001")
    till.press("accept", "tap")
    till.sale("CLINIC000002")
    till.press("accept", "tap")

    assert shop.refund("R1", "500.00", "CLINIC000001").result.code == "601"
    assert till.void("CLINIC000001").result.code_id == "0090"

    assert till.void("CLINIC000002").result.code_id == "0009"
    assert shop.refund("R2", "500.00", "CLINIC000002").result.code == "607"
    shop.sandbox.clock.advance(5)
    details = shop.refund_status("R1", "CLINIC000001").refund_detail_info_list
    assert details[0].pay_method == "CREDIT_CARD"
    assert ORDER not in shop.sandbox.orders
