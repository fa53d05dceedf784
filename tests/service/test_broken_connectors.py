"""A connector that lies, fails or is gone: its payments are held for a person, and no other payment notices."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
import pytest

from galla.client.flows import Flow
from galla.connectors.amount import PAISE_TEXT
from galla.connectors.connector import Account, Capabilities
from galla.payments.model import Captured, Outcome, Payment, Phase, Proof, Waiting
from galla.protocol.message import Host, Request
from galla.service import bills, payments, tasks
from tests.service.shop import AMOUNT, Shop, open_shop
from tests.till import Counter

TABLE = Capabilities(name="odd", methods=frozenset({"odd"}), amounts=PAISE_TEXT)


class Odd:
    """A connector whose payment begins well, and whose answer to a question is what the test makes of a true proof."""

    capabilities = TABLE

    def __init__(self, **changes: Any) -> None:
        self._changes = changes

    def begin(self, payment: Payment, account: Account, now: datetime) -> Flow[Outcome]:
        """Begin a payment."""
        yield from ()
        return Waiting(phase=Phase.AWAITING_PAYER, link="odd://pay")

    def inquire(self, payment: Payment, account: Account, now: datetime) -> Flow[Outcome]:
        """Say that it is paid."""
        yield from ()
        proof = Proof(mid=payment.mid, paytm_id=payment.paytm_id, amount_paise=payment.amount_paise)
        return Captured(proof=msgspec.structs.replace(proof, **self._changes))


class Failing(Odd):
    """Raises in both verbs."""

    def begin(self, payment: Payment, account: Account, now: datetime) -> Flow[Outcome]:
        """Fail before there is a flow."""
        raise RuntimeError("the key is 4111111111111111")

    inquire = begin


class Mumbling(Odd):
    """Answers every question with something that is no outcome."""

    def inquire(self, payment: Payment, account: Account, now: datetime) -> Flow[Outcome]:
        """Return garbage."""
        yield from ()
        return {"status": "paid"}  # type: ignore[return-value]


class Endless(Odd):
    """Asks on and on."""

    def inquire(self, payment: Payment, account: Account, now: datetime) -> Flow[Outcome]:
        """Never come to an end."""
        body = msgspec.json.encode({"body": {"orderId": payment.paytm_id}})
        while True:
            yield Request(host=Host.PG, path="/v3/order/status", body=body, operation="odd", paytm_id=payment.paytm_id)


async def begun(shop: Shop | Counter, connector: Any, **more: Any) -> Any:
    """Start a payment through a connector of the test's own."""
    shop.till.connectors["odd"] = connector
    new = payments.NewPayment(amount_paise=AMOUNT, method="odd", **more)
    return (await payments.start(shop.till, shop.principal, new)).payment


LIARS = {
    "amount": Odd(amount_paise=AMOUNT + 1),
    "id": Odd(paytm_id="SBSOMEBODYELSE"),
    "mid": Odd(mid="OTHERMID"),
    "currency": Odd(currency="USD"),
}
BROKEN = {"fails": Failing(), "garbage": Mumbling(), "endless": Endless(), "no text": Odd(rrn=612345)}


@pytest.mark.parametrize("name", [*LIARS, *BROKEN])
async def test_nothing_a_connector_does_pays(database_url: str, name: str) -> None:
    """A lie, an exception, garbage or an endless flow: not paid, flagged, asked on, and the sale beside it is paid."""
    async with open_shop(database_url) as shop:
        bill = await shop.bill()
        odd = await begun(shop, {**LIARS, **BROKEN}[name], bill=bill["id"])
        sale = await shop.start()
        shop.pay_by_card()
        await shop.pass_time(60)
        held = await shop.see(odd)
        assert (held["status"] in ("pending", "in_doubt"), held["needs_review"], held["proof"]) == (True, True, None)
        assert held["reason"]["code"] == ("mismatch" if name in LIARS else "unclear")
        assert held["next_check_at"] is not None
        assert "4111" not in repr(await shop.timeline(odd))
        assert (await bills.get(shop.till, shop.principal, bill["id"]))["paid"] == 0
        assert (await shop.see(sale))["status"] == "paid"
        assert await tasks.unexplained(shop.till, shop.principal) == 1


async def test_a_mended_connector_pays_what_was_held(counter: Counter) -> None:
    """What a broken connector left open is asked about by the mended one, and becomes paid by proof."""
    odd = await begun(counter, Failing())
    assert (odd["status"], odd["needs_review"]) == ("in_doubt", True)
    counter.till.connectors["odd"] = Odd()
    await counter.pass_time(600)
    after = await payments.get(counter.till, counter.principal, odd["id"])
    assert (after["status"], after["needs_review"]) == ("paid", False)


async def test_a_connector_that_is_gone_is_flagged(counter: Counter) -> None:
    """A payment whose connector was uninstalled stays open in front of a person, and its end is found afterwards."""
    odd = await begun(counter, Odd())
    del counter.till.connectors["odd"]
    await counter.pass_time(600)
    held = await payments.get(counter.till, counter.principal, odd["id"])
    assert (held["status"], held["needs_review"]) == ("pending", True)
    assert "`odd` is not installed" in held["reason"]["message"]
    counter.till.connectors["odd"] = Odd()
    await counter.pass_time(3600)
    after = await payments.get(counter.till, counter.principal, odd["id"])
    assert (after["status"], after["needs_review"]) == ("paid", False)
