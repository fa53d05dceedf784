"""What Paytm tells us of its own accord: payment, refund and card machine notices, both directions.

A notice is a hint to ask, never a proof: whoever receives one asks the status before anything moves. Forms and
JSON are read strictly, and what is not signed by the merchant's key is not used at all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Self

import msgspec

from galla.errors import ChecksumMismatch
from galla.protocol.checksum import edc_text, raw_section, sign, verify, verify_edc
from galla.protocol.codes import Kind, masked_text
from galla.protocol.edc import StatusReply
from galla.protocol.form import (
    FORM_TYPE,
    JSON_TYPE,
    SIGNATURE,
    Posted,
    check_form,
    media_type,
    read_form,
    shown,
    unreadable,
    unsigned,
    write_form,
)
from galla.protocol.message import MerchantKey, field, join_envelope, read_json, section
from galla.protocol.pg_codes import PgResult, classify_pg
from galla.protocol.pg_envelope import mismatch, paise
from galla.protocol.pg_rules import RULES
from galla.protocol.refund import RefundDetail, details

MAX_NOTICE_BYTES = 65_536
_encode = msgspec.json.Encoder().encode
_WORD = re.compile(r"[A-Za-z0-9_-]{1,20}", re.ASCII)
_AMOUNTS = ("txn_amount", "refund_amount", "total_refund_amount")
_KNOWN_FORM = frozenset(
    {
        SIGNATURE, "TXNDATETIME", "SUBS_ID", "CHILDTXNLIST", "cardIndexNo", "maskedCardNo", "ENC_DATA",
        "LINKDESCRIPTION", "LINKNOTES", "PAYMENTEMAILID", "PAYMENTMOBILENUMBER",
    }
)  # fmt: skip
_PAYMENT_FORM = {
    "mid": "MID",
    "order_id": "ORDERID",
    "txn_id": "TXNID",
    "txn_amount": "TXNAMOUNT",
    "payment_mode": "PAYMENTMODE",
    "currency": "CURRENCY",
    "txn_date": "TXNDATE",
    "status": "STATUS",
    "resp_code": "RESPCODE",
    "resp_msg": "RESPMSG",
    "gateway_name": "GATEWAYNAME",
    "bank_txn_id": "BANKTXNID",
    "bank_name": "BANKNAME",
    "txn_type": "TXNTYPE",
    "refund_amt": "REFUNDAMT",
    "cust_id": "CUSTID",
    "merc_unq_ref": "MERC_UNQ_REF",
}
_REFUND_FORM = {
    "mid": "MID",
    "order_id": "ORDERID",
    "ref_id": "REFID",
    "txn_id": "TXNID",
    "refund_id": "REFUNDID",
    "txn_amount": "TXNAMOUNT",
    "refund_amount": "REFUNDAMOUNT",
    "arn": "ARN",
    "rrn": "RRN",
}


class RefundEvent(StrEnum):
    """What a refund notice is about."""

    ACCEPTED = "accepted"  # Paytm took it in, or rejected it: `status` says which
    DONE = "done"  # the money is on its way to the customer's account
    ARN = "arn"  # the bank's reference for it


class _Paper(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What payment and refund notices share. `unknown` are the names of fields that galla does not know."""

    mid: str
    order_id: str
    txn_id: str | None = None
    txn_amount: str | None = None
    status: str | None = None
    unknown: tuple[str, ...] = ()

    @property
    def amount_paise(self) -> int | None:
        """The transaction's amount in paise; None when it is left out."""
        return paise(self.txn_amount)

    def encode_json(self, key: MerchantKey | None) -> Posted:
        """Write the notice as JSON, signed over its body when a key is given."""
        body = _encode(msgspec.structs.replace(self, unknown=()))
        head = {"version": "v1"} if key is None else {"version": "v1", "signature": sign(body.decode(), key)}
        return Posted(content_type=JSON_TYPE, body=join_envelope(_encode(head), body))

    def _form(self, names: Mapping[str, str], extras: Mapping[str, str] | None) -> dict[str, str]:
        values = {wire: getattr(self, name) or "" for name, wire in names.items()}
        return {wire: value for wire, value in values.items() if value} | dict(extras or {})

    @classmethod
    def from_texts(cls, values: Mapping[str, Any], where: str) -> Self:
        """Make the notice of its fields by our names, each checked; a blank one is None.

        Raises:
            RemoteProtocolError: one is missing or malformed; `.path` names it.
        """
        kept = {name: value for name, value in values.items() if value not in (None, "", "null")}
        for name, rule in (("mid", RULES["mid"]), ("order_id", RULES["order_id"])):
            if rule.shape.fullmatch(kept.get(name, "")) is None:
                raise unreadable(f"{where}.{name}", rule.says)
        for name in _AMOUNTS:
            if name in kept and paise(kept[name]) is None:
                raise unreadable(f"{where}.{name}", "must be rupees with at most two decimals")
        for name in ("status", "resp_code"):
            if name in kept and _WORD.fullmatch(kept[name]) is None:
                raise unreadable(f"{where}.{name}", "must be a word")
        for name in ("resp_msg", "reject_refund_reason_message"):
            if name in kept:
                kept[name] = masked_text(kept[name])
        return cls(**kept)


class PaymentNotice(_Paper, frozen=True, kw_only=True):
    """A payment's browser callback or server webhook. Amounts are rupees as text.

    Example:
        >>> key = MerchantKey("unit_test_key_16")
        >>> told = PaymentNotice(mid="M1", order_id="ORD1", status="TXN_SUCCESS", resp_code="01", txn_amount="1.00")
        >>> posted = told.encode_form(key)
        >>> read_notice(posted.body, posted.content_type, key) == told
        True
    """

    payment_mode: str | None = None
    currency: str | None = None
    txn_date: str | None = None
    resp_code: str | None = None
    resp_msg: str | None = None
    gateway_name: str | None = None
    bank_txn_id: str | None = None
    bank_name: str | None = None
    txn_type: str | None = None
    refund_amt: str | None = None
    cust_id: str | None = None
    merc_unq_ref: str | None = None

    @property
    def kind(self) -> Kind | None:
        """What it says became of the payment: worth asking about, not worth believing."""
        return classify_pg("order_status", PgResult(status=self.status or "", code=self.resp_code or ""))

    @property
    def seen_as(self) -> tuple[str, str]:
        """Two notices with the same of this say the same."""
        return (self.order_id, self.status or "")

    def encode_form(self, key: MerchantKey | None, *, extras: Mapping[str, str] | None = None) -> Posted:
        """Write the notice as Paytm's form, signed when a key is given; `extras` are further fields."""
        return write_form(self._form(_PAYMENT_FORM, extras), key)


class RefundNotice(_Paper, frozen=True, kw_only=True):
    """A refund was taken in or rejected, is done, or got the bank's reference. Amounts are rupees as text."""

    ref_id: str
    refund_id: str | None = None
    refund_amount: str | None = None
    total_refund_amount: str | None = None
    reject_refund_reason_code: str | None = None
    reject_refund_reason_message: str | None = None
    user_credit_initiate_timestamp: str | None = None
    source: str | None = None
    arn: str | None = None
    rrn: str | None = None
    refund_detail_info_list: tuple[RefundDetail, ...] = ()

    @property
    def event(self) -> RefundEvent:
        """Which of Paytm's three refund notices it is."""
        if self.arn is not None:
            return RefundEvent.ARN
        return RefundEvent.DONE if self.status is None else RefundEvent.ACCEPTED

    @property
    def kind(self) -> Kind | None:
        """What it says became of the refund: worth asking about, not worth believing."""
        if self.status is None:
            return Kind.SUCCESS
        return {"SUCCESS": Kind.ACCEPTED, "FAILED": Kind.VOID_FAILED}.get(self.status.upper())

    @property
    def seen_as(self) -> tuple[str, str]:
        """Two notices with the same of this say the same."""
        return (self.ref_id, self.status or self.event.value)

    def encode_form(self, key: MerchantKey | None, *, extras: Mapping[str, str] | None = None) -> Posted:
        """Write the bank's reference (ARN) as Paytm's form, signed when a key is given."""
        return write_form(self._form(_REFUND_FORM, extras), key)


class EdcNotice(msgspec.Struct, frozen=True, kw_only=True):
    """What a card machine's server callback says. `reply` is None when Paytm sent only the sale's id."""

    merchant_transaction_id: str
    paytm_mid: str | None = None
    reply: StatusReply | None = None

    @property
    def kind(self) -> Kind | None:
        """What it says became of the sale: worth asking about, not worth believing."""
        return self.reply.kind if self.reply is not None else None

    @property
    def seen_as(self) -> tuple[str, str]:
        """Two notices with the same of this say the same."""
        return (self.merchant_transaction_id, self.reply.result.code_id if self.reply is not None else "")

    def encode_json(self, key: MerchantKey | None, at: str) -> Posted:
        """Write the callback, at an India time; its scalar fields are signed when a key is given."""
        if self.reply is not None:
            return Posted(content_type=JSON_TYPE, body=self.reply.encode(at, key=key).body)
        body = {"orderId": self.merchant_transaction_id}
        if self.paytm_mid is not None:
            body["mid"] = self.paytm_mid
        head = {"responseTimestamp": at}
        if key is not None:
            head["checksum"] = sign(edc_text(body), key)
        return Posted(content_type=JSON_TYPE, body=join_envelope(_encode(head), _encode(body)))


Notice = PaymentNotice | RefundNotice | EdcNotice


def read_notice(body: bytes, content_type: str, key: MerchantKey) -> Notice:
    """Read what Paytm posted and check who signed it. Compare `.mid` with yours, then ask the status.

    Raises:
        ChecksumMismatch: it is not signed, or not by this key.
        RemoteProtocolError: it is larger than 64 KiB, malformed, or no notice that galla knows.
    """
    if len(body) > MAX_NOTICE_BYTES:
        raise unreadable("notice", "is larger than 64 KiB")
    match media_type(content_type):
        case "application/x-www-form-urlencoded":
            return _from_form(body, key)
        case "application/json":
            return _from_json(body, key)
        case _:
            raise unreadable("content-type", f"must be {FORM_TYPE} or {JSON_TYPE}")


def _from_form(data: bytes, key: MerchantKey) -> Notice:
    fields = read_form(data)
    check_form(fields, key)
    names, kind = (_REFUND_FORM, RefundNotice) if "REFID" in fields else (_PAYMENT_FORM, PaymentNotice)
    known = {*names.values(), *_KNOWN_FORM}
    extra = sorted(name for name in fields if name not in known and not name.startswith("PROMO_"))
    values: dict[str, Any] = {name: fields.get(wire) for name, wire in names.items()}
    return _checked(kind, {**values, "unknown": tuple(map(shown, extra))}, "form")


def _from_json(data: bytes, key: MerchantKey) -> Notice:
    envelope = read_json(data, operation="notice")
    head, body = section(envelope, "head"), section(envelope, "body")
    signature = head.get("signature")
    if signature in (None, "") and head.get("checksum") not in (None, ""):
        return _from_edc(head, body, key)
    if signature in (None, ""):
        raise unsigned("head.signature")
    raw = raw_section(data, "body")
    if raw is None or not verify(raw.decode(errors="replace"), signature, key):
        raise mismatch("notice", field(body, "orderId"))
    kind: type[PaymentNotice | RefundNotice] = RefundNotice if "refId" in body else PaymentNotice
    wires = {each.encode_name: each.name for each in msgspec.structs.fields(kind) if each.name != "unknown"}
    values: dict[str, Any] = {name: field(body, wire) for wire, name in wires.items()}
    if kind is RefundNotice:
        values["refund_detail_info_list"] = details(body)
    extra = tuple(shown(name) for name in sorted(body) if name not in wires)
    return _checked(kind, {**values, "unknown": extra}, "body")


def _checked(kind: type[PaymentNotice | RefundNotice], values: dict[str, Any], where: str) -> Notice:
    """Make the notice, with what its kind must have."""
    if kind is RefundNotice and RULES["ref_id"].shape.fullmatch(values["ref_id"] or "") is None:
        raise unreadable(f"{where}.ref_id", RULES["ref_id"].says)
    if kind is PaymentNotice:
        if not values["status"]:
            raise unreadable(f"{where}.status", "is missing")
        if values["currency"] not in (None, "", "INR"):
            raise unreadable(f"{where}.currency", "must be INR")
        if values["status"] == "TXN_SUCCESS" and not values["txn_amount"]:
            raise unreadable(f"{where}.txn_amount", "is missing")
    return kind.from_texts(values, where)


def _from_edc(head: dict[str, Any], body: dict[str, Any], key: MerchantKey) -> EdcNotice:
    """Read a card machine's callback. Its `checksum` covers the scalar fields only, `resultInfo` not at all."""
    if not verify_edc(body, head.get("checksum"), key):
        raise ChecksumMismatch(
            "The checksum does not belong to these fields: the merchant key differs, or a field was changed.",
            path="head.checksum",
            operation="notice",
        )
    sale = field(body, "merchantTransactionId", "orderId")
    if sale is None:
        raise unreadable("body.merchantTransactionId", "is missing")
    reply = StatusReply.from_body(body, paytm_id=sale) if section(body, "resultInfo") else None
    return EdcNotice(
        merchant_transaction_id=sale,
        paytm_mid=field(body, "paytmMid", "mid"),
        reply=reply,
    )
