"""Many counters at one instant, over real sockets: one machine, one bill, one key, and what is left when it is over."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from typing import Any

import pytest

from galla.errors import TooSoon
from galla.sandbox.sandbox import DEMO_MID
from galla.service import access, bills, ledgers, payments
from galla.service.till import Principal, Till
from tests.service.books import assert_books_equal_truth
from tests.service.storm import Hit, Shot, storm
from tests.web.shop import ADMIN_KEY, FIRST, Shop, eventually, open_shop, serving
from tests.web.upi_shop import pay_in_app

AMOUNT = 250_000
TIDS = tuple(str(52_000_000 + number) for number in range(8))


@pytest.mark.parametrize("many", [2, 16, 64])
async def test_f12_c27_one_machine_has_exactly_one_holder(database_url: str, many: int) -> None:
    """However many counters reach for one machine at the same instant: one has it, the others hear who."""
    async with open_shop(database_url, ladder_scale=1.0) as shop:
        calls = [sale(AMOUNT + number, FIRST, reference=f"R{number}") for number in range(many)]
        answers = await storm([shop.url], calls)
        (won,) = _made(answers)
        assert Counter(answer.code for answer in answers) == {None: 1, "terminal_busy": many - 1}
        assert {answer.body["blocker"] for answer in answers if answer.code} == {won["id"]}
        assert len(shop.sandbox.wire.calls(operation="sale")) == 1
        await _ended(shop, won)


@pytest.mark.parametrize("many", [3, 24, 63])
async def test_f29_c11_one_bill_by_machine_code_and_cash_is_reserved_once(database_url: str, many: int) -> None:
    """Machines, UPI links and cash reach for one bill at the same instant: exactly one is made, and pays it once."""
    async with open_shop(database_url, tids=TIDS, ladder_scale=1.0) as shop:
        for tid in TIDS:
            shop.sandbox.add_terminal(tid, DEMO_MID)
        bill = await _bill(shop)
        ways = [
            lambda number: sale(AMOUNT, TIDS[number % len(TIDS)], bill=bill),
            lambda _: pay("upi_intent", bill=bill),
            lambda _: pay("cash", bill=bill, tendered=300_000),
        ]
        answers = await storm([shop.url], [ways[number % 3](number) for number in range(many)])
        (won,) = _made(answers)
        lost = Counter(answer.code for answer in answers if answer.code)
        wanted = {"amount_exceeds_due"} if won["method"] == "cash" else {"bill_has_live_payment"}
        assert set(lost) <= wanted | {"bill_has_live_payment", "terminal_busy"}, lost
        principal = await _principal(shop.till)
        shown = await bills.get(shop.till, principal, bill)
        assert (shown["paid"] + shown["live"], len(shown["payments"])) == (AMOUNT, 1)
        await _ended(shop, won)


@pytest.mark.parametrize("many", [2, 50])
async def test_f31_c26_identical_requests_with_one_key_are_one_sale(database_url: str, many: int) -> None:
    """The same request with the same Idempotency-Key, all at once: one sale; every answer names it or says wait."""
    async with open_shop(database_url, ladder_scale=1.0) as shop:
        call = Shot(
            path="/v1/payments",
            key=ADMIN_KEY,
            body={"amount": AMOUNT, "method": "edc", "terminal": FIRST, "reference": "INV-1"},
            headers={"Idempotency-Key": "press-1"},
        )
        answers = await storm([shop.url], [call] * many)
        assert {answer.code for answer in answers} <= {None, "idempotency_in_progress"}
        named = {answer.body["id"] if answer.status == 201 else answer.body["blocker"] for answer in answers}
        assert len(named) == 1
        first = [answer for answer in answers if answer.status == 201 and "idempotent-replayed" not in answer.headers]
        assert len(first) == 1
        assert len(shop.sandbox.wire.calls(operation="sale")) == 1
        again = await storm([shop.url], [call] * 2)
        assert {(each.status, each.headers["idempotent-replayed"]) for each in again} == {(201, "true")}
        assert [each.body for each in again] == [first[0].body] * 2
        await _ended(shop, first[0].body)


@pytest.mark.parametrize("method", ["cash", "edc"])
async def test_f31_identical_cash_is_taken_once(database_url: str, method: str) -> None:
    """Fifty copies of one press, in cash or on a machine, without a bill to guard them: the key alone makes it one."""
    async with open_shop(database_url, ladder_scale=1.0) as shop:
        body = {"amount": AMOUNT, "method": method, **({"terminal": FIRST} if method == "edc" else {})}
        call = Shot(path="/v1/payments", key=ADMIN_KEY, body=body, headers={"Idempotency-Key": "press-1"})
        await storm([shop.url], [call] * 50)
        found = await payments.find(shop.till, await _principal(shop.till), {})
        assert len(found["data"]) == 1
        await _ended(shop, found["data"][0])


async def test_f29_parts_at_one_instant_never_exceed_the_bill(database_url: str) -> None:
    """Thirty parts of ₹400 in cash for a bill of ₹2,500, all at once: six are taken, the rest is still due."""
    async with open_shop(database_url, ladder_scale=1.0) as shop:
        bill = await _bill(shop)
        answers = await storm([shop.url], [pay("cash", 40_000, bill=bill)] * 30)
        assert len(_made(answers)) == 6
        principal = await _principal(shop.till)
        shown = await bills.get(shop.till, principal, bill)
        assert (shown["paid"], shown["due"], shown["live"], shown["status"]) == (240_000, 10_000, 0, "partly_paid")
        assert await _drawer(shop.till, principal) == 240_000
        await assert_books_equal_truth(shop.till, shop.sandbox)


async def test_f29_a_bill_and_its_number_at_one_instant_are_one_payment(database_url: str) -> None:
    """Half of the counters open the bill, half type its number as a reference: one payment is live."""
    async with open_shop(database_url, tids=TIDS, ladder_scale=1.0) as shop:
        for tid in TIDS:
            shop.sandbox.add_terminal(tid, DEMO_MID)
        bill = await _bill(shop)
        number = (await bills.get(shop.till, await _principal(shop.till), bill))["number"]
        calls = [
            sale(AMOUNT, tid, **({"bill": bill} if place % 2 else {"reference": number}))
            for place, tid in enumerate(TIDS)
        ]
        answers = await storm([shop.url], calls)
        (won,) = _made(answers)
        assert {answer.code for answer in answers if answer.code} <= {
            "bill_has_live_payment",
            "reference_has_live_payment",
        }
        await _ended(shop, won)


async def test_f12_f29_two_processes_and_one_machine(fresh_postgres_url: str) -> None:
    """Two servers on one PostgreSQL, thirty-two counters at each, one machine and one bill: one payment."""
    async with open_shop(fresh_postgres_url, ladder_scale=1.0) as shop:
        bill = await _bill(shop)
        twin = await Till.open(shop.till.settings, send=shop.sandbox.ahandle)
        async with serving(twin, shop.sandbox) as other:
            calls = [sale(AMOUNT, FIRST, bill=bill)] * 64
            both = await storm([shop.url, other.url], calls)
            (won,) = _made(both)
            assert {answer.code for answer in both if answer.code} <= {"bill_has_live_payment", "terminal_busy"}
            assert len(shop.sandbox.wire.calls(operation="sale")) == 1
            await _ended(shop, won)


def sale(amount: int, tid: str, **more: Any) -> Shot:
    """Return a sale on a machine."""
    return pay("edc", amount, terminal=tid, **more)


def pay(method: str, amount: int = AMOUNT, **more: Any) -> Shot:
    """Return a payment."""
    return Shot(path="/v1/payments", key=ADMIN_KEY, body={"amount": amount, "method": method, **more})


def _made(answers: list[Hit]) -> list[dict[str, Any]]:
    assert {answer.status for answer in answers} <= {201, 409, 422}, [answer.body for answer in answers]
    return [answer.body for answer in answers if answer.status == 201]


async def _bill(shop: Shop) -> str:
    line = {"description": "Consultation", "quantity": 1, "unit_amount": AMOUNT, "tax_rate": "18"}
    made = await bills.create(shop.till, await _principal(shop.till), bills.NewBill(lines=[line]))
    return str(made["id"])


async def _ended(shop: Shop, payment: dict[str, Any]) -> None:
    """Let the customer pay the one that was made; then the books are what truly happened, to the paisa."""
    principal = await _principal(shop.till)
    if payment["method"] == "edc":
        await shop.until_on_machine(payment["paytm"]["tid"])
        shop.pay(payment["paytm"]["tid"])
    elif payment["method"] == "upi_intent":
        pay_in_app(shop, payment["next_action"]["upi_link"])

    async def is_paid() -> bool:
        view = await payments.get(shop.till, principal, payment["id"])
        if view["status"] != "paid":
            with suppress(TooSoon):
                await payments.check(shop.till, principal, payment["id"])
        return bool(view["status"] == "paid")

    await eventually(is_paid)
    await assert_books_equal_truth(shop.till, shop.sandbox)


async def _principal(till: Till) -> Principal:
    principal = await access.principal_for_key(till, ADMIN_KEY)
    assert principal is not None
    return principal


async def _drawer(till: Till, principal: Principal) -> int:
    trial = await ledgers.trial_balance(till, principal)
    return int(next(each["balance"] for each in trial["accounts"] if each["name"] == "Cash drawer"))
