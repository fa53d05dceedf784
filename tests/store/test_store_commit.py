"""Group commit, on both engines: writes share commits, and nothing else."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import Connection, event
from sqlalchemy.exc import IntegrityError

from galla.errors import ConfigError, ReferenceHasLivePayment, Unavailable
from galla.store import keys
from galla.store.database import Database, open_database
from tests.store.samples import make_shop, sql


def claim(connection: Connection, merchant_id: str, key: str, *, trouble: Exception | None = None) -> str:
    """Write one row, then fail if told to."""
    values = {"merchant_id": merchant_id, "key": key, "fingerprint": "f", "object_id": "o", "answer": None}
    keys.claim(connection, values | {"lease_until": 1, "created_at": 1})
    if trouble is not None:
        raise trouble
    return key


def orphan(connection: Connection, merchant_id: str) -> None:
    """Write a line of an entry that never comes: only the commit finds out."""
    sql(connection, f"INSERT INTO postings VALUES ('{merchant_id}', 'none', 1, 'sales', 5)")


async def kept(database: Database) -> list[str]:
    """Return the keys in the database."""
    return [row[0] for row in await database.read(sql, "SELECT key FROM idempotency_keys ORDER BY key")]


def count_commits(database: Any) -> list[int]:
    """Count from now on the commits of an open database."""
    engine = database._writer if database.dialect == "sqlite" else database._engine.sync_engine
    commits: list[int] = []
    event.listen(engine, "commit", lambda connection: commits.append(1))
    return commits


async def test_concurrent_writes_share_commits(database: Database) -> None:
    """A hundred writes at the same moment take a handful of commits, and each is answered with its own result."""
    shop = await database.write(make_shop)
    commits = count_commits(database)

    answers = await asyncio.gather(*(database.write(claim, shop.merchant_id, f"k{n:03d}") for n in range(100)))

    assert [f"k{n:03d}" for n in range(100)] == answers == await kept(database)
    assert 1 <= len(commits) <= 10


async def test_a_failing_member_fails_alone(database: Database) -> None:
    """An error of one write, a broken constraint of another and one that only the commit finds hurt nobody else."""
    shop = await database.write(make_shop)
    await database.write(claim, shop.merchant_id, "taken")
    good = [database.write(claim, shop.merchant_id, f"k{n}") for n in range(9)]
    bad = [
        database.write(claim, shop.merchant_id, "never", trouble=ValueError("mine")),
        database.write(claim, shop.merchant_id, "taken"),
        database.write(orphan, shop.merchant_id),
    ]

    answers = await asyncio.gather(*good[:5], *bad, *good[5:], return_exceptions=True)

    own, broken, at_commit = answers[5:8]
    assert isinstance(own, ValueError)
    assert str(own) == "mine"
    assert isinstance(broken, IntegrityError)
    assert "idempotency_keys" in str(broken.orig)
    assert isinstance(at_commit, IntegrityError)
    assert "foreign key" in str(at_commit.orig).lower()
    assert [f"k{n}" for n in range(9)] == [one for one in answers if isinstance(one, str)]
    assert [*(f"k{n}" for n in range(9)), "taken"] == await kept(database)
    assert await database.read(sql, "SELECT count(*) FROM postings") == [(0,)]


async def test_a_caller_that_goes_away_stops_nobody(database: Database) -> None:
    """A cancelled caller neither ends the group nor the writer; its own write is done whole or not at all."""
    shop = await database.write(make_shop)
    tasks = [asyncio.create_task(database.write(claim, shop.merchant_id, f"k{n}")) for n in range(20)]
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()

    answers = await asyncio.gather(*tasks, return_exceptions=True)
    await database.write(claim, shop.merchant_id, "last")

    stayed = {f"k{n}" for n in range(1, 20, 2)} | {"last"}
    assert stayed <= set(await kept(database))
    assert stayed - {"last"} <= {one for one in answers if isinstance(one, str)}


async def test_an_answer_comes_after_its_commit(database: Database) -> None:
    """Whoever is told that a write is done can read it at once, over another connection."""
    shop = await database.write(make_shop)

    async def write_then_read(number: int) -> bool:
        key = await database.write(claim, shop.merchant_id, f"k{number}")
        return await database.read(keys.get, shop.merchant_id, key) is not None

    assert all(await asyncio.gather(*(write_then_read(number) for number in range(40))))


async def test_a_customers_words_are_not_a_disk_error(database: Database) -> None:
    """A refusal that quotes the caller stays a refusal: no wording can make galla believe that its disk is broken."""
    for words in ("readonly", "malformed", "disk I/O error", "database or disk is full", "not a database"):

        def refuse(connection: Connection, words: str = words) -> None:
            raise ReferenceHasLivePayment(f"Payment pay_1 for {words} is not finished.")

        with pytest.raises(ReferenceHasLivePayment):
            await database.write(refuse)
    assert await database.write(make_shop)


async def test_a_closed_database_says_so(database_url: str) -> None:
    """A write after the close is refused at once instead of waiting for ever; a second close is harmless."""
    database = await open_database(database_url)
    await database.close()
    with pytest.raises(Unavailable, match="closed"):
        await asyncio.wait_for(database.write(make_shop), 2)


@pytest.mark.parametrize("url", ["mysql://localhost/galla", "galla.db", "", "sqlite://galla.db"])
async def test_other_addresses_are_refused(url: str) -> None:
    """An address of another kind is named as the setting to correct."""
    with pytest.raises(ConfigError, match="sqlite:///") as caught:
        await open_database(url)
    assert caught.value.setting == "GALLA_DATABASE_URL"
