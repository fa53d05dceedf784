"""The public types of online payments as a caller meets them: checked by `mypy --strict`, never run."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import assert_type

from galla import (
    AsyncPaytm,
    Collect,
    EdcNotice,
    InitiateReply,
    Intent,
    Kind,
    MerchantKey,
    OptionsReply,
    OrderListReply,
    OrderStatusReply,
    PaymentNotice,
    Paytm,
    QrReply,
    RefundNotice,
    RefundReply,
    RefundStatusReply,
    Request,
    Response,
    SyncTransport,
    TxnToken,
    UpiLink,
    VpaReply,
    addresses,
    build_link,
    is_settled,
    parse_link,
    parse_rupees,
    read_notice,
)


def shop(key: MerchantKey, handle: Callable[[Request], Response], now: datetime) -> None:
    """Use the blocking client in each way it is made to be used."""
    with Paytm(mid="M", key=key, website="DEFAULT", client_id="C11", environment="staging") as paytm:
        begun = paytm.intent(amount_paise=parse_rupees("2500"), customer_id="C1", note="Bill 42")
        assert_type(begun, Intent)
        assert_type(begun.link, str)
        assert_type(begun.txn_token, TxnToken)
        assert_type(paytm.initiate(amount_paise=100, customer_id="C1"), InitiateReply)
        assert_type(paytm.collect(vpa="neha@okbank", amount_paise=100, customer_id="C1"), Collect)
        assert_type(paytm.qr(amount_paise=100, pos_id="COUNTER-1", expires_at=now), QrReply)
        paid = paytm.wait(begun.order_id, timeout_s=60, amount_paise=250_000)
        assert_type(paid, OrderStatusReply)
        assert_type(paid.kind, Kind | None)
        assert_type(paid.amount_paise, int | None)
        assert_type(is_settled(paid), bool)
        assert_type(paytm.status(begun.order_id), OrderStatusReply)
        back = paytm.refund(begun.order_id, transaction_id="T1", refund_id="R1", amount_paise=100)
        assert_type(back, RefundReply)
        assert_type(paytm.refund_status(begun.order_id, refund_id="R1"), RefundStatusReply)
        assert_type(paytm.check_vpa("neha@okbank", id="O1", token=begun.txn_token), VpaReply)
        assert_type(paytm.options("O1", token=begun.txn_token), OptionsReply)
        assert_type(paytm.orders(since=now, until=now), OrderListReply)

    Paytm(mid="M", key="unit_test_key_16", transport=SyncTransport(addresses("production")))
    Paytm(mid="M", key="unit_test_key_16", transport=handle)

    paytm.intent(amount_paise=2500.0, customer_id="C1")  # type: ignore[arg-type]
    paytm.intent(2500, "C1")  # type: ignore[call-arg]
    paytm.intent(amount_paise=2500)  # type: ignore[call-arg]
    paytm.options("O1", token="9f0c")  # type: ignore[arg-type]


async def ashop(handle: Callable[[Request], Awaitable[Response]]) -> None:
    """Use the async client likewise."""
    async with AsyncPaytm(mid="M", key="unit_test_key_16") as paytm:
        assert_type(await paytm.intent(amount_paise=250000, customer_id="C1"), Intent)
        assert_type(await paytm.qr(amount_paise=100, pos_id="COUNTER-1"), QrReply)
        assert_type(await paytm.status("ORD1"), OrderStatusReply)
        assert_type(await paytm.wait("ORD1", timeout_s=60), OrderStatusReply)

    AsyncPaytm(mid="M", key="unit_test_key_16", transport=handle)
    await paytm.status(5)  # type: ignore[arg-type]


def told(body: bytes, content_type: str, key: MerchantKey) -> None:
    """Read what Paytm posts, and links."""
    assert_type(read_notice(body, content_type, key), PaymentNotice | RefundNotice | EdcNotice)
    assert_type(parse_link("upi://pay?pa=a.b@ybl"), UpiLink)
    assert_type(build_link(UpiLink(pa="a.b@ybl", pn="A")), str)
