"""What really happened at the pretend Paytm, as plain values: which customers paid, what went back, what was asked.

The invariants compare the books with this and with nothing else of the sandbox, so that a simulator with another
counterpart, or a test with a made-up truth, can use them as they are.
"""

from __future__ import annotations

from collections import Counter

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


class Truth(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the invariants need to know of the world outside galla.

    `voided` are the payments a machine has reversed. `named` are the payment ids anybody ever spoke of to Paytm;
    `asked` counts the inquiries about each, `prompted` how many of them a person, a callback or a restart called
    for; `overlaps` are the ids about which two requests were in flight at once.
    """

    charges: tuple[Charge, ...] = ()
    returns: tuple[Return, ...] = ()
    voided: frozenset[tuple[str, str]] = frozenset()
    named: frozenset[str] = frozenset()
    asked: dict[str, int] = {}
    prompted: dict[str, int] = {}
    overlaps: frozenset[str] = frozenset()


class Observer:
    """Reads the truth off a sandbox; the log of calls is read only once."""

    def __init__(self, box: Sandbox) -> None:
        self._box = box
        self._read = 0
        self._named: set[str] = set()
        self._asked: Counter[str] = Counter()
        self.prompted: Counter[str] = Counter()
        self.overlaps: set[str] = set()

    def truth(self) -> Truth:
        """Return the truth at this instant."""
        box = self._box
        box.settle()
        self._read_calls()
        sales = [each for each in box.charges.values() if each.state is ChargeState.PAID]
        paid = [Charge(each.mid, each.queue_id or each.id, each.amount_paise) for each in sales]  # a code's own id
        paid += [Charge(mid, id_, each.amount_paise) for (mid, id_), each in box.orders.items() if each.paid]
        returns = tuple(
            Return(each.mid, each.ref_id, each.order_id, each.amount_paise, each.state is RefundState.DONE)
            for each in box.refunds.values()
            if each.state is not RefundState.FAILED
        )
        return Truth(
            charges=tuple(paid),
            returns=returns,
            voided=frozenset(key for key, each in box.charges.items() if each.void is VoidState.DONE),
            named=frozenset(self._named),
            asked=self._asked,
            prompted=self.prompted,
            overlaps=frozenset(self.overlaps),
        )

    def _read_calls(self) -> None:
        count = len(self._box.wire)
        if count == self._read:
            return
        for call in self._box.wire.calls()[self._read - count :]:
            if call.paytm_id is not None:
                self._named.add(call.paytm_id)
                self._asked[call.paytm_id] += call.operation in ("status", "order_status", "queue_status")
        self._read = count
