"""Refunds, both directions: apply for one and ask what became of it.

`POST /refund/apply` and `/v2/refund/status`. Refunds are asynchronous: the good answer to the first is 601
*taken in*, and only 10 from the second proves that the money has gone back.
"""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from galla.protocol.codes import Kind
from galla.protocol.message import MerchantKey, Response, field
from galla.protocol.pg import Reply, SignedCall
from galla.protocol.pg_envelope import Opened, paise
from galla.protocol.vpa import masked_vpa

APPLY_PATH = "/refund/apply"
STATUS_PATH = "/v2/refund/status"
REFUND = "REFUND"


class RefundReply(Reply, frozen=True, kw_only=True):
    """Answer to a refund: taken in, or a no. Never a proof that money went back."""

    mid: str | None = None
    order_id: str | None = None
    txn_id: str | None = None
    ref_id: str | None = None
    refund_id: str | None = None
    refund_amount: str | None = None
    txn_timestamp: str | None = None

    operation: ClassVar[str] = "refund"


class RefundRequest(SignedCall, frozen=True, kw_only=True):
    """Ask for money to go back: `POST /refund/apply`.

    `txn_id` is Paytm's, `ref_id` yours and never used for another refund, `refund_amount` rupees with two
    decimals. When the answer is lost, ask the status of this `ref_id`; Paytm refuses a repeat (617).
    """

    txn_type: str = REFUND
    order_id: str
    txn_id: str
    ref_id: str
    refund_amount: str
    comments: str | None = None

    operation: ClassVar[str] = "refund"
    path: ClassVar[str] = APPLY_PATH

    def body(self) -> dict[str, object]:
        """Return the body, checked, with Paytm's names.

        Raises:
            LocalProtocolError: a field cannot be sent; `.path` names it.
        """
        if self.txn_type != REFUND:
            raise self.unsendable("body.txnType", "must be REFUND")
        return super().body()

    def parse_reply(self, response: Response, key: MerchantKey) -> RefundReply:
        """Read the answer to this refund; raises as `RefundReply.parse`."""
        return RefundReply.parse(response, key, paytm_id=self.order_id)

    @classmethod
    def from_nested(cls, opened: Opened) -> dict[str, Any]:
        """Check that it is a refund."""
        if field(opened.body, "txnType") != REFUND:
            raise cls.unreadable(opened.body, "body.txnType", "must be REFUND")
        return {}


class RefundDetail(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Where one part of a refund went. The UPI id is masked when read."""

    refund_type: str | None = None
    pay_method: str | None = None
    refund_amount: str | None = None
    rrn: str | None = None
    masked_vpa: str | None = None
    masked_card_number: str | None = None
    card_scheme: str | None = None
    issuing_bank_name: str | None = None
    user_credit_expected_date: str | None = None


class RefundStatusReply(Reply, frozen=True, kw_only=True):
    """What became of a refund. Amounts are rupees as text."""

    mid: str | None = None
    order_id: str | None = None
    txn_id: str | None = None
    ref_id: str | None = None
    refund_id: str | None = None
    txn_amount: str | None = None
    refund_amount: str | None = None
    total_refund_amount: str | None = None
    txn_timestamp: str | None = None
    merchant_refund_request_timestamp: str | None = None
    accept_refund_timestamp: str | None = None
    accept_refund_status: str | None = None
    user_credit_initiate_status: str | None = None
    user_credit_initiate_timestamp: str | None = None
    source: str | None = None
    refund_detail_info_list: tuple[RefundDetail, ...] = ()

    operation: ClassVar[str] = "refund_status"
    signed_on: ClassVar[frozenset[Kind]] = frozenset({Kind.SUCCESS})

    @property
    def amount_paise(self) -> int | None:
        """What this refund gives back, in paise; None when it is left out or cannot be read exactly."""
        return paise(self.refund_amount)

    @classmethod
    def tidied(cls, values: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
        """Read the parts."""
        return {**values, "refund_detail_info_list": details(body)}


class RefundStatusRequest(SignedCall, frozen=True, kw_only=True):
    """Ask what became of a refund, by the merchant's own ids: `POST /v2/refund/status`."""

    order_id: str
    ref_id: str

    operation: ClassVar[str] = "refund_status"
    path: ClassVar[str] = STATUS_PATH

    def parse_reply(self, response: Response, key: MerchantKey) -> RefundStatusReply:
        """Read the answer to this question; raises as `RefundStatusReply.parse`."""
        return RefundStatusReply.parse(response, key, paytm_id=self.order_id)


def details(body: dict[str, Any]) -> tuple[RefundDetail, ...]:
    """Read `refundDetailInfoList`, of a reply or of a notice; what is not an object is left out."""
    listed = body.get("refundDetailInfoList")
    return tuple(map(_detail, filter(_is_object, listed))) if isinstance(listed, list) else ()


def _is_object(value: object) -> bool:
    return isinstance(value, dict)


def _detail(line: dict[str, Any]) -> RefundDetail:
    values = {each.name: field(line, each.encode_name) for each in msgspec.structs.fields(RefundDetail)}
    payer = values["masked_vpa"]
    values["masked_vpa"] = masked_vpa(payer) if payer is not None else None
    return RefundDetail(**values)
