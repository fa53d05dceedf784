"""What Paytm's `/ecr/*` endpoints share: the rules of their fields, the signed request, the tolerant reply.

Which fields an endpoint has, and what they mean, is not here: that is `edc.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any, ClassVar, NamedTuple, Self

import msgspec

from galla.errors import ChecksumMismatch, LocalProtocolError, RemoteProtocolError
from galla.protocol.checksum import edc_text, sign, verify_edc
from galla.protocol.codes import Kind, ResultInfo, classify
from galla.protocol.message import (
    Host,
    MerchantKey,
    Request,
    Response,
    field,
    join_envelope,
    read_json,
    scalar,
    section,
)

VERSION = "3.1"
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_encode = msgspec.json.Encoder().encode


class _Rule(NamedTuple):
    path: str
    section: str
    wire: str
    shape: re.Pattern[str]
    says: str


_Ruled = tuple[str, _Rule, Callable[[str], re.Match[str] | None], str | None, bool]
"""A field of a request: its name, its rule, the test for that, Paytm's name if it is in the body, is it required."""


def _rule(path: str, shape: str, says: str) -> _Rule:
    """A rule for a field at `head.x` or `body.x`; one nested deeper has no `section`: its class reads it."""
    section_name, _, wire = path.partition(".")
    return _Rule(path, "" if "." in wire else section_name, wire, re.compile(shape, re.DOTALL), says)


_TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}"
_RULES = {
    "paytm_mid": _rule("body.paytmMid", r"[A-Za-z0-9_-]{1,20}", "must be 1 to 20 letters and digits"),
    "paytm_tid": _rule("body.paytmTid", r"[0-9]{1,8}", "must be 1 to 8 digits"),
    "transaction_date_time": _rule(
        "body.transactionDateTime", _TIME, "must be India time as yyyy-MM-dd HH:mm:ss"
    ),
    "merchant_transaction_id": _rule(
        "body.merchantTransactionId", r"[A-Za-z0-9]{8,32}", "must be 8 to 32 letters and digits"
    ),
    "transaction_amount": _rule(
        "body.transactionAmount", r"(?=[0-9]*[1-9])[0-9]{1,12}",
        "must be an amount in paise of 1 to 12 digits, above zero",
    ),
    "merchant_reference_no": _rule(
        "body.merchantReferenceNo", r'(?!(?i:null)\Z)[^|]{1,32}',
        'must be 1 to 32 characters without |, and not the word "null"',
    ),
    "payment_mode": _rule("body.merchantExtendedInfo.paymentMode", "ALL|CARD|QR", "must be ALL, CARD or QR"),
    "callback_url": _rule(
        "body.callbackUrl", r"https?://[!-{}~]{1,490}", "must be a web address that begins with https:// or http://"
    ),
    "event": _rule("body.event", "VOID", "must be VOID when it is given"),
    "channel_id": _rule("head.channelId", r"[A-Za-z0-9_-]{1,32}", "must be 1 to 32 letters and digits"),
    "request_time_stamp": _rule(
        "head.requestTimeStamp", _TIME, "must be India time as yyyy-MM-dd HH:mm:ss"
    ),
    "version": _rule("head.version", r"[A-Za-z0-9._-]{1,64}", "must be a version such as 3.1"),
}  # fmt: skip
_TEXTS = frozenset({"merchant_reference_no"})
_ALIASES = {
    "retrieval_reference_no": ("rrn", "RRN"),
    "issuer_mask_card_no": ("maskedCardNo",),
    "acquirement_id": ("bankTransactionId",),
    "pay_method": ("paymentMode",),
}
"""Spellings seen besides Paytm's documented ones, which win."""
_OTHER_SPELLINGS = frozenset(wire for wires in _ALIASES.values() for wire in wires)


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """What the three requests share: identity, times, and the signed envelope around them."""

    paytm_mid: str
    paytm_tid: str
    merchant_transaction_id: str
    transaction_date_time: str
    channel_id: str
    request_time_stamp: str
    version: str = VERSION
    path: str

    operation: ClassVar[str]

    def body(self) -> dict[str, object]:
        """Return the body, checked, with Paytm's names; what is left out is absent.

        Raises:
            LocalProtocolError: a field cannot be sent; `.path` names it.
        """
        body: dict[str, object] = {}
        for name, rule, fits, wire, is_required in _ruled(type(self)):
            value = getattr(self, name)
            if not value and not is_required:
                continue
            if name in _TEXTS and isinstance(value, str):
                value = CONTROL.sub("", value)
                if not value and not is_required:
                    continue
            if not isinstance(value, str) or fits(value) is None:
                raise LocalProtocolError(
                    f"`{name}` {rule.says}. Nothing was sent.",
                    path=rule.path,
                    operation=self.operation,
                    paytm_id=self.merchant_transaction_id,
                )
            if wire is not None:
                body[wire] = value
        return body

    def encode(self, key: MerchantKey) -> Request:
        """Write the signed request.

        Raises:
            LocalProtocolError: a field cannot be sent; `.path` names it.
        """
        body = self.body()
        head = {
            "requestTimeStamp": self.request_time_stamp,
            "channelId": self.channel_id,
            "checksum": sign(edc_text(body), key),
        }
        if self.version:
            head["version"] = self.version
        return Request(
            host=Host.EDC,
            path=self.path,
            body=_encode({"head": head, "body": body}),
            operation=self.operation,
            paytm_id=self.merchant_transaction_id,
        )

    @classmethod
    def read(cls, request: Request) -> Self:
        """Read a request without asking who signed it.

        Raises:
            RemoteProtocolError: not JSON, or a field is missing or malformed; `.path` names it.
        """
        return cls._read(read_json(request.body, operation=cls.operation), request)

    @classmethod
    def parse(cls, request: Request, key: MerchantKey) -> Self:
        """Read a request and check its signature.

        Raises:
            ChecksumMismatch: the fields are in order, the signature is not.
            RemoteProtocolError: not JSON, or a field is missing or malformed; `.path` names it.
        """
        envelope = read_json(request.body, operation=cls.operation)
        call = cls._read(envelope, request)
        if not verify_edc(section(envelope, "body"), section(envelope, "head").get("checksum"), key):
            raise mismatch(cls.operation, call.merchant_transaction_id)
        return call

    @classmethod
    def _read(cls, envelope: dict[str, Any], request: Request) -> Self:
        head, body = section(envelope, "head"), section(envelope, "body")
        values = {"path": request.path, "version": "", **cls.from_nested(body)}
        for name, rule, fits, _, is_required in _ruled(cls):
            source = head if rule.section == "head" else body
            value = values.get(name) or field(source, rule.wire)
            if value is None:
                if is_required:
                    raise refuse(cls.operation, body, rule.path, "is missing")
            elif fits(value) is None:
                raise refuse(cls.operation, body, rule.path, rule.says)
            else:
                values[name] = value
        return cls(**values)

    @classmethod
    def from_nested(cls, body: dict[str, Any]) -> dict[str, Any]:
        """Read the fields that are not plain texts of the body."""
        return {}


class Reply(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What the three replies share. A field that Paytm left out is None."""

    merchant_transaction_id: str | None = None
    paytm_mid: str | None = None
    paytm_tid: str | None = None
    result: ResultInfo = msgspec.field(name="resultInfo")

    operation: ClassVar[str]

    @property
    def kind(self) -> Kind | None:
        """What the result says, or None when it contradicts itself or says nothing known."""
        return classify(self.result)

    def encode(
        self, at: str, *, channel_id: str = "EDC", version: str = VERSION, key: MerchantKey | None = None
    ) -> Response:
        """Write the reply, at an India time. It is signed only when a key is given: Paytm's own are not."""
        head = {"responseTimeStamp": at, "channelId": channel_id, "version": version}
        if key is not None:
            head["checksum"] = sign(edc_text(msgspec.to_builtins(self)), key)
        return Response(
            status=200,
            body=join_envelope(_encode(head), _encode(self)),
            headers={"content-type": "application/json"},
        )

    @classmethod
    def parse(
        cls, response: Response, key: MerchantKey | None = None, *, paytm_id: str | None = None
    ) -> Self:
        """Read a reply; when it carries a checksum and a key is given, the checksum must be right.

        Raises:
            ChecksumMismatch: the reply is signed, and not by this key.
            RemoteProtocolError: not HTTP 200, not JSON, or without a result: the outcome is unknown.
        """
        if response.status != 200:
            raise RemoteProtocolError(
                f"Paytm answered with HTTP status {response.status}, not a result; the outcome is unknown.",
                path="status",
                operation=cls.operation,
                paytm_id=paytm_id,
            )
        envelope = read_json(response.body, operation=cls.operation, paytm_id=paytm_id)
        body = section(envelope, "body")
        reply = cls.from_body(body, paytm_id=paytm_id)
        checksum = section(envelope, "head").get("checksum")
        if key is not None and checksum not in (None, "") and not verify_edc(body, checksum, key):
            raise mismatch(cls.operation, paytm_id)
        return reply

    @classmethod
    def from_body(cls, body: dict[str, Any], *, paytm_id: str | None = None) -> Self:
        """Read the body of a reply or of a callback, which has the same fields.

        Raises:
            RemoteProtocolError: there is no result in it.
        """
        info = section(body, "resultInfo")
        if field(info, "resultStatus", "resultCode", "resultCodeId") is None:
            raise RemoteProtocolError(
                "Paytm's answer carries no result; the outcome is unknown.",
                path="body.resultInfo",
                operation=cls.operation,
                paytm_id=paytm_id,
            )
        names, others = _spellings(cls)
        values: dict[str, str] = {}
        for wire, value in body.items():
            name = names.get(wire)
            if name is not None and (text := value if type(value) is str else scalar(value)):
                values[name] = text
        if not _OTHER_SPELLINGS.isdisjoint(body):
            for name, wires in others:
                if name not in values and (text := field(body, *wires)):
                    values[name] = text
        return cls(result=ResultInfo.from_wire(info), **cls.tidied(values, body))

    @classmethod
    def tidied(cls, values: dict[str, str], body: dict[str, Any]) -> dict[str, str]:
        """Put right what this reply needs put right; `values` are those that are there, by our names."""
        return values


@cache
def _ruled(call: type[Call]) -> tuple[_Ruled, ...]:
    """The fields of a request that have a rule."""
    ruled: list[_Ruled] = []
    for part in msgspec.structs.fields(call):
        rule = _RULES.get(part.name)
        if rule is not None:
            wire = rule.wire if rule.section == "body" else None
            ruled.append((part.name, rule, rule.shape.fullmatch, wire, part.required))
    return tuple(ruled)


@cache
def wires_of(reply: type[Reply]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The text fields of a reply, and the spellings each is read from."""
    return tuple(
        (part.name, (part.encode_name, *_ALIASES.get(part.name, ())))
        for part in msgspec.structs.fields(reply)
        if part.name != "result"
    )


@cache
def _spellings(reply: type[Reply]) -> tuple[dict[str, str], tuple[tuple[str, tuple[str, ...]], ...]]:
    """The text fields of a reply by Paytm's documented names, and the other spellings of those that have some."""
    wires = wires_of(reply)
    return {documented: name for name, (documented, *_) in wires}, tuple(
        (name, tuple(others)) for name, (_, *others) in wires if others
    )


def refuse(operation: str, body: dict[str, Any], path: str, says: str) -> RemoteProtocolError:
    """Return the error for a field of a request that cannot be used."""
    return RemoteProtocolError(
        f"`{path}` {says}.", path=path, operation=operation, paytm_id=field(body, "merchantTransactionId")
    )


def mismatch(operation: str, paytm_id: str | None) -> ChecksumMismatch:
    """Return the error for a message that this key did not sign."""
    return ChecksumMismatch(
        "The checksum does not belong to these fields: the merchant key differs, or a field was changed.",
        path="head.checksum",
        operation=operation,
        paytm_id=paytm_id,
    )
