"""What the database itself refuses of a payment, whatever the code above it does."""

import msgspec
import pytest
from sqlalchemy import Connection, insert, literal_column
from sqlalchemy.exc import StatementError

from galla.errors import StaleClaim
from galla.money import MAX_PAISE
from galla.payments.model import Payment, Status
from galla.store import payments
from galla.store.database import Database
from galla.store.rows import payment_values
from galla.store.tables import payments as payments_table
from tests.store.samples import (
    Shop,
    assert_refused,
    make_bill,
    make_shop,
    paid,
    proof_of,
    sale,
    sql,
    write_paid,
    write_sale,
)

replace = msgspec.structs.replace


def write_amount(connection: Connection, shop: Shop, amount: str) -> None:
    """Write a payment whose amount is the SQL it is given, past every check of the code."""
    values = {**payment_values(sale(shop)), "proof_id": None, "amount_paise": literal_column(amount)}
    connection.execute(insert(payments_table).values(values))


async def test_payment_comes_back_as_it_was_written(database: Database) -> None:
    """A payment read back equals the one written, proof and all, and none is found at another merchant."""
    shop, other = await database.write(make_shop), await database.write(make_shop)
    written = await database.write(write_sale, shop, reference="INV-1", metadata={"a": "b"}, customer_name="आशा")
    settled = await database.write(write_paid, shop)

    assert written == await database.read(payments.get, shop.merchant_id, written.id)
    assert settled == await database.read(payments.get, shop.merchant_id, settled.id)
    assert await database.read(payments.get, other.merchant_id, written.id) is None


async def test_amounts_are_whole_paise_within_the_limit(database: Database) -> None:
    """I-08: the database keeps 1 to the cap as integers and refuses everything else, text and fractions included."""
    shop = await database.write(make_shop)
    for amount in (1, MAX_PAISE):
        await database.write(write_amount, shop, str(amount))
    for amount in (0, -1, MAX_PAISE + 1):
        await assert_refused(database, "amount", write_amount, shop, str(amount))
    await assert_refused(database, "", write_amount, shop, "'ten'")
    if database.dialect == "sqlite":  # STRICT; PostgreSQL would round a literal fraction, drivers may not send one
        await assert_refused(database, "cannot store real", write_amount, shop, "10.5")
        found = await database.read(sql, "SELECT DISTINCT typeof(amount_paise) FROM payments")
        assert found == [("integer",)]


async def test_a_fraction_never_reaches_an_amount(database: Database) -> None:
    """I-08: an amount that is a float or a text in Python is refused on its way in, on either engine."""
    shop = await database.write(make_shop)

    def write(connection: Connection, amount: object) -> None:
        values = {**payment_values(sale(shop)), "proof_id": None, "amount_paise": amount}
        connection.execute(insert(payments_table), values)

    for amount in (10.5, 10.0, "10", True):
        with pytest.raises(StatementError, match="whole number of paise"):
            await database.write(write, amount)


@pytest.mark.parametrize(
    "difference", [{"amount_paise": 999}, {"paytm_id": "SB0"}, {"mid": "ANOTHER"}, {"currency": "USD"}]
)
async def test_a_proof_is_the_payments_own(database: Database, difference: dict[str, object]) -> None:
    """I-12: a proof of another amount, id, MID or currency cannot be stored, so such a payment cannot become paid."""
    shop = await database.write(make_shop)
    payment = await database.write(write_sale, shop)
    foreign = proof_of(payment, **difference)

    await assert_refused(database, "foreign key", payments.save, payment, paid(payment, foreign))

    assert payment == await database.read(payments.get, shop.merchant_id, payment.id)


async def test_paid_needs_a_proof(database: Database) -> None:
    """I-12: no row says paid without the id of its proof, and none that is not paid has one."""
    shop = await database.write(make_shop)
    payment = await database.write(write_sale, shop)

    for change in ("status = 'paid'", "proof_id = 'x'"):
        statement = f"UPDATE payments SET {change} WHERE id = '{payment.id}'"
        await assert_refused(database, "ck_payments_proof", sql, statement)


async def test_paytm_id_belongs_to_one_payment(database: Database) -> None:
    """I-13: two payments of a MID never share a Paytm id; another MID may have the same one."""
    shop, other = await database.write(make_shop), await database.write(make_shop)
    first = await database.write(write_sale, shop)

    await assert_refused(database, "paytm_id", write_sale, shop, paytm_id=first.paytm_id)
    await database.write(write_sale, other, paytm_id=first.paytm_id)


async def test_identity_never_changes(database: Database) -> None:
    """I-13: the id, MID, Paytm id, amount, currency, method and environment of a payment are written once."""
    shop = await database.write(make_shop)
    payment = await database.write(write_sale, shop)
    for name in ("id", "merchant_id", "mid", "paytm_id", "currency", "method", "environment"):
        change = f"UPDATE payments SET {name} = 'other' WHERE id = '{payment.id}'"
        await assert_refused(database, "identity of a payment never changes", sql, change)
    await assert_refused(
        database, "identity", sql, f"UPDATE payments SET amount_paise = 1 WHERE id = '{payment.id}'"
    )
    await assert_refused(database, "never deleted", sql, f"DELETE FROM payments WHERE id = '{payment.id}'")


async def test_a_machine_has_one_live_payment(database: Database) -> None:
    """I-14: a second payment cannot hold a machine that is held; when the first is final, the next one can."""
    shop = await database.write(make_shop)
    machine, other = shop.terminals
    first = await database.write(write_sale, shop, terminal_id=machine, holds_terminal=True)

    await assert_refused(database, "terminal", write_sale, shop, terminal_id=machine, holds_terminal=True)
    await database.write(write_sale, shop, terminal_id=other, holds_terminal=True)
    assert first == await database.read(payments.holder_of_terminal, shop.merchant_id, machine)

    await database.write(payments.save, first, paid(first))
    assert await database.read(payments.holder_of_terminal, shop.merchant_id, machine) is None
    await database.write(write_sale, shop, terminal_id=machine, holds_terminal=True)


async def test_a_final_payment_holds_nothing(database: Database) -> None:
    """I-14: no payment that is over, and none without a machine, can hold one; a live one always has a next time."""
    shop = await database.write(make_shop)
    payment = await database.write(write_sale, shop, terminal_id=shop.terminals[0], holds_terminal=True)

    over = f"UPDATE payments SET status = 'not_paid' WHERE id = '{payment.id}'"
    await assert_refused(database, "ck_payments_holds", sql, over)
    await assert_refused(database, "ck_payments_holds", write_sale, shop, holds_terminal=True)
    await assert_refused(database, "ck_payments_due", write_sale, shop, due_at=None)


async def test_a_reference_has_one_live_payment(database: Database) -> None:
    """I-14: a reference without a bill is reserved by its live payment; bills, final and parallel payments are not."""
    shop = await database.write(make_shop)
    bill = await database.write(make_bill, shop)
    first = await database.write(write_sale, shop, reference="INV-1")

    await assert_refused(database, "reference", write_sale, shop, reference="INV-1")
    await database.write(write_sale, shop, reference="INV-1", bill_id=bill)
    await database.write(write_sale, shop, reference="INV-1", is_exclusive=False)
    assert first == await database.read(payments.live_with_reference, shop.merchant_id, "INV-1")

    await database.write(payments.save, first, paid(first))
    await database.write(write_sale, shop, reference="INV-1")


async def test_a_stale_answer_changes_nothing(database: Database) -> None:
    """I-17: an answer under an old fencing token changes no row and leaves no proof; a token never goes back."""
    shop = await database.write(make_shop)
    old = await database.write(write_sale, shop)
    await database.write(sql, f"UPDATE payments SET fence = fence + 1 WHERE id = '{old.id}'")

    with pytest.raises(StaleClaim, match=old.id):
        await database.write(payments.save, old, paid(old))

    now = await database.read(payments.get, shop.merchant_id, old.id)
    assert replace(old, fence=1) == now
    assert await database.read(sql, "SELECT count(*) FROM proofs") == [(0,)]
    back = f"UPDATE payments SET fence = 0 WHERE id = '{old.id}'"
    await assert_refused(database, "never goes back", sql, back)


async def test_paid_is_absorbing(database: Database) -> None:
    """A paid payment can be given no other status, by any statement."""
    shop = await database.write(make_shop)
    payment = await database.write(write_paid, shop)
    for status in Status:
        if status is not Status.PAID:
            change = f"UPDATE payments SET status = '{status}', proof_id = NULL, due_at = 1 WHERE id = '{payment.id}'"
            await assert_refused(database, "a paid payment stays paid", sql, change)


async def test_not_paid_yields_to_late_proof_only(database: Database) -> None:
    """A payment that is not paid can become paid, late, and nothing else."""
    shop = await database.write(make_shop)
    before = await database.write(write_sale, shop)
    failed = await database.write(payments.save, before, replace(before, status=Status.NOT_PAID))
    for status in ("created", "pending", "in_doubt"):
        change = f"UPDATE payments SET status = '{status}' WHERE id = '{failed.id}'"
        await assert_refused(database, "can only become paid", sql, change)

    late = await database.write(payments.save, failed, replace(paid(failed), is_late=True))

    assert (late.status, late.is_late) == (Status.PAID, True)


async def test_a_transaction_pays_one_payment(database: Database) -> None:
    """F34: one Paytm transaction id proves one payment of a MID, and each payment has one proof."""
    shop = await database.write(make_shop)
    first = await database.write(write_sale, shop)
    second = await database.write(write_sale, shop)
    proof = proof_of(first)
    await database.write(payments.save, first, paid(first, proof))

    reused = proof_of(second, transaction_id=proof.transaction_id)
    await assert_refused(database, "transaction_id", payments.save, second, paid(second, reused))
    await assert_refused(database, "payment_id", payments.insert_proof, paid(first), proof_of(first), "prf_2")


async def test_a_step_in_flight_keeps_a_cancel(database: Database) -> None:
    """A cancel noted while an inquiry is under way survives the commit of that inquiry, and both are counted."""
    shop = await database.write(make_shop)
    before = await database.write(write_sale, shop, sequence=1)
    cancelled = replace(before, cancel_requested_at=before.created_at, sequence=2)
    await database.write(payments.note_cancel, cancelled)

    after: Payment = await database.write(payments.save, before, replace(before, status=Status.PENDING, sequence=2))

    assert (before.created_at, 3, Status.PENDING) == (after.cancel_requested_at, after.sequence, after.status)
