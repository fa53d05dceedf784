"""Rehearsed failures on online calls, in process: what they do to the answer and what Paytm knows afterwards."""

import msgspec
import pytest

from galla.errors import ChecksumMismatch, InvalidField, NoReply, NotSent, RemoteProtocolError
from galla.protocol.codes import Kind as Says
from galla.sandbox import DEMO_MID, Fault, Kind
from tests.sandbox.online_pretend import ORDER, Shop, verdict


def shop_with(kind: Kind, **fields: object) -> Shop:
    shop = Shop()
    shop.sandbox.add_fault(Fault(kind=kind, **fields))  # type: ignore[arg-type]
    return shop


@pytest.mark.parametrize(
    ("kind", "error", "is_known"),
    [
        (Kind.REFUSE_CONNECTION, NotSent, False),
        (Kind.DROP_BEFORE, NoReply, False),
        (Kind.DROP_AFTER, NoReply, True),
    ],
)
def test_a_lost_conversation(kind: Kind, error: type[Exception], is_known: bool) -> None:
    """Before processing nothing is known afterwards; after it the repeat is idempotent."""
    shop = shop_with(kind, operation="initiate")

    with pytest.raises(error) as caught:
        shop.initiate()

    assert type(caught.value) is error
    assert verdict(shop.initiate()) == ("S 0002" if is_known else "S 0000")


def test_a_lost_refund_is_known_all_the_same() -> None:
    """After a lost reply the status knows it, and a repeat is 617."""
    shop = shop_with(Kind.DROP_AFTER, operation="refund")
    shop.pay()
    with pytest.raises(NoReply):
        shop.refund()

    assert verdict(shop.refund_status()) == "PENDING 601"
    assert verdict(shop.refund()) == "TXN_FAILURE 617"


def test_a_request_delivered_twice() -> None:
    """A repeated process is 1005, a repeated QR the same QR, a repeated refund 617; each works once."""
    shop = Shop()
    token = shop.initiate().txn_token
    for operation in ("process", "qr", "refund"):
        shop.sandbox.add_fault(Fault(kind=Kind.DUPLICATE, operation=operation))

    assert verdict(shop.process(token)) == "F 1005"
    assert len(shop.sandbox.orders[DEMO_MID, ORDER].tries) == 1
    assert verdict(shop.qr("ORD2")) == "SUCCESS QR_0001"
    shop.pay("ORD3")
    assert verdict(shop.refund(id_="ORD3")) == "TXN_FAILURE 617"
    assert len(shop.sandbox.refunds) == 1


@pytest.mark.parametrize("kind", [Kind.HTTP_500, Kind.HTML, Kind.TRUNCATED_JSON, Kind.RATE_LIMITED])
def test_an_unreadable_answer(kind: Kind) -> None:
    """What is not a reply cannot be read as one."""
    shop = shop_with(kind, operation="order_status")

    with pytest.raises(RemoteProtocolError):
        shop.status()

    assert shop.says() == "NO_RECORD_FOUND 331"


@pytest.mark.parametrize(
    ("kind", "name", "told"),
    [
        (Kind.WRONG_AMOUNT, "txn_amount", "2501.00"),
        (Kind.WRONG_MID, "mid", "SOMEBODYELSE00000000"),
        (Kind.WRONG_ID, "order_id", "SOMEBODYELSE0001"),
    ],
)
def test_a_wrong_answer_is_rightly_signed(kind: Kind, name: str, told: str) -> None:
    """The signature fits the wrong text: only comparing finds it out."""
    shop = Shop()
    shop.pay()
    shop.sandbox.add_fault(Fault(kind=kind, operation="order_status"))

    status = shop.status()

    assert (getattr(status, name), status.kind) == (told, Says.SUCCESS)
    assert shop.sandbox.faults.waiting == ()


def test_a_refund_s_amount_can_be_wrong() -> None:
    """The refund's status names a rupee more."""
    shop = Shop()
    shop.pay()
    shop.refund(amount="100.00")
    shop.sandbox.clock.advance(5)
    shop.sandbox.add_fault(Fault(kind=Kind.WRONG_AMOUNT, operation="refund_status"))

    assert shop.refund_status().refund_amount == "101.00"


@pytest.mark.parametrize("kind", [Kind.BAD_SIGNATURE, Kind.NO_CHECKSUM])
def test_an_answer_that_proves_nothing(kind: Kind) -> None:
    """A success under a wrong signature, or none, is not believed; the next answer is."""
    shop = Shop()
    shop.pay()
    shop.sandbox.add_fault(Fault(kind=kind, operation="order_status"))

    with pytest.raises(ChecksumMismatch):
        shop.status()

    assert shop.says() == "TXN_SUCCESS 01"


@pytest.mark.parametrize("kind", [Kind.SYSTEM_501, Kind.UNKNOWN_STATUS])
def test_an_answer_that_says_nothing(kind: Kind) -> None:
    """A system error and an unheard-of code leave the outcome open on every call."""
    shop = Shop()
    shop.pay()
    shop.refund(amount="1.00")
    shop.sandbox.add_fault(Fault(kind=kind, times=None))
    open_ = {None, Says.INTERNAL}

    assert {shop.status().kind, shop.refund_status().kind, shop.refund("R2", "2.00").kind} <= open_
    assert {shop.initiate("ORD2").kind, shop.qr("ORD3").kind} <= open_


def test_a_system_error_hides_what_was_done() -> None:
    """The order is made, and the answer carries no token."""
    shop = shop_with(Kind.SYSTEM_501, operation="initiate")

    reply = shop.initiate()

    assert (verdict(reply), reply.txn_token) == ("U 501", None)
    assert verdict(shop.initiate()) == "S 0002"


def test_a_card_machine_s_error_leaves_online_calls_alone() -> None:
    """0012 waits for a card machine's reply."""
    shop = shop_with(Kind.INTERNAL_0012)

    assert shop.says() == "NO_RECORD_FOUND 331"
    assert len(shop.sandbox.faults.waiting) == 1


def test_faults_can_wait_for_one_order() -> None:
    """`paytm_id` narrows a fault to an order, whoever asks first."""
    shop = shop_with(Kind.HTTP_500, paytm_id="ORD2")
    shop.status()

    with pytest.raises(RemoteProtocolError):
        shop.status("ORD2")


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": Kind.REFUND_FAILS, "operation": "process"},
        {"kind": Kind.JSON_STYLE, "operation": "qr"},
        {"kind": Kind.LATE_SUCCESS, "operation": "refund", "after_ms": 1},
    ],
)
def test_a_fault_in_the_wrong_place_is_refused(fields: dict[str, object]) -> None:
    """A fault that could never strike there is not taken."""
    with pytest.raises(InvalidField) as caught:
        Shop().sandbox.add_fault(Fault(**fields))  # type: ignore[arg-type]

    assert caught.value.param == "operation"


def test_online_calls_are_in_the_wire_log() -> None:
    """Each call is kept with its operation, order and result, and without its head."""
    shop = Shop()
    shop.pay()
    shop.says()

    calls = shop.sandbox.wire.calls(paytm_id=ORDER)

    assert [(call.operation, call.answer) for call in calls] == [
        ("initiate", "S 0000"),
        ("process", "S 0000"),
        ("order_status", "TXN_SUCCESS 01"),
    ]
    assert b"signature" not in msgspec.json.encode(calls)
