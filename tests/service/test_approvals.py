"""A second person: who may be one, for what, and that their credential is kept nowhere."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from typing import Any

import pytest
from sqlalchemy import Connection, select

from galla.config import Secret
from galla.errors import Forbidden, IllegalTransition
from galla.service import merchants, payments, people, signing_in
from galla.service.payments import NewPayment
from galla.store.schema import metadata
from tests.service.card_shop import CardShop, json, open_card_shop
from tests.service.shop import AMOUNT, API_KEY, FIRST, SECOND

LIMIT = 100_000


@pytest.fixture
async def shop(database_url: str) -> AsyncIterator[CardShop]:
    """A shop where one person may give back at most ₹1,000.00 of a payment."""
    async with open_card_shop(database_url) as opened:
        await opened.set_merchant(refund_limit_paise=LIMIT)
        yield opened


async def _refused(attempt: Awaitable[Any]) -> Forbidden:
    with pytest.raises(Forbidden) as no:
        await attempt
    assert no.value.param == "approver"
    return no.value


async def test_above_the_limit_a_second_person_is_needed(shop: CardShop) -> None:
    """One alone is refused and nothing is written; two are not, and the trail names both."""
    supervisor = await shop.colleague("refund")
    payment = await shop.sold()
    error = await _refused(shop.give_back(payment))
    assert error.code == "approval_needed"
    assert "₹1,000.00" in str(error)
    assert (await shop.see(payment))["amount_refundable"] == AMOUNT
    void = await shop.give_back(payment, approver=supervisor)
    assert (void["kind"], void["approver"], void["actor"]) == ("void", "key Supervisor", "key from GALLA_API_KEY")
    (row,) = await _audit(shop, void["id"], "refund.created")
    assert row.actor == "key from GALLA_API_KEY"
    assert '"approver":"key Supervisor"' in row.detail
    shop.accept_void()
    assert (await shop.refund_ended(void))["status"] == "done"


async def test_what_was_given_back_before_counts(shop: CardShop) -> None:
    """A payment cannot be given back by one person in slices that are each below the limit."""
    supervisor = await shop.colleague("admin", label="Owner")
    payment = await shop.sold()
    first = await shop.give_back(payment, 60_000)
    assert first["approver"] is None
    assert (await shop.refund_ended(first))["status"] == "done"
    assert (await _refused(shop.give_back(payment, 60_000))).code == "approval_needed"
    second = await shop.give_back(payment, 60_001, approver=supervisor)
    assert second["approver"] == "key Owner"
    assert (await shop.refund_ended(second, within_s=7200))["status"] == "done"


async def test_people_are_told_apart_by_their_keys_not_by_their_labels(shop: CardShop) -> None:
    """One's own key is no second person, also from a signed-in page; another key of the same name is."""
    payment = await shop.sold()
    assert (await _refused(shop.give_back(payment, approver=API_KEY))).code == "approver_same_person"
    mine, twin = await shop.colleague("collect", "refund", label="Desk"), await shop.colleague("refund", label="Desk")
    me = await shop.person(mine)
    assert (await _refused(shop.give_back(payment, by=me, approver=mine))).code == "approver_same_person"
    void = await shop.give_back(payment, by=me, approver=twin)
    assert (void["actor"], void["approver"]) == ("key Desk", "key Desk")
    shop.accept_void()
    assert (await shop.refund_ended(void))["status"] == "done"


async def test_a_stranger_a_revoked_key_and_a_cashier_are_no_second_person(shop: CardShop) -> None:
    """A key nobody holds, one of another shop, one without the scope: refused alike, and nothing is given back."""
    payment = await shop.sold()
    cashier = await shop.colleague("read", "collect", label="Cashier")
    other = await merchants.create(
        shop.till, merchants.NewMerchant(name="Other", mid="OTHER0000001", key="unit_test_key_16")
    )
    from galla.service import access

    foreign = await access.create_key(shop.till, other["id"], ["refund", "admin"], "Foreign")
    for credential in ("gk_nobody_holds_this", foreign, cashier):
        assert (await _refused(shop.give_back(payment, approver=credential))).code == "approver_unknown"
    assert (await shop.see(payment))["amount_refundable"] == AMOUNT
    assert shop.calls("void") == 0


async def test_a_user_approves_with_name_and_password(shop: CardShop) -> None:
    """A lead of the shop is a second person by their own password; a wrong one and a cashier's are refused."""
    for name, role in (("meena", "lead"), ("ravi", "cashier")):
        new = people.NewUser(name=name, display_name=name.title(), role=role, password="four odd words here")
        await people.add(shop.till, shop.principal, new)
    payment = await shop.sold()
    for credential in ("meena:wrong", "ravi:four odd words here", "nobody:four odd words here"):
        assert (await _refused(shop.give_back(payment, approver=credential))).code == "approver_unknown"
    meena = await signing_in.person(shop.till, shop.principal, "meena", "four odd words here", address="desk")
    own = await _refused(shop.give_back(payment, by=meena, approver="meena:four odd words here"))
    assert own.code == "approver_same_person"
    await people.set_password(shop.till, shop.principal, "meena", " a space at each end ")
    void = await shop.give_back(payment, approver="Meena: a space at each end ")
    assert void["approver"] == "Meena"
    assert "four odd words here" not in await shop.till.database.read(_everything)
    shop.accept_void()
    assert (await shop.refund_ended(void))["status"] == "done"


async def test_the_credential_is_kept_nowhere(shop: CardShop) -> None:
    """Neither the books, the trail, the events nor the remembered answers hold the second person's key."""
    supervisor = await shop.colleague("refund")
    payment = await shop.sold()
    void = await shop.give_back(payment, approver=supervisor, idempotency_key="k", fingerprint="f")
    assert await shop.give_back(payment, approver=supervisor, idempotency_key="k", fingerprint="f") == void
    shop.accept_void()
    await shop.refund_ended(void)
    everything = await shop.till.database.read(_everything)
    assert "key Supervisor" in everything
    assert supervisor not in everything
    assert supervisor not in json(await shop.see(payment))
    assert supervisor not in repr(NewPayment(amount_paise=1, approver=Secret(supervisor)))


async def test_a_supervisor_may_let_a_cashier_take_a_second_payment_beside_an_open_one(shop: CardShop) -> None:
    """`allow_parallel` by a cashier needs somebody who may decide it; the trail names who did."""
    supervisor = await shop.colleague("refund")
    cashier = await shop.person(await shop.colleague("read", "collect", label="Cashier"))
    await shop.start(reference="INV-1")
    again = NewPayment(amount_paise=AMOUNT, terminal=SECOND, reference="INV-1", allow_parallel=True)
    with pytest.raises(IllegalTransition) as alone:
        await payments.start(shop.till, cashier, again)
    assert (alone.value.code, alone.value.param) == ("supervisor_needed", "allow_parallel")
    from msgspec.structs import replace

    begun = await payments.start(shop.till, cashier, replace(again, approver=Secret(supervisor)))
    (row,) = await _audit(shop, begun.payment["id"], "payment.created")
    assert row.actor == "key Cashier"
    assert '"approver":"key Supervisor"' in row.detail
    for tid in (FIRST, SECOND):
        shop.pay_by_card(tid)
    await shop.pass_time(30)


async def _audit(shop: CardShop, object_id: str, action: str) -> list[Any]:
    from galla.store import journal

    _, noted = await shop.till.database.read(journal.trail, shop.principal.merchant_id, object_id)
    return [row for row in noted if row.action == action]


def _everything(connection: Connection) -> str:
    return "\n".join(str(tuple(row)) for table in metadata.sorted_tables for row in connection.execute(select(table)))
