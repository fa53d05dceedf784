"""The shop's queue as people see it: what waits for which code, and leading one of them to a machine instead."""

from __future__ import annotations

from galla.errors import IllegalTransition, TooSoon
from galla.payments.model import LIVE, Method
from galla.service import payments
from galla.service.payments import NewPayment, Started
from galla.service.till import Principal, Till
from galla.service.views import View

PATIENCE_S = 8.0
_GAP_S = 0.3


async def board(till: Till, principal: Principal) -> list[View]:
    """Return the live payments of the queue, oldest first, each with its `position` in the line."""
    waiting = [
        payment
        for payment in await payments.unfinished(till, principal)
        if payment["method"] == Method.QUEUE and payment["status"] in LIVE
    ]
    return [{**payment, "position": position} for position, payment in enumerate(waiting, 1)]


async def reroute(till: Till, principal: Principal, payment_id: str, terminal: str) -> Started:
    """Take a code out of Paytm's queue, and only when Paytm says that it is not paid push the same due to a machine.

    Never two live payments: the new one begins after the old one's end, and a second press finds the first's.

    Raises:
        NotFound: no such payment for this merchant.
        IllegalTransition: it is not in the queue, it is paid, or Paytm has not yet said that it is not paid
            (`not_rerouted`): nothing was started.
        PaymentError: the machine is busy, or another rule forbids the new payment; the old one has ended.
    """
    old = await payments.get(till, principal, payment_id)
    if old["method"] != Method.QUEUE:
        raise IllegalTransition(f"Payment {payment_id} is not in the queue; there is nothing to lead elsewhere.")
    if old["status"] in LIVE:
        await payments.cancel(till, principal, payment_id, "led to a machine instead")
        old = await _ended(till, principal, payment_id)
    if old["status"] == "paid":
        raise IllegalTransition(
            f"Payment {payment_id} is paid: the code was used before it could be taken back. Nothing was started.",
            code="not_rerouted",
        )
    if old["status"] in LIVE:
        raise IllegalTransition(
            "Paytm has not said yet that the code is out of the queue, so the machine was not started. "
            "We keep asking. Try again in a moment.",
            code="not_rerouted",
        )
    new = NewPayment(
        amount_paise=old["amount"],
        method=Method.EDC,
        bill=old["bill"],
        reference=None if old["bill"] else old["reference"],
        terminal=terminal,
        customer=old["customer"],
        description=old["description"],
        metadata=old["metadata"],
    )
    key = f"reroute{payment_id.replace('_', '')}{terminal.replace('_', '')}"
    return await payments.start(till, principal, new, wait_s=0, idempotency_key=key, fingerprint=key)


async def _ended(till: Till, principal: Principal, payment_id: str) -> View:
    """Ask Paytm until the payment has ended or patience has, and return it."""
    until = till.clock.monotonic() + PATIENCE_S
    while True:
        try:
            view = await payments.check(till, principal, payment_id, wait_s=PATIENCE_S)
        except TooSoon:
            view = await payments.get(till, principal, payment_id)
        if view["status"] not in LIVE or till.clock.monotonic() >= until:
            return view
        await till.clock.sleep(_GAP_S)
