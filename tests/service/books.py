"""The one comparison that matters: what galla's books say against what the pretend Paytm truly took."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

from sqlalchemy import Connection, Row, select

from galla.connectors.probe import NOTHING
from galla.sandbox.charge import ChargeState, VoidState
from galla.sandbox.refund import RefundState
from galla.sandbox.sandbox import Sandbox
from galla.service import audit
from galla.service.till import Till
from galla.store.bill_tables import bills
from galla.store.record_tables import entries, events, idempotency_keys, postings, tasks
from galla.store.tables import attachments, exchanges, payments, proofs, refunds

LIVE = ("created", "pending", "in_doubt")
Held = dict[str, list[Row[Any]]]


async def assert_books_equal_truth(till: Till, box: Sandbox, *, is_over: bool = True) -> None:
    """Check the money invariants of a till against a sandbox.

    I-01 every entry balances; I-02 every charge is a paid payment (if `is_over`: when everything has had time
    to be learned); I-03 every paid payment is a charge of the same amount; I-04 and I-13 one charge, one id,
    one entry, one event each; I-05 no more is given back than was paid; I-06 one refund for each reference, and voids
    are reversals on a machine; I-07 bills hold exactly what was allocated to them; I-09 clearing is what Paytm
    owes, and the drawer holds the cash. The audit chain is whole.
    """
    held = await till.database.read(_everything)
    _ledger_balances(held)
    _payments_are_charges(held, box, is_over=is_over)
    _each_once(held)
    _refunds_are_refunds(held, box, is_over=is_over)
    _bills_hold(held)
    _clearing_is_owed(held, box)
    _drawer_holds(held)
    _wire_is_known(held, box)
    _flags_are_tasks(held)
    assert (await audit.verify(till))["first_bad"] is None, "the audit chain is broken"


def _everything(connection: Connection) -> Held:
    tables = (payments, refunds, proofs, bills, entries, postings, events, idempotency_keys, exchanges)
    return {table.name: list(connection.execute(select(table))) for table in (*tables, tasks, attachments)}


def _taken(box: Sandbox) -> dict[tuple[str, str], int]:
    """What customers truly paid, on machines and online."""
    taken = {key: each.amount_paise for key, each in box.charges.items() if each.state is ChargeState.PAID}
    return taken | {key: each.amount_paise for key, each in box.orders.items() if each.paid is not None}


def _ledger_balances(held: Held) -> None:
    """I-01: each entry has two lines or more that sum to zero, and no line is without an entry."""
    lines: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for line in held["postings"]:
        lines[line.merchant_id, line.entry_id].append(line.amount_paise)
    assert set(lines) == {(entry.merchant_id, entry.id) for entry in held["entries"]}
    for name, amounts in lines.items():
        assert (len(amounts) >= 2, sum(amounts)) == (True, 0), f"the entry {name} does not balance: {amounts}"
    assert sum(line.amount_paise for line in held["postings"]) == 0


def _payments_are_charges(held: Held, box: Sandbox, *, is_over: bool) -> None:
    """I-02 and I-03: the same money on both sides, id by id."""
    paid = [row for row in held["payments"] if row.status == "paid"]
    ours = {(row.mid, row.paytm_id): row.amount_paise for row in paid if row.method != "cash"}
    theirs = _taken(box)
    invented = {key: amount for key, amount in ours.items() if theirs.get(key) != amount}
    assert not invented, f"money was invented: {invented}"
    known = {(row.mid, row.paytm_id): row for row in held["payments"]}
    begun = {(each.mid, each.queue_id or each.id) for each in box.charges.values()}
    assert {*begun, *box.orders} <= set(known), "Paytm was asked for a payment that is written down nowhere"
    lost = {key: known[key].status for key in theirs if key not in ours and not known[key].needs_review}
    assert not (is_over and lost), f"money was taken and not booked: {lost}"
    proven = Counter(row.payment_id for row in held["proofs"])
    assert proven == Counter(row.id for row in held["payments"] if row.status == "paid")


def _each_once(held: Held) -> None:
    """I-04, I-13, I-14, I-19, I-23: one id, one entry, one event, one holder."""
    paid = Counter(row.id for row in held["payments"] if row.status == "paid")
    assert Counter(row.object_id for row in held["entries"] if row.event == "payment.paid") == paid
    assert Counter(row.object_id for row in held["events"] if row.type == "payment.paid") == paid
    ids = [row.paytm_id for row in held["payments"]]
    assert len(ids) == len(set(ids)), "two payments share an id of Paytm's"
    holders = [row.terminal_id for row in held["payments"] if row.holds_terminal]
    assert len(holders) == len(set(holders)), "two payments hold one machine"
    by_key = Counter((row.merchant_id, row.object_id) for row in held["idempotency_keys"])
    assert all(count == 1 for count in by_key.values())
    sequences: defaultdict[str, list[int]] = defaultdict(list)
    positions: defaultdict[str, list[int]] = defaultdict(list)
    for event in sorted(held["events"], key=lambda row: row.position):
        sequences[event.object_id].append(event.sequence)
        positions[event.merchant_id].append(event.position)
    for name, found in (*sequences.items(), *positions.items()):
        assert found == list(range(1, len(found) + 1)), f"the events of {name} are numbered {found}"
    for row in held["payments"]:
        assert row.sequence == len(sequences[row.id])


def _refunds_are_refunds(held: Held, box: Sandbox, *, is_over: bool) -> None:
    """I-05 and I-06: never more than was paid, one refund for each reference, done only if it truly is."""
    assert len({(row.mid, row.ref_id) for row in held["refunds"]}) == len(held["refunds"]), "a reference is shared"
    ours = {(row.mid, row.ref_id): row for row in held["refunds"] if row.kind == "refund"}
    assert set(box.refunds) <= set(ours), "a refund was raised that is written down nowhere"
    done, live = Counter[str](), Counter[str]()
    for row in held["refunds"]:
        done[row.payment_id] += row.amount_paise if row.status == "done" else 0
        live[row.payment_id] += row.amount_paise if row.status in LIVE else 0
    for row in held["payments"]:
        assert (row.refunded_paise, row.refunding_paise) == (done[row.id], live[row.id])
        assert row.refunded_paise + row.refunding_paise <= (row.amount_paise if row.status == "paid" else 0)
    in_cash = {row.id for row in held["payments"] if row.method == "cash"}
    given = {key: each.amount_paise for key, each in box.refunds.items() if each.state is RefundState.DONE}
    said = {
        key: row.amount_paise
        for key, row in ours.items()
        if row.status == "done" and row.payment_id not in in_cash
    }
    assert said.items() <= given.items(), "a refund is called done that Paytm has not done"
    unsaid = {key for key in given.keys() - said.keys() if not ours[key].needs_review}
    assert not (is_over and unsaid), f"money went back and was not booked: {unsaid}"
    _voids_are_voids(held, box, is_over=is_over)
    finished = Counter(row.id for row in held["refunds"] if row.status == "done")
    assert Counter(row.object_id for row in held["entries"] if row.event == "refund.done") == finished
    assert Counter(row.object_id for row in held["events"] if row.type == "refund.done") == finished


def _voids_are_voids(held: Held, box: Sandbox, *, is_over: bool) -> None:
    """F14: a sale counts as voided once, if and only if its machine reversed it, and then nothing else went back."""
    voids = [row for row in held["refunds"] if row.kind == "void"]
    done = Counter(row.payment_id for row in voids if row.status == "done")
    assert all(count == 1 for count in done.values()), "a sale was voided twice"
    assert set(done) == {row.id for row in held["payments"] if row.is_voided}
    truly = {
        row.id
        for row in held["payments"]
        if (charge := box.charges.get((row.mid, row.paytm_id))) is not None and charge.void is VoidState.DONE
    }
    assert set(done) <= truly, "a void is called done that the machine has not done"
    flagged = {row.payment_id for row in voids if row.needs_review}
    assert not (is_over and truly - set(done) - flagged), "a sale was voided and it was not booked"
    returned = {row.payment_id for row in held["refunds"] if row.kind == "refund" and row.status == "done"}
    assert not truly & returned, "a sale was voided and refunded"


def _bills_hold(held: Held) -> None:
    """I-07: a bill holds what the ledger allocated to it and reserves what is live; never more than its total."""
    of_payment = {row.id: row for row in held["payments"]}
    entry_of = {(row.merchant_id, row.id): row for row in held["entries"]}
    allocated: Counter[str] = Counter()
    for line in held["postings"]:
        entry = entry_of[line.merchant_id, line.entry_id]
        if entry.event == "payment.paid" and line.account == "receivable":
            allocated[of_payment[entry.object_id].bill_id] -= line.amount_paise
    for row in held["attachments"]:
        allocated[row.bill_id] += row.amount_paise
    live: Counter[str] = Counter()
    for row in held["payments"]:
        if row.bill_id is not None and row.status in LIVE:
            live[row.bill_id] += row.amount_paise
    for bill in held["bills"]:
        assert 0 <= bill.paid_paise <= bill.total_paise
        assert bill.paid_paise == allocated[bill.id], f"bill {bill.number} does not hold its payments"
        assert bill.live_paise == live[bill.id], f"bill {bill.number} reserves {bill.live_paise}, not {live[bill.id]}"


def _clearing_is_owed(held: Held, box: Sandbox) -> None:
    """I-09: what stands in clearing per MID is what Paytm took of its paid payments, less what it gave back."""
    booked: Counter[str] = Counter()
    for line in held["postings"]:
        if line.account.startswith("clearing:"):
            booked[line.account.removeprefix("clearing:")] += line.amount_paise
    owed: Counter[str] = Counter()
    known = {(row.mid, row.paytm_id): row.status for row in held["payments"]}
    for (mid, paytm_id), amount_paise in _taken(box).items():
        if known.get((mid, paytm_id)) == "paid":
            owed[mid] += amount_paise
    of_payment = {row.id: row for row in held["payments"]}
    for row in held["refunds"]:
        paid = of_payment[row.payment_id]
        if row.status == "done" and paid.method != "cash":
            is_void = row.kind == "void"
            truth = box.charges[paid.mid, paid.paytm_id] if is_void else box.refunds[row.mid, row.ref_id]
            owed[row.mid] -= truth.amount_paise
    assert +booked == +owed, f"clearing says {dict(booked)}, Paytm owes {dict(owed)}"


def _drawer_holds(held: Held) -> None:
    """What stands in the drawer is the cash taken less the cash given back, what was moved, and what counting found."""
    booked = sum(line.amount_paise for line in held["postings"] if line.account == "cash_drawer")
    taken = {row.id: row.amount_paise for row in held["payments"] if row.method == "cash" and row.status == "paid"}
    back = sum(row.amount_paise for row in held["refunds"] if row.status == "done" and row.payment_id in taken)
    entry = {row.id: row.event for row in held["entries"]}
    counted = [line for line in held["postings"] if entry[line.entry_id] in ("shift.closed", "drawer.moved")]
    more = sum(line.amount_paise for line in counted if line.account == "cash_drawer")
    assert booked == sum(taken.values()) - back + more, f"the drawer says {booked}"


def _flags_are_tasks(held: Held) -> None:
    """A payment or refund is flagged exactly while it has an open task that says why; a task has its events."""
    waiting = {(row.object_id, row.kind) for row in held["tasks"] if row.closed_at is None}
    about = {object_id for object_id, _ in waiting}
    assert {row.id for row in held["payments"] if row.needs_review} == {row.id for row in held["payments"]} & about
    unclear = {object_id for object_id, kind in waiting if kind in ("refund_unclear", "void_unanswered")}
    assert {row.id for row in held["refunds"] if row.needs_review} == unclear
    told = Counter(row.object_id for row in held["events"] if row.type.startswith("task."))
    assert told == Counter({row.id: row.sequence for row in held["tasks"]})


def _wire_is_known(held: Held, box: Sandbox) -> None:
    """I-13: nothing was ever sent that was not written down first; what takes or gives money is accepted once."""
    known = {row.paytm_id: row for row in held["payments"]}
    for call in box.wire.calls():
        if call.operation in ("status", "order_status") and (call.paytm_id or "").startswith(NOTHING):
            continue  # a test of the connection asks about an id that nothing has, and never for money
        if call.operation == "order_list":
            continue  # it asks about a time, and moves nothing
        assert call.paytm_id in known, f"{call.operation} was sent about an unknown id"
    accepted = Counter(call.paytm_id for call in box.wire.calls(operation="sale") if call.answer == "A 0009")
    assert all(count == 1 for count in accepted.values()), "a sale was accepted twice"
    raised = Counter(call.body["refId"] for call in box.wire.calls(operation="refund") if "601" in call.answer)
    assert all(count == 1 for count in raised.values()), "a refund was taken in twice"
