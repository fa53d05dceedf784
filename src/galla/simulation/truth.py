"""What really happened at the pretend Paytm, as plain values: which customers paid, what went back, what was asked.

The invariants compare the books with this and with nothing else of the sandbox, so that a simulator with another
counterpart, or a test with a made-up truth, can use them as they are.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import msgspec

from galla.sandbox.charge import ChargeState, VoidState
from galla.sandbox.refund import RefundState
from galla.sandbox.sandbox import Sandbox


class Charge(msgspec.Struct, frozen=True):
    """Money that a customer truly paid, under the id it was asked for by, in paise."""

    mid: str
    paytm_id: str
    amount_paise: int

    @property
    def key(self) -> tuple[str, str]:
        """Under which the shop asked for it."""
        return self.mid, self.paytm_id


class Return(msgspec.Struct, frozen=True):
    """Money on its way back, or gone back if `is_done`, under the shop's reference for it."""

    mid: str
    ref_id: str
    paytm_id: str
    amount_paise: int
    is_done: bool = True


@dataclass(frozen=True, kw_only=True)
class Truth:
    """Everything the invariants need to know of the world outside galla.

    `voided` are the payments a machine has reversed. `named` are the payment ids anybody ever spoke of to Paytm;
    `sent` counts the sales and codes that reached it under each, `asked` the inquiries about each, `withdrawn` the
    wishes to take its code back, `prompted` how many inquiries a person, a callback or a restart called for;
    `overlaps` are the ids about which two requests flew at once.
    """

    charges: tuple[Charge, ...] = ()
    returns: tuple[Return, ...] = ()
    voided: frozenset[tuple[str, str]] = frozenset()
    named: frozenset[str] = frozenset()
    sent: Mapping[str, int] = field(default_factory=dict)
    asked: Mapping[str, int] = field(default_factory=dict)
    withdrawn: Mapping[str, int] = field(default_factory=dict)
    prompted: Mapping[str, int] = field(default_factory=dict)
    overlaps: frozenset[str] = frozenset()

    @cached_property
    def taken(self) -> dict[tuple[str, str], int]:
        """What was paid under each MID and id, in paise."""
        return {each.key: each.amount_paise for each in self.charges}


class Observer:
    """Reads the truth off a sandbox; the log of calls is read only once, and goes into `digest`."""

    def __init__(self, box: Sandbox) -> None:
        self._box = box
        self._read = 0
        self._named: set[str] = set()
        self._sent: Counter[str] = Counter()
        self._asked: Counter[str] = Counter()
        self._withdrawn: Counter[str] = Counter()
        self._as_of: tuple[int, int, int] | None = None
        self._known = Truth()
        self._spoken: dict[tuple[str, str], None] = {}
        self.prompted: Counter[str] = Counter()
        self.overlaps: set[str] = set()
        self.digest = hashlib.sha256()

    def truth(self) -> Truth:
        """Return the truth at this instant."""
        box = self._box
        box.settle()
        as_of = (box.version, len(box.wire), len(self.overlaps))
        if as_of == self._as_of:
            return self._known
        self._as_of = as_of
        self._read_calls()
        sales = [each for each in box.charges.values() if each.state is ChargeState.PAID]
        paid = [Charge(each.mid, each.queue_id or each.id, each.amount_paise) for each in sales]  # a code's own id
        paid += [Charge(mid, id_, each.amount_paise) for (mid, id_), each in box.orders.items() if each.paid]
        returns = tuple(
            Return(each.mid, each.ref_id, each.order_id, each.amount_paise, each.state is RefundState.DONE)
            for each in box.refunds.values()
            if each.state is not RefundState.FAILED
        )
        now = Truth(
            charges=tuple(paid),
            returns=returns,
            voided=frozenset(key for key, each in box.charges.items() if each.void is VoidState.DONE),
            named=frozenset(self._named),
            sent=self._sent,
            asked=self._asked,
            withdrawn=self._withdrawn,
            prompted=self.prompted,
            overlaps=frozenset(self.overlaps),
        )
        self._compare(self._known, now)
        self._known = now
        return now

    def spoken_of(self) -> list[tuple[str, str]]:
        """Return the payments, by MID and id, about which something was said or done since this was last asked."""
        spoken, self._spoken = list(self._spoken), {}
        return spoken

    def _compare(self, before: Truth, now: Truth) -> None:
        for key, amount in now.taken.items():
            if before.taken.get(key) != amount:
                self._spoken[key] = None
        for back in now.returns:
            if back not in before.returns:
                self._spoken[back.mid, back.paytm_id] = None
        for key in sorted(now.voided ^ before.voided):
            self._spoken[key] = None

    def _read_calls(self) -> None:
        count = len(self._box.wire)
        for call in self._box.wire.latest(count - self._read):
            said = (call.number, call.operation, call.paytm_id, call.answer, call.was_processed, call.faults)
            self.digest.update(repr(said).encode())
            if call.paytm_id is not None:
                self._named.add(call.paytm_id)
                self._sent[call.paytm_id] += call.was_processed and call.operation in ("sale", "queue")
                self._asked[call.paytm_id] += call.operation in ("status", "order_status", "queue_status")
                self._withdrawn[call.paytm_id] += call.operation == "queue_cancel"
                self._spoken[call.mid or "", call.paytm_id] = None
        self._read = count
