"""Pretend Paytm's payment-request queue: create, status and cancel, checked as Paytm checks them.

Each handler reads a request with the client's own code, looks at the world, and writes a reply. The truth is kept in
`waiting.py` and `entry.py`. Which codes an unknown code or a cancel that comes too late gets is not published: those
of the card machine API stand in.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qsl

from msgspec.structs import replace

from galla.clock import ist_text, parse_ist
from galla.errors import ChecksumMismatch, RemoteProtocolError
from galla.protocol.cpay import Call, Reply
from galla.protocol.message import Request, Response, read_json, section
from galla.protocol.queue import (
    CANCEL_PATH,
    CREATE_PATH,
    STATUS_PATH,
    QueueCancelReply,
    QueueCancelRequest,
    QueueCreateReply,
    QueueCreateRequest,
    QueueState,
    QueueStatusReply,
    QueueStatusRequest,
    is_queue_call,
)
from galla.sandbox.entry import Entry, attempt, told_state
from galla.sandbox.route import Route

if TYPE_CHECKING:
    from galla.sandbox.waiting import Waiting

SLACK = timedelta(minutes=5)
"""How far ahead of Paytm's clock a date may be before it counts as in the future."""


def answer_create(world: Waiting, request: Request, at: datetime) -> Response:
    """Take a request into the queue and give it a code, or say why not."""
    try:
        call = _checked(QueueCreateRequest, world, request)
    except _No as no:
        return _refusal(QueueCreateReply, no, at)
    if parse_ist(call.txn_date) > at + SLACK:
        return _refusal(QueueCreateReply, _No("EDC_0007", "Invalid parameters: `body.txnDate` is in the future."), at)
    known = world.entry_of(call.mid, call.merchant_txn_id)
    if known is not None and world.queue_repeat == "refused":
        return _refusal(QueueCreateReply, _No("EDC_0016", "Unable to generate payment request"), at)
    waits = known is not None and world.state_of(known, at) in (QueueState.IN_QUEUE, QueueState.FAILED)
    entry = known if waits and world.queue_repeat == "same" else None
    if entry is None:
        entry = Entry(
            code=world.new_code(call.mid),
            id=call.merchant_txn_id,
            mid=call.mid,
            amount_paise=int(call.txn_amount),
            txn_date=call.txn_date,
            received_at=at,
            expires_at=at + timedelta(seconds=world.queue_life_s),
            reference=call.merchant_reference_no,
            mode=call.payment_mode or "ALL",
        )
        world.line_up(entry, at)
    return QueueCreateReply(**_OK, cpay_id=entry.code).encode(ist_text(at))


def answer_status(world: Waiting, request: Request, at: datetime) -> Response:
    """Say where an entry is, and list every try to pay it."""
    try:
        asked = _checked(QueueStatusRequest, world, request)
    except _No as no:
        return _refusal(QueueStatusReply, no, at)
    entry = world.entries.get((asked.mid, asked.cpay_id))
    is_hidden = entry is not None and entry.hidden_until is not None and at < entry.hidden_until
    if entry is None or is_hidden or asked.txn_date[:10] != entry.txn_date[:10]:
        return _refusal(QueueStatusReply, _No("0404", "cpayId does not exist"), at)
    return _status(world, entry, at).encode(ist_text(at))


def answer_cancel(world: Waiting, request: Request, at: datetime) -> Response:
    """Take an entry out of the queue, unless somebody is paying it or has paid it."""
    try:
        asked = _checked(QueueCancelRequest, world, request)
    except _No as no:
        return _refusal(QueueCancelReply, no, at)
    if asked.cpay_id is not None:
        found = [world.entries.get((asked.mid, asked.cpay_id))]
    else:
        same = asked.merchant_order_id
        found = [entry for entry in world.entries.values() if (entry.mid, entry.id) == (asked.mid, same)]
    entries = [entry for entry in found if entry is not None]
    if not entries:
        return _refusal(QueueCancelReply, _No("0404", "Payment request does not exist"), at)
    states = {world.state_of(entry, at) for entry in entries}
    if states & {QueueState.PENDING, QueueState.COMPLETED}:
        return _refusal(QueueCancelReply, _No("0090", "The payment request has been collected"), at)
    for entry in entries:
        world.entries[entry.key] = replace(entry, is_cancelled=True)
    world.version += 1
    code = entries[-1].code if asked.cpay_id is not None else None
    return QueueCancelReply(**_ACCEPTED, cpay_id=code).encode(ist_text(at))


ROUTES: dict[str, Route] = {
    CREATE_PATH: Route(operation="queue", handle=answer_create),
    STATUS_PATH: Route(operation="queue_status", handle=answer_status, methods=frozenset({"POST", "GET"})),
    "/edc-integration-service/payment/cancel": Route(operation="queue_cancel", handle=answer_cancel),
}
"""Path to operation and handler."""

_CANCEL = Route(operation="queue_cancel", handle=answer_cancel)
_OK = {
    "result_status": "SUCCESS",
    "result_code": "S",
    "result_code_id": "EDC_0000",
    "result_msg": "Success",
}
_ACCEPTED = {"result_status": "Accepted_Success", "result_code": "A", "result_msg": "Accepted"}


def route_of(request: Request, routes: dict[str, Route]) -> Route | None:
    """Return what answers a request: one path of the field serves card machines and, by its head, the queue."""
    if request.path == CANCEL_PATH and is_queue_call(request):
        return _CANCEL
    return routes.get(request.path)


def subject(world: Waiting, request: Request) -> tuple[str | None, str | None]:
    """Return the MID and the merchant's id a request is about, whoever signed it."""
    for kind in (QueueCreateRequest, QueueStatusRequest, QueueCancelRequest):
        try:
            call = kind.read(request)
        except RemoteProtocolError:
            continue
        if isinstance(call, QueueCreateRequest):
            return call.mid, call.merchant_txn_id
        entry = world.entries.get((call.mid, call.cpay_id or ""))
        return call.mid, entry.id if entry is not None else call.about
    return None, None


def fields_of(request: Request) -> dict[str, Any]:
    """Return the fields of a request for the wire log, from its body or its query."""
    try:
        body = section(read_json(request.body, operation="queue"), "body")
    except RemoteProtocolError:
        body = {}
    return body or dict(parse_qsl(request.query))


class _No(Exception):
    """The request goes no further."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


C = TypeVar("C", bound=Call)


def _checked(kind: type[C], world: Waiting, request: Request) -> C:
    """Read a request and check it as Paytm does: fields, merchant, hash, a block of the merchant."""
    try:
        call = kind.read(request)
    except RemoteProtocolError as error:
        raise _No("EDC_0007", f"Invalid parameters: {error}") from None
    merchant = world.merchants.get(call.mid)
    if merchant is None or merchant.is_blocked:
        raise _No("EDC_0021", "Merchant is not configured")
    try:
        call = kind.parse(request, merchant.key, world.queue_schemes)
    except ChecksumMismatch:
        raise _No("EDC_0017", "JWT authentication fails") from None
    for text in (getattr(call, "txn_date", None), getattr(call, "date", None)):
        try:
            parse_ist(text or "2026-01-01 00:00:00")
        except ValueError:
            raise _No("EDC_0007", "Invalid parameters: the date is no day of the calendar.") from None
    return call


def _status(world: Waiting, entry: Entry, at: datetime) -> QueueStatusReply:
    tries = [world.charges[entry.mid, id_] for id_ in entry.tries]
    return QueueStatusReply(
        **_OK,
        cpay_id=entry.code,
        merchant_txn_id=entry.id,
        mid=entry.mid,
        txn_amount=str(entry.amount_paise),
        txn_status=told_state(entry, tries[-1] if tries else None, at).value,
        orders=tuple(attempt(entry, charge, number, at) for number, charge in enumerate(tries, 1)),
    )


def _refusal(reply: type[Reply], no: _No, at: datetime) -> Response:
    said = reply(result_status="FAILURE", result_code="F", result_code_id=no.code, result_msg=no.message)
    return said.encode(ist_text(at))
