"""Events and the audit chain: numbered without gaps, and no row can be touched unnoticed."""

import asyncio

import pytest
from sqlalchemy import Connection

from galla.store import journal
from galla.store.database import Database
from galla.store.record_tables import audit, callbacks, events
from galla.store.tables import exchanges
from tests.store.samples import NOW, Shop, assert_refused, make_shop, sql


def note(object_id: str) -> journal.Note:
    """Return a note about an object."""
    return journal.Note(actor="Asha", origin="counter", action="payment.created", object_id=object_id, detail={"n": 1})


def event(object_id: str, sequence: int, kind: str = "payment.created") -> journal.Event:
    """Return an event of an object."""
    return journal.Event(type=kind, object_id=object_id, sequence=sequence, data="{}", bill_id="b1")


async def chain_of(database: Database, length: int) -> Shop:
    """Write a merchant with an audit chain."""
    shop = await database.write(make_shop)
    for number in range(1, length + 1):
        await database.write(journal.record, shop.merchant_id, NOW, note(f"o{number}"), event(f"o{number}", 1))
    return shop


def unguard(connection: Connection) -> None:
    """Take the triggers off the audit table, as somebody with the database's password could."""
    on = " ON audit" if connection.dialect.name == "postgresql" else ""
    for verb in ("update", "delete"):
        sql(connection, f"DROP TRIGGER audit_kept_{verb}{on}")


@pytest.mark.parametrize(
    ("tampering", "first_bad"),
    [
        ("UPDATE audit SET detail = '{\"n\":2}' WHERE position = 3", 3),
        ("UPDATE audit SET actor = 'Ravi' WHERE position = 1", 1),
        ("UPDATE audit SET at = at + 1 WHERE position = 5", 5),
        ("UPDATE audit SET hash = previous WHERE position = 2", 2),
        ("DELETE FROM audit WHERE position = 2", 2),
        ("DELETE FROM audit WHERE position = 5", 5),
        ("DELETE FROM audit", 1),
        ("UPDATE audit SET position = CASE position WHEN 3 THEN 40 ELSE 30 END WHERE position IN (3, 4)", 3),
        ("UPDATE audit SET merchant_id = 'other' WHERE position = 4", 4),
        ("UPDATE heads SET audit_position = 9", 6),
        ("DELETE FROM heads", 6),
    ],
)
async def test_tampering_is_found_and_named(database: Database, tampering: str, first_bad: int) -> None:
    """I-22: a row edited, removed or moved behind the triggers breaks the chain, and the first bad row is named."""
    shop = await chain_of(database, 5)
    assert await database.read(journal.first_broken, shop.merchant_id) == (5, None)

    await database.write(unguard)
    await database.write(sql, tampering)
    if "WHEN 3 THEN 40" in tampering:  # two rows have changed places, by way of numbers that are free
        await database.write(sql, "UPDATE audit SET position = position / 10 WHERE position > 9")

    assert (first_bad - 1, first_bad) == await database.read(journal.first_broken, shop.merchant_id)


async def test_every_change_is_in_the_audit_with_its_hash(database: Database) -> None:
    """I-21: a recorded change says who, when, from where, what and to which object, chained from the genesis."""
    shop = await chain_of(database, 2)

    _, rows = await database.read(journal.trail, shop.merchant_id, "o1")

    assert [
        (row.actor, row.origin, row.action, row.detail, row.previous) for row in rows
    ] == [("Asha", "counter", "payment.created", '{"n":1}', journal.GENESIS)]
    assert rows[0].hash == journal.link(dict(rows[0]._mapping))


async def test_no_event_without_its_commit(database: Database) -> None:
    """I-23: a change that is rolled back leaves no event, no audit row and no hole in the numbers."""
    shop = await chain_of(database, 2)

    def fail(connection: Connection) -> None:
        journal.record(connection, shop.merchant_id, NOW, note("o3"), event("o3", 1))
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        await database.write(fail)
    await database.write(journal.record, shop.merchant_id, NOW, note("o4"), event("o4", 1))

    found = await database.read(journal.events_after, shop.merchant_id, 0, 10)
    assert [(row.position, row.object_id) for row in found] == [(1, "o1"), (2, "o2"), (3, "o4")]
    assert await database.read(journal.first_broken, shop.merchant_id) == (3, None)


async def test_a_sequence_number_is_used_once(database: Database) -> None:
    """I-23: an object has one event of each number."""
    shop = await chain_of(database, 1)
    await assert_refused(database, "sequence", journal.record, shop.merchant_id, NOW, note("o1"), event("o1", 1))


async def test_numbers_are_gapless_under_concurrency(database: Database) -> None:
    """I-23, I-22: concurrent changes get positions without gap or repeat, and a reader never finds the chain broken."""
    shop = await chain_of(database, 1)

    async def write(number: int) -> None:
        happened = (event(f"p{number}", 1), event(f"p{number}", 2, "payment.pending"))
        await database.write(journal.record, shop.merchant_id, NOW, note(f"p{number}"), *happened)

    async def watch() -> None:
        for _ in range(15):
            assert (await database.read(journal.first_broken, shop.merchant_id))[1] is None
            last = await database.read(journal.last_position, shop.merchant_id)
            seen = await database.read(journal.events_after, shop.merchant_id, 0, 1000)
            assert list(range(1, len(seen) + 1)) == [row.position for row in seen]
            assert last <= len(seen)

    await asyncio.gather(watch(), *(write(number) for number in range(100)))

    found = await database.read(journal.events_after, shop.merchant_id, 0, 1000)
    assert list(range(1, 202)) == [row.position for row in found]
    by_object: dict[str, list[int]] = {}
    for row in found:
        by_object.setdefault(row.object_id, []).append(row.sequence)
    assert {(1,), (1, 2)} == {tuple(numbers) for numbers in by_object.values()}
    assert await database.read(journal.first_broken, shop.merchant_id) == (101, None)


async def test_events_can_be_narrowed(database: Database) -> None:
    """A listener gets the events past its position, of one object, bill or kind, oldest first."""
    shop = await database.write(make_shop)
    for object_id, kind in (("a", "payment.created"), ("b", "payment.created"), ("c", "payment.paid")):
        await database.write(journal.record, shop.merchant_id, NOW, note(object_id), event(object_id, 1, kind))

    async def seen(after: int, limit: int = 9, **narrowed: str) -> list[int]:
        rows = await database.read(journal.events_after, shop.merchant_id, after, limit, **narrowed)
        return [row.position for row in rows]

    assert await seen(1) == [2, 3]
    assert await seen(0, 1) == [1]
    assert await seen(0, object_id="b") == [2]
    assert await seen(0, kind="payment.paid") == [3]
    assert await seen(0, bill_id="b1") == [1, 2, 3]
    assert await seen(0, bill_id="b2") == []


def test_what_every_change_runs_is_put_together_once() -> None:
    """The statement that writes changes in one journey can be kept by SQLAlchemy, however many there are."""
    for tables in ((audit, events), (audit, events, exchanges), (audit, events, callbacks)):
        assert journal._at_once(tables)._generate_cache_key() is not None
