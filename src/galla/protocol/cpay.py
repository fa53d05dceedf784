"""What the queue's three endpoints share: the rules of their fields, the hashed request, the tolerant flat reply.

Which fields an endpoint has, and what they mean, is not here: that is `queue.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, ClassVar, Self
from urllib.parse import parse_qsl

import msgspec
from msgspec.structs import replace

from galla.errors import ChecksumMismatch, LocalProtocolError, RemoteProtocolError
from galla.protocol.checksum import raw_section
from galla.protocol.codes import Kind, ResultInfo, classify, masked_text
from galla.protocol.message import (
    Host,
    MerchantKey,
    Request,
    Response,
    field,
    join_envelope,
    read_json,
    section,
)
from galla.protocol.req_hash import HMAC_JSON, Scheme

_encode = msgspec.json.Encoder().encode

_TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}"
_RULES: dict[str, tuple[re.Pattern[str], str]] = {
    "txnDate": (re.compile(_TIME), "must be India time as yyyy-MM-dd HH:mm:ss"),
    "merchantTxnId": (re.compile(r"[A-Za-z0-9]{8,32}"), "must be 8 to 32 letters and digits"),
    "txnAmount": (
        re.compile(r"(?=[0-9]*[1-9])[0-9]{1,12}"),
        "must be an amount in paise of 1 to 12 digits, above zero",
    ),
    "mid": (re.compile(r"[A-Za-z0-9_-]{1,20}"), "must be 1 to 20 letters and digits"),
    "merchantReferenceNo": (re.compile(r"[^|\x00-\x1f\x7f]{1,32}"), "must be 1 to 32 characters without |"),
    "storeId": (re.compile(r"[A-Za-z0-9_-]{1,32}"), "must be 1 to 32 letters and digits"),
    "paymentMode": (re.compile(r"CARD|QR|CARDLESS|ALL"), "must be ALL, CARD, QR or CARDLESS"),
    "cpayId": (re.compile(r"[0-9]{4,12}"), "must be the digits of the code"),
    "cpayID": (re.compile(r"[0-9]{4,12}"), "must be the digits of the code"),
    "merchantOrderId": (re.compile(r"[A-Za-z0-9]{8,32}"), "must be 8 to 32 letters and digits"),
    "date": (re.compile(_TIME), "must be India time as yyyy-MM-dd HH:mm:ss"),
    "tid": (re.compile(r"[0-9]{1,8}"), "must be 1 to 8 digits"),
}


class Reply(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What the replies of the queue share: a flat result, without `resultInfo`. A field left out is None."""

    result_status: str = ""
    result_code: str = ""
    result_code_id: str = ""
    result_msg: str = ""
    cpay_id: str | None = None

    operation: ClassVar[str]

    @property
    def result(self) -> ResultInfo:
        """Paytm's verdict on the call, put right as card machine replies are."""
        return ResultInfo.from_wire(
            {
                "resultStatus": self.result_status,
                "resultCode": self.result_code,
                "resultCodeId": self.result_code_id,
                "resultMsg": self.result_msg,
            }
        )

    @property
    def kind(self) -> Kind | None:
        """What the result says, or None when it contradicts itself or says nothing known."""
        return classify(self.result)

    def encode(self, at: str) -> Response:
        """Write the reply, at an India time."""
        head = {"responseTimeStamp": at}
        return Response(
            status=200,
            body=join_envelope(_encode(head), _encode(self)),
            headers={"content-type": "application/json"},
        )

    @classmethod
    def parse(cls, response: Response, *, paytm_id: str | None = None) -> Self:
        """Read a reply, whatever is missing, renamed or not of the usual shape.

        Raises:
            RemoteProtocolError: not JSON, or there is no result in it.
        """
        envelope = read_json(response.body, operation=cls.operation, paytm_id=paytm_id)
        body = section(envelope, "body") or envelope
        info = section(body, "resultInfo") or body
        words = {
            name: field(info, wire) or ""
            for name, wire in (
                ("result_status", "resultStatus"),
                ("result_code", "resultCode"),
                ("result_code_id", "resultCodeId"),
            )
        }
        if not any(words.values()):
            raise RemoteProtocolError(
                "Paytm's answer carries no result; the outcome is unknown.",
                path="body.resultStatus",
                operation=cls.operation,
                paytm_id=paytm_id,
            )
        return cls(
            **words,
            result_msg=masked_text(field(info, "resultMsg", "resultMessage") or ""),
            cpay_id=field(body, "cpayId", "cpayID", "cPayId"),
            **cls.more(body),
        )

    @classmethod
    def more(cls, body: dict[str, Any]) -> dict[str, Any]:
        """Read what this reply has beside the result and the code."""
        return {}


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """What the three requests share: who speaks, and the hash over the fields in their order."""

    mid: str
    client_id: str
    scheme: Scheme = HMAC_JSON
    path: str

    operation: ClassVar[str]
    wires: ClassVar[tuple[tuple[str, str, bool], ...]]
    """Our name, Paytm's name, and whether it must be there, in the order that is hashed."""

    @property
    def about(self) -> str | None:
        """The merchant's id the call is about, or the code, for messages and errors."""
        names = ("merchant_txn_id", "merchant_order_id", "cpay_id")
        return next((text for name in names if (text := getattr(self, name, None))), None)

    def fields(self) -> dict[str, object]:
        """Return the fields, checked, with Paytm's names and in their order; what is left out is absent.

        Raises:
            LocalProtocolError: a field cannot be sent; `.path` names it.
        """
        out: dict[str, object] = {}
        for name, wire, is_required in self.wires:
            value = getattr(self, name)
            if value is None and not is_required:
                continue
            if fault := fault_of(wire, value):
                raise self.unsendable(f"`{name}` {fault}. Nothing was sent.", f"body.{wire}")
            out[wire] = value
        return out

    def head(self, key: MerchantKey) -> dict[str, str]:
        """Return the head: the client id and the hash.

        Raises:
            LocalProtocolError: the client id cannot be sent, or a field cannot be hashed.
        """
        if not self.client_id.isprintable() or not 0 < len(self.client_id) <= 64:
            says = "The queue needs the client id that Paytm issued with it. Nothing was sent."
            raise self.unsendable(says, "head.clientId")
        return {"clientId": self.client_id, "reqHash": self.scheme.hash(self.fields(), key)}

    def encode(self, key: MerchantKey) -> Request:
        """Write the signed request.

        Raises:
            LocalProtocolError: a field cannot be sent; `.path` names it.
        """
        return Request(
            host=Host.QUEUE,
            path=self.path,
            body=join_envelope(_encode(self.head(key)), _encode(self.fields())),
            operation=self.operation,
            paytm_id=self.about,
        )

    @classmethod
    def read(cls, request: Request) -> Self:
        """Read a request without asking who signed it.

        Raises:
            RemoteProtocolError: not JSON, or a field is missing or malformed; `.path` names it.
        """
        head, body = _opened(cls.operation, request)
        values: dict[str, Any] = {}
        for name, wire, is_required in cls.wires:
            value = field(body, wire)
            if value is None:
                if is_required:
                    raise refuse(cls.operation, body, f"body.{wire}", "is missing")
            elif fault := fault_of(wire, value):
                raise refuse(cls.operation, body, f"body.{wire}", fault)
            else:
                values[name] = value
        client_id = field(head, "clientId")
        if client_id is None:
            raise refuse(cls.operation, body, "head.clientId", "is missing")
        return cls(client_id=client_id, path=request.path, **values, **cls.from_nested(request, body))

    @classmethod
    def parse(cls, request: Request, key: MerchantKey, schemes: Iterable[Scheme] = (HMAC_JSON,)) -> Self:
        """Read a request and check its hash; the call carries the scheme that fits.

        Raises:
            ChecksumMismatch: the fields are in order, and no scheme's hash belongs to them.
            RemoteProtocolError: not JSON, or a field is missing or malformed; `.path` names it.
        """
        call = cls.read(request)
        head, body = _opened(cls.operation, request)
        sent = raw_section(request.body, "body")
        for scheme in schemes:
            text = scheme.text(body)
            if scheme.is_over_json and sent is not None and sent != b"{}":
                text = sent.decode("utf-8", "replace")
            if scheme.fits(text, head.get("reqHash"), key):
                return replace(call, scheme=scheme)
        raise ChecksumMismatch(
            "The hash does not belong to these fields: the key or the scheme differs, or a field was changed.",
            path="head.reqHash",
            operation=cls.operation,
            paytm_id=call.about,
        )

    @classmethod
    def from_nested(cls, request: Request, body: dict[str, Any]) -> dict[str, Any]:
        """Read what is not a plain field of the body."""
        return {}

    def unsendable(self, says: str, path: str) -> LocalProtocolError:
        """Return the error for a field that cannot be sent."""
        return LocalProtocolError(says, path=path, operation=self.operation, paytm_id=self.about)


def fault_of(wire: str, value: object) -> str | None:
    """Return what is wrong with a field, if anything."""
    shape, says = _RULES[wire]
    return None if isinstance(value, str) and shape.fullmatch(value) else says


def _opened(operation: str, request: Request) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return head and fields, wherever they are: in the envelope, or in headers and query."""
    head: dict[str, Any] = {}
    body: dict[str, Any] = {}
    if request.body:
        envelope = read_json(request.body, operation=operation)
        head, body = section(envelope, "head"), section(envelope, "body")
    if not head:
        wires = {"clientid": "clientId", "reqhash": "reqHash"}
        head = {wires[name.lower()]: text for name, text in request.headers if name.lower() in wires}
    return head, body or dict(parse_qsl(request.query))


def refuse(operation: str, body: dict[str, Any], path: str, says: str) -> RemoteProtocolError:
    """Return the error for a field of a request that cannot be used."""
    about = field(body, "merchantTxnId", "merchantOrderId", "cpayId", "cpayID")
    return RemoteProtocolError(f"`{path}` {says}.", path=path, operation=operation, paytm_id=about)
