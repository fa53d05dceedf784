"""Claims: the SQL keeps the published ladder, nobody claims what another holds, and nothing due is forgotten."""

import asyncio
import random
from datetime import datetime, timedelta

import msgspec
import pytest
from sqlalchemy import Connection, insert

from galla.errors import StaleClaim
from galla.payments.ladder import EDC, LATE_WATCH_S, UPI, Ladder, last_look, next_due, scaled
from galla.payments.model import Method, Payment, Status
from galla.store import payments
from galla.store.claims import Schedule, claim_due, claim_one, hint, mark_sending, next_due_at, put_off
from galla.store.database import Database, open_database
from galla.store.rows import payment_values
from galla.store.tables import payments as payments_table
from tests.store.samples import NOW, Shop, make_shop, paid, sale, sql, write_paid, write_sale

replace = msgspec.structs.replace
LEASE_S = 5.0
SCHEDULE = Schedule(card=EDC, upi=UPI, lease_ms=5000)


def later(seconds: float) -> datetime:
    """Return an instant after the shop's opening."""
    return NOW + timedelta(seconds=seconds)


def write_all(connection: Connection, many: list[Payment]) -> None:
    """Write payments in one statement, without proofs."""
    connection.execute(insert(payments_table), [{**payment_values(one), "proof_id": None} for one in many])


def ages(ladder: Ladder, chance: random.Random, scale: float) -> list[float]:
    """Return ages in seconds, whole milliseconds: on every rung, and at its very edges when they are exact."""
    edges = [rung.until_s for rung in ladder.rungs] + list(LATE_WATCH_S)
    exact = [edge + step for edge in edges for step in (-0.001, 0, 0.001)] if scale == 1 else []
    return exact + [round(chance.uniform(0, edge * 1.2 * scale), 3) for edge in edges for _ in range(3)] + [0.0]


@pytest.mark.parametrize("scale", [1.0, 0.25, 0.013])
async def test_claims_keep_the_published_ladder(database: Database, scale: float) -> None:
    """For any age, method, status, miss count, jitter and scale a claim reschedules as `ladder.next_due` says."""
    chance = random.Random(f"ladder {scale}")  # noqa: S311 - any ages will do
    shop = await database.write(make_shop)
    schedule = Schedule(card=scaled(EDC, scale), upi=scaled(UPI, scale), lease_ms=5000)
    many = []
    for method in (Method.EDC, Method.QUEUE, Method.UPI_INTENT, Method.UPI_QR, Method.UPI_COLLECT):
        ladder = schedule.card if method in (Method.EDC, Method.QUEUE) else schedule.upi
        for age_s in ages(ladder, chance, scale):
            status = chance.choice([Status.CREATED, Status.PENDING, Status.IN_DOUBT, Status.NOT_PAID])
            born = later(-age_s)
            values = {"status": status, "misses": chance.randrange(8), "jitter": chance.randrange(1000)}
            many.append(sale(shop, method=method, created_at=born, due_at=born, **values))
    await database.write(write_all, many)

    claimed = {one.id: one for one in await database.write(claim_due, schedule, NOW, 10_000)}

    assert {one.id for one in many} == claimed.keys()
    for before in many:
        ladder = schedule.card if before.method in (Method.EDC, Method.QUEUE) else schedule.upi
        wanted, found = next_due(before, ladder, NOW), claimed[before.id].due_at
        if wanted is None or found is None:
            assert wanted is found, (before, wanted, found)
            continue
        if before.is_live:
            wanted = max(wanted, later(LEASE_S))
        assert abs((found - wanted).total_seconds()) < 0.01, (before, wanted, found)


async def test_f05_claims_keep_the_last_look_of_the_day(database: Database) -> None:
    """F05: around the last look before midnight in India a claim reschedules a failure exactly as written."""
    shop = await database.write(make_shop)
    chance = random.Random("last look")  # noqa: S311
    many = []
    for _ in range(60):
        born = later(chance.randrange(-40_000, 60_000) + chance.randrange(1000) / 1000)
        values = {"created_at": born, "due_at": born, "jitter": chance.randrange(1000)}
        many.append(sale(shop, method=chance.choice(["edc", "upi_qr"]), status=Status.NOT_PAID, **values))
    await database.write(write_all, many)
    for before in many:
        for step in (-0.001, 0.0, 0.001):
            now = last_look(before) + timedelta(seconds=step)
            if now <= before.created_at:
                continue
            claimed = await database.write(claim_one, SCHEDULE, now, shop.merchant_id, before.id)
            assert claimed is not None
            assert claimed.due_at == next_due(before, EDC, now)
            await database.write(sql, f"UPDATE payments SET lease_until = NULL WHERE id = '{before.id}'")


async def test_a_claim_takes_a_lease(database: Database) -> None:
    """A claim raises the fencing token, counts the inquiry, and holds the payment until its lease ends."""
    shop = await database.write(make_shop)
    before = await database.write(write_sale, shop)

    [claimed] = await database.write(claim_due, SCHEDULE, NOW, 10)

    assert (before.fence + 1, 1, NOW, later(LEASE_S)) == (
        claimed.fence,
        claimed.checks,
        claimed.asked_at,
        claimed.lease_until,
    )
    assert replace(before, fence=1, checks=1, asked_at=NOW, lease_until=later(5), due_at=later(5)) == claimed
    for seconds in (0, 4.999):
        assert await database.write(claim_due, SCHEDULE, later(seconds), 10) == []
        assert await database.write(claim_one, SCHEDULE, later(seconds), shop.merchant_id, before.id) is None


async def test_a_dead_workers_payment_falls_due_again(database: Database) -> None:
    """When a worker dies its lease runs out, another one claims, and the dead one's late answer changes nothing."""
    shop = await database.write(make_shop)
    await database.write(write_sale, shop)
    [dead] = await database.write(claim_due, SCHEDULE, NOW, 10)

    [second] = await database.write(claim_due, SCHEDULE, later(LEASE_S), 10)

    assert dead.fence + 1 == second.fence
    with pytest.raises(StaleClaim):
        await database.write(payments.save, dead, paid(dead))
    with pytest.raises(LookupError):
        await database.write(mark_sending, dead, later(6), 1000)
    after = await database.write(payments.save, second, paid(second))
    assert (after.status, after.lease_until) == (Status.PAID, None)


async def test_a_batch_is_the_longest_overdue(database: Database) -> None:
    """A claim smaller than what is due takes the payments that have waited longest; the next takes the next."""
    shop = await database.write(make_shop)
    order = list(range(30))
    random.Random(3).shuffle(order)  # noqa: S311
    many = [sale(shop, reference=f"r{number:02d}", due_at=later(number - 100)) for number in order]
    await database.write(write_all, many)

    for first in (0, 10, 20):
        batch = await database.write(claim_due, SCHEDULE, NOW, 10)
        assert {f"r{number:02d}" for number in range(first, first + 10)} == {one.reference for one in batch}
    assert await database.write(claim_due, SCHEDULE, NOW, 10) == []


async def test_nothing_is_claimed_before_its_time(database: Database) -> None:
    """What is due later waits, and `next_due_at` says until when."""
    shop = await database.write(make_shop)
    assert await database.read(next_due_at) is None
    await database.write(write_paid, shop)
    assert await database.read(next_due_at) is None
    for seconds in (30, 20):
        await database.write(write_sale, shop, due_at=later(seconds))

    assert later(20) == await database.read(next_due_at)
    assert await database.write(claim_due, SCHEDULE, later(19.999), 10) == []
    assert len(await database.write(claim_due, SCHEDULE, later(20), 10)) == 1
    assert later(25) == await database.read(next_due_at)


async def test_not_paid_is_watched_for_72_hours(database: Database) -> None:
    """A payment that is not paid is claimed at each late watch, and at none after 72 hours."""
    shop = await database.write(make_shop)
    first = later(LATE_WATCH_S[0])
    await database.write(write_sale, shop, status=Status.NOT_PAID, due_at=first)
    claimed_at, due_at = [], first
    while due_at is not None:
        [claimed] = await database.write(claim_due, SCHEDULE, due_at, 10)
        claimed_at.append((due_at - NOW).total_seconds())
        due_at = claimed.due_at

    assert sorted([*LATE_WATCH_S, (last_look(sale(shop)) - NOW).total_seconds()]) == claimed_at
    assert await database.read(next_due_at) is None


async def test_the_last_look_may_be_put_off_too(database: Database) -> None:
    """Whoever could not ask then, since Paytm was left alone, asks afterwards; of what is paid nobody does."""
    shop = await database.write(make_shop)
    end = later(LATE_WATCH_S[-1])
    await database.write(write_sale, shop, status=Status.NOT_PAID, due_at=end)
    [claimed] = await database.write(claim_due, SCHEDULE, end, 10)
    assert claimed.due_at is None
    await database.write(put_off, claimed, end + timedelta(seconds=30))
    assert await database.read(next_due_at) == end + timedelta(seconds=30)

    payment = await database.write(write_paid, shop)
    compared = await database.write(claim_one, SCHEDULE, end, shop.merchant_id, payment.id)
    assert compared is not None
    await database.write(put_off, compared, end + timedelta(seconds=10))
    assert await database.read(next_due_at) == end + timedelta(seconds=30)


async def test_a_message_during_the_last_look_is_followed(database: Database) -> None:
    """What Paytm says while it is asked for the last time brings the next question at once, not in a day."""
    shop = await database.write(make_shop)
    end = later(LATE_WATCH_S[-1])
    await database.write(write_sale, shop, status=Status.NOT_PAID, due_at=end)
    [claimed] = await database.write(claim_due, SCHEDULE, end, 10)
    await database.write(hint, shop.merchant_id, claimed.id, end)
    await database.write(payments.save, claimed, replace(claimed, due_at=end + timedelta(days=1)))
    assert await database.read(next_due_at) == end

    [again] = await database.write(claim_due, SCHEDULE, end, 10)
    await database.write(payments.save, again, replace(again, due_at=end + timedelta(days=1)))
    assert await database.read(next_due_at) == end + timedelta(days=1)


async def test_a_paid_payment_is_not_polled(database: Database) -> None:
    """Asking once more about a paid payment, by hand, does not put it back on the schedule."""
    shop = await database.write(make_shop)
    payment = await database.write(write_paid, shop)

    claimed = await database.write(claim_one, SCHEDULE, later(60), shop.merchant_id, payment.id)

    assert claimed is not None
    assert (claimed.due_at, await database.read(next_due_at)) == (None, None)
    assert await database.write(claim_due, SCHEDULE, later(10**7), 10) == []


async def test_sending_is_written_before_it_happens(database: Database) -> None:
    """`mark_sending` counts the request, forgets earlier not-founds, and moves lease and due time together."""
    shop = await database.write(make_shop)
    before = await database.write(write_sale, shop, may_resend=True, sends=1, not_found_count=3)
    [claimed] = await database.write(claim_due, SCHEDULE, NOW, 1)

    marked = await database.write(mark_sending, claimed, later(1), 20_000)

    assert marked == await database.read(payments.get, shop.merchant_id, before.id)
    assert (2, False, later(1), 0, later(21), later(21)) == (
        marked.sends,
        marked.may_resend,
        marked.sent_at,
        marked.not_found_count,
        marked.lease_until,
        marked.due_at,
    )


async def claim_until_empty(database: Database, start: asyncio.Event, limit: int) -> list[str]:
    """Wait for the start, then claim until nothing is left; return the ids."""
    await start.wait()
    found: list[str] = []
    while batch := await database.write(claim_due, SCHEDULE, NOW, limit):
        found += [one.id for one in batch]
    return found


@pytest.mark.parametrize("claimers", [2, 4, 16])
async def test_two_claimers_never_get_the_same_payment(database: Database, database_url: str, claimers: int) -> None:
    """I-16, F32: claimers released at once, on several databases where the engine has them, share the work exactly."""
    shop = await database.write(make_shop)
    many = [sale(shop) for _ in range(120)]
    await database.write(write_all, many)
    shared = [database]
    if database.dialect == "postgresql":
        shared += [await open_database(database_url) for _ in range(2)]
    start = asyncio.Event()
    tasks = [asyncio.create_task(claim_until_empty(shared[n % len(shared)], start, 1 + n)) for n in range(claimers)]
    await asyncio.sleep(0)
    start.set()
    lists = await asyncio.gather(*tasks)

    claimed = [one for found in lists for one in found]
    assert sorted(one.id for one in many) == sorted(claimed)
    assert await database.read(sql, "SELECT DISTINCT fence FROM payments") == [(1,)]
    for other in shared[1:]:
        await other.close()


async def test_one_payment_is_claimed_by_one(database: Database) -> None:
    """I-16: of many who ask about one payment at the same moment, exactly one gets it."""
    shop: Shop = await database.write(make_shop)
    payment = await database.write(write_sale, shop)

    answers = await asyncio.gather(
        *(database.write(claim_one, SCHEDULE, NOW, shop.merchant_id, payment.id) for _ in range(16))
    )

    assert len([one for one in answers if one is not None]) == 1


async def test_f18_a_merchants_many_keep_no_other_waiting(database: Database) -> None:
    """However long one merchant's queue, a claim by turns takes another's three with its first; none is taken twice."""
    crowd, corner = await database.write(make_shop), await database.write(make_shop)
    await database.write(write_all, [sale(crowd, due_at=later(-600 + number / 10)) for number in range(1_000)])
    few = [sale(corner, due_at=later(-1 + number / 10)) for number in range(3)]
    await database.write(write_all, few)

    plain = await database.write(claim_due, SCHEDULE, NOW, 200)
    turns = await database.write(claim_due, SCHEDULE, NOW, 200, in_turn=True)

    assert {one.merchant_id for one in plain} == {crowd.merchant_id}
    assert {one.id for one in few} <= {one.id for one in turns}
    assert {one.merchant_id for one in turns[:2]} == {crowd.merchant_id, corner.merchant_id}
    assert len({one.id for one in (*plain, *turns)}) == 400
    rest = await database.write(claim_due, SCHEDULE, NOW, 1_000, in_turn=True)
    assert len(rest) == 603


async def test_what_is_put_off_is_due_then_and_was_not_asked(database: Database) -> None:
    """A claim that is given back falls due at its new time, at once if a hint has come, and counts as no inquiry."""
    shop = await database.write(make_shop)
    await database.write(write_sale, shop)
    [claimed] = await database.write(claim_due, SCHEDULE, NOW, 10)
    await database.write(put_off, claimed, later(40))
    assert await database.write(claim_due, SCHEDULE, later(39.9), 10) == []
    [again] = await database.write(claim_due, SCHEDULE, later(40), 10)
    assert (again.id, again.checks) == (claimed.id, 1)

    await database.write(put_off, claimed, later(90))  # by who held it before
    assert await database.write(claim_one, SCHEDULE, later(40), shop.merchant_id, again.id) is None
    await database.write(sql, f"UPDATE payments SET due_at = 1 WHERE id = '{again.id}'")
    await database.write(put_off, again, later(90))
    assert len(await database.write(claim_due, SCHEDULE, later(41), 10)) == 1
