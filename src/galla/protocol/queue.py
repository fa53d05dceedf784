"""The payment-request queue (CPay), both directions: create, status and cancel as pairs of request and reply.

A request gets a six-digit code; whoever types the code into any machine of the MID collects the payment. Names are
Paytm's in snake_case, amounts Paytm's paise texts, times Paytm's India-time texts. How `reqHash` is made is in
`req_hash.py`, what the three calls share in `cpay.py`; what a state means for a payment is not decided here.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, ClassVar
from urllib.parse import urlencode

import msgspec
from msgspec.structs import replace

from galla.errors import RemoteProtocolError
from galla.protocol.codes import masked_text
from galla.protocol.cpay import Call, Reply, fault_of, refuse
from galla.protocol.message import MerchantKey, Request, Response, field, read_json, section

CREATE_PATH = "/edc-integration-service/payment/request"
STATUS_PATH = "/edc-integration-service/txn/status"
CANCEL_PATH = "/ecr/ext/void"
"""Where a cancel goes: the one path seen in the field. Paytm's page does not name it, so it is a setting."""

class QueueState(StrEnum):
    """Where Paytm says an entry is (`txnStatus`)."""

    IN_QUEUE = "IN_QUEUE"
    PENDING = "PENDING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    EXPIRED = "EXPIRED"
    CANCELLED = "CANCELLED"


class QueueCreateReply(Reply, frozen=True, kw_only=True):
    """Answer to a create: the code to type into a machine, or a refusal. Never a proof of payment."""

    operation: ClassVar[str] = "queue"


class QueueAttempt(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One try to pay an entry at a machine (`orders[]`); amounts are paise texts, cards masked when read."""

    order_id: str | None = None
    merchant_txn_id: str | None = None
    mid: str | None = None
    tid: str | None = None
    status: str | None = None
    txn_amount: str | None = None
    currency: str | None = None
    txn_date: str | None = None
    pay_method: str | None = None
    card_type: str | None = None
    card_scheme: str | None = None
    issuer_mask_card_no: str | None = None
    issuing_bank_name: str | None = None
    aid: str | None = None
    bank_txn_id: str | None = None
    acquirement_id: str | None = None
    retrieval_reference_no: str | None = None
    auth_code: str | None = None
    bank_response_code: str | None = None
    bank_response_message: str | None = None

    @property
    def is_paid(self) -> bool:
        """Whether this try says of itself that it succeeded."""
        return (self.status or "").upper() in ("SUCCESS", "TXN_SUCCESS", "COMPLETED")


_ALIASES = {
    "order_id": ("orderID",),
    "merchant_txn_id": ("merchantTransactionId", "merchantOrderId"),
    "mid": ("paytmMid",),
    "tid": ("paytmTid", "terminalId"),
    "status": ("orderStatus", "txnStatus"),
    "txn_amount": ("transactionAmount", "amount"),
    "txn_date": ("transactionDateTime", "txnDateTime"),
    "pay_method": ("paymentMode",),
    "issuer_mask_card_no": ("maskedCardNo", "maskCardNo"),
    "acquirement_id": ("txnId", "transactionId"),
    "retrieval_reference_no": ("rrn", "RRN"),
}
"""Spellings of the card machine API and of integrators, besides the queue's own, which win."""


class QueueStatusReply(Reply, frozen=True, kw_only=True):
    """What became of an entry: where it is, and every try to pay it."""

    merchant_txn_id: str | None = None
    mid: str | None = None
    txn_amount: str | None = None
    currency: str | None = None
    txn_status: str | None = None
    orders: tuple[QueueAttempt, ...] = ()

    operation: ClassVar[str] = "queue_status"

    @property
    def state(self) -> QueueState | None:
        """Where the entry is, or None for a word nobody has listed."""
        word = (self.txn_status or "").strip().upper()
        return QueueState(word) if word in QueueState.__members__ else None

    @property
    def paid_by(self) -> QueueAttempt | None:
        """The one try that paid, when exactly one did."""
        paid = [attempt for attempt in self.orders if attempt.is_paid]
        return paid[0] if len(paid) == 1 else None

    @classmethod
    def more(cls, body: dict[str, Any]) -> dict[str, Any]:
        """Read the entry's own fields and its tries."""
        listed = body.get("orders") or body.get("Orders")
        orders = listed if isinstance(listed, list) else []
        return {
            "merchant_txn_id": field(body, "merchantTxnId", *_ALIASES["merchant_txn_id"]),
            "mid": field(body, "mid", *_ALIASES["mid"]),
            "txn_amount": field(body, "txnAmount", *_ALIASES["txn_amount"]),
            "currency": field(body, "currency"),
            "txn_status": field(body, "txnStatus", "status"),
            "orders": tuple(_attempt(order) for order in orders[:50] if isinstance(order, dict)),
        }


class QueueCancelReply(Reply, frozen=True, kw_only=True):
    """Answer to a cancel. Accepted is not cancelled: ask the status."""

    operation: ClassVar[str] = "queue_cancel"


class QueueCreateRequest(Call, frozen=True, kw_only=True):
    """Put a payment into the queue: `POST /edc-integration-service/payment/request`.

    `txn_amount` is paise as text, `merchant_txn_id` 8 to 32 letters and digits, `payment_mode` `ALL`, `CARD`, `QR`
    or `CARDLESS`. Source: business.paytm.com, payment request API.

    Example:
        >>> key = MerchantKey("unit_test_key_16")
        >>> create = QueueCreateRequest(
        ...     txn_date="2026-01-05 10:20:30",
        ...     merchant_txn_id="CLINIC000001",
        ...     txn_amount="50000",
        ...     mid="TESTMID0000000000001",
        ...     client_id="C11",
        ... )
        >>> QueueCreateRequest.parse(create.encode(key), key) == create
        True
    """

    txn_date: str
    merchant_txn_id: str
    txn_amount: str
    merchant_reference_no: str | None = None
    store_id: str | None = None
    payment_mode: str | None = None
    path: str = CREATE_PATH

    operation: ClassVar[str] = "queue"
    wires: ClassVar[tuple[tuple[str, str, bool], ...]] = (
        ("txn_date", "txnDate", True),
        ("merchant_txn_id", "merchantTxnId", True),
        ("txn_amount", "txnAmount", True),
        ("mid", "mid", True),
        ("merchant_reference_no", "merchantReferenceNo", False),
        ("store_id", "storeId", False),
    )

    def fields(self) -> dict[str, object]:
        """Return the fields, the way to pay last and nested."""
        out = super().fields()
        if self.payment_mode is not None:
            if fault := fault_of("paymentMode", self.payment_mode):
                says = f"`payment_mode` {fault}. Nothing was sent."
                raise self.unsendable(says, "body.additionalInfo.paymentMode")
            out["additionalInfo"] = {"paymentMode": self.payment_mode}
        return out

    def parse_reply(self, response: Response, key: MerchantKey) -> QueueCreateReply:
        """Read the answer to this create; raises as `QueueCreateReply.parse`. Paytm does not sign it."""
        return QueueCreateReply.parse(response, paytm_id=self.about)

    @classmethod
    def from_nested(cls, request: Request, body: dict[str, Any]) -> dict[str, Any]:
        """Read the way to pay."""
        values: dict[str, Any] = {}
        mode = field(section(body, "additionalInfo"), "paymentMode")
        if mode is not None:
            if fault := fault_of("paymentMode", mode):
                raise refuse(cls.operation, body, "body.additionalInfo.paymentMode", fault)
            values["payment_mode"] = mode
        return values


class QueueStatusRequest(Call, frozen=True, kw_only=True):
    """Ask what became of an entry: `POST /edc-integration-service/txn/status?cpayId=&mid=&txnDate=`.

    `txn_date` is that of the create. `method` `GET` is what older guides show: the head goes as HTTP headers then.
    """

    cpay_id: str
    txn_date: str
    method: str = "POST"
    path: str = STATUS_PATH

    operation: ClassVar[str] = "queue_status"
    wires: ClassVar[tuple[tuple[str, str, bool], ...]] = (
        ("cpay_id", "cpayId", True),
        ("mid", "mid", True),
        ("txn_date", "txnDate", True),
    )

    def encode(self, key: MerchantKey) -> Request:
        """Write the signed request, the fields in the query as well."""
        written = super().encode(key)
        query = urlencode({name: str(value) for name, value in self.fields().items()})
        if self.method != "GET":
            return replace(written, query=query)
        headers = tuple(self.head(key).items())
        return replace(written, query=query, method="GET", body=b"", headers=headers)

    def parse_reply(self, response: Response, key: MerchantKey) -> QueueStatusReply:
        """Read the answer to this question; raises as `QueueStatusReply.parse`."""
        return QueueStatusReply.parse(response, paytm_id=self.about)

    @classmethod
    def from_nested(cls, request: Request, body: dict[str, Any]) -> dict[str, Any]:
        """Read how it was asked."""
        return {"method": request.method}


class QueueCancelRequest(Call, frozen=True, kw_only=True):
    """Take an entry out of the queue, by its code or by the merchant's own id. Source: the void/cancel page of CPay.

    `tid` is any machine's of the merchant; `date` that of the create. The path is a dialect.
    """

    date: str
    cpay_id: str | None = None
    merchant_order_id: str | None = None
    tid: str | None = None
    path: str = CANCEL_PATH

    operation: ClassVar[str] = "queue_cancel"
    wires: ClassVar[tuple[tuple[str, str, bool], ...]] = (
        ("tid", "tid", False),
        ("cpay_id", "cpayID", False),
        ("date", "date", True),
        ("merchant_order_id", "merchantOrderId", False),
        ("mid", "mid", True),
    )

    def parse_reply(self, response: Response, key: MerchantKey) -> QueueCancelReply:
        """Read the answer to this cancel; raises as `QueueCancelReply.parse`."""
        return QueueCancelReply.parse(response, paytm_id=self.about)


def is_queue_call(request: Request) -> bool:
    """Return whether a request is signed as the queue's are: one path serves card machines and queue in the field."""
    try:
        return "reqHash" in section(read_json(request.body, operation="queue_cancel"), "head")
    except RemoteProtocolError:
        return False


def _attempt(order: dict[str, Any]) -> QueueAttempt:
    values = {
        part.name: field(order, part.encode_name, *_ALIASES.get(part.name, ()))
        for part in msgspec.structs.fields(QueueAttempt)
    }
    card = values["issuer_mask_card_no"]
    digits = "".join(char for char in card or "" if "0" <= char <= "9")
    if len(digits) >= 13:
        values["issuer_mask_card_no"] = f"XXXX{digits[-4:]}"
    if values["bank_response_message"] is not None:
        values["bank_response_message"] = masked_text(values["bank_response_message"])
    return QueueAttempt(**values)
