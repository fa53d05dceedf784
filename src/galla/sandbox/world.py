"""What the pretend Paytm knows: merchants, machines and the truth about every sale.

Everything that changes with time is settled here when somebody looks, so it works under a clock that is moved
by hand. How requests arrive and answers get lost is `sandbox.py`'s, what they say `edc.py`'s.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from heapq import heappop, heappush
from threading import RLock

import msgspec
from msgspec.structs import replace

from galla import ids
from galla.clock import Clock, business_date
from galla.errors import InvalidField, NotFound
from galla.protocol.message import MerchantKey
from galla.sandbox import autoplay, terminal
from galla.sandbox.autoplay import Autoplay, Outcome
from galla.sandbox.charge import Charge, ChargeState, VoidState
from galla.sandbox.instrument import find
from galla.sandbox.job import Effect, Failed, Job, JobKind, Paid, Voided, VoidRefused
from galla.sandbox.slip import sale_slip, void_slip
from galla.sandbox.terminal import RESTING, Action, Step, Terminal
from galla.sandbox.timemachine import ShiftedClock

DEMO_MID = "SANDBX00000000000001"
DEMO_KEY = "sandbox_demo_key"
DEMO_TIDS = ("12345671", "12345672")
RESULT_SHOWN_S = 20


class SandboxMerchant(msgspec.Struct, frozen=True, kw_only=True):
    """One pretend merchant of Paytm.

    `upi_limit_paise` caps one online payment; `collect_allowed` lets it ask a UPI id for money; `callback_url` is
    where callbacks go that name no address of their own.
    """

    mid: str
    key: MerchantKey
    name: str
    channel_id: str = "EDC"
    is_blocked: bool = False
    mcc: str = "8011"
    upi_limit_paise: int = 10_000_000
    collect_allowed: bool = False
    callback_url: str | None = None


class _Due(StrEnum):
    PLAY = "play"
    LAPSE = "lapse"
    HOME = "home"


class World:
    """Merchants, machines and sales at the sandbox's present instant.

    `operator_expiry_s`: machines give up a request nobody finishes after so long (None: never).
    `version` rises with every change, for pages that look again.
    """

    def __init__(self, clock: Clock, seed: int | str | None = None) -> None:
        self.clock = ShiftedClock(clock)
        self.lock = RLock()
        self.merchants: dict[str, SandboxMerchant] = {}
        self.terminals: dict[str, Terminal] = {}
        self.charges: dict[tuple[str, str], Charge] = {}
        self.autoplay: Autoplay | None = None
        self.operator_expiry_s: float | None = None
        self.version = 0
        self._seed = seed
        self._forget()

    def _forget(self) -> None:
        self.charges.clear()
        self._live: dict[str, tuple[str, str]] = {}
        self._due: list[tuple[datetime, int, str, str, _Due]] = []
        self._due_count = 0
        self._drawn = 0
        self._slips = 0

    def add_merchant(
        self,
        mid: str,
        key: str,
        *,
        name: str = "Sandbox shop",
        channel_id: str = "EDC",
        is_blocked: bool = False,
        upi_limit_paise: int = 10_000_000,
        collect_allowed: bool = False,
        callback_url: str | None = None,
    ) -> SandboxMerchant:
        """Register a merchant, or change one with the same MID.

        Raises:
            ConfigError: the key is not 16, 24 or 32 bytes long.
            InvalidField: the MID is not 1 to 20 letters and digits.
        """
        if not (mid.isascii() and mid.isalnum() and len(mid) <= 20):
            raise InvalidField("A MID is 1 to 20 letters and digits.", param="mid")
        merchant = SandboxMerchant(
            mid=mid,
            key=MerchantKey(key),
            name=name,
            channel_id=channel_id,
            is_blocked=is_blocked,
            upi_limit_paise=upi_limit_paise,
            collect_allowed=collect_allowed,
            callback_url=callback_url,
        )
        with self.lock:
            self.merchants[mid] = merchant
            self.version += 1
        return merchant

    def add_terminal(
        self, tid: str, mid: str, *, label: str | None = None, is_active: bool = True
    ) -> Terminal:
        """Put a machine on a merchant's counter, idle; one with the same TID is replaced.

        Raises:
            NotFound: there is no such merchant.
            InvalidField: the TID is not eight digits.
        """
        if mid not in self.merchants:
            raise NotFound(f"There is no sandbox merchant {mid}; add it first.", param="mid")
        if not (tid.isascii() and tid.isdigit() and len(tid) == 8):
            raise InvalidField("A TID is eight digits.", param="tid")
        with self.lock:
            now = self.clock.now()
            machine = Terminal(
                tid=tid, mid=mid, label=label or f"Machine {tid}", is_active=is_active, changed_at=now
            )
            self.terminals[tid] = machine
            self._live.pop(tid, None)
            self.version += 1
        return machine

    def charge_on(self, tid: str) -> Charge | None:
        """Return the sale, or sale being voided, that holds a machine."""
        key = self._live.get(tid)
        return None if key is None else self.charges[key]

    def push(self, charge: Charge, kind: JobKind, at: datetime) -> None:
        """Record a sale or void as accepted and give it to its machine."""
        job = Job(
            charge_id=charge.id,
            kind=kind,
            amount_paise=charge.amount_paise,
            reference=charge.reference,
            mode=charge.mode,
            is_auto_accepted=charge.is_auto_accepted,
            lines=charge.lines,
        )
        key = (charge.mid, charge.id)
        self.charges[key] = charge
        self._live[charge.tid] = key
        machine = self.terminals[charge.tid]
        self._store(Step(terminal=terminal.push(machine, job, at)), at)
        if self.operator_expiry_s is not None:
            self._schedule(at, self.operator_expiry_s, charge.tid, charge.id, _Due.LAPSE)

    def act(self, tid: str, action: Action, *, card: str = "visa_credit") -> Terminal:
        """Let a person do something to a machine and return the machine afterwards.

        Raises:
            NotFound: there is no such machine.
            IllegalTransition: the machine offers no such thing now.
            InvalidField: there is no such card.
        """
        with self.lock:
            now = self.clock.now()
            self.settle(now)
            if tid not in self.terminals:
                raise NotFound(f"There is no machine {tid} in the sandbox.", param="tid")
            return self._act(tid, action, now, card)

    def play(
        self,
        after_s: float = 2.0,
        outcome: Outcome | str = Outcome.CARD,
        *,
        tids: frozenset[str] | None = None,
    ) -> Autoplay:
        """Let machines accept and pay by themselves, those with a request in hand included.

        Raises:
            InvalidField: there is no such outcome, or the delay is negative.
        """
        if outcome not in list(Outcome):
            raise InvalidField(f"Choose an outcome from {', '.join(Outcome)}.", param="outcome")
        plan = autoplay.check(Autoplay(after_s=after_s, outcome=Outcome(outcome), tids=tids))
        with self.lock:
            self.autoplay = plan
            for tid, machine in self.terminals.items():
                if machine.job is not None and machine.screen not in RESTING and plan.covers(tid):
                    self._schedule(self.clock.now(), plan.after_s, tid, machine.job.charge_id, _Due.PLAY)
            self.version += 1
        return plan

    def stop_play(self) -> None:
        """Leave the machines to people."""
        with self.lock:
            self.autoplay = None
            self.version += 1

    def settle(self, now: datetime | None = None) -> None:
        """Do what time has made due, each at its own instant."""
        with self.lock:
            until = now or self.clock.now()
            while self._due and self._due[0][0] <= until:
                at, _, tid, charge_id, due = heappop(self._due)
                machine = self.terminals.get(tid)
                if machine is None:
                    continue
                match due:
                    case _Due.PLAY:
                        self._play(machine, charge_id, at)
                    case _Due.LAPSE:
                        self._lapse(machine, charge_id, at)
                    case _Due.HOME:
                        self._go_home(machine, charge_id, at)

    def digits(self, count: int) -> str:
        """Return decimal digits: random ones, or the next that follow from the seed."""
        if self._seed is None:
            return ids.digits(count)
        self._drawn += 1
        digest = sha256(f"{self._seed}/{self._drawn}".encode()).digest()
        return str(int.from_bytes(digest, "big") % 10**count).zfill(count)

    def acquirement_id(self, at: datetime) -> str:
        """Return a new transaction id of Paytm's: the day, and digits, 35 in all."""
        return f"{business_date(at):%Y%m%d}1112128001101{self.digits(14)}"

    def rrn(self, at: datetime) -> str:
        """Return a new retrieval reference number of a bank: 12 digits."""
        day = business_date(at)
        return f"{day:%y}"[-1] + f"{day:%j}" + self.digits(8)

    def _schedule(self, at: datetime, after_s: float, tid: str, charge_id: str, due: _Due) -> None:
        self._due_count += 1
        heappush(self._due, (at + timedelta(seconds=after_s), self._due_count, tid, charge_id, due))

    def _act(self, tid: str, action: Action, at: datetime, card: str) -> Terminal:
        return self._store(terminal.act(self.terminals[tid], action, at, card=card), at)

    def _store(self, step: Step, at: datetime) -> Terminal:
        """Keep a machine after a step, and let the step's effect become true."""
        machine, before = step.terminal, self.terminals[step.terminal.tid]
        self.terminals[machine.tid] = machine
        self.version += 1
        job = machine.job
        if job is not None:
            is_fetched = before.job is not job or before.is_online is not machine.is_online
            plan = self.autoplay
            if machine.screen not in RESTING and is_fetched and plan is not None and plan.covers(machine.tid):
                self._schedule(at, plan.after_s, machine.tid, job.charge_id, _Due.PLAY)
            if machine.screen in RESTING and before.screen is not machine.screen:
                self._schedule(at, RESULT_SHOWN_S, machine.tid, job.charge_id, _Due.HOME)
        if step.effect is not None:
            self._apply(machine, step.effect, at)
        return self.terminals[machine.tid]

    def _apply(self, machine: Terminal, effect: Effect, at: datetime) -> None:
        key = (machine.mid, effect.charge_id)
        charge = self.charges.get(key)
        if charge is None or not charge.is_live:
            return
        shop = self.merchants[machine.mid].name
        match effect:
            case Paid(instrument=instrument):
                charge = self._paid(charge, instrument, at)
                slip = sale_slip(self._next_slip(), shop, charge, at)
                self.terminals[machine.tid] = terminal.print_slip(machine, slip)
            case Failed(reason=reason, bank_code=bank_code):
                charge = replace(
                    charge, state=ChargeState.FAILED, settled_at=at, reason=reason, bank_code=bank_code
                )
            case Voided():
                charge = replace(charge, void=VoidState.DONE, void_settled_at=at)
                slip = void_slip(self._next_slip(), shop, charge, at)
                self.terminals[machine.tid] = terminal.print_slip(machine, slip)
            case VoidRefused():
                charge = replace(charge, void=VoidState.REFUSED, void_settled_at=at)
        self.charges[key] = charge
        if self._live.get(machine.tid) == key:
            del self._live[machine.tid]

    def _paid(self, charge: Charge, instrument: str, at: datetime) -> Charge:
        return replace(
            charge,
            state=ChargeState.PAID,
            settled_at=at,
            instrument=instrument,
            acquirement_id=self.acquirement_id(at),
            rrn=self.rrn(at),
            auth_code=self.digits(6) if find(instrument).is_card else None,
            bank_code="00",
        )

    def _next_slip(self) -> int:
        self._slips += 1
        return self._slips

    def _play(self, machine: Terminal, charge_id: str, at: datetime) -> None:
        for _ in range(autoplay.MOST_STEPS):
            plan = self.autoplay
            is_there = machine.job is not None and machine.job.charge_id == charge_id
            if plan is None or not plan.covers(machine.tid) or not is_there:
                return
            todo = autoplay.next_action(machine, plan.outcome)
            if todo is None or todo[0] not in terminal.possible(machine):
                return
            machine = self._act(machine.tid, todo[0], at, todo[1])

    def _lapse(self, machine: Terminal, charge_id: str, at: datetime) -> None:
        live = self.charge_on(machine.tid)
        if live is not None and live.id == charge_id:
            self._store(terminal.lapse(machine, at, "Nobody finished it at the machine in time"), at)

    def _go_home(self, machine: Terminal, charge_id: str, at: datetime) -> None:
        has_job = machine.job is not None and machine.job.charge_id == charge_id
        if has_job and machine.screen in RESTING and machine.screen is not terminal.Screen.IDLE:
            self._act(machine.tid, Action.CLEAR, at, "visa_credit")
