"""A shop whose card sales are given back: voids on the machine, refunds through Paytm, and a second person."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, update

from galla.config import Secret
from galla.sandbox.charge import Charge
from galla.sandbox.sandbox import DEMO_MID
from galla.sandbox.terminal import Action
from galla.service import access, refunds
from galla.service.till import Principal
from galla.store.tables import merchants
from tests.service.shop import AMOUNT, FIRST, TEN_TWENTY_IST
from tests.service.upi_shop import UpiShop, open_upi_shop


class CardShop(UpiShop):
    """A shop with sales that are paid by card, and the verbs of giving them back."""

    async def sold(self, amount: int = AMOUNT, *, tid: str = FIRST, **more: Any) -> Any:
        """Take a sale on a machine to its end."""
        payment = await self.start(amount, tid=tid, **more)
        self.pay_by_card(tid)
        await self.check(payment)
        done = await self.see(payment)
        assert done["status"] == "paid"
        return done

    async def give_back(
        self,
        payment: Any,
        amount: int | None = None,
        kind: str = "auto",
        *,
        approver: str | None = None,
        by: Principal | None = None,
        **more: Any,
    ) -> Any:
        """Start a void or a refund and return its view after the first step."""
        credential = Secret(approver) if approver else None
        new = refunds.NewRefund(reason="returned", amount_paise=amount, kind=kind, approver=credential)
        return (await refunds.start(self.till, by or self.principal, payment["id"], new, **more)).refund

    def charge(self, payment: Any) -> Charge:
        """Return Paytm's truth about a sale."""
        return self.box.charges[DEMO_MID, payment["paytm"]["id"]]

    def accept_void(self, tid: str = FIRST) -> None:
        """Let a person accept what the machine asks."""
        self.act(Action.ACCEPT, tid=tid)

    async def colleague(self, *scopes: str, label: str = "Supervisor") -> str:
        """Make another person's key."""
        return await access.create_key(self.till, self.principal.merchant_id, list(scopes), label)

    async def person(self, key: str) -> Principal:
        """Return who a key is."""
        principal = await access.principal_for_key(self.till, key)
        assert principal is not None
        return principal

    async def set_merchant(self, **columns: Any) -> None:
        """Change the merchant, as another process might."""
        await self.till.database.write(_change, self.principal.merchant_id, columns)
        self.till.forget(self.principal.merchant_id)

    def void_questions(self, payment: Any) -> int:
        """Count the questions about the void of a sale."""
        calls = self.box.wire.calls(operation="status", paytm_id=payment["paytm"]["id"])
        return sum(call.body.get("event") == "VOID" for call in calls)

    def references(self) -> list[str]:
        """Return the reference of every refund request that left for Paytm, in order."""
        return [call.body["refId"] for call in self.box.wire.calls(operation="refund")]


@asynccontextmanager
async def open_card_shop(url: str, *, at: datetime = TEN_TWENTY_IST, **more: Any) -> AsyncIterator[CardShop]:
    """Open a shop on an empty database; on leaving, its books are compared with the truth."""
    async with open_upi_shop(url, at=at, **more) as shop:
        yield CardShop(shop.till, shop.box, shop.clock, shop.principal, shop.line)


def answer(view: Any) -> tuple[str, str, bool]:
    """Return what matters of a refund's view: kind, status, whether a person must look."""
    return view["kind"], view["status"], view["needs_review"]


def json(value: Any) -> str:
    """Return a view as the text that leaves galla."""
    return msgspec.json.encode(value).decode()


def _change(connection: Connection, merchant_id: str, columns: dict[str, Any]) -> None:
    connection.execute(update(merchants).where(merchants.c.id == merchant_id).values(columns))
