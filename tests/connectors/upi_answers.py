"""What Paytm's online API answers, for the tests of the UPI connector: made by the protocol's own replies."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from galla.connectors.connector import Account
from galla.payments.model import Method, Payment, Proof
from galla.payments.refund import Refund
from galla.protocol.codes import Code
from galla.protocol.message import MerchantKey, Request, Response
from galla.protocol.order import OrderStatusReply
from galla.protocol.pg import Reply
from galla.protocol.pg_codes import PG_CODES, PgResult, classify_pg
from galla.protocol.pg_envelope import TxnToken
from galla.protocol.refund import RefundStatusReply
from galla.protocol.theia import DeepLinkInfo, InitiateReply, ProcessReply

NOW = datetime(2026, 1, 5, 4, 50, tzinfo=UTC)
ENDS = NOW + timedelta(seconds=600)
AT_MS = "1767588600000"
KEY = MerchantKey("unit_test_key_16")
MID, ORDER, TOKEN = "TESTMID0000000000001", "SB0105000000000001", "token-of-the-order-0001"
LINK = "upi://pay?pa=shop@paytm&am=2500.00&tr=T1&sign=a%2Bb"
ACCOUNT = Account(
    merchant_id="mer_1", mid=MID, key=KEY, name="Sandbox Skin Clinic, Main Branch", environment="sandbox",
    website="WEBSTAGING", client_id="C11", callback_url="https://pay.clinic.in/v1/callbacks/paytm/t",
)  # fmt: skip
PAYMENT = Payment(
    id="pay_1", merchant_id="mer_1", environment="sandbox", mid=MID, method=Method.UPI_INTENT, amount_paise=250_000,
    paytm_id=ORDER, created_at=NOW, sends=1, can_rebegin=True, expires_at=ENDS,
    proof=Proof(mid=MID, paytm_id=ORDER, amount_paise=250_000, transaction_id="20260105111"),
)  # fmt: skip
REFUND = Refund(
    id="rfd_1", merchant_id="mer_1", payment_id="pay_1", kind="refund", mid=MID, ref_id="SBR0001", amount_paise=100_050,
    reason="The customer changed their mind about the second session of it", actor="owner", created_at=NOW, sends=1,
)  # fmt: skip
replace = msgspec.structs.replace
SAYS_NO = "F"


def answer(reply: Reply, *, is_signed: bool = True) -> Response:
    """Return a reply as it comes from Paytm."""
    return reply.encode(AT_MS, key=KEY if is_signed else None)


def result(operation: str, code: str, status: str | None = None) -> PgResult:
    """Return a result with a word beside its code that agrees with it."""
    if status is None:
        kind = PG_CODES[operation][code].kind
        words = ("TXN_SUCCESS", "S", "PENDING", SAYS_NO)
        status = next(word for word in words if classify_pg(operation, PgResult(status=word, code=code)) is kind)
    return PgResult(status=status, code=code, message="Said by Paytm")


def network(*answers: Response | Exception) -> Callable[[Request], Response]:
    """Return a network that gives these answers, in order, and nothing more."""
    left = iter(answers)

    def send(request: Request) -> Response:
        said = next(left)
        if isinstance(said, Exception):
            raise said
        return said

    return send


def initiated(code: str = "0000", status: str | None = None) -> InitiateReply:
    """Return the answer to an order; with its token when it was taken."""
    token = TxnToken(TOKEN) if code in ("0000", "0002") else None
    return InitiateReply(result=result("initiate", code, status), txn_token=token)


def processed(code: str = "0000", status: str | None = None, link: str | None = LINK) -> ProcessReply:
    """Return the answer to a payment begun."""
    info = DeepLinkInfo(deep_link=link) if link is not None and code == "0000" else None
    return ProcessReply(result=result("process", code, status), deep_link_info=info)


def order_status(code: str = "01", status: str | None = None, **changes: Any) -> OrderStatusReply:
    """Return the state of the order."""
    fields: dict[str, Any] = {"mid": MID, "order_id": ORDER, "txn_amount": "2500.00", "txn_id": "20260105111"}
    return OrderStatusReply(result=result("order_status", code, status), **{**fields, **changes})


def refund_status(code: str = "10", status: str | None = None, **changes: Any) -> RefundStatusReply:
    """Return the state of the refund."""
    fields: dict[str, Any] = {"mid": MID, "order_id": ORDER, "ref_id": "SBR0001", "refund_amount": "1000.50"}
    return RefundStatusReply(result=result("refund_status", code, status), refund_id="R77", **{**fields, **changes})


def rows(operation: str) -> list[Any]:
    """Return each listed code of a call."""
    return [pytest.param(row, id=row.code) for row in PG_CODES[operation].values()]


def sent(step: object) -> Request:
    """Return a step of a flow that must be a request."""
    assert isinstance(step, Request)
    return step


def is_told(outcome: object, kind: type, row: Code) -> None:
    """The outcome is of this kind, and its words for the counter are the row's."""
    assert isinstance(outcome, kind)
    reason = getattr(outcome, "reason", None)
    if reason is not None:
        assert row.message in reason.message
        assert (reason.paytm_code, reason.paytm_message) == (row.code, "Said by Paytm")
