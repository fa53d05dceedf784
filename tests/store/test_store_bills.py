"""Bills in the database: never more paid or reserved than their total, and idempotency keys used once."""

import pytest
from sqlalchemy import Connection, Row

from galla.store import bills, keys
from galla.store.database import Database
from tests.store.samples import Shop, assert_refused, make_bill, make_shop, sql


async def sums(database: Database, shop: Shop, bill: str) -> tuple[int, int, int]:
    """Return what is paid and reserved on a bill, and whether it says it is overcommitted."""
    row: Row | None = await database.read(bills.get, shop.merchant_id, bill)
    assert row is not None
    return row.paid_paise, row.live_paise, row.is_overcommitted


async def test_a_bill_is_never_paid_above_its_total(database: Database) -> None:
    """I-07: no statement makes paid more than the total, or paid and reserved together, unless the bill says so."""
    shop = await database.write(make_shop)
    bill = await database.write(make_bill, shop, 1000)
    set_to = "UPDATE bills SET {} WHERE id = '" + bill + "'"
    await database.write(sql, set_to.format("paid_paise = 400, live_paise = 600"))

    await assert_refused(database, "ck_bills_reserved", sql, set_to.format("live_paise = 601"))
    await assert_refused(database, "ck_bills_reserved", bills.reserve, shop.merchant_id, bill, 1)
    await assert_refused(database, "ck_bills_", sql, set_to.format("paid_paise = 1001, is_overcommitted = 1"))
    await assert_refused(database, "ck_bills_paid", sql, set_to.format("paid_paise = -1"))
    await assert_refused(database, "ck_bills_live", sql, set_to.format("live_paise = -1"))
    await database.write(bills.reserve, shop.merchant_id, bill, 1, over=True)
    assert await sums(database, shop, bill) == (400, 601, 1)


async def test_totals_and_lines_are_sane(database: Database) -> None:
    """I-07, I-08: a bill has a total of at least one paisa, no more tax than that, and lines that multiply up."""
    shop = await database.write(make_shop)
    await assert_refused(database, "ck_bills_total", make_bill, shop, 0)
    await assert_refused(database, "ck_bills_tax", make_bill, shop, 10, tax_paise=11)
    bill = await database.write(make_bill, shop, 10)
    for change in ("amount_paise = 11", "quantity_milli = 0", "gross_paise = 11", "tax_bp = -1", "share_paise = 1"):
        await assert_refused(database, "ck_bill_lines", sql, f"UPDATE bill_lines SET {change} WHERE bill_id = '{bill}'")
    number = (await database.read(bills.get, shop.merchant_id, bill)).number
    await assert_refused(database, "number", make_bill, shop, number=number)


@pytest.mark.parametrize(
    ("paid_before", "payment", "allocated", "after"),
    [
        (0, 1000, 1000, (1000, 0, 0)),
        (0, 400, 400, (400, 0, 0)),
        (700, 1000, 300, (1000, 0, 0)),
        (1000, 1000, 0, (1000, 0, 0)),
    ],
)
async def test_a_payment_settles_what_is_due(
    database: Database, paid_before: int, payment: int, allocated: int, after: tuple[int, int, int]
) -> None:
    """I-07: a proven payment pays what the bill still needs and no more; the rest is said to be over."""
    shop = await database.write(make_shop)
    bill = await database.write(make_bill, shop, 1000)
    await database.write(sql, f"UPDATE bills SET paid_paise = {paid_before} WHERE id = '{bill}'")
    await database.write(bills.reserve, shop.merchant_id, bill, payment, over=True)

    found = await database.write(bills.settle, shop.merchant_id, bill, reserved_paise=payment, paid_paise=payment)

    assert (allocated, after) == (found, await sums(database, shop, bill))


async def test_a_cancelled_bill_takes_no_payment(database: Database) -> None:
    """A payment that is proven after its bill was cancelled pays nothing of it: all of it is an advance."""
    shop = await database.write(make_shop)
    bill = await database.write(make_bill, shop, 1000)
    await database.write(bills.cancel, shop.merchant_id, bill)

    assert await database.write(bills.settle, shop.merchant_id, bill, reserved_paise=0, paid_paise=1000) == 0
    assert await sums(database, shop, bill) == (0, 0, 0)


async def test_bills_are_found_by_what_a_person_types(database: Database) -> None:
    """A search matches the beginning of number, name or phone, takes % and _ as they stand, and stays in its shop."""
    shop, other = await database.write(make_shop), await database.write(make_shop)
    one = await database.write(make_bill, shop, number="INV-7", customer_name="Asha Rao", customer_phone="98765")
    two = await database.write(make_bill, shop, number="100%", customer_name="B_C", customer_phone=None)
    await database.write(make_bill, other, number="INV-7", customer_name="Asha")

    async def found(q: str) -> list[str]:
        return [row.id for row in await database.read(bills.find, shop.merchant_id, q=q)]

    assert [one] == await found("inv")
    assert [one] == await found("asha")
    assert [one] == await found("987")
    assert [two] == await found("100%")
    assert [two] == await found("b_")
    assert await found("%") == []
    assert await found("rao") == []


async def test_a_search_that_finds_very_many_shows_the_newest(database: Database) -> None:
    """Beyond what is looked up by index the newest come first, exactly those that begin so, and pages go on."""
    shop = await database.write(make_shop)

    def fill(connection: Connection) -> list[str]:
        make_bill(connection, shop, number="OTHER-1", customer_name="Zed")
        return [make_bill(connection, shop, number=f"N-{place:04d}") for place in range(bills._FEW + 5)]

    made = await database.write(fill)
    page = await database.read(bills.find, shop.merchant_id, q="n-", limit=3)
    assert [row.id for row in page] == sorted(made)[:-4:-1]
    page = await database.read(bills.find, shop.merchant_id, q="n-", limit=9, before=sorted(made)[2])
    assert [row.id for row in page] == sorted(made)[1::-1]
    (one,) = await database.read(bills.find, shop.merchant_id, q="Ｎ-0007")
    assert one.number == "N-0007"
    for q in ("\u0000x", "\U0010ffff", "n-0007%"):
        assert await database.read(bills.find, shop.merchant_id, q=q.replace("\0", "")) == []


async def test_a_phone_is_found_however_it_is_written(database: Database) -> None:
    """India's code, a leading zero, spaces and dashes make no other number of it; letters are no phone."""
    shop = await database.write(make_shop)
    bill = await database.write(make_bill, shop, number="P-1", customer_phone="+91 98123-45678")
    for q in ("98123", "+91 98123 45678", "098123 45678", "98123-456"):
        assert [row.id for row in await database.read(bills.find, shop.merchant_id, q=q)] == [bill], q
    for q in ("81234", "x98123", "9198123"):
        assert await database.read(bills.find, shop.merchant_id, q=q) == [], q


async def test_an_idempotency_key_is_one_request(database: Database) -> None:
    """I-24: a key of a merchant is taken once, its first answer stays, and another merchant's key is its own."""
    shop, other = await database.write(make_shop), await database.write(make_shop)
    values = {"merchant_id": shop.merchant_id, "key": "k", "fingerprint": "f", "object_id": "pay_1"}
    values |= {"answer": None, "lease_until": 1, "created_at": 1}
    await database.write(keys.claim, values)

    await assert_refused(database, "idempotency_keys", keys.claim, values | {"fingerprint": "g"})
    await database.write(keys.claim, values | {"merchant_id": other.merchant_id})
    await database.write(keys.answer, shop.merchant_id, "k", "first")
    await database.write(keys.answer, shop.merchant_id, "k", "second")

    def read(connection: Connection, merchant_id: str) -> str | None:
        row = keys.get(connection, merchant_id, "k")
        return row.answer if row is not None else "?"

    assert (
        await database.read(read, shop.merchant_id),
        await database.read(read, other.merchant_id),
    ) == ("first", None)
