"""What Paytm's online endpoints share: the rules of their fields, signed and token requests, checked replies.

A body is written once: the text that is signed is the text that is sent, and the text that is verified is the
text that is read. Which fields an endpoint has, and what they mean, is not here: that is `theia.py`,
`order.py`, `refund.py`, `qr.py` and `vpa.py`.
"""

from __future__ import annotations

from functools import cache
from typing import Any, ClassVar, Self
from urllib.parse import parse_qsl, quote

import msgspec

from galla.errors import ChecksumMismatch, LocalProtocolError, RemoteProtocolError
from galla.protocol.checksum import sign
from galla.protocol.codes import Kind
from galla.protocol.message import Host, MerchantKey, Request, Response, field, join_envelope, section
from galla.protocol.pg_codes import PgResult, classify_pg
from galla.protocol.pg_envelope import Opened, TxnToken, is_signed, mismatch, open_envelope, write
from galla.protocol.pg_rules import PARTS, RULES, Rule, holds_pipe

VERSION = "v1"


class Call(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What every online request has: a merchant, and rules for its fields.

    `order_id`, where there is one, is the merchant's own; it names the payment in every error.
    """

    mid: str
    version: str | None = VERSION
    request_timestamp: str | None = None

    operation: ClassVar[str]
    path: ClassVar[str]
    has_query: ClassVar[bool] = False
    query_only: ClassVar[frozenset[str]] = frozenset()  # names in the query that the body does not repeat
    may_hold_pipe: ClassVar[bool] = False
    objects: ClassVar[tuple[str, ...]] = ()  # objects of the body that hold fields of ours

    @property
    def paytm_id(self) -> str | None:
        """The order this is about."""
        return getattr(self, "order_id", None)

    def body(self) -> dict[str, object]:
        """Return the body, checked, with Paytm's names; what is left out is absent.

        Raises:
            LocalProtocolError: a field cannot be sent; `.path` names it.
        """
        body = self.checked("body")
        for wire in self.query_only:
            body.pop(wire, None)
        return body

    def head(self, body: bytes, key: MerchantKey) -> dict[str, object]:
        """Return the head for this body."""
        return self.checked("head")

    def encode(self, key: MerchantKey) -> Request:
        """Write the request; the body's text is made once.

        Raises:
            LocalProtocolError: a field cannot be sent; `.path` names it.
        """
        fields = self.body()
        body = self._written(fields)
        if b"|" in body and not self.may_hold_pipe:
            raise self.unsendable(holds_pipe(fields, "body") or "body", "may not hold the character |")
        head = self._written(self.head(body, key))
        return Request(
            host=Host.PG,
            path=self.path,
            query=self._query() if self.has_query else "",
            body=join_envelope(head, body),
            operation=self.operation,
            paytm_id=self.paytm_id,
        )

    def unsendable(self, path: str, says: str) -> LocalProtocolError:
        """Return the error for a field that cannot be sent."""
        return LocalProtocolError(
            f"`{path}` {says}. Nothing was sent.", path=path, operation=self.operation, paytm_id=self.paytm_id
        )

    def _query(self) -> str:
        order_id = self.paytm_id or ""
        if not (order_id.isalnum() and order_id.isascii()):  # galla's own ids need no quoting
            order_id = quote(order_id, safe="")
        return f"mid={quote(self.mid, safe='')}&orderId={order_id}"

    def _written(self, fields: dict[str, object]) -> bytes:
        try:
            return write(fields)
        except UnicodeEncodeError:
            raise self.unsendable("body", "holds half a character (a lone surrogate)") from None

    def checked(self, part: str) -> dict[str, object]:
        """Return the fields of one part of the message, checked, with Paytm's names.

        Raises:
            LocalProtocolError: a field cannot be sent; `.path` names it.
        """
        out: dict[str, object] = {}
        for name, wire, rule, is_required in _ruled(type(self), part):
            value = getattr(self, name)
            if value is None and not is_required:
                continue
            if not isinstance(value, str) or rule.shape.fullmatch(value) is None:
                raise self.unsendable(_path(part, wire), rule.says)
            out[wire] = value
        return out

    @classmethod
    def read(cls, request: Request) -> Self:
        """Read a request without asking who sent it.

        Raises:
            RemoteProtocolError: not JSON, or a field is missing or malformed; `.path` names it, and begins
                with `query.` when the query says otherwise than the body.
        """
        return cls._read(open_envelope(request.body, operation=cls.operation), request)

    @classmethod
    def parse(cls, request: Request, key: MerchantKey) -> Self:
        """Read a request. Only a `SignedCall` says who sent it: the token of others is for the reader to know."""
        return cls.read(request)

    @classmethod
    def _read(cls, opened: Opened, request: Request) -> Self:
        body = opened.body
        if cls.has_query:
            asked = dict(parse_qsl(request.query, keep_blank_values=True))
            if cls.query_only:
                body = {**body, **{wire: asked[wire] for wire in cls.query_only if wire in asked}}
            for wire in ("mid", "orderId"):
                if asked.get(wire) != field(body, wire):
                    raise cls.unreadable(body, f"query.{wire}", "differs from the body")
        values: dict[str, Any] = {"version": None, **cls.from_nested(opened)}
        sources = {"body": body, "head": opened.head, **{name: section(body, name) for name in cls.objects}}
        for part, source in sources.items():
            for name, wire, rule, is_required in _ruled(cls, part):
                value = field(source, wire)
                if value is None:
                    if is_required:
                        raise cls.unreadable(body, _path(part, wire), "is missing")
                elif rule.shape.fullmatch(value) is None:
                    raise cls.unreadable(body, _path(part, wire), rule.says)
                else:
                    values[name] = value
        return cls(**values)

    @classmethod
    def from_nested(cls, opened: Opened) -> dict[str, Any]:
        """Read the fields that are not plain texts of head or body."""
        return {}

    @classmethod
    def unreadable(cls, body: dict[str, Any], path: str, says: str) -> RemoteProtocolError:
        """Return the error for a field of a request that cannot be used."""
        return RemoteProtocolError(
            f"`{path}` {says}.", path=path, operation=cls.operation, paytm_id=field(body, "orderId")
        )


class SignedCall(Call, frozen=True, kw_only=True):
    """A request whose head signs the body's exact text. `client_id` is for a MID with several keys."""

    client_id: str | None = None
    channel_id: str | None = None

    def head(self, body: bytes, key: MerchantKey) -> dict[str, object]:
        """Return the head, with the signature of this body."""
        return {**self.checked("head"), "signature": sign(body.decode(), key)}

    @classmethod
    def parse(cls, request: Request, key: MerchantKey) -> Self:
        """Read a request and check its signature.

        Raises:
            ChecksumMismatch: the fields are in order, the signature is not.
            RemoteProtocolError: as `read`.
        """
        opened = open_envelope(request.body, operation=cls.operation)
        call = cls._read(opened, request)
        if not is_signed(opened, key):
            raise mismatch(cls.operation, call.paytm_id)
        return call


class TokenCall(Call, frozen=True, kw_only=True):
    """A request that is let in by the order's token, in the head, instead of a signature."""

    txn_token: TxnToken
    channel_id: str | None = None

    token_type: ClassVar[str | None] = None

    def head(self, body: bytes, key: MerchantKey) -> dict[str, object]:
        """Return the head, with the token."""
        if self.token_type is None:
            return {**self.checked("head"), "txnToken": self.txn_token.reveal()}
        return {**self.checked("head"), "tokenType": self.token_type, "token": self.txn_token.reveal()}

    @classmethod
    def from_nested(cls, opened: Opened) -> dict[str, Any]:
        """Read the token."""
        wire = "txnToken" if cls.token_type is None else "token"
        if cls.token_type is not None and field(opened.head, "tokenType") != cls.token_type:
            raise cls.unreadable(opened.body, "head.tokenType", f"must be {cls.token_type}")
        text = field(opened.head, wire)
        if text is None:
            raise cls.unreadable(opened.body, f"head.{wire}", "is missing")
        try:
            return {"txn_token": TxnToken(text)}
        except ValueError:
            raise cls.unreadable(opened.body, f"head.{wire}", "is not a token") from None


class Reply(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What every online reply has. A field that Paytm left out is None."""

    result: PgResult = msgspec.field(name="resultInfo")

    operation: ClassVar[str]
    signed_on: ClassVar[frozenset[Kind]] = frozenset()

    @property
    def kind(self) -> Kind | None:
        """What the result says, or None when it contradicts itself or says nothing known."""
        return classify_pg(self.operation, self.result)

    def encode(
        self, at_ms: str, *, key: MerchantKey | None, client_id: str | None = None, version: str = VERSION
    ) -> Response:
        """Write the reply, at milliseconds since 1970; signed when a key is given."""
        body = write(self.encode_body())
        head = {"responseTimestamp": at_ms, "version": version}
        if client_id is not None:
            head["clientId"] = client_id
        if key is not None:
            head["signature"] = sign(body.decode(), key)
        return Response(
            status=200,
            body=join_envelope(write(head), body),
            headers={"content-type": "application/json"},
        )

    def encode_body(self) -> object:
        """Return what is written as the body: this reply, unless Paytm nests it otherwise."""
        return self

    @classmethod
    def parse(cls, response: Response, key: MerchantKey, *, paytm_id: str | None = None) -> Self:
        """Read a reply. A signature is checked wherever there is one, and a success must have one.

        Raises:
            ChecksumMismatch: signed, and not by this key over this text; or a success without a signature.
            RemoteProtocolError: not HTTP 200, not JSON, or without a result: the outcome is unknown.
        """
        if response.status != 200:
            raise RemoteProtocolError(
                f"Paytm answered with HTTP status {response.status}, not a result; the outcome is unknown.",
                path="status",
                operation=cls.operation,
                paytm_id=paytm_id,
            )
        opened = open_envelope(response.body, operation=cls.operation, paytm_id=paytm_id)
        has_signature = opened.head.get("signature") not in (None, "")
        if has_signature and not is_signed(opened, key):
            raise mismatch(cls.operation, paytm_id)
        reply = cls.from_body(opened.body, paytm_id=paytm_id)
        if not has_signature and cls.signed_on and reply.kind in cls.signed_on:
            raise ChecksumMismatch(
                "Paytm's answer says success but is not signed. It proves nothing: ask again.",
                path="head.signature",
                operation=cls.operation,
                paytm_id=paytm_id,
            )
        return reply

    @classmethod
    def from_body(cls, body: dict[str, Any], *, paytm_id: str | None = None) -> Self:
        """Read the body of a reply.

        Raises:
            RemoteProtocolError: there is no result in it.
        """
        info = section(body, "resultInfo")
        if field(info, "resultStatus", "resultCode") is None:
            raise RemoteProtocolError(
                "Paytm's answer carries no result; the outcome is unknown.",
                path="body.resultInfo",
                operation=cls.operation,
                paytm_id=paytm_id,
            )
        values: dict[str, Any] = {}
        for name, wire, others in _wires(cls):
            value = body.get(wire)
            if type(value) is not str or not value:  # most are plain texts, and most of the rest are absent
                value = field(body, wire, *others) if others or value is not None else None
            values[name] = value
        return cls(result=PgResult.from_wire(info), **cls.tidied(values, body))

    @classmethod
    def tidied(cls, values: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
        """Put right what this reply needs put right; `values` is by our names."""
        return values


_SPELLINGS = {
    "masked_vpa": ("payerVpa", "vpa"),
    "rrn": ("rrnCode", "utr"),
    "total_refund_amount": ("refundAmt",),
}
"""Spellings seen besides the first one, which wins."""


def _path(part: str, wire: str) -> str:
    return f"{part}.{wire}" if part in ("body", "head") else f"body.{part}.{wire}"


@cache
def _ruled(call: type[Call], part: str) -> tuple[tuple[str, str, Rule, bool], ...]:
    """The fields of one part of a request: our name, Paytm's, the rule, and whether it is required."""
    return tuple(
        (each.name, each.encode_name, RULES[each.name], each.required)
        for each in msgspec.structs.fields(call)
        if each.name in RULES and PARTS.get(each.name, "body") == part
    )


@cache
def _wires(reply: type[Reply]) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    """The text fields of a reply: our name, Paytm's, and other spellings of that."""
    return tuple(
        (each.name, each.encode_name, _SPELLINGS.get(each.name, ()))
        for each in msgspec.structs.fields(reply)
        if each.name != "result"
    )
