"""One UPI order to measure with: the payment, the three requests galla sends for it, and Paytm's three good answers.

The answers are signed, the one to processTransaction as well, which Paytm need not sign: the costliest of each.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec

from galla.client.flows import Keep
from galla.clock import ist_text
from galla.connectors import connector
from galla.connectors.connector import Account
from galla.connectors.upi import Session, UpiConnector
from galla.money import rupees
from galla.payments.model import Method, Payment
from galla.protocol.link import UpiLink, build_link
from galla.protocol.message import MerchantKey, Request, Response
from galla.protocol.order import STATUS_PATH, OrderStatusReply
from galla.protocol.pg import Reply
from galla.protocol.pg_codes import PgResult
from galla.protocol.pg_envelope import TxnToken
from galla.protocol.theia import (
    INITIATE_PATH,
    PROCESS_PATH,
    UPI_PUSH,
    DeepLinkInfo,
    InitiateReply,
    InitiateRequest,
    ProcessReply,
)

PATHS = (INITIATE_PATH, PROCESS_PATH, STATUS_PATH)
"""The three calls, in their order."""
MID, KEY = "TESTMID0000000000001", MerchantKey("bench_demo_key16")
NOW = datetime(2026, 1, 5, 4, 50, tzinfo=UTC)
AT_MS = "1767588600000"
AMOUNT_PAISE = 250_000
UPI = UpiConnector()
SHOP = Account(
    merchant_id="mer_1",
    mid=MID,
    key=KEY,
    name="City Clinic",
    environment="sandbox",
    client_id="C11",
    callback_url="https://pay.clinic.example/v1/callbacks/paytm/c4b1d0e2f3a5968778695a4b3c2d1e0f",
)


def order_id(number: int) -> str:
    """Return the id of the order of this number."""
    return f"SB{number:026d}"


def payment(number: int = 0, *, has_token: bool = False) -> Payment:
    """Return a payment by link of a UPI app; one that has its token begins with the second call."""
    session = Session(token=_token(order_id(number)))
    written = msgspec.json.encode(session).decode()
    return Payment(
        id=f"pay_{number:026d}",
        merchant_id=SHOP.merchant_id,
        environment=SHOP.environment,
        mid=MID,
        method=Method.UPI_INTENT,
        amount_paise=AMOUNT_PAISE,
        paytm_id=order_id(number),
        created_at=NOW,
        expires_at=NOW + timedelta(minutes=15),
        session=written if has_token else None,
        reference=f"OPD-{number}",
        sends=1,
        can_rebegin=True,
    )


def order(number: int = 0) -> InitiateRequest:
    """Return the order galla makes for it."""
    return InitiateRequest(
        mid=MID,
        order_id=order_id(number),
        website_name=SHOP.website,
        txn_amount=rupees(AMOUNT_PAISE),
        cust_id=order_id(number),
        callback_url=SHOP.callback_url,
        enable_payment_mode=(UPI_PUSH,),
        client_id=SHOP.client_id,
    )


def requests(number: int = 0) -> list[Request]:
    """Return what galla's connector sends for this order, in the order of `PATHS`."""
    found: list[Request] = []
    for speaking in (connector.begin, connector.inquire):
        flow = speaking(UPI, payment(number), SHOP, NOW)
        try:
            step = next(flow)
            while True:
                if isinstance(step, Request):
                    found.append(step)
                    step = flow.send(answer(step.path, order_id(number)))
                else:
                    assert isinstance(step, Keep)
                    step = flow.send(None)
        except StopIteration:
            pass
    assert [request.path for request in found] == list(PATHS)
    return found


def answer(path: str, about: str) -> Response:
    """Return Paytm's good answer to one of the three calls about this order."""
    return _reply(path, about).encode(AT_MS, key=KEY)


def _reply(path: str, about: str) -> Reply:
    if path == INITIATE_PATH:
        return InitiateReply(result=_begun(), txn_token=TxnToken(_token(about)))
    if path == PROCESS_PATH:
        link = UpiLink(
            pa="paytm-8123456@ptybl", pn=SHOP.name, mc="8011", tr=about, tn="Bill", amount_paise=AMOUNT_PAISE
        )
        info = DeepLinkInfo(deep_link=build_link(link), order_id=about, cashier_request_id=_token(about)[:24])
        return ProcessReply(result=_begun(), deep_link_info=info)
    return OrderStatusReply(
        result=PgResult(status="TXN_SUCCESS", code="01", message="Txn Success"),
        mid=MID,
        order_id=about,
        txn_id="20260105111212800110168000000000001",
        bank_txn_id="600512345678",
        txn_amount=rupees(AMOUNT_PAISE),
        txn_type="SALE",
        txn_date=f"{ist_text(NOW)}.0",
        payment_mode="UPI",
        gateway_name="PPBEX",
        bank_name="PPBL",
        refund_amt="0.00",
        masked_vpa="ra****@ptybl",
    )


def _begun() -> PgResult:
    return PgResult(status="S", code="0000", message="Success")


def _token(about: str) -> str:
    """Return a token as long as Paytm's."""
    return f"fe795335ed3049c7{about[-26:]}"
