"""Pretend Paytm's QR desk: one dynamic QR for one order.

An identical repeat gets the same QR. What became of the order is said in `order_desk.py`.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
from msgspec.structs import replace

from galla.clock import parse_ist
from galla.money import parse_rupees
from galla.protocol.message import Request, Response
from galla.protocol.pg_codes import PgResult
from galla.protocol.pg_envelope import open_envelope
from galla.protocol.qr import QR_PATH, QrReply, QrRequest
from galla.sandbox.online import Online
from galla.sandbox.order import Order, Way
from galla.sandbox.qr import Link, png, upi_text
from galla.sandbox.reading import No, Refusals, answer, checked, refusal
from galla.sandbox.route import Route

CREATED = PgResult(status="SUCCESS", code="QR_0001", message="SUCCESS")

_REFUSALS = Refusals(
    word="FAILURE",
    invalid="GE_0003",
    missing="GE_0003",
    mid="DQR_0002",
    signature="GE_1043",
    at={"body.amount": "QR_1005", "body.expiryDate": "QR_1007", "body.businessType": "DQR_0021"},
    missing_at={"body.mid": "DQR_0002", "body.amount": "QR_1005"},
    bare=frozenset({"head.clientId", "body.posId"}),
)


def answer_create(world: Online, request: Request, at: datetime) -> Response:
    """Make a QR for an order, or say why not."""
    try:
        call = checked(QrRequest, world, request, _REFUSALS)
        expires_at = _expiry(world, call, at)
        body = open_envelope(request.body, operation="qr").body
        params = msgspec.json.encode(body, order="deterministic")
        known = world.orders.get((call.mid, call.order_id))
        if known is not None and known.qr_id is None:
            raise _no("QR_1021", "Order already exists for this mid")
        if known is not None and known.params != params:
            raise _no("DQR_0006", "Request parameters have changed for the same order id")
        if known is None and expires_at <= at:
            raise _no("QR_1018", "Expiry date must be in the future")
    except No as no:
        return refusal(QrReply, no, at)
    order = known or _new_order(world, call, params, expires_at, at)
    link = world.links[order.qr_id or ""]
    reply = QrReply(result=CREATED, qr_code_id=link.ref, qr_data=link.text)
    if call.image_required:
        reply = replace(reply, image=png(link.text))
    return answer(reply, at, world.merchants[call.mid].key)


ROUTES: dict[str, Route] = {QR_PATH: Route(operation="qr", handle=answer_create)}


def _new_order(world: Online, call: QrRequest, params: bytes, expires_at: datetime, at: datetime) -> Order:
    merchant = world.merchants[call.mid]
    amount = parse_rupees(call.amount)
    ref = f"{at:%y%m%d}" + world.digits(22)
    order = Order(mid=call.mid, id=call.order_id, amount_paise=amount, made_at=at, params=params, qr_id=ref)
    world.put(order)
    name = call.display_name or merchant.name
    text = upi_text(shop=name, ref=ref, amount_paise=amount, mcc=merchant.mcc)
    world.offer(Link(ref=ref, way=Way.QR, order=order.key, text=text, expires_at=expires_at), at)
    return order


def _expiry(world: Online, call: QrRequest, at: datetime) -> datetime:
    """Return when the QR runs out."""
    if call.expiry_date is None:
        return at + timedelta(seconds=world.qr_expiry_s)
    try:
        return parse_ist(call.expiry_date)
    except ValueError:
        raise _no("QR_1007", "Expiry date must be yyyy-MM-dd HH:mm:ss") from None


def _no(code: str, message: str) -> No:
    return No(PgResult(status="FAILURE", code=code, message=message))
