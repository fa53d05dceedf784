"""What the pretend Paytm knows of online payments: orders, links, phones, refunds, and what it has yet to tell.

It adds to `world.py` and settles what time makes due in the same way. How requests are answered is in
`upi.py`, `order_desk.py`, `refund_desk.py` and `qr_desk.py`; what callbacks say in `callback.py`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from heapq import heappop, heappush

from msgspec.structs import replace

from galla.clock import Clock
from galla.errors import IllegalTransition, InvalidField, NotFound
from galla.protocol.theia import TOKEN_LIFE_S
from galla.protocol.vpa import check_vpa
from galla.sandbox import callback, phone, phoneplay
from galla.sandbox.charge import ChargeState
from galla.sandbox.faults import FaultPlan
from galla.sandbox.instrument import find
from galla.sandbox.job import Effect
from galla.sandbox.job import Failed as SaleFailed
from galla.sandbox.job import Paid as SalePaid
from galla.sandbox.order import Order, Try, TryState, Way, with_try
from galla.sandbox.outbox import Outbox, Post
from galla.sandbox.phone import Failed, Paid, Phone, Prompt, Step, Tap
from galla.sandbox.phoneplay import PhoneOutcome, PhonePlay
from galla.sandbox.qr import Link, ref_of
from galla.sandbox.refund import Refund, Refundable, RefundState
from galla.sandbox.terminal import Terminal
from galla.sandbox.world import RESULT_SHOWN_S, World

DEMO_VPA = "ramesh@oksbi"
BANK_ANSWERS_WITHIN_S = 72 * 3600.0

_Key = tuple[str, str]


class _Due(StrEnum):
    EXPIRE = "expire"
    PLAY = "play"
    LATE = "late"
    REFUND = "refund"
    LOOK = "look"


class Online(World):
    """Orders, phones and refunds at the sandbox's present instant, beside the machines.

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
        self.phones: dict[str, Phone] = {}
        super().__init__(clock, seed)

    def _forget(self) -> None:
        super()._forget()
        self.token_life_s = TOKEN_LIFE_S
        self.intent_expiry_s = TOKEN_LIFE_S
        self.collect_expiry_s = 1_800.0
        self.qr_expiry_s = 86_400.0
        self.refund_delay_s = 5.0
        self.orders: dict[_Key, Order] = {}
        self.links: dict[str, Link] = {}
        self.prompts: dict[str, Prompt] = {}
        self.refunds: dict[_Key, Refund] = {}
        self.phone_play: PhonePlay | None = None
        self.outbox = Outbox()
        self._later: list[tuple[datetime, int, _Due, str]] = []
        self._later_count = 0

    def add_phone(self, vpa: str, *, name: str = "A customer", bank: str = "State Bank of India") -> Phone:
        """Give a person a phone with a UPI app; one with the same UPI id is replaced.

        Raises:
            InvalidField: it is no UPI id.
        """
        id_ = check_vpa(vpa).lower()
        with self.lock:
            self.phones[id_] = Phone(id=id_, vpa=id_, name=name, bank=bank)
            self.version += 1
            return self.phones[id_]

    def settle(self, now: datetime | None = None) -> None:
        """Do what time has made due, each at its own instant."""
        with self.lock:
            until = now or self.clock.now()
            super().settle(until)
            while self._later and self._later[0][0] <= until:
                at, _, due, id_ = heappop(self._later)
                match due:
                    case _Due.EXPIRE:
                        self._expire(id_, at)
                    case _Due.PLAY:
                        self._play_phone(id_, at)
                    case _Due.LATE:
                        self._pay_late(id_, at)
                    case _Due.REFUND:
                        self._end_refund(id_, at)
                    case _Due.LOOK:
                        self.version += 1

    def txn_id(self, at: datetime) -> str:
        """Return a new transaction id of Paytm's, 35 digits."""
        return self.acquirement_id(at)

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
            id=self.txn_id(at),
            way=way,
            state=TryState.OFFERED if way is Way.INTENT else TryState.WITH_PAYER,
            started_at=at,
            expires_at=expires_at,
            vpa=vpa,
        )
        self.put(with_try(order, new))
        self._plan(expires_at, _Due.EXPIRE, new.id)
        return new

    def offer(self, link: Link, at: datetime) -> Link:
        """Put a link out into the world, where a phone can open it."""
        self.links[link.ref] = link
        self.version += 1
        self._plan_play(link.ref, at)
        self._plan(link.expires_at, _Due.LOOK, link.ref)
        return link

    def ask(self, order: Order, each: Try, holder: Phone, at: datetime) -> Prompt:
        """Let a request to pay appear on a phone."""
        shop = self.merchants[order.mid].name
        prompt = Prompt(
            id=each.id,
            phone=holder.id,
            order=order.key,
            way=each.way,
            payee=shop,
            note=order.id,
            amount_paise=order.amount_paise,
            arrived_at=at,
            expires_at=each.expires_at,
            changed_at=at,
        )
        self.prompts[prompt.id] = prompt
        self.put(with_try(order, replace(each, state=TryState.WITH_PAYER, vpa=holder.vpa)))
        if each.way is Way.COLLECT:
            self._plan_play(prompt.id, at)
        return prompt

    def open_link(self, text: str, *, vpa: str = DEMO_VPA) -> Prompt:
        """Let a person's app open a link, or scan the QR that shows it, and return the request on the phone.

        Raises:
            NotFound: there is no such phone, or Paytm does not know the link.
            InvalidField: it is no link, or it has been altered.
            IllegalTransition: it has run out, is paid, or is open on another phone.
        """
        with self.lock:
            now = self.clock.now()
            self.settle(now)
            return self._open(text, vpa, now)

    def tap(self, prompt_id: str, tap: Tap | str) -> Prompt:
        """Let a person do something to a request on their phone and return the request afterwards.

        Raises:
            NotFound: there is no such request.
            IllegalTransition: the app offers no such thing now, or the order is paid already.
        """
        with self.lock:
            now = self.clock.now()
            self.settle(now)
            if prompt_id not in self.prompts:
                raise NotFound("There is no such request on a phone in the sandbox.", param="prompt")
            if tap not in list(Tap):
                raise NotFound(f"There is no such tap. Choose from {', '.join(Tap)}.", param="tap")
            return self._tap(prompt_id, Tap(tap), now)

    def play_phone(
        self, after_s: float = 2.0, outcome: PhoneOutcome | str = PhoneOutcome.APPROVE
    ) -> PhonePlay:
        """Let payers open links, scan QRs and answer requests by themselves, those already out included.

        Raises:
            InvalidField: there is no such outcome, or the delay is negative.
        """
        if outcome not in list(PhoneOutcome):
            raise InvalidField(f"Choose an outcome from {', '.join(PhoneOutcome)}.", param="outcome")
        plan = phoneplay.check(PhonePlay(after_s=after_s, outcome=PhoneOutcome(outcome)))
        with self.lock:
            self.phone_play = plan
            now = self.clock.now()
            for id_ in [*self.links, *(each.id for each in self.prompts.values() if each.step in phone.OPEN)]:
                self._plan_play(id_, now)
            self.version += 1
        return plan

    def stop_phone_play(self) -> None:
        """Leave the phones to people."""
        with self.lock:
            self.phone_play = None
            self.version += 1

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
        self._plan(at + timedelta(seconds=self.refund_delay_s), _Due.REFUND, f"{refund.mid} {refund.ref_id}")
        self._count_refunds(refund)
        self.send(callback.about_refund_accepted(self, refund, at))
        return refund

    def send(self, posts: list[Post]) -> None:
        """Leave callbacks for whoever carries them."""
        for post in posts:
            self.outbox.add(post)
        self.version += 1

    def _plan(self, at: datetime, due: _Due, id_: str) -> None:
        self._later_count += 1
        heappush(self._later, (at, self._later_count, due, id_))

    def _plan_play(self, id_: str, at: datetime) -> None:
        if self.phone_play is not None:
            self._plan(at + timedelta(seconds=self.phone_play.after_s), _Due.PLAY, id_)

    def _open(self, text: str, vpa: str, at: datetime) -> Prompt:
        holder = self.phones.get(vpa.lower())
        if holder is None:
            raise NotFound("There is no phone with this UPI id in the sandbox.", param="vpa")
        link = self.links.get(ref_of(text))
        if link is None:
            raise NotFound("The pretend Paytm does not know this link.", param="link")
        if text.strip() != link.text:
            raise InvalidField("This link has been altered. Open it exactly as Paytm made it.", param="link")
        order = self.orders[link.order]
        if order.paid is not None:
            raise IllegalTransition("This is paid already.")
        if at >= link.expires_at:
            raise IllegalTransition("The time to pay this is over. Ask the shop for a new link or QR.")
        each = order.open_try
        if each is not None and each.state is TryState.WITH_PAYER:
            if (prompt := self.prompts.get(each.id)) is not None and prompt.phone == holder.id:
                return prompt
            raise IllegalTransition("Somebody else has this payment open in their app.")
        if link.way is Way.QR:
            each = self.begin(order, Way.QR, at, expires_at=link.expires_at, vpa=holder.vpa)
        if each is None:
            raise IllegalTransition("This link has been used. Ask the shop for a new one.")
        return self.ask(self.orders[link.order], each, holder, at)

    def _tap(self, prompt_id: str, tap: Tap, at: datetime) -> Prompt:
        before = self.prompts[prompt_id]
        if tap is Tap.PAY_LATE and self.orders[before.order].paid is not None:
            raise IllegalTransition("The order has been paid by another try.")
        tapped = phone.act(before, tap, at)
        self.prompts[prompt_id] = tapped.prompt
        self.version += 1
        if tap is Tap.BANK_SILENT:
            self._plan(at + timedelta(seconds=BANK_ANSWERS_WITHIN_S), _Due.EXPIRE, prompt_id)
        if tapped.effect is not None:
            self._plan(at + timedelta(seconds=RESULT_SHOWN_S), _Due.LOOK, prompt_id)
            self._end_try(before.order, prompt_id, tapped.effect, at)
        return tapped.prompt

    def _end_try(self, key: _Key, id_: str, effect: Paid | Failed, at: datetime) -> None:
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
        self._end_try(order.key, each.id, Failed(code=code, message=message), at)

    def _expire(self, id_: str, at: datetime) -> None:
        prompt = self.prompts.get(id_)
        if prompt is not None:
            waits = timedelta(seconds=BANK_ANSWERS_WITHIN_S)
            is_given_up = prompt.step is not Step.STUCK or at >= prompt.changed_at + waits
            if is_given_up and prompt.step in phone.OPEN:
                self._tap(id_, Tap.TIME_OUT, at)
            return
        for order in list(self.orders.values()):
            for each in order.tries:
                if each.id == id_ and each.is_open:
                    self.fail(order, each, "810", "Transaction expired", at)

    def _play_phone(self, id_: str, at: datetime) -> None:
        plan = self.phone_play
        if plan is None:
            return
        link = self.links.get(id_)
        amount = (self.orders[link.order] if link else self.prompts[id_]).amount_paise
        outcome = plan.outcome_for(amount)
        if outcome is PhoneOutcome.IGNORE or not self.phones:
            return
        try:
            prompt = self._open(link.text, next(iter(self.phones)), at) if link else self.prompts[id_]
        except IllegalTransition:  # a person was quicker, or it has run out
            return
        for _ in range(phoneplay.MOST_TAPS):
            todo = phoneplay.next_tap(prompt, outcome)
            if todo is None:
                break
            prompt = self._tap(prompt.id, todo, at)
        if outcome is PhoneOutcome.LATE and prompt.step is Step.EXPIRED:
            self._plan(at + timedelta(seconds=phoneplay.LATE_BY_S), _Due.LATE, prompt.id)

    def _pay_late(self, id_: str, at: datetime) -> None:
        prompt = self.prompts[id_]
        if Tap.PAY_LATE in phone.possible(prompt) and self.orders[prompt.order].paid is None:
            self._tap(id_, Tap.PAY_LATE, at)

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
