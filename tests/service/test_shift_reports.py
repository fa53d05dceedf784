"""The X report, which anybody may print at any time, and the Z report, which is numbered and never changes."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec
import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from galla.config import Secret
from galla.receipts.escpos import tally_escpos
from galla.receipts.pdf import compiled
from galla.receipts.tally_text import tally_text
from galla.receipts.text import WIDTHS
from galla.service import shift_paper, shifts
from galla.service.payments import NewPayment, start
from tests.receipts.papers import unspoken
from tests.service.card_shop import CardShop, open_card_shop
from tests.service.shop import FIRST

COUNTER = "Counter 1"


@pytest.fixture
async def shop(database_url: str) -> AsyncIterator[CardShop]:
    """A card shop on each database."""
    async with open_card_shop(database_url) as opened:
        yield opened


def _touch(connection: Connection, shift_id: str) -> None:
    connection.execute(text("UPDATE shifts SET counted_paise = 1 WHERE id = :id"), {"id": shift_id})


async def test_z_reports_are_numbered_and_frozen(shop: CardShop) -> None:
    """Each counter numbers its Z reports 1, 2, 3; the database itself refuses to change a closed shift."""
    other = await shop.colleague("collect")
    numbers = []
    for counter in (COUNTER, "Counter 2", COUNTER, COUNTER):
        opened = await shifts.open_shift(shop.till, shop.principal, counter, 0)
        assert opened["number"] is None
        closed = await shifts.close_shift(shop.till, shop.principal, opened["id"], 0, Secret(other))
        numbers.append((counter, closed["number"]))
    assert numbers == [(COUNTER, 1), ("Counter 2", 1), (COUNTER, 2), (COUNTER, 3)]
    with pytest.raises(DBAPIError, match="a closed shift never changes"):
        await shop.till.database.write(_touch, closed["id"])
    assert (await shifts.get(shop.till, shop.principal, closed["id"]))["counted"] == 0


async def test_a_report_is_one_text_in_every_form(shop: CardShop) -> None:
    """X says that it goes on, Z who signed; every sum is on the roll, no line is wider than it, and the PDF is one."""
    here = msgspec.structs.replace(shop.principal, counter=COUNTER)
    other = await shop.colleague("collect", label="Meena")
    shift = await shifts.open_shift(shop.till, here, COUNTER, 50_000)
    await shop.sold(2_50_000, tid=FIRST)
    await start(shop.till, here, NewPayment(amount_paise=80_000, method="cash", reference="INV-2"))
    before = await shifts.get(shop.till, here, shift["id"])
    x = await shift_paper.tally(shop.till, here, shift["id"])
    assert (x.title, x.signatures) == ("X report", ())
    assert await shifts.get(shop.till, here, shift["id"]) == before
    await shifts.close_shift(shop.till, here, shift["id"], 129_000, Secret(other), "A note was torn.")
    z = await shift_paper.tally(shop.till, here, shift["id"])
    for width in WIDTHS:
        lines = tally_text(z, width).splitlines()
        assert unspoken(tally_escpos(z, width)).decode("ascii").rstrip("\n").split("\n") == lines
        assert max(map(len, lines)) <= width
        assert all(line.isascii() for line in lines)
        words = " ".join(" ".join(lines).split())
        for said in ("Z report 1", "Credit card (1) 2,500.00", "Net Rs.3,300.00", "Cash expected Rs.1,300.00"):
            assert said in words
        assert "Difference -Rs.10.00" in words
        assert "Taken over: key Meena" in words
    assert compiled("tally.typ", {**msgspec.to_builtins(z), "size": "80mm"}, z.printed_at).startswith(b"%PDF")
