"""Pretend Paytm's card machine API: sale, status and void, in the order Paytm checks them.

Each handler reads a request with the client's own code, looks at the world, and writes a reply. The truth is
kept in `world.py`; what a status says about it is chosen in `charge.py`.
"""

from __future__ import annotations

from datetime import datetime
from typing import TypeVar

from msgspec.structs import replace

from galla.clock import ist_text, parse_ist
from galla.errors import ChecksumMismatch, RemoteProtocolError
from galla.protocol.edc import (
    OLD_STATUS_PATH,
    SALE_PATH,
    STATUS_PATH,
    VOID_PATH,
    ResultInfo,
    SaleReply,
    SaleRequest,
    StatusReply,
    StatusRequest,
    VoidReply,
    VoidRequest,
)
from galla.protocol.message import Request, Response
from galla.sandbox.charge import (
    NO_SUCH_VOID,
    UNKNOWN,
    VOID_FAILED,
    Charge,
    ChargeState,
    Told,
    VoidState,
    told_of_sale,
    told_of_void,
    void_ends_at,
)
from galla.sandbox.instrument import find
from galla.sandbox.job import JobKind
from galla.sandbox.route import Route
from galla.sandbox.world import World


def answer_sale(world: World, request: Request, at: datetime) -> Response:
    """Take a sale in and give it to its machine, or say why not."""
    try:
        sale = _checked(SaleRequest, world, request)
    except _No as no:
        return _refusal(SaleReply, no, at)
    ids = _ids(sale)
    if (sale.paytm_mid, sale.merchant_transaction_id) in world.charges:
        return SaleReply(**ids, result=_info(_no("0233", "Duplicate order id"))).encode(ist_text(at))
    if world.charge_on(sale.paytm_tid) is not None:
        busy = _no("0333", "Another request is already active on this terminal")
        return SaleReply(**ids, result=_info(busy)).encode(ist_text(at))
    charge = Charge(
        id=sale.merchant_transaction_id,
        mid=sale.paytm_mid,
        tid=sale.paytm_tid,
        amount_paise=int(sale.transaction_amount),
        received_at=at,
        transaction_date_time=sale.transaction_date_time,
        reference=sale.merchant_reference_no,
        mode=sale.payment_mode or "ALL",
        is_auto_accepted=bool(sale.auto_accept),
        callback_url=sale.callback_url,
        lines=tuple(f"{name}: {text}" for name, text in sale.display_info.items()),
    )
    world.push(charge, JobKind.SALE, at)
    return SaleReply(**ids, result=_info(ACCEPTED)).encode(ist_text(at))


def answer_status(world: World, request: Request, at: datetime) -> Response:
    """Say what has become of a sale, or with `event=VOID` of its void."""
    try:
        asked = _checked(StatusRequest, world, request)
    except _No as no:
        return _refusal(StatusReply, no, at)
    charge = world.charges.get((asked.paytm_mid, asked.merchant_transaction_id))
    is_void = asked.event == "VOID"
    if charge is None or asked.paytm_tid not in ("", charge.tid):
        told = NO_SUCH_VOID if is_void else UNKNOWN
    else:
        told = told_of_void(charge) if is_void else told_of_sale(charge, at)
    if charge is None or told in (UNKNOWN, NO_SUCH_VOID):
        return StatusReply(**_ids(asked), result=_info(told)).encode(ist_text(at))
    return status_reply(charge, told).encode(ist_text(at))


def answer_void(world: World, request: Request, at: datetime) -> Response:
    """Ask the machine to reverse a paid sale of the same India day, or say why not."""
    try:
        void = _checked(VoidRequest, world, request)
    except _No as no:
        return _refusal(VoidReply, no, at)
    charge = world.charges.get((void.paytm_mid, void.merchant_transaction_id))
    told = _void_told(world, charge, void.paytm_tid, at)
    if told is ACCEPTED and charge is not None:
        asked = replace(charge, void=VoidState.WAITING, void_requested_at=at, void_settled_at=None)
        world.push(asked, JobKind.VOID, at)
    return VoidReply(**_ids(void), result=_info(told)).encode(ist_text(at))


ROUTES: dict[str, Route] = {
    SALE_PATH: Route(operation="sale", handle=answer_sale),
    STATUS_PATH: Route(operation="status", handle=answer_status),
    OLD_STATUS_PATH: Route(operation="status", handle=answer_status),
    VOID_PATH: Route(operation="void", handle=answer_void),
    "/ecr/void/request": Route(operation="void", handle=answer_void),
    "/ecr/ext/void": Route(operation="void", handle=answer_void),
}
"""Path to operation and handler; the void answers under every path seen in the field."""

ACCEPTED = Told(letter="A", word="ACCEPTED_SUCCESS", code="0009", message="ACCEPTED_SUCCESS")


class _No(Exception):
    """The request goes no further."""

    def __init__(self, told: Told, ids: dict[str, str]) -> None:
        super().__init__(told.message)
        self.told = told
        self.ids = ids


E = TypeVar("E", SaleRequest, StatusRequest, VoidRequest)


def _checked(kind: type[E], world: World, request: Request) -> E:
    """Read a request and check it as Paytm does: fields, merchant, signature.

    One that asks for work is also held against the machine and a block of the merchant.
    """
    try:
        call = kind.read(request)
        parse_ist(call.transaction_date_time)
    except RemoteProtocolError as error:
        ids = {"merchant_transaction_id": error.paytm_id} if error.paytm_id else {}
        raise _No(_no("0002", f"Invalid parameters: {error}"), ids) from None
    except ValueError:
        message = "Invalid parameters: `body.transactionDateTime` is no day of the calendar."
        raise _No(_no("0002", message), {}) from None
    ids = _ids(call)
    merchant = world.merchants.get(call.paytm_mid)
    if merchant is None:
        raise _No(_no("9001", "Merchant configuration error"), ids)
    try:
        kind.parse(request, merchant.key)
    except ChecksumMismatch:
        raise _No(_no("0330", "Checksum provided is invalid"), ids) from None
    if isinstance(call, StatusRequest):
        return call
    machine = world.terminals.get(call.paytm_tid)
    if machine is None or machine.mid != call.paytm_mid or not machine.is_active:
        raise _No(_no("0007", "Terminal is not active"), ids)
    if merchant.is_blocked:
        raise _No(_no("0022", "Merchant is blocked"), ids)
    return call


def _void_told(world: World, charge: Charge | None, tid: str, at: datetime) -> Told:
    if charge is None or charge.tid != tid or charge.settled_at is None:
        return NO_SUCH_VOID
    if charge.state is not ChargeState.PAID:
        return NO_SUCH_VOID
    is_too_late = charge.refunded_paise > 0 or at >= void_ends_at(charge.settled_at)
    if charge.void is VoidState.DONE or is_too_late:
        return VOID_FAILED
    if world.charge_on(tid) is not None:
        return _no("0333", "Another request is already active on this terminal")
    return ACCEPTED


def status_reply(charge: Charge, told: Told) -> StatusReply:
    """Return a status reply with as much as the answer may show."""
    amount = str(charge.amount_paise)
    reply = StatusReply(
        merchant_transaction_id=charge.queue_id or charge.id,
        paytm_mid=charge.mid,
        paytm_tid=charge.tid,
        merchant_reference_no=charge.reference,
        transaction_date_time=charge.transaction_date_time,
        transaction_amount=amount,
        result=_info(told),
    )
    if told.letter == "F" and charge.bank_code not in (None, "00"):
        return replace(reply, bank_response_code=charge.bank_code, bank_response_message=charge.reason)
    if told.letter != "S" or charge.instrument is None or charge.settled_at is None:
        return reply
    paid_with = find(charge.instrument)
    return replace(
        reply,
        transaction_date_time=ist_text(charge.settled_at),
        acquirement_id=charge.acquirement_id,
        retrieval_reference_no=charge.rrn,
        auth_code=charge.auth_code,
        issuer_mask_card_no=paid_with.masked,
        issuing_bank_name=paid_with.issuer,
        issuing_bank_id=paid_with.issuer_id,
        pay_method=paid_with.pay_method,
        card_type=paid_with.card_type,
        card_scheme=paid_with.scheme,
        bank_response_code="00",
        bank_response_message="Approved",
        bank_mid=f"SBX{charge.mid[-12:]}",
        bank_tid=charge.tid,
        acquiring_bank="SANDBOX",
        aid=paid_with.aid,
        original_amount=amount,
    )


def _ids(call: SaleRequest | StatusRequest | VoidRequest) -> dict[str, str]:
    return {
        "merchant_transaction_id": call.merchant_transaction_id,
        "paytm_mid": call.paytm_mid,
        "paytm_tid": call.paytm_tid,
    }


def _no(code: str, message: str) -> Told:
    return Told(letter="F", word="FAIL", code=code, message=message)


def _info(told: Told) -> ResultInfo:
    return ResultInfo(status=told.word, code=told.letter, code_id=told.code, message=told.message)


def _refusal(reply: type[SaleReply] | type[StatusReply] | type[VoidReply], no: _No, at: datetime) -> Response:
    return reply(**no.ids, result=_info(no.told)).encode(ist_text(at))
