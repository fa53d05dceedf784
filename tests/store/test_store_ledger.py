"""What the database itself refuses of the books: unbalanced, repeated or changed entries."""

import random
from collections import defaultdict
from datetime import timedelta

import pytest
from sqlalchemy import Connection, insert
from sqlalchemy.exc import DBAPIError

from galla.clock import business_date, to_millis
from galla.ledger.accounts import ADVANCES, HOST_RECEIVABLE, RECEIVABLE, SALES, Account
from galla.ledger.posting import Entry, Posting
from galla.store import journal, ledger, payments
from galla.store.database import Database
from galla.store.guards import APPEND_ONLY
from galla.store.record_tables import entries, postings
from tests.store.samples import NOW, Shop, assert_refused, make_bill, make_shop, sql, write_paid


def entry(object_id: str, *lines: tuple[Account, int], event: str = "payment.paid", day: int = 0) -> Entry:
    """Return an entry on a day after the first."""
    at = NOW + timedelta(days=day)
    return Entry(
        object_id=object_id,
        event=event,
        at=at,
        on=business_date(at),
        description="test",
        postings=tuple(Posting(account, amount) for account, amount in lines),
    )


def book_raw(connection: Connection, shop: Shop, object_id: str, *lines: tuple[str, int], sealed: bool = True) -> None:
    """Write lines and their entry past `Entry`, which would not let itself be built."""
    for number, (account, amount) in enumerate(lines, start=1):
        values = {"merchant_id": shop.merchant_id, "entry_id": object_id, "line": number}
        connection.execute(insert(postings), values | {"account": account, "amount_paise": amount})
    if sealed:
        values = {"merchant_id": shop.merchant_id, "id": object_id, "object_id": object_id, "event": "x"}
        connection.execute(insert(entries), values | {"on": "2026-01-05", "description": "", "at": to_millis(NOW)})


async def test_an_entry_balances(database: Database) -> None:
    """I-01: the database refuses an entry that does not sum to zero, has fewer than two lines, or a line of zero."""
    shop = await database.write(make_shop)
    rule = "two lines or more that sum to zero"
    await assert_refused(database, rule, book_raw, shop, "e1", ("sales", -1), ("receivable", 2))
    await assert_refused(database, rule, book_raw, shop, "e2", ("sales", -1))
    await assert_refused(database, rule, book_raw, shop, "e3")
    await assert_refused(database, "amount", book_raw, shop, "e4", ("sales", 0), ("receivable", 0))
    assert await database.read(
        sql, "SELECT (SELECT count(*) FROM entries), (SELECT count(*) FROM postings)"
    ) == [(0, 0)]


async def test_lines_need_their_entry_and_account(database: Database) -> None:
    """I-01: lines without the entry that weighs them, or on an unknown account, do not survive their commit."""
    shop = await database.write(make_shop)
    lines = (("sales", -1), ("receivable", 1))
    await assert_refused(database, "foreign key", book_raw, shop, "e1", *lines, sealed=False)
    await assert_refused(database, "foreign key", book_raw, shop, "e2", ("sales", -1), ("nowhere", 1))
    assert await database.read(sql, "SELECT count(*) FROM postings") == [(0,)]


async def test_a_written_entry_takes_no_more_lines(database: Database) -> None:
    """I-01: no line, balanced or not, can be added to an entry that was written."""
    shop = await database.write(make_shop)
    await database.write(book_raw, shop, "e1", ("sales", -1), ("receivable", 1))

    def add(connection: Connection) -> None:
        for line, amount in ((3, 5), (4, -5)):
            values = {"merchant_id": shop.merchant_id, "entry_id": "e1", "line": line}
            connection.execute(insert(postings), values | {"account": "sales", "amount_paise": amount})

    await assert_refused(database, "takes no more lines", add)


async def test_an_event_is_booked_once(database: Database) -> None:
    """I-19: the same event of the same object is booked once; another event, or merchant, has its own entry."""
    shop, other = await database.write(make_shop), await database.write(make_shop)
    one = entry("pay_1", (RECEIVABLE, 1), (SALES, -1))
    await database.write(ledger.book, shop.merchant_id, one)

    await assert_refused(database, "entries", ledger.book, shop.merchant_id, one)
    await database.write(
        ledger.book, shop.merchant_id, entry("pay_1", (RECEIVABLE, 1), (SALES, -1), event="bill.created")
    )
    await database.write(ledger.book, other.merchant_id, one)

    assert await database.read(ledger.count_entries, shop.merchant_id, NOW) == 2


async def test_records_are_append_only(database: Database) -> None:
    """I-18: no row of evidence, events, audit or ledger can be changed or deleted, in any table."""
    shop = await database.write(make_shop)
    bill = await database.write(make_bill, shop)
    payment = await database.write(write_paid, shop)
    seen = payments.Exchange(operation="edc.status", outcome="captured", at=NOW, duration_ms=1)
    await database.write(payments.insert_exchange, payment, seen)
    await database.write(book_raw, shop, "e1", ("sales", -1), ("receivable", 1))
    note = journal.Note(actor="me", origin="test", action="x", object_id=payment.id)
    happened = journal.Event(type="x", object_id=payment.id, sequence=1, data="{}")
    await database.write(journal.record, shop.merchant_id, NOW, note, happened)
    mid = shop.merchant_id
    for row in (
        f"callbacks (merchant_id, id, digest, kind, data, at) VALUES ('{mid}', 'c', 'd', 'callback', '{{}}', 1)",
        "attachments (merchant_id, id, payment_id, bill_id, amount_paise, actor, created_at) "
        f"VALUES ('{mid}', 'a', '{payment.id}', '{bill}', 1, 'me', 1)",
        f"receipts (merchant_id, id, object_id, number, code, created_at) VALUES ('{mid}', 'r', 'p', 1, 'k', 1)",
        f"prints (merchant_id, receipt_id, copy, actor, at) VALUES ('{mid}', 'r', 1, 'me', 1)",
        "shifts (merchant_id, id, counter, opened_by, opened_at, float_paise, sequence) "
        f"VALUES ('{mid}', 's', 'C', 'me', 1, 0, 1)",
        f"shift_lines (merchant_id, object_id, shift_id) VALUES ('{mid}', '{payment.id}', 's')",
        "drawer_movements (merchant_id, id, shift_id, kind, amount_paise, reason, actor, at) "
        f"VALUES ('{mid}', 'm', 's', 'pay_in', 1, 'change', 'me', 1)",
    ):
        await database.write(sql, f"INSERT INTO {row}")

    assert {"proofs", "exchanges", "events", "audit", "entries", "postings"} <= {table.name for table in APPEND_ONLY}
    for table in APPEND_ONLY:
        assert await database.read(sql, f"SELECT 1 FROM {table.name}"), f"{table.name} needs a row for this test"
        rule = f"{table.name} is append-only"
        await assert_refused(database, rule, sql, f"UPDATE {table.name} SET merchant_id = merchant_id")
        await assert_refused(database, rule, sql, f"DELETE FROM {table.name}")


async def test_trial_balance_is_the_sum_of_the_lines(database: Database) -> None:
    """I-20, I-01: for every account and every day the trial balance equals a count by hand, and all sums to zero."""
    shop = await database.write(make_shop)
    chance = random.Random(20)  # noqa: S311 - any amounts will do
    accounts = (RECEIVABLE, SALES, ADVANCES, HOST_RECEIVABLE)
    by_hand: dict[int, dict[str, list[int]]] = {day: defaultdict(lambda: [0, 0]) for day in range(4)}

    def book_all(connection: Connection) -> None:
        for number in range(120):
            first, second, third = chance.sample(accounts, 3)
            one, two, day = chance.randint(1, 10**9), chance.randint(1, 10**9), chance.randrange(4)
            made = entry(f"o{number}", (first, one), (second, two), (third, -one - two), day=day)
            ledger.book(connection, shop.merchant_id, made)
            for account, debit, credit in ((first, one, 0), (second, two, 0), (third, 0, one + two)):
                for later in range(day, 4):
                    by_hand[later][account.code][0] += debit
                    by_hand[later][account.code][1] += credit

    await database.write(book_all)
    for day in range(4):
        on = business_date(NOW + timedelta(days=day))
        found = await database.read(ledger.balances, shop.merchant_id, on)
        assert {row.account: [row.debit, row.credit] for row in found} == by_hand[day]
        assert sum(row.debit for row in found) == sum(row.credit for row in found)


async def test_readers_cannot_write(database: Database) -> None:
    """A function given to `read` cannot change anything, on either engine."""
    with pytest.raises(DBAPIError, match=r"(?i)read-?only"):
        await database.read(sql, "DELETE FROM sessions")
