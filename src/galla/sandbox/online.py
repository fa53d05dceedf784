"""What the pretend Paytm knows of online payments: orders, links, refunds, and what it has yet to tell.

It adds to `world.py` and `waiting.py` and settles what time makes due in the same way. How requests are answered is in
`upi.py`, `order_desk.py`, `refund_desk.py` and `qr_desk.py`; what payers do in `phones.py`; what callbacks
say in `callback.py`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from heapq import heappop, heappush

from msgspec.structs import replace

from galla.clock import Clock
from galla.protocol.theia import TOKEN_LIFE_S
from galla.sandbox import callback
from galla.sandbox.charge import ChargeState
from galla.sandbox.faults import FaultPlan
from galla.sandbox.instrument import find
from galla.sandbox.job import Effect
from galla.sandbox.job import Failed as SaleFailed
from galla.sandbox.job import Paid as SalePaid
from galla.sandbox.order import Order, Try, TryState, Way, with_try
from galla.sandbox.outbox import Outbox, Post
from galla.sandbox.phone import Failed, Paid
from galla.sandbox.qr import Link
from galla.sandbox.refund import Refund, Refundable, RefundState
from galla.sandbox.terminal import Terminal
from galla.sandbox.waiting import Waiting

OrderKey = tuple[str, str]
"""Merchant and order id."""


class Due(StrEnum):
    """What an instant can make due."""

    EXPIRE = "expire"
    PLAY = "play"
    LATE = "late"
    REFUND = "refund"
    LOOK = "look"


class Online(Waiting):
    """Orders, links and refunds at the sandbox's present instant, beside the machines.

    Seconds: `token_life_s` of a transaction token; `intent_expiry_s`, `collect_expiry_s` and `qr_expiry_s` until
    a link, a request or a QR without an expiry of its own runs out; `refund_delay_s` until a refund is done.
    """

    token_life_s: float
    intent_expiry_s: float
    collect_expiry_s: float
    qr_expiry_s: float
    refund_delay_s: float

    def __init__(self, clock: Clock, seed: int | str | None = None) -> None:
        self.faults = FaultPlan()
        super().__init__(clock, seed)

    def _forget(self) -> None:
        super()._forget()
        self.token_life_s = TOKEN_LIFE_S
        self.intent_expiry_s = TOKEN_LIFE_S
        self.collect_expiry_s = 1_800.0
        self.qr_expiry_s = 86_400.0
        self.refund_delay_s = 5.0
        self.orders: dict[OrderKey, Order] = {}
        self.links: dict[str, Link] = {}
        self.refunds: dict[OrderKey, Refund] = {}
        self.outbox = Outbox()
        self._later: list[tuple[datetime, int, Due, str]] = []
        self._later_count = 0

    def settle(self, now: datetime | None = None) -> None:
        """Do what time has made due, each at its own instant."""
        with self.lock:
            until = now or self.clock.now()
            super().settle(until)
            while self._later and self._later[0][0] <= until:
                at, _, due, id_ = heappop(self._later)
                self._happen(due, id_, at)

    def put(self, order: Order) -> Order:
        """Keep an order as it is now."""
        self.orders[order.key] = order
        self.version += 1
        return order

    def begin(
        self, order: Order, way: Way, at: datetime, *, expires_at: datetime, vpa: str | None = None
    ) -> Try:
        """Let a payer try to pay an order until an instant, and return the try."""
        new = Try(
            id=self.acquirement_id(at),
            way=way,
            state=TryState.OFFERED if way is Way.INTENT else TryState.WITH_PAYER,
            started_at=at,
            expires_at=expires_at,
            vpa=vpa,
        )
        self.put(with_try(order, new))
        self.plan(expires_at, Due.EXPIRE, new.id)
        return new

    def offer(self, link: Link, at: datetime) -> Link:
        """Put a link out into the world, where a phone can open it."""
        self.links[link.ref] = link
        self.version += 1
        self.plan(link.expires_at, Due.LOOK, link.ref)
        return link

    def payment_of(self, mid: str, order_id: str) -> Refundable | None:
        """Return a payment that can be refunded, online or of a card machine, or None."""
        order = self.orders.get((mid, order_id))
        if order is not None and (paid := order.paid) is not None and paid.ended_at is not None:
            return Refundable(
                mid=mid,
                order_id=order_id,
                txn_id=paid.id,
                amount_paise=order.amount_paise,
                paid_at=paid.ended_at,
                pay_method="UPI",
                vpa=paid.vpa,
            )
        charge = self.charges.get((mid, order_id))
        if charge is None or charge.state is not ChargeState.PAID or charge.is_reversed:
            return None
        paid_with = find(charge.instrument or "upi")
        return Refundable(
            mid=mid,
            order_id=order_id,
            txn_id=charge.acquirement_id or "",
            amount_paise=charge.amount_paise,
            paid_at=charge.settled_at or charge.received_at,
            pay_method=paid_with.pay_method,
            vpa=paid_with.upi_id,
            masked_card=paid_with.masked,
        )

    def refunds_of(self, mid: str, order_id: str) -> list[Refund]:
        """Return the refunds of an order, oldest first."""
        return [each for each in self.refunds.values() if (each.mid, each.order_id) == (mid, order_id)]

    def raise_refund(self, refund: Refund, at: datetime) -> Refund:
        """Take a refund in; it is done, or fails, after `refund_delay_s`."""
        self.refunds[refund.mid, refund.ref_id] = refund
        self.plan(at + timedelta(seconds=self.refund_delay_s), Due.REFUND, f"{refund.mid} {refund.ref_id}")
        self._count_refunds(refund)
        self.send(callback.about_refund_accepted(self, refund, at))
        return refund

    def send(self, posts: list[Post]) -> None:
        """Leave callbacks for whoever carries them."""
        for post in posts:
            self.outbox.add(post)
        self.version += 1

    def plan(self, at: datetime, due: Due, id_: str) -> None:
        """Let something happen at an instant; `id_` says to what."""
        self._later_count += 1
        heappush(self._later, (at, self._later_count, due, id_))

    def _happen(self, due: Due, id_: str, at: datetime) -> None:
        """Do what has fallen due; what befalls phones is `phones.py`'s."""
        if due is Due.REFUND:
            self._end_refund(id_, at)
        elif due is Due.LOOK:
            self.version += 1

    def end_try(self, key: OrderKey, id_: str, effect: Paid | Failed, at: datetime) -> None:
        """Let a try end with money or without, and tell the merchant."""
        order = self.orders[key]
        each = next(each for each in order.tries if each.id == id_)
        match effect:
            case Paid():
                each = replace(each, state=TryState.PAID, ended_at=at, rrn=self.rrn(at))
            case Failed(code=code, message=message):
                each = replace(each, state=TryState.FAILED, ended_at=at, code=code, message=message)
        order = self.put(with_try(order, each))
        self.send(callback.about_payment(self, order, each, at))

    def fail(self, order: Order, each: Try, code: str, message: str, at: datetime) -> None:
        """End a try that never reached a phone."""
        self.end_try(order.key, each.id, Failed(code=code, message=message), at)

    def _end_refund(self, id_: str, at: datetime) -> None:
        mid, _, ref_id = id_.partition(" ")
        refund = self.refunds[mid, ref_id]
        state = RefundState.FAILED if refund.will_fail else RefundState.DONE
        refund = replace(refund, state=state, ended_at=at, rrn=None if refund.will_fail else self.rrn(at))
        self.refunds[mid, ref_id] = refund
        self._count_refunds(refund)
        self.send(callback.about_refund_done(self, refund, at))

    def _count_refunds(self, refund: Refund) -> None:
        """Keep on the payment what has been refunded or is on its way."""
        key = (refund.mid, refund.order_id)
        given = sum(each.amount_paise for each in self.refunds_of(*key) if each.is_counted)
        if key in self.orders:
            self.orders[key] = replace(self.orders[key], refunded_paise=given)
        elif key in self.charges:
            self.charges[key] = replace(self.charges[key], refunded_paise=given)
        self.version += 1

    def _apply(self, machine: Terminal, effect: Effect, at: datetime) -> None:
        key = (machine.mid, effect.charge_id)
        was_live = key in self.charges and self.charges[key].is_live
        super()._apply(machine, effect, at)
        if was_live and isinstance(effect, SalePaid | SaleFailed):
            self.send(callback.about_sale(self, self.charges[key], at))
