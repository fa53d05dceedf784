"""Pretend Paytm's online front desk: make an order, begin to pay it by UPI, ask what is possible.

Each handler reads a request with the client's own code, looks at the world, and writes a reply. What became of
an order is said in `order_desk.py`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import sha256
from typing import ClassVar
from urllib.parse import quote

import msgspec
from msgspec.structs import replace

from galla.clock import to_millis
from galla.money import parse_rupees, rupees
from galla.protocol.message import Request, Response
from galla.protocol.pg import TokenCall
from galla.protocol.pg_codes import PgResult
from galla.protocol.pg_envelope import TxnToken, open_envelope
from galla.protocol.theia import (
    INITIATE_PATH,
    OPTIONS_PATH,
    PROCESS_PATH,
    BankForm,
    DeepLinkInfo,
    InitiateReply,
    InitiateRequest,
    OptionsReply,
    OptionsRequest,
    ProcessReply,
    ProcessRequest,
)
from galla.protocol.vpa import VPA_PATH, VpaReply, VpaRequest
from galla.sandbox.order import MOST_TRIES, Order, Way
from galla.sandbox.phones import Phones
from galla.sandbox.qr import PAYEE, Link, upi_text
from galla.sandbox.reading import No, Refusals, answer, checked, refusal
from galla.sandbox.route import Route

HOST = "https://sandbox.invalid"
SUCCESS = PgResult(status="S", code="0000", message="Success")
REPEATED = PgResult(status="S", code="0002", message="Success Idempotent")

_QUERY = {"query.mid": "2013", "query.orderId": "2014"}
_INITIATE = Refusals(
    word="F",
    invalid="1001",
    missing="1007",
    mid="1001",
    signature="2005",
    pipe="1008",
    query=_QUERY,
    at={"body.txnAmount.value": "2007", "body.txnAmount.currency": "2007"},
)
_SESSION = replace(_INITIATE, missing_at={"head.txnToken": "1006", "head.token": "1006"}, pipe=None)
_PROCESS = replace(_SESSION, at={"body.orderId": "309"})
_VPA = replace(_SESSION, invalid="00000004", query={})


def answer_initiate(world: Phones, request: Request, at: datetime) -> Response:
    """Make an order and give a token for it; an identical repeat gets its token again."""
    try:
        call = checked(InitiateRequest, world, request, _INITIATE)
        merchant = world.merchants[call.mid]
        amount = parse_rupees(call.txn_amount)
        if amount > merchant.upi_limit_paise:
            raise _no("196", "Transaction amount is above the limit")
        params = _params(request)
        known = world.orders.get((call.mid, call.order_id))
        if known is not None and (known.params != params or known.paid is not None):
            raise _no("2023", "Repeat Request Inconsistent")
    except No as no:
        return refusal(InitiateReply, no, at)
    order = known or Order(
        mid=call.mid,
        id=call.order_id,
        amount_paise=amount,
        made_at=at,
        params=params,
        cust_id=call.cust_id,
        unique_ref=call.extend_info.get("mercUnqRef", ""),
        callback_url=call.callback_url,
    )
    if order.token is None or order.token_expires_at is None or at >= order.token_expires_at:
        expires_at = at + timedelta(seconds=world.token_life_s)
        order = world.put(replace(order, token=_new_token(world, at), token_expires_at=expires_at))
    result = SUCCESS if known is None else REPEATED
    return answer(InitiateReply(result=result, txn_token=TxnToken(order.token or "")), at, merchant.key)


def answer_process(world: Phones, request: Request, at: datetime) -> Response:
    """Begin to pay an order: a link for a UPI app, or a request to a UPI id."""
    try:
        call = checked(ProcessRequest, world, request, _PROCESS)
        order = _let_in(world, call, call.order_id, at)
        if order.paid is not None or order.open_try is not None:
            raise _no("1005", "Duplicate payment request exists")
        if len(order.tries) >= MOST_TRIES:
            raise _no("372", "Retry count breached")
        if call.payer_account is not None and not world.merchants[call.mid].collect_allowed:
            raise _no("0001", "UPI collect is not enabled for this merchant. Use UPI intent or a dynamic QR.")
    except No as no:
        return refusal(ProcessReply, no, at)
    if call.payer_account is None:
        return answer(_intent(world, order, at), at)
    return answer(_collect(world, order, call.payer_account, at), at)


def answer_options(world: Phones, request: Request, at: datetime) -> Response:
    """Say how an order may be paid: by UPI only."""
    kind = _OptionsV2 if request.path == OPTIONS_V2_PATH else OptionsRequest
    try:
        call = checked(kind, world, request, _SESSION)
        _let_in(world, call, call.order_id, at)
    except No as no:
        return refusal(OptionsReply, no, at)
    return answer(OptionsReply(result=SUCCESS, payment_modes=("UPI",)), at)


def answer_vpa(world: Phones, request: Request, at: datetime) -> Response:
    """Say whether a UPI id exists: those of the sandbox's phones do."""
    try:
        call = checked(VpaRequest, world, request, _VPA)
        _let_in(world, call, call.order_id, at)
    except No as no:
        return refusal(VpaReply, no, at)
    is_valid = call.vpa is not None and call.vpa.lower() in world.phones
    return answer(VpaReply(result=SUCCESS, vpa=call.vpa, is_valid=is_valid), at)


OPTIONS_V2_PATH = "/theia/api/v2/fetchPaymentOptions"
ROUTES: dict[str, Route] = {
    INITIATE_PATH: Route(operation="initiate", handle=answer_initiate),
    "/order/initiate": Route(operation="initiate", handle=answer_initiate),
    PROCESS_PATH: Route(operation="process", handle=answer_process),
    OPTIONS_PATH: Route(operation="options", handle=answer_options),
    OPTIONS_V2_PATH: Route(operation="options", handle=answer_options),
    VPA_PATH: Route(operation="vpa", handle=answer_vpa),
}
"""Path to operation and handler, the SDK's other name for the first included."""


class _OptionsV2(OptionsRequest, frozen=True, kw_only=True):
    """The second version of the question, which says what kind of token it has."""

    token_type: ClassVar[str | None] = "TXN_TOKEN"


def _intent(world: Phones, order: Order, at: datetime) -> ProcessReply:
    expires_at = at + timedelta(seconds=world.intent_expiry_s)
    new = world.begin(order, Way.INTENT, at, expires_at=expires_at)
    merchant = world.merchants[order.mid]
    text = upi_text(shop=merchant.name, ref=new.id, amount_paise=order.amount_paise, mcc=merchant.mcc)
    world.offer(Link(ref=new.id, way=Way.INTENT, order=order.key, text=text, expires_at=expires_at), at)
    info = DeepLinkInfo(
        deep_link=text,
        order_id=order.id,
        cashier_request_id=sha256(new.id.encode()).hexdigest()[:32],
        trans_id=new.id,
    )
    return ProcessReply(result=SUCCESS, deep_link_info=info)


def _collect(world: Phones, order: Order, vpa: str, at: datetime) -> ProcessReply:
    """Ask a UPI id; one that does not exist is told at the status, as Paytm does."""
    expires_at = at + timedelta(seconds=world.collect_expiry_s)
    new = world.begin(order, Way.COLLECT, at, expires_at=expires_at, vpa=vpa)
    order = world.orders[order.key]
    holder = world.phones.get(vpa.lower())
    if holder is None:
        world.fail(order, new, "295", "Your payment failed as the UPI ID entered is incorrect", at)
    else:
        world.ask(order, new, holder, at)
    content = {
        "MERCHANT_VPA": PAYEE,
        "CHANNEL": "PGPTM",
        "externalSrNo": new.id,
        "MCC": world.merchants[order.mid].mcc,
        "payerVpa": vpa,
        "txnAmount": rupees(order.amount_paise),
        "txnToken": order.token or "",
    }
    page = f"{HOST}/theia/api/v1/upiPollPage?mid={quote(order.mid)}&orderId={quote(order.id)}"
    return ProcessReply(result=SUCCESS, bank_form=BankForm(action_url=page, content=content))


def _let_in(world: Phones, call: TokenCall, order_id: str, at: datetime) -> Order:
    """Return the order whose living token this is."""
    order = world.orders.get((call.mid, order_id))
    is_ours = order is not None and order.token == call.txn_token.reveal()
    if order is None or order.token_expires_at is None or not is_ours or at >= order.token_expires_at:
        raise _no("1006", "Your Session has expired.")
    return order


def _params(request: Request) -> bytes:
    """Return what an order was made with, however its JSON is laid out."""
    body = open_envelope(request.body, operation="initiate").body
    return msgspec.json.encode(body, order="deterministic")


def _new_token(world: Phones, at: datetime) -> str:
    return sha256(world.digits(40).encode()).hexdigest()[:32] + str(to_millis(at))


def _no(code: str, message: str) -> No:
    return No(PgResult(status="F", code=code, message=message))
