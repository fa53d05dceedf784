"""Online messages that the tests of this folder and of the client share."""

import json
from pathlib import Path
from typing import Any

from galla.protocol.checksum import sign
from galla.protocol.message import MerchantKey, Request, Response
from galla.protocol.order import OrderListRequest, OrderStatusRequest
from galla.protocol.pg import Call
from galla.protocol.pg_envelope import TxnToken
from galla.protocol.qr import QrRequest
from galla.protocol.refund import RefundRequest, RefundStatusRequest
from galla.protocol.theia import InitiateRequest, OptionsRequest, ProcessRequest
from galla.protocol.vpa import VpaRequest

KEY_TEXT = "unit_test_key_16"
KEY, OTHER_KEY = MerchantKey(KEY_TEXT), MerchantKey("another_key_0016")
MID = "TESTMID0000000000001"
TXN_ID = "20260105111212800110168000000000001"
AT_MS = "1767589290000"
TOKEN_TEXT = "9f0c0123456789abcdef0123456789ab1767589230123"
TOKEN = TxnToken(TOKEN_TEXT)
VECTORS = {
    vector["id"]: vector
    for vector in json.loads(
        (Path(__file__).parents[1] / "vectors" / "paytm_checksum.json").read_text(encoding="utf-8")
    )
}

INITIATE = InitiateRequest(
    mid=MID, order_id="ORD1", website_name="WEBSTAGING", txn_amount="1.00", cust_id="C1"
)
INTENT = ProcessRequest(mid=MID, order_id="ORD1", txn_token=TOKEN, payment_mode="UPI_INTENT")
COLLECT = ProcessRequest(
    mid=MID, order_id="ORD1", txn_token=TOKEN, payment_mode="UPI", payer_account="neha@okbank"
)
OPTIONS = OptionsRequest(mid=MID, order_id="ORD1", txn_token=TOKEN)
VPA = VpaRequest(mid=MID, order_id="ORD1", txn_token=TOKEN, vpa="neha@okbank")
STATUS = OrderStatusRequest(mid=MID, order_id="ORD1")
REFUND = RefundRequest(mid=MID, order_id="ORD1", txn_id=TXN_ID, ref_id="REF1", refund_amount="0.50")
REFUND_STATUS = RefundStatusRequest(mid=MID, order_id="ORD1", ref_id="REF1")
QR = QrRequest(mid=MID, client_id="C11", order_id="ORD1", amount="1.00", pos_id="COUNTER-1")
LIST = OrderListRequest(mid=MID, from_date="2026-01-01T00:00:00+05:30", to_date="2026-01-05T23:59:59+05:30")
SIGNED: tuple[Any, ...] = (INITIATE, STATUS, REFUND, REFUND_STATUS, QR, LIST)
TOKENED: tuple[Any, ...] = (INTENT, COLLECT, OPTIONS, VPA)
ALL: tuple[Any, ...] = (*SIGNED, *TOKENED)

LINK = "upi://pay?pa=paytm-00000001@ptybl&pn=TEST%20CLINIC&mc=8011&tr=20260105111212&am=1.00&cu=INR"
STATUS_BODY: dict[str, Any] = {
    "resultInfo": {"resultStatus": "TXN_SUCCESS", "resultCode": "01", "resultMsg": "Txn Success"},
    "txnId": TXN_ID,
    "bankTxnId": "600512345678",
    "orderId": "ORD1",
    "txnAmount": "1.00",
    "txnType": "SALE",
    "gatewayName": "PPBEX",
    "mid": MID,
    "paymentMode": "UPI",
    "refundAmt": "0.00",
    "txnDate": "2026-01-05 10:20:30.0",
}
"""The body of a paid order's status, as Paytm's page shows it."""

COLLECT_BODY: dict[str, Any] = {
    "resultInfo": {"resultStatus": "S", "resultCode": "0000", "resultMsg": "Success"},
    "bankForm": {
        "pageType": "redirect",
        "isForceResendOtp": False,
        "redirectForm": {
            "actionUrl": f"https://secure.example/theia/api/v1/upiPollPage?mid={MID}&orderId=ORD1",
            "method": "POST",
            "type": "redirect",
            "headers": {"Content-Type": "application/x-www-form-urlencoded"},
            "content": {"payerVpa": "neha@okbank", "txnAmount": "1.00", "txnToken": TOKEN_TEXT},
        },
    },
}


def envelope(request: Request | Response) -> dict[str, Any]:
    """The JSON that went over the wire."""
    read: dict[str, Any] = json.loads(request.body)
    return read


def answer(
    body: object, *, key: MerchantKey | None = KEY, status: int = 200, text: str | None = None
) -> Response:
    """An answer as Paytm writes it: signed over the body's exact text when a key is given."""
    said = json.dumps(body, ensure_ascii=False) if text is None else text
    head = {"responseTimestamp": AT_MS, "version": "v1"}
    if key is not None:
        head["signature"] = sign(said, key)
    return Response(status=status, body=f'{{"head": {json.dumps(head)}, "body": {said}}}'.encode())


def result(status: str, code: str, message: str = "", **fields: object) -> dict[str, Any]:
    """A body with this result."""
    return {"resultInfo": {"resultStatus": status, "resultCode": code, "resultMsg": message}, **fields}


def raw_body(request: Request) -> str:
    """The exact text of the body that went over the wire, cut out without our own code."""
    text = request.body.decode()
    start = text.index(',"body":') + len(',"body":')
    return text[start:-1]


def wire(call: Call) -> dict[str, Any]:
    """The JSON that a call sends."""
    return envelope(call.encode(KEY))
