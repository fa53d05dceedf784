"""Card machine messages that the tests of this folder share."""

import json
from pathlib import Path
from typing import Any

from galla.protocol.edc import ResultInfo, SaleRequest, StatusRequest, VoidRequest
from galla.protocol.message import MerchantKey, Request, Response

KEY_TEXT = "unit_test_key_16"
KEY, OTHER_KEY = MerchantKey(KEY_TEXT), MerchantKey("another_key_0016")
AT = "2026-01-05 10:20:31"
VECTORS = {
    vector["id"]: vector
    for vector in json.loads(
        (Path(__file__).parents[1] / "vectors" / "paytm_checksum.json").read_text(encoding="utf-8")
    )
}
SALE = SaleRequest(
    paytm_mid="TESTMID0000000000001",
    paytm_tid="12345678",
    merchant_transaction_id="CLINIC000001",
    transaction_date_time="2026-01-05 10:20:30",
    transaction_amount="50000",
    channel_id="EDC",
    request_time_stamp="2026-01-05 10:20:30",
)
STATUS = StatusRequest(
    paytm_mid="TESTMID0000000000001",
    paytm_tid="12345678",
    merchant_transaction_id="CLINIC000001",
    transaction_date_time="2026-01-05 10:21:30",
    channel_id="EDC",
    request_time_stamp="2026-01-05 10:21:30",
)
VOID = VoidRequest(
    paytm_mid="TESTMID0000000000001",
    paytm_tid="12345678",
    merchant_transaction_id="CLINIC000001",
    transaction_date_time="2026-01-05 10:30:00",
    channel_id="EDC",
    request_time_stamp="2026-01-05 10:30:00",
)
PAID = ResultInfo(status="SUCCESS", code="S", code_id="0000", message="Paid")
ACCEPTED = ResultInfo(status="ACCEPTED_SUCCESS", code="A", code_id="0009", message="ACCEPTED_SUCCESS")


def envelope(request: Request | Response) -> dict[str, Any]:
    """The JSON that went over the wire."""
    read: dict[str, Any] = json.loads(request.body)
    return read


def reply(body: object, head: object = None, status: int = 200) -> Response:
    """An answer as Paytm writes it."""
    return Response(status=status, body=json.dumps({"head": head or {}, "body": body}).encode())


DOCUMENTED: dict[str, Any] = {
    "paytmMid": "TESTMID0000000000001",
    "paytmTid": "12345678",
    "merchantTransactionId": "CLINIC000001",
    "merchantReferenceNo": "INV42",
    "transactionDateTime": "2026-01-05 10:20:30",
    "transactionAmount": "50000",
    "acquirementId": "20260105111212800110168000000000001",
    "retrievalReferenceNo": "600512345678",
    "authCode": "123456",
    "issuerMaskCardNo": "411111XXXXXX1234",
    "issuingBankName": "HDFC",
    "payMethod": "CREDIT_CARD",
    "cardType": "CREDIT",
    "cardScheme": "VISA",
    "bankResponseCode": "00",
    "bankResponseMessage": "Approved",
    "aid": "A0000000031010",
    "resultInfo": {"resultStatus": "SUCCESS", "resultCode": "S", "resultCodeId": "0000", "resultMsg": "Paid"},
}
"""The body of a successful status reply, as Paytm's page lists its fields."""
