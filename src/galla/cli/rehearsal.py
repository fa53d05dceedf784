"""The sale that `galla demo` plays: through the real API, with a customer at the virtual machine.

Each line is printed when it has happened, with the seconds since the sale began. Nothing is assumed: the
bill, the payment and the ledger are read back over HTTP.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from galla import ids
from galla.cli import screen
from galla.cli.ending import Exit, of_payment
from galla.cli.remote import Remote
from galla.clock import SYSTEM, business_date
from galla.money import format_inr
from galla.sandbox.autoplay import Outcome, next_action
from galla.sandbox.sandbox import DEMO_TIDS

if TYPE_CHECKING:
    from rich.console import Console

    from galla.cli.demo import Shop

LINES = (("Consultation", 50_000), ("Tretinoin cream", 25_000), ("Chemical peel", 175_000))
CUSTOMER = "Ramesh K."
TID = DEMO_TIDS[0]
STAGE_S = 0.9
LOOK_EVERY_S = 0.05
PATIENCE_S = 25.0

_SCREENS = {
    "confirm": "On the machine: it asks to accept the payment",
    "present": "On the machine: waiting for the card",
    "pin": "Card inserted: waiting for the PIN",
    "approved": "The machine shows approved",
    "declined": "The machine shows declined",
}


async def play(shop: Shop, out: Console) -> Exit:
    """Play the sale, print its timeline, and return what came of it."""
    async with Remote(shop.url, shop.api_key) as remote:
        sale = Sale(shop, remote, out)
        payment = await sale.run()
    out.print()
    screen.show_payment(out, payment)
    return of_payment(payment)


class Sale:
    """One sale and its timeline."""

    def __init__(self, shop: Shop, remote: Remote, out: Console) -> None:
        self._shop, self._remote, self._out = shop, remote, out
        self._began_s = SYSTEM.monotonic()

    async def run(self) -> dict[str, Any]:
        """Make the bill, push it, let the customer pay, and follow it until it is booked."""
        number = f"INV-{business_date(SYSTEM.now()).year}-{ids.digits(5)}"
        lines = [{"description": name, "quantity": 1, "unit_amount": paise} for name, paise in LINES]
        bill = await self._remote.call(
            "POST", "/v1/bills", body={"number": number, "customer": {"name": CUSTOMER}, "lines": lines}
        )
        self._say(f"Bill {number} for {CUSTOMER}: {len(LINES)} lines, {format_inr(bill['total'])}")
        order = {"amount": bill["due"], "method": "edc", "terminal": TID, "bill": bill["id"]}
        payment = await self._remote.start(order)
        self._say(f"Pushed to machine {TID} as {payment['paytm']['id']}")
        customer = asyncio.create_task(self._customer())
        try:
            payment = await self._follow(payment)
        finally:
            customer.cancel()
            await asyncio.gather(customer, return_exceptions=True)
        if payment["status"] == "paid":
            await self._booked(payment)
        return payment

    async def _follow(self, payment: dict[str, Any]) -> dict[str, Any]:
        """Print each new fact of the payment and of the machine until the payment is final."""
        shown, is_accepted = "idle", False
        while payment["status"] not in ("paid", "not_paid"):
            if SYSTEM.monotonic() - self._began_s > PATIENCE_S:
                return payment
            await SYSTEM.sleep(LOOK_EVERY_S)
            payment = await self._remote.payment(payment["id"])
            if payment["status"] == "pending" and not is_accepted:
                is_accepted = True
                self._say("Accepted by Paytm; nothing is paid yet")
            now = self._shop.sandbox.terminals[TID].screen.value
            if is_accepted and now != shown and now in _SCREENS:
                self._say(_SCREENS[now])
            shown = now if is_accepted else shown
        if payment["status"] == "paid":
            proof = payment["proof"]
            self._say(
                f"Paid: Paytm's status reply proves it, RRN {proof['rrn']}, card •••• {proof['card_last4']}"
            )
        return payment

    async def _customer(self) -> None:
        """Do at the machine what a customer does, one thing at a time."""
        sandbox = self._shop.sandbox
        while True:
            await SYSTEM.sleep(STAGE_S)
            todo = next_action(sandbox.terminals[TID], Outcome.CARD)
            if todo is not None:
                sandbox.act(TID, todo[0], card=todo[1])

    async def _booked(self, payment: dict[str, Any]) -> None:
        page = await self._remote.call("GET", "/v1/ledger/entries?limit=20")
        names = await self._remote.call("GET", "/v1/ledger/accounts")
        called = {account["code"]: account["name"] for account in names["data"]}
        for entry in page["data"]:
            if entry["of"] == payment["id"]:
                sides = (_side(called[line["account"]], line["amount"]) for line in entry["postings"])
                self._say(f"Booked: {', '.join(sides)}")
                return

    def _say(self, text: str) -> None:
        self._out.print(f"{SYSTEM.monotonic() - self._began_s:6.1f} s  {text}")


def _side(name: str, amount_paise: int) -> str:
    return f"{'debit' if amount_paise > 0 else 'credit'} {name} {format_inr(abs(amount_paise))}"
