"""What the pretend Paytm tells merchants of its own accord, and how a rehearsed failure changes it.

Payments go as signed forms, refunds and card machine sales as signed JSON. When a callback is sent, and how
often, is `outbox.py`'s.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from galla.clock import ist_text
from galla.money import parse_rupees, rupees
from galla.protocol.checksum import edc_text, sign
from galla.protocol.form import JSON_TYPE, Posted
from galla.protocol.message import MerchantKey, join_envelope
from galla.protocol.notify import PaymentNotice, RefundNotice
from galla.protocol.pg_codes import PgResult
from galla.sandbox.charge import Charge, told_of_sale
from galla.sandbox.edc import status_reply
from galla.sandbox.faults import Fault, Kind
from galla.sandbox.instrument import find
from galla.sandbox.order import DECLINED, Order, Try, TryState, told_of_try
from galla.sandbox.outbox import HELD_S, Post, Subject
from galla.sandbox.refund import Refund, RefundState, details

if TYPE_CHECKING:
    from galla.sandbox.online import Online

_STRANGER = MerchantKey("somebody_elses_1")
_Paper = PaymentNotice | RefundNotice


def about_payment(world: Online, order: Order, each: Try, at: datetime) -> list[Post]:
    """Return the callbacks due when a try has ended; a success that is told late is called back late."""
    url = order.callback_url or world.merchants[order.mid].callback_url
    if url is None:
        return []
    told = told_of_try(each)
    if each.state is not TryState.PAID or order.told_late_ms == 0:
        return _papers(world, Subject.PAYMENT, url, _payment(order, each, told), at)
    later = at + timedelta(milliseconds=order.told_late_ms)
    posts = []
    if order.told_meanwhile == "F":
        posts += _papers(world, Subject.PAYMENT, url, _payment(order, each, DECLINED), at)
    return posts + _papers(world, Subject.PAYMENT, url, _payment(order, each, told), later)


def about_refund_accepted(world: Online, refund: Refund, at: datetime) -> list[Post]:
    """Return the callback that says a refund was taken in."""
    url = _refund_url(world, refund)
    if url is None:
        return []
    return _papers(world, Subject.REFUND_ACCEPTED, url, _refund(world, refund, "SUCCESS"), at)


def about_refund_done(world: Online, refund: Refund, at: datetime) -> list[Post]:
    """Return the callback that says a refund is done, or that the bank rejected it."""
    url = _refund_url(world, refund)
    if url is None:
        return []
    if refund.state is RefundState.FAILED:
        notice = replace(
            _refund(world, refund, "FAILED"),
            reject_refund_reason_code="600",
            reject_refund_reason_message="Restricted by bank",
        )
    else:
        payment = world.payment_of(refund.mid, refund.order_id)
        notice = replace(
            _refund(world, refund, None),
            user_credit_initiate_timestamp=ist_text(at),
            rrn=refund.rrn,
            refund_detail_info_list=details(refund, payment),
        )
    return _papers(world, Subject.REFUND_DONE, url, notice, at)


def about_sale(world: Online, charge: Charge, at: datetime) -> list[Post]:
    """Return the callbacks of a card machine sale: three of a card's payment, one of anything else."""
    if charge.callback_url is None:
        return []
    is_card = charge.instrument is not None and find(charge.instrument).is_card
    if charge.instrument is not None:  # what is told late is called back late
        at = max(at + timedelta(milliseconds=charge.told_late_ms), charge.hidden_until or at)
    body: dict[str, Any] = msgspec.to_builtins(status_reply(charge, told_of_sale(charge, at)))
    posts = []
    for txn_type in ("PRE_AUTH", None, "CAPTURE") if is_card else (None,):
        fields = body if txn_type is None else {**body, "txnType": txn_type}
        key = world.merchants[charge.mid].key
        struck = world.faults.strike_callback(charge.id)
        posts += _posts(
            Subject.SALE, charge.id, charge.callback_url, _sale(fields, key, struck, at), struck, at
        )
    return posts


def _payment(order: Order, each: Try, told: PgResult) -> PaymentNotice:
    return PaymentNotice(
        mid=order.mid,
        order_id=order.id,
        txn_id=each.id,
        txn_amount=rupees(order.amount_paise),
        payment_mode="UPI",
        currency="INR",
        txn_date=f"{ist_text(each.started_at)}.0",
        status=told.status,
        resp_code=told.code,
        resp_msg=told.message,
        gateway_name="PPBEX",
        bank_txn_id=each.rrn if told.status == "TXN_SUCCESS" else None,
        cust_id=order.cust_id or None,
        merc_unq_ref=order.unique_ref or None,
    )


def _refund(world: Online, refund: Refund, status: str | None) -> RefundNotice:
    payment = world.payment_of(refund.mid, refund.order_id)
    refunds = world.refunds_of(refund.mid, refund.order_id)
    done = sum(each.amount_paise for each in refunds if each.state is RefundState.DONE)
    return RefundNotice(
        mid=refund.mid,
        order_id=refund.order_id,
        txn_id=refund.txn_id,
        txn_amount=rupees(payment.amount_paise) if payment is not None else None,
        status=status,
        ref_id=refund.ref_id,
        refund_id=refund.id,
        refund_amount=rupees(refund.amount_paise),
        total_refund_amount=rupees(done) if status is None else None,
        source="MERCHANT",
    )


def _refund_url(world: Online, refund: Refund) -> str | None:
    """Return where refund notices go: the merchant's address, else the payment's own."""
    merchant = world.merchants[refund.mid]
    key = (refund.mid, refund.order_id)
    thing = world.orders.get(key) or world.charges.get(key)
    return merchant.callback_url or (thing.callback_url if thing is not None else None)


def _papers(world: Online, subject: Subject, url: str, notice: _Paper, at: datetime) -> list[Post]:
    about = notice.order_id
    struck = world.faults.strike_callback(about)
    kinds = {fault.kind for fault in struck}
    key = _key(world.merchants[notice.mid].key, kinds)
    if Kind.WRONG_AMOUNT in kinds:
        notice = _with_wrong_amount(notice)
    if Kind.WRONG_MID in kinds:
        notice = replace(notice, mid="SOMEBODYELSE00000000")
    if Kind.WRONG_ID in kinds:
        notice = replace(notice, order_id="SOMEBODYELSE0001")
    is_form = isinstance(notice, PaymentNotice) and Kind.JSON_STYLE not in kinds
    posted = notice.encode_form(key) if is_form else notice.encode_json(key)
    return _posts(subject, about, url, posted, struck, at)


def _with_wrong_amount(notice: _Paper) -> _Paper:
    if isinstance(notice, RefundNotice):
        return replace(notice, refund_amount=rupees(parse_rupees(notice.refund_amount or "0") + 100))
    return replace(notice, txn_amount=rupees(parse_rupees(notice.txn_amount or "0") + 100))


def _sale(body: dict[str, Any], key: MerchantKey, struck: tuple[Fault, ...], at: datetime) -> Posted:
    """Write a card machine's callback: the fields of a status reply, the scalars of them signed."""
    kinds = {fault.kind for fault in struck}
    changes: dict[Kind, dict[str, Callable[[str], str]]] = {
        Kind.WRONG_AMOUNT: {"transactionAmount": lambda text: str(int(text) + 100)},
        Kind.WRONG_MID: {"paytmMid": lambda _: "SOMEBODYELSE00000000"},
        Kind.WRONG_ID: {"merchantTransactionId": lambda _: "SOMEBODYELSE0001"},
    }
    fields = dict(body)
    for kind in kinds & changes.keys():
        fields |= {name: change(fields[name]) for name, change in changes[kind].items() if name in fields}
    head = {"responseTimestamp": ist_text(at)}
    signing = _key(key, kinds)
    if signing is not None:
        head["checksum"] = sign(edc_text(fields), signing)
    data = join_envelope(msgspec.json.encode(head), msgspec.json.encode(fields))
    return Posted(content_type=JSON_TYPE, body=data)


def _key(key: MerchantKey, kinds: set[Kind]) -> MerchantKey | None:
    """Return what a callback is signed with."""
    if Kind.NO_CHECKSUM in kinds:
        return None
    return _STRANGER if Kind.BAD_SIGNATURE in kinds else key


def _posts(
    subject: Subject, about: str, url: str, posted: Posted, struck: tuple[Fault, ...], at: datetime
) -> list[Post]:
    """Return what goes out of one callback: nothing, one, two, now or later."""
    kinds = {fault.kind for fault in struck}
    if Kind.DROP_BEFORE in kinds:
        return []
    is_held = Kind.OUT_OF_ORDER in kinds
    delay = timedelta(milliseconds=sum(fault.after_ms for fault in struck if fault.kind is Kind.DELAY))
    post = Post(
        subject=subject,
        about=about,
        url=url,
        content_type=posted.content_type,
        body=posted.body,
        due_at=at + delay + timedelta(seconds=HELD_S if is_held else 0),
        is_held=is_held,
    )
    return [post, post] if Kind.DUPLICATE in kinds else [post]
