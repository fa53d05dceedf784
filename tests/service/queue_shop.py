"""A shop that takes payments by code: the code is shown at the counter and typed into any of its machines."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from galla.protocol.message import Request, Response
from galla.protocol.queue import QueueState
from galla.sandbox.entry import Entry
from galla.sandbox.sandbox import DEMO_MID
from galla.sandbox.terminal import Action
from galla.service import payments
from tests.service.shop import AMOUNT, SECOND
from tests.service.upi_shop import UpiShop, open_upi_shop


class QueueShop(UpiShop):
    """A shop, and the people who type codes into its machines."""

    async def code(self, amount: int = AMOUNT, *, key: str | None = None, **more: Any) -> Any:
        """Ask for a code and return the payment's view after the first step."""
        new = payments.NewPayment(amount_paise=amount, method="queue", **more)
        started = await payments.start(self.till, self.principal, new, idempotency_key=key, fingerprint=repr(new))
        return started.payment

    def entries(self, payment: Any) -> list[Entry]:
        """Return what Paytm holds in its queue for a payment, oldest first."""
        paytm_id = payment["paytm"]["id"]
        return [each for each in self.box.entries.values() if (each.mid, each.id) == (DEMO_MID, paytm_id)]

    def state(self, payment: Any) -> QueueState:
        """Return where the latest entry of a payment truly is."""
        return self.box.state_of(self.entries(payment)[-1], self.box.clock.now())

    def type_in(self, payment: Any, tid: str = SECOND) -> Any:
        """Type the code that the counter shows into a machine."""
        return self.box.type_code(tid, payment["next_action"]["code"])

    def collect(self, payment: Any, tid: str = SECOND, card: str = "visa_credit") -> None:
        """Type the code into a machine and pay there by card."""
        self.type_in(payment, tid)
        self.act(Action.INSERT, Action.PIN_RIGHT, tid=tid, card=card)


def changing(shop: QueueShop, operation: str, old: bytes, new: bytes, times: int = 1) -> None:
    """Change the text of the next answers of an operation on their way."""
    left = [times]

    async def carry(request: Request) -> Response:
        response = await shop.box.ahandle(request)
        if request.operation != operation or not left[0]:
            return response
        left[0] -= 1
        assert old in response.body, response.body
        return Response(status=response.status, body=response.body.replace(old, new), headers=response.headers)

    shop.line.answer_with(carry)


@asynccontextmanager
async def open_queue_shop(url: str, **more: Any) -> AsyncIterator[QueueShop]:
    """Open a shop on an empty database; on leaving, its books are compared with the truth."""
    async with open_upi_shop(url, **more) as shop:
        shop.__class__ = QueueShop
        assert isinstance(shop, QueueShop)
        yield shop
