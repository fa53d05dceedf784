"""The books of a whole life: a bill, a sale on the machine, a decline, and what the ledger says afterwards."""

from collections import Counter as Sums

import msgspec
from sqlalchemy import Connection

from galla.sandbox.world import DEMO_MID
from galla.service import audit, bills, ledgers, payments, tasks
from tests.store.samples import sql
from tests.till import Counter


def lines_by_account(connection: Connection) -> dict[str, int]:
    """Add up the lines by hand."""
    sums: Sums[str] = Sums()
    for account, amount in sql(connection, "SELECT account, amount_paise FROM postings"):
        sums[account] += amount
    return dict(sums)


async def test_the_books_follow_a_bill_to_its_payment(counter: Counter) -> None:
    """I-01, I-20, I-21: after a paid and a declined sale the trial balance is the lines, Paytm owes what was paid."""
    till, who = counter.till, counter.principal
    line = {"description": "Peel", "quantity": 1, "unit_amount": 11800, "tax_rate": "18"}
    bill = await bills.create(till, who, bills.NewBill(customer={"name": "Asha"}, lines=[line]))
    for outcome, status in (("decline", "not_paid"), ("card", "paid")):
        counter.sandbox.play(after_s=1, outcome=outcome)
        new = payments.NewPayment(amount_paise=11800, bill=bill["number"], terminal="12345671")
        started = await payments.start(till, who, new)
        for _ in range(5):
            await counter.pass_time(5)
        assert (await payments.get(till, who, started.payment["id"]))["status"] == status

    balance = await ledgers.trial_balance(till, who)
    found = {account["code"]: account["balance"] for account in balance["accounts"] if account["balance"]}

    assert found == {f"clearing:{DEMO_MID}": 11800, "sales": -10000, "gst_output": -1800}
    by_hand = await till.database.read(lines_by_account)
    assert found == {code: amount for code, amount in by_hand.items() if amount}
    assert balance["debit"] == balance["credit"]
    assert (await bills.get(till, who, bill["id"]))["status"] == "paid"
    checked = await audit.verify(till)
    assert (checked["first_bad"], checked["rows"] >= 5) == (None, True)


async def test_one_transaction_pays_one_payment(counter: Counter) -> None:
    """F34: a proof whose transaction has already paid another payment pays nothing, and goes to a person."""
    till, who, box = counter.till, counter.principal, counter.sandbox
    started = []
    for reference in ("INV-1", "INV-2"):
        box.play(after_s=1, outcome="card")
        new = payments.NewPayment(amount_paise=1000, reference=reference, terminal="12345671")
        started.append((await payments.start(till, who, new)).payment)
        counter.clock.advance(4)
        box.settle(counter.clock.now())
        if reference == "INV-2":
            first, second = ((DEMO_MID, one["paytm"]["id"]) for one in started)
            taken = box.charges[first].acquirement_id
            box.charges[second] = msgspec.structs.replace(box.charges[second], acquirement_id=taken)
        for _ in range(3):
            await counter.pass_time(5)

    first_view, second_view = [await payments.get(till, who, one["id"]) for one in started]
    assert first_view["status"] == "paid"
    assert (second_view["status"], second_view["needs_review"]) == ("in_doubt", True)
    assert first_view["id"] in second_view["reason"]["message"]
    assert await tasks.unexplained(till, who) == 1
