"""What must hold of the records, the ledger, the audit trail and the events: I-18 to I-24."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import msgspec

from galla.simulation.books import Books
from galla.simulation.rows import GROWING
from galla.simulation.truth import Truth

_COUNTS = " UNION ALL ".join(f"SELECT '{table}', COUNT(*) FROM {table}" for table in GROWING)  # noqa: S608 - our own
GENESIS = "0" * 64
TRANSITIONS = frozenset({
    "payment.created", "payment.pending", "payment.in_doubt", "payment.paid", "payment.not_paid", "payment.attached",
    "payment.cancel_requested", "refund.created", "refund.pending", "refund.in_doubt", "refund.done", "refund.failed",
})
"""What is told to listeners once for each time that the audit trail notes it."""


def i18(books: Books, truth: Truth) -> Iterator[str]:
    """No row of the ledger, the audit trail, the events and the evidence is ever removed or slipped in behind."""
    for table, count in books.rows(_COUNTS):
        if count != books.counts[table]:
            yield f"{table} has {count} rows, and {books.counts[table]} were seen"


def i19(books: Books, truth: Truth) -> Iterator[str]:
    """Each paid payment and each refund that is done is booked once, and nothing else is."""
    for tender in (books.tenders[each] for each in books.touched):
        found = books.events_booked.get(tender.id, [])
        if found.count("payment.paid") != (tender.status == "paid") or len(found) != len(set(found)):
            yield f"{tender.id} is {tender.status} and booked as {found}"
    for refund in (books.refunds[each] for each in books.touched_refunds):
        found = books.events_booked.get(refund.id, [])
        if len(found) != (refund.status == "done"):
            yield f"{refund.id} is {refund.status} and booked as {found}"


def i20(books: Books, truth: Truth) -> Iterator[str]:
    """What the accounts hold is what their lines say, line by line, and all of them together hold nothing."""
    for account, total in books.rows("SELECT account, SUM(amount_paise) FROM postings GROUP BY account"):
        if int(total) != books.balances[account]:
            yield f"{account} holds {total}, and its lines were seen to make {books.balances[account]}"
    if sum(books.balances.values()) != 0:
        yield f"all accounts together hold {sum(books.balances.values())}"


def i21(books: Books, truth: Truth) -> Iterator[str]:
    """Whatever moved or will move money has its row in the audit trail, committed together with it."""
    for object_id, kind in (
        *((each, "payment.created") for each in books.touched),
        *((each, "refund.created") for each in books.touched_refunds),
        *((each, "bill.created") for each in books.touched_bills),
    ):
        if books.noted[object_id, kind] != 1:
            yield f"the trail notes {kind} of {object_id} {books.noted[object_id, kind]} times"
    for entry, object_id, event, *_ in books.added["entries"]:
        attached = books.attachments.get(object_id)
        who = attached.payment_id if attached is not None else object_id
        if not books.noted[who, event]:
            yield f"the entry {entry} books {event} of {who}, and the trail does not know of it"


def i22(books: Books, truth: Truth) -> Iterator[str]:
    """Each audit row carries the hash of the one before it and of its own words, and the head is the last of them."""
    for row in books.added["audit"]:
        merchant, position, previous, hashed = row[0], row[1], row[8], row[9]
        last, link = books.chain.get(merchant, (0, GENESIS))
        words = msgspec.json.encode(row[:8])
        if (position, previous) != (last + 1, link) or hashlib.sha256(previous.encode() + words).hexdigest() != hashed:
            yield f"the audit row {position} does not follow from row {last}"
        books.chain[merchant] = (position, hashed)
    for merchant, (_, position, hashed) in books.heads.items():
        if books.chain.get(merchant, (0, GENESIS)) != (position, hashed):
            yield f"the audit head of {merchant} stands at {position}, and the last row is {books.chain.get(merchant)}"


def i23(books: Books, truth: Truth) -> Iterator[str]:
    """For each change that the trail notes there is one event, and no event without it; positions have no gap."""
    for row in books.added["audit"]:
        if row[5] in TRANSITIONS and (told := books.told[row[6], row[5]]) != (noted := books.noted[row[6], row[5]]):
            yield f"{row[5]} of {row[6]} was noted {noted} times and told {told} times"
    for row in books.added["events"]:
        if row[2] in TRANSITIONS and books.told[row[3], row[2]] != books.noted[row[3], row[2]]:
            yield f"{row[2]} of {row[3]} was told, and the trail does not know of it"
    if books.added["events"] or books.is_whole:
        for merchant, (position, _, _) in books.heads.items():
            count = books.told_of[merchant]
            if position != count:
                yield f"{count} events were told, and the next position follows {position}"


def i24(books: Books, truth: Truth) -> Iterator[str]:
    """A key stands for one object for ever, and an answer that was kept is not taken back."""
    for row in books.changed:
        known = books.keys.get(row[0]) if len(row) == 3 else None
        if known is not None and (known.object_id, known.is_answered) != row[1:]:
            yield f"the key {known.key} stood for {known.object_id}, and stands for {row[1]}"
