"""What the pretend Paytm of another process holds to be true: read over its remote control, call by call."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

import msgspec

from galla.sandbox.charge import Charge, ChargeState, VoidState
from galla.sandbox.order import TryState
from galla.sandbox.refund import Refund, RefundState
from galla.sandbox.wire import KEPT, Call
from galla.simulation.truth import Charge as Taken
from galla.simulation.truth import Return, Truth
from reliability.processes import raw

ACCEPTED = "A 0009"


class State(msgspec.Struct, frozen=True):
    """The part of the sandbox's state that is about money."""

    charges: list[Charge]
    orders: list[dict[str, Any]]
    refunds: list[Refund]


class Outside:
    """The sandbox at an address; its log of calls is kept whole, though it forgets the oldest itself."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.calls: dict[int, Call] = {}

    def read_calls(self) -> None:
        """Take in the calls since the last time.

        Raises:
            RuntimeError: so many came that some are forgotten.
        """
        found = msgspec.json.decode(raw(self._url, "/wire"), type=list[Call])
        last = max(self.calls, default=0)
        if len(found) >= KEPT and found[0].number > last + 1:
            raise RuntimeError("The sandbox has forgotten calls that were not read: read them more often.")
        self.calls.update((call.number, call) for call in found if call.number > last)

    def state(self) -> State:
        """Return what it holds now."""
        return msgspec.json.decode(raw(self._url, "/state"), type=State)

    def truth(self) -> Truth:
        """Return what the invariants compare the books with; nothing about the pace of questions."""
        state = self.state()
        self.read_calls()
        paid = [Taken(each.mid, each.id, each.amount_paise) for each in state.charges if each.state is ChargeState.PAID]
        paid += [
            Taken(each["mid"], each["id"], each["amount_paise"])
            for each in state.orders
            if any(tried["state"] == TryState.PAID.value for tried in each["tries"])
        ]
        returns = tuple(
            Return(each.mid, each.ref_id, each.order_id, each.amount_paise, each.state is RefundState.DONE)
            for each in state.refunds
            if each.state is not RefundState.FAILED
        )
        return Truth(
            charges=tuple(paid),
            returns=returns,
            voided=frozenset((each.mid, each.id) for each in state.charges if each.void is VoidState.DONE),
            named=frozenset(call.paytm_id for call in self.calls.values() if call.paytm_id is not None),
        )

    def sales_accepted(self) -> Counter[str]:
        """Return how many requests to sell were accepted, by Paytm's id of the payment."""
        return Counter(
            call.paytm_id or ""
            for call in self.calls.values()
            if call.operation == "sale" and call.answer == ACCEPTED
        )

    def spoken_of(self) -> dict[str, list[float]]:
        """Return when each payment was spoken of, in seconds since 1970, by Paytm's id."""
        found: defaultdict[str, list[float]] = defaultdict(list)
        for call in self.calls.values():
            if call.paytm_id is not None:
                found[call.paytm_id].append(call.at.timestamp())
        return found
