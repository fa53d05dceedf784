"""Bills: numbered without a gap and without a twin, booked with discount and GST, sent twice without harm."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select

from galla.errors import AmountNotAllowed, InvalidField
from galla.service import bills, ledgers, merchants
from galla.service.bills import NewBill
from galla.service.till import Till
from galla.store.bill_tables import series
from tests.service.shop import Shop, open_shop

CREAM = {"description": "Cream", "quantity": 1, "unit_amount": 11_800, "tax_rate": "18"}


async def write(shop: Shop, *, till: Till | None = None, **fields: Any) -> Any:
    """Write a bill of one cream, unless it is asked for otherwise."""
    new = NewBill(**({"lines": [CREAM]} | fields))
    return await bills.create(till or shop.till, shop.principal, new)


async def balances(shop: Shop) -> dict[str, int]:
    """Return what stands on each account that is not at zero."""
    trial = await ledgers.trial_balance(shop.till, shop.principal)
    return {account["code"]: account["balance"] for account in trial["accounts"] if account["balance"]}


async def test_numbers_have_no_gap_and_no_twin(database_url: str) -> None:
    """Sixty-four at once from two tills, some refused, some with numbers of their own: 1, 2, 3 … and each once."""
    async with open_shop(database_url) as shop:
        is_shared = database_url.startswith("postgresql")
        twin = await Till.open(shop.till.settings, send=shop.line.send, clock=shop.clock) if is_shared else shop.till
        try:
            asked: list[dict[str, Any]] = [{}, {"number": "OWN-{}"}, {"lines": []}, {}]
            made = await asyncio.gather(
                *(
                    write(
                        shop,
                        till=(shop.till, twin)[place % 2],
                        **{key: each.format(place) if key == "number" else each for key, each in fields.items()},
                    )
                    for place, fields in enumerate(asked * 16)
                ),
                return_exceptions=True,
            )
        finally:
            if is_shared:
                await twin.close()
        refused = [each for each in made if isinstance(each, BaseException)]
        assert len(refused) == 16
        assert all(isinstance(each, InvalidField) for each in refused), refused
        numbers = sorted(each["number"] for each in made if not isinstance(each, BaseException))
        own = [number for number in numbers if number.startswith("OWN")]
        assert len(own) == len(set(own)) == 16
        year = numbers[0].split("/")[1]
        assert [number for number in numbers if number not in own] == [f"INV/{year}/{n:06d}" for n in range(1, 33)]


async def test_each_branch_and_year_counts_for_itself(database_url: str) -> None:
    """A branch has letters of its own, the year begins in April in India, and a cancelled bill keeps its number."""
    async with open_shop(database_url) as shop:
        shop.clock.advance((datetime(2027, 3, 31, 18, 29, 30, tzinfo=UTC) - shop.clock.now()).total_seconds())
        first = await write(shop)
        await bills.cancel(shop.till, shop.principal, first["id"])
        numbers = [(await write(shop, branch=branch))["number"] for branch in (None, "Main", "Mainland", "main", "मुख्य")]
        shop.clock.advance(60)
        numbers += [(await write(shop, branch=branch))["number"] for branch in (None, "MAIN")]
    assert first["number"] == "INV/26-27/000001"
    assert numbers == [
        "INV/26-27/000002", "MAI/26-27/000001", "MA2/26-27/000001", "MAI/26-27/000002", "BR/26-27/000001",
        "INV/27-28/000001", "MAI/27-28/000001",
    ]  # fmt: skip


async def test_no_number_is_longer_than_gst_allows(database_url: str) -> None:
    """Whatever a branch is called, its numbers have 16 characters at most; where they end, that is said."""
    async with open_shop(database_url) as shop:
        names = (None, "M", "Main Road, 2nd floor", "Maß", "मुख्य", "१२३", "-/-", "9" * 40, "İ", "MAI", "मुख", "a\u0301")
        numbers = [(await write(shop, branch=name))["number"] for name in names]
        assert all(re.fullmatch(r"[A-Z0-9]{1,3}/25-26/000001", number) for number in numbers), numbers
        assert len({number.casefold() for number in numbers}) == len(names)
        await shop.till.database.write(_used_up, "main", numbers[0].split("/")[1])
        last = await write(shop, branch="Main")
        assert last["number"].endswith("/25-26/999999")
        assert len(last["number"]) == 16
        before = await balances(shop)
        for branch in ("Main", "सबसे नई"):
            with pytest.raises(InvalidField, match="The `branch` has no bill number left in 25-26") as refused:
                await write(shop, branch=branch)
            assert (refused.value.param, refused.value.code) == ("branch", "series_full")
        assert await balances(shop) == before
        assert (await write(shop, branch="Main", number="OWN-1"))["number"] == "OWN-1"


def _used_up(connection: Connection, branch: str, year: str) -> None:
    """Leave a branch one number of its year, and every other branch without a Latin name no letters."""
    (merchant,) = connection.execute(select(series.c.merchant_id).distinct()).scalars()
    taken = set(connection.execute(select(series.c.prefix)).scalars())
    made = {f"BR{count}"[:3] if count < 10 else f"B{count}" if count < 100 else f"{count}" for count in range(2, 1000)}
    rows = [{"branch": f"of {letters}", "prefix": letters, "last": 1} for letters in {"BR", *made} - taken]
    rows.append({"branch": branch, "prefix": "MAX", "last": 999_998})
    connection.execute(insert(series), [{**row, "merchant_id": merchant, "year": year} for row in rows])


async def test_a_bill_books_sales_discount_and_gst(database_url: str) -> None:
    """Sales stand before the discount, the discount beside them, GST on what is left; a cancel takes all back."""
    async with open_shop(database_url) as shop:
        lines = [{**CREAM, "quantity": "1.5", "discount_amount": 5_900}, {**CREAM, "tax_rate": "5", "hsn": "3304"}]
        bill = await write(shop, lines=lines, discount_rate="10")
        assert (bill["total"], bill["discount"]) == (21_240, 5_900 + 2_360)
        assert [line["bill_discount"] for line in bill["lines"]] == [1_180, 1_180]
        assert bill["taxes"] == [
            {"rate": "5", "taxable": 10_114, "tax": 506, "cgst": 253, "sgst": 253, "igst": 0},
            {"rate": "18", "taxable": 9_000, "tax": 1_620, "cgst": 810, "sgst": 810, "igst": 0},
        ]
        booked = await balances(shop)
        off = 6_000 + 1_124
        assert booked == {
            "receivable": 21_240, "gst_output": -2_126, "discounts": off, "sales": -(21_240 - 2_126 + off)
        }  # fmt: skip
        on_top = await write(shop, lines=[{**CREAM, "discount_rate": "50"}], tax_included=False)
        assert (on_top["total"], on_top["tax"], on_top["lines"][0]["amount"]) == (6_962, 1_062, 6_962)
        for each in (bill, on_top):
            await bills.cancel(shop.till, shop.principal, each["id"])
        assert await balances(shop) == {}


async def test_a_sale_to_another_state_owes_igst(database_url: str) -> None:
    """The shop's GSTIN names its state: a bill of another place has IGST, and keeps it when the shop moves."""
    async with open_shop(database_url) as shop:
        merchant = shop.principal.merchant_id
        with pytest.raises(InvalidField, match="needs the shop's GSTIN"):
            await write(shop, lines=[CREAM], place_of_supply="29")
        for wrong in ("27AAPFU0939F1ZW", "99AAPFU0939F1ZV", "27"):
            with pytest.raises(InvalidField, match="as on its registration"):
                await merchants.change(shop.till, shop.principal, merchant, {"gstin": wrong})
        await merchants.change(shop.till, shop.principal, merchant, {"gstin": "27AAPFU0939F1ZV"})
        there = await write(shop, lines=[CREAM], place_of_supply="29")
        here = await write(shop, lines=[CREAM], place_of_supply="27")
        await merchants.change(shop.till, shop.principal, merchant, {"gstin": "29AAGCB7383J1Z4"})
        (tax,) = (await bills.get(shop.till, shop.principal, there["id"]))["taxes"]
        assert (tax["igst"], tax["cgst"], tax["sgst"]) == (tax["tax"], 0, 0)
        assert here["taxes"] == [{**tax, "igst": 0, "cgst": tax["tax"] // 2, "sgst": tax["tax"] // 2}]
        with pytest.raises(InvalidField, match="two digits"):
            await write(shop, lines=[CREAM], place_of_supply="28")


async def test_a_number_sent_twice_is_one_bill(database_url: str) -> None:
    """The same number with the same content finds its bill; anything else is refused and named."""
    async with open_shop(database_url) as shop:
        sent = NewBill(number="H-1", total=50_000, description="Physio", customer={"name": "Ramesh Kumar"})
        answers = await asyncio.gather(*(bills.take_in(shop.till, shop.principal, sent) for _ in range(8)))
        assert sorted(is_new for _, is_new in answers) == [False] * 7 + [True]
        assert len({bill["id"] for bill, _ in answers}) == 1
        assert answers[0][0]["lines"][0]["description"] == "Physio"
        for changed, named in (
            ({"total": 50_001}, "total, lines"),
            ({"customer": {"name": "Sita"}}, "customer.name"),
            ({"metadata": {"a": "b"}}, "metadata"),
        ):
            fields = {"number": "H-1", "total": 50_000, "description": "Physio", "customer": {"name": "Ramesh Kumar"}}
            with pytest.raises(InvalidField, match=f"differs in {named}") as refused:
                await write(shop, **({"lines": []} | fields | changed))
            assert refused.value.code == "bill_exists"
        with pytest.raises(InvalidField, match="own series"):
            await write(shop, number="INV/26-27/000001")
        own = await write(shop)
        again = await write(shop, number=own["number"])
        assert again["id"] == own["id"]
        assert await balances(shop) == {"receivable": 61_800, "gst_output": -1_800, "sales": -60_000}


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"lines": [{**CREAM, "quantity": "0"}]}, "lines[0].quantity"),
        ({"lines": [{**CREAM, "quantity": "1.2345"}]}, "lines[0].quantity"),
        ({"lines": [{**CREAM, "quantity": 1.5}]}, "lines[0].quantity"),
        ({"lines": [{**CREAM, "discount_amount": 1, "discount_rate": "1"}]}, "lines[0].discount_rate"),
        ({"lines": [{**CREAM, "discount_amount": 11_801}]}, "lines[0].discount_amount"),
        ({"lines": [{**CREAM, "hsn": "12"}]}, "lines[0].hsn"),
        ({"discount_amount": 11_801}, "discount_amount"),
        ({"discount_rate": "100"}, "lines"),
        ({"total": 5}, "total"),
        ({"description": "x"}, "description"),
        ({"lines": [{**CREAM, "unit_amount": 10**12 - 1, "quantity": 2}]}, "lines[0]"),
    ],
)
async def test_a_bill_that_cannot_be_is_refused_by_its_field(
    fresh_sqlite_url: str, fields: dict[str, Any], param: str
) -> None:
    """What cannot be multiplied, taken off or taxed is refused with the field's name, and nothing is written."""
    async with open_shop(fresh_sqlite_url) as shop:
        with pytest.raises((InvalidField, AmountNotAllowed)) as refused:
            await write(shop, **fields)
        assert refused.value.param == param
        assert (await bills.find(shop.till, shop.principal))["data"] == []
