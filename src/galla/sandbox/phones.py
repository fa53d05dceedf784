"""The customers of the sandbox: their phones, the requests on them, and the plans of those who are not there.

It adds to `online.py`. What one app offers is `phone.py`'s, what absent payers would do `phoneplay.py`'s.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec.structs import replace

from galla.clock import Clock
from galla.errors import IllegalTransition, InvalidField, NotFound
from galla.protocol.vpa import check_vpa
from galla.sandbox import phone, phoneplay
from galla.sandbox.online import Due, Online
from galla.sandbox.order import Order, Try, TryState, Way, with_try
from galla.sandbox.phone import Phone, Prompt, Step, Tap
from galla.sandbox.phoneplay import PhoneOutcome, PhonePlay
from galla.sandbox.qr import Link, ref_of
from galla.sandbox.world import RESULT_SHOWN_S

DEMO_VPA = "ramesh@oksbi"
BANK_ANSWERS_WITHIN_S = 72 * 3600.0


class Phones(Online):
    """Phones and the requests on them, beside orders and machines."""

    def __init__(self, clock: Clock, seed: int | str | None = None) -> None:
        self.phones: dict[str, Phone] = {}
        super().__init__(clock, seed)

    def _forget(self) -> None:
        super()._forget()
        self.prompts: dict[str, Prompt] = {}
        self.phone_play: PhonePlay | None = None

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

    def offer(self, link: Link, at: datetime) -> Link:
        """Put a link out into the world, where a phone can open it."""
        self._plan_play(link.ref, at)
        return super().offer(link, at)

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

    def _happen(self, due: Due, id_: str, at: datetime) -> None:
        match due:
            case Due.EXPIRE:
                self._expire(id_, at)
            case Due.PLAY:
                self._play_phone(id_, at)
            case Due.LATE:
                self._pay_late(id_, at)
            case _:
                super()._happen(due, id_, at)

    def _plan_play(self, id_: str, at: datetime) -> None:
        if self.phone_play is not None:
            self.plan(at + timedelta(seconds=self.phone_play.after_s), Due.PLAY, id_)

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
            self.plan(at + timedelta(seconds=BANK_ANSWERS_WITHIN_S), Due.EXPIRE, prompt_id)
        if tapped.effect is not None:
            self.plan(at + timedelta(seconds=RESULT_SHOWN_S), Due.LOOK, prompt_id)
            self.end_try(before.order, prompt_id, tapped.effect, at)
        return tapped.prompt

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
            self.plan(at + timedelta(seconds=phoneplay.LATE_BY_S), Due.LATE, prompt.id)

    def _pay_late(self, id_: str, at: datetime) -> None:
        prompt = self.prompts[id_]
        if Tap.PAY_LATE in phone.possible(prompt) and self.orders[prompt.order].paid is None:
            self._tap(id_, Tap.PAY_LATE, at)
