"""The verbs of a payment: start, look, check, cancel, list."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection

from galla.config import Secret
from galla.connectors.connector import Account
from galla.errors import AmountNotAllowed, IllegalTransition, InvalidField, NotFound, TooSoon
from galla.money import check_amount, format_inr
from galla.payments.machine import Asking, next_asking
from galla.payments.model import Method, Payment
from galla.payments.person import cancel as cancelled
from galla.service import approval, once, starting
from galla.service.advance import advance
from galla.service.ended import claim_now
from galla.service.offering import offer
from galla.service.till import Principal, Till
from galla.service.timeline import timeline
from galla.service.views import View, payment_view
from galla.service.words import clean, clean_metadata
from galla.store import keys, payments
from galla.store.journal import Event, Note, record


class NewPayment(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller asks for; amounts in paise. `bill` and `terminal` take an id, a number or a TID.

    `tendered_paise` is what the customer hands over in cash, the amount itself when it is None. `approver` is a
    supervisor's own credential, for `allow_parallel` by somebody who may not decide that alone.
    """

    amount_paise: int
    method: str = "edc"
    reference: str | None = None
    bill: str | None = None
    terminal: str | None = None
    accept: str = "all"
    customer: dict[str, Any] | None = None
    description: str | None = None
    metadata: dict[str, str] = {}
    tendered_paise: int | None = None
    allow_parallel: bool = False
    approver: Secret | None = None
    vpa: str | None = None
    platform: str | None = None
    return_url: str | None = None
    expires_in: int | None = None


class Started(msgspec.Struct, frozen=True, kw_only=True):
    """The payment as the first step left it, and whether the request had been made before."""

    payment: View
    is_replay: bool


async def start(
    till: Till,
    principal: Principal,
    new: NewPayment,
    *,
    wait_s: float = 5.0,
    idempotency_key: str | None = None,
    fingerprint: str = "",
) -> Started:
    """Write a payment down, send it, and answer with whatever is true after the first step.

    The payment goes on when the caller has gone. Waits at most `wait_s` seconds.

    Raises:
        PaymentError: a rule forbids it, or the key is taken; nothing was sent.
        Unreachable: the provider has stopped answering; nothing was written down.
    """
    account = await till.account(principal.merchant_id)
    approver = await _approver(till, principal, new)
    order = _clean(till, account, new, approver, idempotency_key, fingerprint, is_answered_at_once=wait_s <= 0)
    await _must_be_reachable(till, principal, order)
    made = await till.database.write(starting.make, till, principal, account, order)
    if not made.is_new:
        answer = made.answer or await _answer(till, principal, idempotency_key, made.payment)
        return Started(payment=msgspec.json.decode(answer), is_replay=True)
    till.bell.ring()
    first_step = till.spawn(advance(till, made.payment, is_marked=True))
    if made.answer is not None:
        return Started(payment=msgspec.json.decode(made.answer), is_replay=False)
    await _wait(first_step, wait_s)
    payment = await _read(till, principal, made.payment.id)
    text = await _answer(till, principal, idempotency_key, payment)
    return Started(payment=msgspec.json.decode(text), is_replay=False)


async def get(till: Till, principal: Principal, payment_id: str, *, expand: frozenset[str] = frozenset()) -> View:
    """Return one payment; with `timeline` in `expand`, everything that happened to it.

    Raises:
        NotFound: no such payment for this merchant.
    """
    view = payment_view(await _read(till, principal, payment_id), till.clock.now())
    if "timeline" in expand:
        view["timeline"] = await till.database.read(timeline, principal.merchant_id, payment_id)
    return view


async def find(
    till: Till, principal: Principal, filters: dict[str, str], *, limit: int = 50, cursor: str | None = None
) -> View:
    """Return a page of payments, newest first.

    Raises:
        InvalidField: an instant or the cursor cannot be read.
    """
    wanted = payments.Filter(
        status=filters.get("status"),
        method=filters.get("method"),
        reference=filters.get("reference"),
        bill_id=filters.get("bill"),
        terminal_id=filters.get("terminal"),
        shown_on=filters.get("shown_on"),
        created_after=_instant(filters, "created_after"),
        created_before=_instant(filters, "created_before"),
        rrn=filters.get("rrn"),
        text=filters.get("q"),
    )
    limit = min(max(limit, 1), 200)
    found = await till.database.read(payments.find, principal.merchant_id, wanted, limit=limit + 1, before=cursor)
    now = till.clock.now()
    page = found[:limit]
    return {
        "data": [payment_view(payment, now) for payment in page],
        "next_cursor": page[-1].id if len(found) > limit else None,
    }


async def check(till: Till, principal: Principal, payment_id: str, *, wait_s: float = 5.0) -> View:
    """Ask Paytm now what became of a payment. Never charges.

    Raises:
        NotFound: no such payment for this merchant.
        TooSoon: it was asked about a moment ago.
    """
    payment = await _read(till, principal, payment_id)
    now = till.clock.now()
    if payment.is_live and next_asking(payment, now, till.ladder(payment.method)) is Asking.BEGIN:
        return payment_view(payment, now)  # it has not left yet, and a question must never send it
    if payment.asked_at is not None and (now - payment.asked_at).total_seconds() < till.ask_gap_s:
        raise TooSoon("Paytm was asked about this payment a moment ago. Wait a second.", retry_after_s=1)
    count = till.bell.count
    claimed = await till.database.write(claim_now, till, principal.merchant_id, payment_id, now)
    if claimed is not None:
        await _wait(till.spawn(advance(till, claimed)), wait_s)
    else:  # an inquiry is on its way already: its answer is the answer
        till.database.tell()  # or was, in another process, which then gives its claim back; our own bell stays still
        await till.bell.wait(min(wait_s, till.inquiry_timeout_s), count)
    return payment_view(await _read(till, principal, payment_id), till.clock.now())


async def cancel(till: Till, principal: Principal, payment_id: str, reason: str | None = None) -> View:
    """Record that staff want to stop. The payment is watched on; Paytm is asked at once.

    Raises:
        NotFound: no such payment for this merchant.
        IllegalTransition: the payment is final already.
    """
    words = clean(reason, "reason", limit=200)
    after = await till.database.write(_cancel, till, principal, payment_id, words)
    till.bell.ring()
    return payment_view(after, till.clock.now())


async def unfinished(till: Till, principal: Principal) -> list[View]:
    """Return every payment that is live or needs a person, oldest first."""
    found = await till.database.read(payments.unfinished, principal.merchant_id)
    now = till.clock.now()
    return [payment_view(payment, now) for payment in found]


def _cancel(
    connection: Connection, till: Till, principal: Principal, payment_id: str, reason: str | None
) -> Payment:
    before = payments.get(connection, principal.merchant_id, payment_id, lock=True)
    if before is None:
        raise NotFound(f"There is no payment {payment_id[:60]}.")
    if before.method == Method.CASH and before.is_live:
        raise IllegalTransition(f"Payment {before.id} is cash that was taken. To undo it, give the cash back.")
    now = till.clock.now()
    step = cancelled(before, now)
    if not step.is_changed:
        return before
    after = step.payment
    payments.note_cancel(connection, after)
    note = Note(
        actor=principal.actor,
        origin=principal.origin,
        action="payment.cancel_requested",
        object_id=after.id,
        detail={"reason": reason},
    )
    happened = Event(
        type="payment.cancel_requested",
        object_id=after.id,
        bill_id=after.bill_id,
        sequence=after.sequence,
        data=msgspec.json.encode(payment_view(after, now)).decode(),
    )
    record(connection, after.merchant_id, now, note, happened)
    return after


async def _must_be_reachable(till: Till, principal: Principal, order: starting.Order) -> None:
    """Refuse a new payment while its provider answers nobody; one that was begun before hears its first answer.

    Raises:
        Unreachable: nothing was written and nothing sent.
    """
    host = order.offer.capabilities.host
    refusal = till.breakers.of(host).refusal() if host is not None else None
    if refusal is None:
        return
    now = till.clock.now()
    if await till.database.read(once.known, principal.merchant_id, order.key, order.fingerprint, now) is None:
        raise refusal


async def _approver(till: Till, principal: Principal, new: NewPayment) -> str | None:
    """Return who stands beside the caller, where somebody was named; a parallel payment needs a supervisor.

    Raises:
        IllegalTransition: the caller may not decide this, and nobody else was named.
        Forbidden: whoever was named cannot be the second person.
    """
    if new.approver:
        return await approval.second_person(till, principal, new.approver, approval.SUPERVISORS)
    if new.allow_parallel and not principal.scopes & approval.SUPERVISORS:
        raise IllegalTransition(
            "A second payment beside an unfinished one needs a supervisor: give a supervisor's key as `approver`.",
            code="supervisor_needed",
            param="allow_parallel",
        )
    return None


def _clean(
    till: Till,
    account: Account,
    new: NewPayment,
    approver: str | None,
    key: str | None,
    fingerprint: str,
    *,
    is_answered_at_once: bool,
) -> starting.Order:
    amount_paise = check_amount(new.amount_paise)
    if new.accept not in ("all", "card", "qr"):
        raise InvalidField("`accept` must be all, card or qr.", param="accept")
    chosen = offer(
        till,
        account,
        new.method,
        amount_paise,
        accept=new.accept,
        vpa=new.vpa,
        platform=new.platform,
        expires_in=new.expires_in,
    )
    customer = new.customer or {}
    return starting.Order(
        amount_paise=amount_paise,
        method=str(new.method),
        offer=chosen,
        reference=clean(new.reference, "reference", limit=64),
        description=clean(new.description, "description", limit=200),
        bill=new.bill,
        terminal=new.terminal,
        accept=new.accept,
        customer_name=clean(customer.get("name"), "customer.name", limit=80),
        customer_phone=clean(customer.get("phone"), "customer.phone", limit=20),
        metadata=clean_metadata(new.metadata),
        tendered_paise=_tendered(new, amount_paise),
        allow_parallel=new.allow_parallel,
        approver=approver,
        key=key,
        fingerprint=fingerprint,
        is_answered_at_once=is_answered_at_once,
    )


def _tendered(new: NewPayment, amount_paise: int) -> int | None:
    """Return what was handed over in cash, in paise; None for any other way to pay."""
    if new.method != Method.CASH:
        if new.tendered_paise is not None:
            raise InvalidField("`tendered` is for cash only.", param="tendered")
        return None
    if new.terminal is not None:
        raise InvalidField("Cash is not taken on a machine. Leave `terminal` out.", param="terminal")
    if new.tendered_paise is None:
        return amount_paise
    tendered_paise = check_amount(new.tendered_paise, param="tendered")
    if tendered_paise < amount_paise:
        raise AmountNotAllowed(
            f"{format_inr(tendered_paise)} is less than {format_inr(amount_paise)}. Take the smaller amount as a part, "
            "and the rest another way.",
            param="tendered",
            code="tendered_too_little",
        )
    return tendered_paise


async def _answer(till: Till, principal: Principal, key: str | None, payment: Payment) -> str:
    """Keep the first answer of a key, so that a repeated request hears the same."""
    text = msgspec.json.encode(payment_view(payment, till.clock.now())).decode()
    if key is not None:
        await till.database.write(keys.answer, principal.merchant_id, key, text)
    return text


async def _read(till: Till, principal: Principal, payment_id: str) -> Payment:
    payment = await till.database.read(payments.get, principal.merchant_id, payment_id)
    if payment is None:
        raise NotFound(f"There is no payment {payment_id[:60]}.")
    return payment


async def _wait(task: asyncio.Task[Payment], wait_s: float) -> None:
    """Wait for a step without ending it when the caller goes away or the time is up."""
    if wait_s > 0:
        await asyncio.wait({task}, timeout=wait_s)


def _instant(filters: dict[str, str], name: str) -> datetime | None:
    text = filters.get(name)
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise InvalidField(f"`{name}` must be an instant such as 2026-11-21T10:30:00Z.", param=name)
    return found
