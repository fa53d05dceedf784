"""The evidence of a payment: an answer for a customer who says "I was charged twice", with its proofs."""

from __future__ import annotations

import io

import msgspec
import pypdf
import pytest

from galla.errors import NotFound
from galla.receipts.paper import REHEARSAL
from galla.receipts.pdf import compiled
from galla.sandbox.sandbox import DEMO_KEY
from galla.sandbox.terminal import Action
from galla.service import evidence, receipts
from tests.corpus import PRINTERS
from tests.service.card_shop import open_card_shop

ADDRESS = "https://shop.example"


async def test_everything_that_happened_is_there_in_order(database_url: str) -> None:
    """Request, proof, print, void and its end stand in order, each with its raw proof redacted and its audit hash."""
    async with open_card_shop(database_url) as shop:
        sale = await shop.start(reference="INV-1", customer={"name": "Ramesh Kumar", "phone": "9876543210"})
        shop.clock.advance(1)
        shop.pay_by_card()
        await shop.check(sale)
        shop.clock.advance(1)
        await receipts.hand_out(shop.till, shop.principal, sale["id"], ADDRESS)
        await shop.give_back(sale)
        shop.accept_void()
        await shop.pass_time(60)
        pack = await evidence.gather(shop.till, shop.principal, sale["id"])
        said = [item.text for item in pack.happenings]
        order = [said.index(text) for text in ("Sent to Paytm: Paytm has it.", "Asked Paytm: paid.")]
        order += [said.index("Given back, proven by Paytm's answer.")]
        assert order == sorted(order)
        assert any("printed the receipt." in text for text in said)
        assert [item.at for item in pack.happenings] == sorted(item.at for item in pack.happenings)
        assert pack.answer[0].startswith("This payment took ₹2,500.00 once, by Visa •••• 1234.")
        assert "₹2,500.00 of it was given back. That is proven too." in pack.answer
        assert pack.rehearsal == REHEARSAL
        assert all(len(row.value) == 64 for row in pack.chain)
        raw = "\n".join(item.raw for item in pack.happenings)
        assert sale["paytm"]["id"] in raw
        for hidden in (DEMO_KEY, "9876543210", "Ramesh Kumar", "4111"):
            assert hidden not in raw


async def test_a_second_payment_of_the_bill_is_named(database_url: str) -> None:
    """Whoever was charged twice finds both payments on the page of each; whoever was not, reads that."""
    async with open_card_shop(database_url) as shop:
        declined = await shop.start(reference="INV-2")
        shop.act(Action.REJECT)
        await shop.check(declined)
        paid = await shop.sold(reference="INV-2")
        pack = await evidence.gather(shop.till, shop.principal, paid["id"])
        assert pack.answer[-1] == "No other payment of the same bill or reference took money."
        assert [declined["id"] in row.value and "not paid" in row.value for row in pack.others] == [True]
        again = await shop.sold(reference="INV-2")
        twice = await evidence.gather(shop.till, shop.principal, again["id"])
        assert twice.answer[-1] == "1 other payment(s) of the same bill or reference took ₹2,500.00: see below."
        nothing = await evidence.gather(shop.till, shop.principal, declined["id"])
        assert nothing.answer[0].startswith("This payment took nothing.")


async def test_what_is_not_certain_claims_nothing(database_url: str) -> None:
    """A payment on its way says that it is not certain, and never that it took money."""
    async with open_card_shop(database_url) as shop:
        waiting = await shop.start()
        pack = await evidence.gather(shop.till, shop.principal, waiting["id"])
        assert pack.answer[0].startswith("It is not certain yet")
        assert "took ₹" not in " ".join(pack.answer)
        with pytest.raises(NotFound):
            await evidence.gather(shop.till, shop.principal, "pay_none")


async def test_hostile_words_are_only_words(database_url: str) -> None:
    """Notes and names that try to be code are set in the PDF as they stand, on pages that exist."""
    async with open_card_shop(database_url) as shop:
        for number, typed in enumerate(PRINTERS):
            sale = await shop.start(reference=f"I{number}", description=typed, customer={"name": typed[:80]})
            shop.act(Action.REJECT)
            await shop.check(sale)
            pack = await evidence.gather(shop.till, shop.principal, sale["id"])
            made = compiled("evidence.typ", msgspec.to_builtins(pack), pack.made_at)
            document = pypdf.PdfReader(io.BytesIO(made))
            assert "root:" not in document.pages[0].extract_text()
