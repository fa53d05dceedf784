"""After a backup was restored: what the lost hours held is asked for again.

What the books know is asked about as ever, by `advance.py` and `refunding.py`. What they do not know is found in
Paytm's list and among its callbacks, and becomes a task for a person. A list proves nothing: no payment is made or
booked by it.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection

from galla.client.flows import arun
from galla.clock import IST, from_millis
from galla.connectors.connector import Account
from galla.connectors.edc_void import ask_about_void
from galla.errors import InvalidField, PaytmError
from galla.money import format_inr
from galla.payments.machine import Asking, next_asking
from galla.payments.model import Payment, Status
from galla.payments.refund import Refund, Returned
from galla.payments.task import Task, unknown_words
from galla.payments.voiding import VOID
from galla.protocol.order import ListedOrder
from galla.protocol.pg_envelope import paise
from galla.service.advance import advance
from galla.service.comparing import listed
from galla.service.ended import claim_now
from galla.service.line import Line
from galla.service.orphan import at_text, open_orphan
from galla.service.refund_worker import RefundWorker
from galla.service.shift_match import SUCCESS
from galla.service.tasking import open_unknown, task_view
from galla.service.till import Principal, Till
from galla.service.views import View, payment_view
from galla.store import lost, payments
from galla.store.journal import Note, record

AT_ONCE = 8
SLICE = timedelta(hours=6)
SHORTEST = timedelta(minutes=1)
LONGEST = timedelta(days=30)
_EARLIER = timedelta(minutes=5)


class Rebuilt(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it: how many payments and refunds were asked about, what is paid now that the backup did not hold
    as paid, the tasks that were opened, and what could not be learned (`troubles`, as sentences).

    `waiting`: payments that Paytm lists as not decided yet and the books do not hold.
    """

    asked: int
    refunds: int
    became_paid: list[View]
    tasks: list[View]
    waiting: int
    troubles: list[str]


async def rebuild(till: Till, principal: Principal, since: datetime, until: datetime | None = None) -> Rebuilt:
    """Ask Paytm about everything between two instants, and say what the books do not hold. It may be run again.

    Args:
        till: the open till.
        principal: who asks, for which merchant.
        since: when the backup was made, or a little earlier. Aware.
        until: the end of what is asked about; the present when None.

    Raises:
        InvalidField: the time cannot be asked about.
    """
    now = till.clock.now()
    until = min(until, now) if until is not None else now
    if not since < until:
        raise InvalidField("`since` must be before `until`, and not in the future.", param="since")
    if now - since > LONGEST:
        raise InvalidField("Paytm lists 30 days at most. Choose a later `since`.", param="since")
    merchant_id = principal.merchant_id
    account = await till.account(merchant_id)
    known = await till.database.read(lost.payments_to_ask, merchant_id, since, until)
    changed = await _each(till, [_ask_again(till, merchant_id, payment_id) for payment_id in known])
    count = await till.database.write(lost.let_refunds_fall_due, merchant_id, since, until, now)
    await RefundWorker(till).drain_due()
    troubles: list[str] = []
    opened, waiting = await _unknown_orders(till, account, since - _EARLIER, until + _EARLIER, troubles)
    opened += await _unknown_voids(till, account, since, troubles)
    opened += await till.database.write(_unknown_callbacks, till, merchant_id, since)
    still = [each for each in changed if each is not None and each.is_live and each.misses]
    if still:
        troubles.append(f"Paytm did not answer about {len(still)} payments; galla serve goes on asking.")
    await till.database.write(_note, till, principal, since, until, len(known), len(opened))
    till.bell.ring()
    return Rebuilt(
        asked=len(known),
        refunds=count,
        became_paid=[payment_view(each, till.clock.now()) for each in changed if each is not None and _is_news(each)],
        tasks=[task_view(task) for task in opened],
        waiting=waiting,
        troubles=troubles,
    )


def _is_news(payment: Payment) -> bool:
    return payment.status is Status.PAID


async def _each(till: Till, works: list[Any]) -> list[Payment | None]:
    """Run all of it, a few at a time."""
    free = asyncio.Semaphore(AT_ONCE)

    async def one(work: Any) -> Payment | None:
        async with free:
            found: Payment | None = await work
            return found

    return list(await asyncio.gather(*(one(work) for work in works)))


async def _ask_again(till: Till, merchant_id: str, payment_id: str) -> Payment | None:
    """Ask about one payment, final or not; return it if this changed it, or if Paytm was silent."""
    before = await till.database.read(payments.get, merchant_id, payment_id)
    now = till.clock.now()
    if before is None or (before.is_live and next_asking(before, now, till.ladder(before.method)) is Asking.BEGIN):
        return None  # a question must never send what has not left yet
    claimed = await till.database.write(claim_now, till, merchant_id, payment_id, now)
    if claimed is None:  # somebody is asking already
        return None
    after = await advance(till, claimed)
    is_silent = after.is_live and after.misses > before.misses
    return after if after.status is not before.status or is_silent else None


async def _unknown_orders(
    till: Till, account: Account, since: datetime, until: datetime, troubles: list[str]
) -> tuple[list[Task], int]:
    """Open a task for all that Paytm lists as paid or given back and the books do not hold."""
    opened: list[Task] = []
    waiting = 0
    for what in ("TRANSACTION", "REFUND"):
        start = since
        while start < until:
            end = min(start + SLICE, until)
            try:
                lines = await _whole_list(till, account, start, end, what)
            except PaytmError as error:
                span = f"{at_text(start)} to {at_text(end)}"
                troubles.append(f"Paytm's list of {what.lower()}s from {span} is missing: {error}")
                lines = []
            tasks, undecided = await till.database.write(_compare, till, account.merchant_id, lines, what == "REFUND")
            opened, waiting, start = opened + tasks, waiting + undecided, end
    return opened, waiting


async def _whole_list(
    till: Till, account: Account, since: datetime, until: datetime, what: str
) -> list[ListedOrder]:
    """Return Paytm's list; where it is too long for one, in halves."""
    lines = await listed(till, account, since, until, what)
    if lines is not None:
        return lines
    if until - since <= SHORTEST:
        raise PaytmError("There are more orders within a minute than Paytm lists at once.")
    middle = since + (until - since) / 2
    parts = [await _whole_list(till, account, *span, what) for span in ((since, middle), (middle, until))]
    return [line for part in parts for line in part]


def _compare(
    connection: Connection, till: Till, merchant_id: str, lines: list[ListedOrder], is_return: bool
) -> tuple[list[Task], int]:
    """Open the tasks of one list, in one transaction; return them, and how many unknown ones are not decided yet."""
    behind = lost.payments_behind(connection, merchant_id, [line.merchant_order_id for line in lines])
    returned = lost.known_returns(connection, merchant_id) if is_return else frozenset[str]()
    opened: list[Task] = []
    waiting = 0
    for line in lines:
        payment_id = behind.get(line.merchant_order_id)
        is_known = line.txn_id in returned if is_return else payment_id is not None
        if is_known or line.order_search_status == "FAILURE":
            continue
        if line.order_search_status != SUCCESS:
            waiting += 1
            continue
        number = (line.txn_id if is_return else None) or line.merchant_order_id
        payment = payments.get(connection, merchant_id, payment_id) if payment_id is not None else None
        words = unknown_words(_told(line, is_return), paise(line.amount), is_return=is_return)
        if (task := open_unknown(connection, till, merchant_id, number, words, payment)) is not None:
            opened.append(task)
    return opened, waiting


async def _unknown_voids(till: Till, account: Account, since: datetime, troubles: list[str]) -> list[Task]:
    """Open a task for each card sale that its machine has voided and the books hold as standing.

    Paytm does not list voids; the sales of the day are asked about one by one.
    """
    opened: list[Task] = []
    day = since.astimezone(IST).replace(hour=0, minute=0, second=0, microsecond=0)
    silent = 0
    for payment_id in await till.database.read(lost.standing_card_sales, account.merchant_id, day):
        payment = await till.database.read(payments.get, account.merchant_id, payment_id)
        if payment is None:
            continue
        asked = _imagined(payment, till.clock.now())
        line = Line(till, till.inquiry_timeout_s, None, till.clock.now())
        try:
            outcome = await arun(ask_about_void(asked, payment, account, line.started_at), line.send, till.clock)
        except PaytmError:
            silent += 1
            continue
        if isinstance(outcome, Returned):
            said = f"The sale {payment.reference or payment.id} of {format_inr(payment.amount_paise)} was voided."
            words = unknown_words(said, payment.amount_paise, is_return=True)
            number = f"void of {payment.paytm_id}"
            task = await till.database.write(open_unknown, till, payment.merchant_id, number, words, payment)
            opened += [task] if task is not None else []
    if silent:
        troubles.append(f"Whether {silent} card sales were voided could not be learned: Paytm did not answer.")
    return opened


def _imagined(payment: Payment, now: datetime) -> Refund:
    """Return the void that would have been, to ask about it; it is written down nowhere."""
    return Refund(
        id="", merchant_id=payment.merchant_id, payment_id=payment.id, kind=VOID, mid=payment.mid,
        ref_id=payment.paytm_id, amount_paise=payment.amount_paise, reason="", actor="", created_at=now,
    )  # fmt: skip


def _unknown_callbacks(connection: Connection, till: Till, merchant_id: str, since: datetime) -> list[Task]:
    """Open a task for each message from Paytm about money of a payment that the books do not hold."""
    opened = []
    for row in lost.orphaned_callbacks(connection, merchant_id, since):
        task = open_orphan(connection, till, merchant_id, row.kind, row.paytm_id, row.said, from_millis(row.at))
        opened += [task] if task is not None else []
    return opened


def _told(line: ListedOrder, is_return: bool) -> str:
    amount = paise(line.amount)
    what = format_inr(amount) if amount is not None else f"an amount that cannot be read ({line.amount})"
    when = _read_at(line.order_completed_time or line.order_created_time)
    numbers = ", ".join([*([f"RRN {line.rrn}"] if line.rrn else []), line.merchant_order_id])
    if is_return:
        return f"Paytm lists {what} as given back on {when} ({numbers})."
    return f"Paytm lists {what} as paid on {when} ({numbers})."


def _read_at(text: str | None) -> str:
    """Return a time of Paytm's list as a person in India reads it; as it is where it cannot be read."""
    try:
        read = datetime.fromisoformat(text or "")
    except ValueError:
        return text or "a day it does not name"
    return at_text(read if read.tzinfo is not None else read.replace(tzinfo=IST))


def _note(
    connection: Connection, till: Till, principal: Principal, since: datetime, until: datetime, asked: int, opened: int
) -> None:
    note = Note(
        actor=principal.actor,
        origin=principal.origin,
        action="merchant.rebuilt",
        object_id=principal.merchant_id,
        detail={"since": since.isoformat(), "until": until.isoformat(), "asked": asked, "tasks": opened},
    )
    record(connection, principal.merchant_id, till.clock.now(), note)
