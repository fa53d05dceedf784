"""Asking Paytm for its list of orders, to be compared with a shift. No transaction is open while it answers.

No payment changes by what the list says. One that the list shows as paid and galla does not hold paid falls due at
once: `advance.py` asks about it, and only that answer is proof.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import structlog
from msgspec.structs import replace
from sqlalchemy import Connection, Row

from galla.client.flows import Flow, arun
from galla.client.online import order_list_flow
from galla.clock import IST, from_millis
from galla.connectors.connector import Account
from galla.errors import ConfigError, IllegalTransition, NotFound, PaytmError
from galla.payments.model import Method, Status
from galla.protocol.order import ListedOrder, OrderListRequest
from galla.service.line import Line
from galla.service.shift_match import SUCCESS, Theirs, match
from galla.service.till import Principal, Till
from galla.service.views import View
from galla.store import callbacks, shifts

log = structlog.get_logger("galla.comparing")

PAGE, PAGES_MAX = 50, 40
_EARLIER = timedelta(minutes=5)
_LONGEST = timedelta(days=30) - 2 * _EARLIER


async def compare(till: Till, principal: Principal, shift_id: str) -> View:
    """Return how an open shift's card and UPI payments stand beside Paytm's list; no money moves by it.

    Raises:
        NotFound: no such shift for this merchant.
        IllegalTransition: it is closed (`shift_closed`): its report holds the comparison of that moment.
    """
    theirs = await ask(till, principal, shift_id)
    return await till.database.read(beside, principal.merchant_id, shift_id, theirs)


async def ask(till: Till, principal: Principal, shift_id: str) -> Theirs:
    """Return Paytm's list for the time of a shift, or why there is none.

    Raises:
        NotFound: no such shift for this merchant.
        IllegalTransition: it is closed (`shift_closed`).
    """
    since_millis = await till.database.read(_asked_from, principal.merchant_id, shift_id)
    now = till.clock.now()
    since = max(from_millis(since_millis) - _EARLIER, now - _LONGEST)
    try:
        account = await till.account(principal.merchant_id)
        lines = await listed(till, account, since, now + _EARLIER)
    except (PaytmError, ConfigError) as error:
        log.warning("order_list_failed", shift=shift_id, why=type(error).__name__)
        return Theirs(trouble=f"Paytm's list of orders could not be had: {error}")
    if lines is None:
        return Theirs(trouble=f"Paytm lists more than {PAGE * PAGES_MAX} orders for this time: too many to compare.")
    orders = {order.merchant_order_id: order for order in lines}
    if await till.database.write(_let_fall_due, principal.merchant_id, account.mid, orders, now):
        till.bell.ring()
    return Theirs(orders=orders)


async def listed(
    till: Till, account: Account, since: datetime, until: datetime, what: str = "TRANSACTION"
) -> list[ListedOrder] | None:
    """Return what Paytm lists between two instants, at most 30 days apart; None: too much for one list.

    Args:
        till: the open till.
        account: whose list it is.
        since: the earliest time at which an order was made.
        until: the latest.
        what: Paytm's word for it: `TRANSACTION` or `REFUND`.

    Raises:
        PaytmError: the list could not be had.
    """
    request = OrderListRequest(
        mid=account.mid,
        from_date=since.astimezone(IST).isoformat(timespec="seconds"),
        to_date=until.astimezone(IST).isoformat(timespec="seconds"),
        order_search_type=(what,),
        page_size=str(PAGE),
    )
    line = Line(till, till.settings.send_timeout_s, None, till.clock.now())
    return await arun(_all(request, account), line.send, till.clock)


def _let_fall_due(
    connection: Connection, merchant_id: str, mid: str, orders: dict[str, ListedOrder], now: datetime
) -> bool:
    """Let every payment be asked about that Paytm lists as paid and galla does not hold paid; say if there was one."""
    paid = [name for name, order in orders.items() if order.order_search_status == SUCCESS]
    behind = shifts.payments_behind(connection, merchant_id, paid)
    doubted = [name for name, row in behind.items() if row.status != Status.PAID]
    for name in doubted:
        callbacks.nudge(connection, mid, name, now)
    return bool(doubted)


def beside(connection: Connection, merchant_id: str, shift_id: str, theirs: Theirs) -> View:
    """Return, inside a transaction, how an open shift stands beside Paytm's list.

    Raises:
        NotFound: no such shift for this merchant.
        IllegalTransition: it is closed (`shift_closed`).
    """
    row = _open(connection, merchant_id, shift_id)
    known = shifts.payments_behind(connection, merchant_id, list(theirs.orders))
    began = from_millis(_began(connection, row)).replace(microsecond=0)  # the list writes whole seconds
    return match(shifts.taken(connection, row), theirs, known, row.counter, began)


def _all(request: OrderListRequest, account: Account) -> Flow[list[ListedOrder] | None]:
    """Ask for page after page; an order that moves to the next page meanwhile is kept once. None: too many."""
    found: dict[tuple[str, str | None], ListedOrder] = {}
    for number in range(1, PAGES_MAX + 1):
        page = yield from order_list_flow(replace(request, page_number=str(number)), account.key)
        found |= {(order.merchant_order_id, order.txn_id): order for order in page.orders}
        if len(page.orders) < PAGE:
            return list(found.values())
    return None


def _asked_from(connection: Connection, merchant_id: str, shift_id: str) -> int:
    """Return from when Paytm must be asked, in milliseconds: the oldest sale of the shift may have begun before it."""
    row = _open(connection, merchant_id, shift_id)
    made = [each.created_at for each in shifts.taken(connection, row) if each.method != Method.CASH]
    return int(min([_began(connection, row), *made]))


def _began(connection: Connection, row: Row[Any]) -> int:
    """Return when the time of a shift begins, in milliseconds: where the one before ended."""
    before = shifts.previous(connection, row)
    return int(row.opened_at if before is None else before.closed_at)


def _open(connection: Connection, merchant_id: str, shift_id: str) -> Row[Any]:
    row = shifts.get(connection, merchant_id, shift_id)
    if row is None:
        raise NotFound(f"There is no shift {shift_id[:60]}.")
    if row.closed_at is not None:
        raise IllegalTransition(
            f"The shift {row.id} is closed. Its Z report holds what Paytm's list said then.", code="shift_closed"
        )
    return row
