"""The payment queue of the sandbox's world: entries that wait for their code to be typed into some machine.

It adds to `world.py` and settles what time makes due in the same way. What Paytm's calls say about an entry is in
`queue.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from heapq import heappop, heappush

from msgspec.structs import replace

from galla.clock import Clock
from galla.errors import IllegalTransition, InvalidField, NotFound
from galla.protocol.queue import QueueState
from galla.protocol.req_hash import HMAC_JSON, SCHEMES, Scheme
from galla.sandbox import terminal
from galla.sandbox.autoplay import Autoplay, Outcome
from galla.sandbox.charge import Charge
from galla.sandbox.entry import LIFE_S, Entry, true_state
from galla.sandbox.job import JobKind
from galla.sandbox.terminal import Action, Screen, Step, Terminal
from galla.sandbox.world import World

REPEATS = ("another", "same", "refused")
"""What a second create under the same merchant id gets: another code, the same code, or a refusal. Unpublished."""


class Waiting(World):
    """Entries of the queue at the sandbox's present instant, beside the machines that collect them.

    `queue_life_s`: how long a code lives. `queue_repeat`: one of `REPEATS`. `queue_hashes`: the names of the hash
    schemes that are accepted.
    """

    queue_life_s: float
    queue_repeat: str

    def __init__(self, clock: Clock, seed: int | str | None = None) -> None:
        super().__init__(clock, seed)

    def _forget(self) -> None:
        super()._forget()
        self.queue_life_s = LIFE_S
        self.queue_repeat = REPEATS[0]
        self._schemes: tuple[Scheme, ...] = (HMAC_JSON,)
        self.entries: dict[tuple[str, str], Entry] = {}
        self._pickups: list[tuple[datetime, int, tuple[str, str]]] = []
        self._pickup_count = 0

    @property
    def queue_schemes(self) -> tuple[Scheme, ...]:
        """The hash schemes that are accepted."""
        return self._schemes

    @property
    def queue_hashes(self) -> tuple[str, ...]:
        """The names of the hash schemes that are accepted."""
        return tuple(scheme.name for scheme in self._schemes)

    @queue_hashes.setter
    def queue_hashes(self, names: Iterable[str]) -> None:
        chosen = tuple(names)
        if not chosen or not set(chosen) <= set(SCHEMES):
            raise InvalidField(f"Choose hash schemes from {', '.join(SCHEMES)}.", param="queue_hashes")
        self._schemes = tuple(SCHEMES[name] for name in chosen)

    def settle(self, now: datetime | None = None) -> None:
        """Do what time has made due, each at its own instant."""
        with self.lock:
            until = now or self.clock.now()
            while self._pickups and self._pickups[0][0] <= until:
                at, _, key = heappop(self._pickups)
                super().settle(at)
                self._pick_up(key, at)
            super().settle(until)

    def line_up(self, entry: Entry, at: datetime) -> Entry:
        """Put a new entry into the queue."""
        self.entries[entry.key] = entry
        self.version += 1
        self._plan_pickup(entry.key, at)
        return entry

    def new_code(self, mid: str) -> str:
        """Return six digits that no entry of this merchant has."""
        while (mid, code := self.digits(6)) in self.entries:
            pass
        return code

    def entry_of(self, mid: str, merchant_id: str) -> Entry | None:
        """Return the latest entry under a merchant's own id."""
        found = (entry for entry in reversed(self.entries.values()) if (entry.mid, entry.id) == (mid, merchant_id))
        return next(found, None)

    def last_try(self, entry: Entry) -> Charge | None:
        """Return the latest payment begun for an entry, or None."""
        return self.charges[entry.mid, entry.tries[-1]] if entry.tries else None

    def state_of(self, entry: Entry, at: datetime) -> QueueState:
        """Return where an entry truly is."""
        return true_state(entry, self.last_try(entry), at)

    def type_code(self, tid: str, code: str) -> Terminal:
        """Let a person open a machine's keypad and type a code; what is wrong with it the machine shows.

        Raises:
            NotFound: there is no such machine.
            IllegalTransition: it shows something else.
        """
        with self.lock:
            now = self.clock.now()
            self.settle(now)
            machine = self.terminals.get(tid)
            if machine is None:
                raise NotFound(f"There is no machine {tid} in the sandbox.", param="tid")
            if machine.screen is Screen.IDLE:
                machine = self._act(tid, Action.ENTER_CODE, now, "visa_credit")
            if machine.screen is not Screen.CODE:
                raise IllegalTransition(
                    f"Machine {tid} shows `{machine.screen}`, where no code can be typed."
                )
            return self._collect(machine, "".join(code.split()), now)

    def play(
        self,
        after_s: float = 2.0,
        outcome: Outcome | str = Outcome.CARD,
        *,
        tids: frozenset[str] | None = None,
    ) -> Autoplay:
        """Let machines collect codes, accept and pay by themselves; what waits already is included."""
        with self.lock:
            plan = super().play(after_s, outcome, tids=tids)
            for key in self.entries:
                self._plan_pickup(key, self.clock.now())
            return plan

    def _collect(self, machine: Terminal, code: str, at: datetime) -> Terminal:
        entry = self.entries.get((machine.mid, code))
        fault = self._fault(machine, entry, at)
        if entry is None or fault is not None:
            said = replace(machine, notice=fault or "", changed_at=at)
            return self._store(Step(terminal=said), at)
        self._store(Step(terminal=replace(machine, screen=Screen.IDLE, notice="", changed_at=at)), at)
        charge = self._begun(entry, machine, at)
        self.push(charge, JobKind.SALE, at)
        return self.terminals[machine.tid]

    def _fault(self, machine: Terminal, entry: Entry | None, at: datetime) -> str | None:
        """What the machine says instead of showing the amount, if anything."""
        if not machine.is_online:
            return terminal.NO_CONNECTION
        if not machine.is_active:
            return "This machine is not active."
        if self.charge_on(machine.tid) is not None:
            return "Another request is waiting for this machine. Press the red key."
        if entry is None:
            return "Invalid code. There is no such request."
        match self.state_of(entry, at):
            case QueueState.IN_QUEUE | QueueState.FAILED:
                return None
            case QueueState.PENDING | QueueState.COMPLETED:
                return "Invalid code. It has been collected already."
            case _:
                return "Invalid code. It is not valid any more."

    def _begun(self, entry: Entry, machine: Terminal, at: datetime) -> Charge:
        """Return the payment that a typed code begins, and note it on the entry.

        The latest try has the merchant's own id, so that it is refunded and voided like any sale; one that failed
        before it makes way.
        """
        entry = self._set_aside(entry)
        is_taken = (entry.mid, entry.id) in self.charges  # by another entry under the same id, or by a sale
        charge = Charge(
            id=f"{entry.id}{entry.code}" if is_taken else entry.id,
            queue_id=entry.id,
            mid=entry.mid,
            tid=machine.tid,
            amount_paise=entry.amount_paise,
            received_at=at,
            transaction_date_time=entry.txn_date,
            reference=entry.reference,
            mode=entry.mode if entry.mode in ("CARD", "QR") else "ALL",
            is_auto_accepted=True,
            callback_url=self.merchants[entry.mid].callback_url,
            told_late_ms=entry.told_late_ms,
            told_meanwhile=entry.told_meanwhile,
        )
        self.entries[entry.key] = replace(entry, tries=(*entry.tries, charge.id))
        return charge

    def _set_aside(self, entry: Entry) -> Entry:
        """Give the failed try before this one a name of its own."""
        if not entry.tries:
            return entry
        known = self.charges.pop((entry.mid, entry.tries[-1]))
        aside = replace(known, id=f"{entry.id}T{len(entry.tries)}")
        self.charges[entry.mid, aside.id] = aside
        return replace(entry, tries=(*entry.tries[:-1], aside.id))

    def _plan_pickup(self, key: tuple[str, str], at: datetime) -> None:
        if self.autoplay is not None:
            self._pickup_count += 1
            heappush(self._pickups, (at + timedelta(seconds=self.autoplay.after_s), self._pickup_count, key))

    def _pick_up(self, key: tuple[str, str], at: datetime) -> None:
        """Let somebody who is not there type a code into the first free machine, or try again later."""
        entry, plan = self.entries.get(key), self.autoplay
        if entry is None or plan is None or self.state_of(entry, at) is not QueueState.IN_QUEUE:
            return
        for tid in sorted(self.terminals):
            machine = self.terminals[tid]
            is_ready = machine.screen is Screen.IDLE and machine.is_active and machine.is_online
            if machine.mid == entry.mid and is_ready and plan.covers(tid) and self.charge_on(tid) is None:
                opened = self._act(tid, Action.ENTER_CODE, at, "visa_credit")
                self._collect(opened, entry.code, at)
                return
        if plan.after_s > 0:
            self._plan_pickup(key, at)
