"""The net catches fish: a sound shop's books are wounded in one place, and the invariant of that place must cry.

The wounds are made in a copy of the books without constraints and triggers, because the real database refuses most
of them; each is what a known mistake would leave behind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import msgspec
import pysqlite3.dbapi2 as sqlite
import pytest

from galla.clock import to_millis
from galla.payments.machine import Asking, Step, apply
from galla.payments.model import Declined, Lost, Outcome, Payment
from galla.payments.reasons import lost_reply
from galla.sandbox.faults import Fault, Kind
from galla.service import advance
from galla.simulation.books import Books
from galla.simulation.invariants import INVARIANTS, breaches, differences
from galla.simulation.playhouse import Playhouse, open_house
from galla.simulation.run import Run
from galla.simulation.truth import Charge, Return, Truth
from galla.store.schema import metadata

Change = Callable[[Truth], Truth]


class Sound(msgspec.Struct, frozen=True):
    """A shop's sound books, as SQL to be written anywhere, and the truth they tell."""

    script: str
    truth: Truth
    now_ms: int


@pytest.fixture(scope="module")
def house() -> Iterator[Playhouse]:
    """A loop and a folder for the shop."""
    with open_house() as made:
        yield made


@pytest.fixture(scope="module")
def sound(house: Playhouse) -> Sound:
    """A morning's work: two bills paid by phone, one given back in part, cash, a card sale voided, one still live."""
    run = Run(house)
    try:
        for deed, a, b, c in MORNING:
            run.step(deed, a, b, c)
        stage = run.stage
        truth = stage.observer.truth()
        source = sqlite.connect(stage.url.removeprefix("sqlite:///"))
        lines = []
        for table in metadata.sorted_tables:
            names = ", ".join(f'"{column.name}"' for column in table.columns)
            lines.append(f'CREATE TABLE "{table.name}" ({names});')
            for row in source.execute(f'SELECT {names} FROM "{table.name}"'):
                lines.append(f'INSERT INTO "{table.name}" VALUES ({", ".join(map(_literal, row))});')
        source.close()
        return Sound("\n".join(lines), truth, to_millis(stage.clock.now()))
    finally:
        run.close()


MORNING = (
    ("bill", 0, 0, 0), ("upi", 0, 0, 0), ("pay_by_phone", 0, 0, 0), ("pause", 3, 1, 0), ("refund", 0, 3, 1),
    ("pause", 4, 1, 0), ("pause", 4, 1, 0), ("pause", 5, 1, 0),
    ("bill", 3, 0, 0), ("cash", 0, 0, 0),
    ("bill", 2, 0, 0), ("card", 0, 0, 0), ("pay_by_card", 0, 0, 0), ("pause", 3, 1, 0), ("refund", 0, 0, 1),
    ("pay_by_card", 0, 0, 0), ("pause", 4, 1, 0), ("pause", 4, 1, 0),
    ("bill", 5, 0, 0), ("card", 0, 0, 1), ("at_the_machine", 0, 1, 1), ("pause", 3, 1, 0),
    ("bill", 1, 0, 0), ("upi", 0, 0, 0),
)
PAID = "(SELECT id FROM payments WHERE status = 'paid' AND method = 'upi_intent')"
LIVE = "(SELECT id FROM payments WHERE status = 'pending')"
NOT_PAID = "(SELECT id FROM payments WHERE status = 'not_paid')"
REFUND = "(SELECT id FROM refunds WHERE kind = 'refund')"

WOUNDS: dict[str, tuple[str, ...]] = {
    "I-01 a line is lost": ("DELETE FROM postings WHERE line = 2 AND entry_id = (SELECT MIN(id) FROM entries)",),
    "I-01 a line is changed": (f"UPDATE postings SET amount_paise = amount_paise + 1 WHERE line = 1 AND entry_id ="
                               f" (SELECT id FROM entries WHERE object_id = {PAID})",),
    "I-01 an entry is lost": (f"DELETE FROM entries WHERE object_id = {PAID}",),
    "I-02 the row of a charge is lost": (f"DELETE FROM payments WHERE id = {PAID}",),
    "I-03 a callback is believed": (f"UPDATE payments SET status = 'paid' WHERE id = {LIVE}",),
    "I-03 the amount is not compared": (f"UPDATE payments SET amount_paise = amount_paise + 100 WHERE id = {PAID}",),
    "I-04 one bill is charged twice": (f"UPDATE payments SET bill_id = (SELECT bill_id FROM payments WHERE id = {PAID})"
                                       " WHERE method = 'edc' AND status = 'paid'",),
    "I-04 two keys for one payment": (
        "INSERT INTO idempotency_keys (merchant_id, key, fingerprint, object_id, answer, lease_until, created_at)"
        " SELECT merchant_id, 'again', fingerprint, object_id, answer, lease_until, created_at FROM idempotency_keys"
        " LIMIT 1",
    ),
    "I-05 the cap is not checked": (f"UPDATE refunds SET amount_paise = amount_paise * 5000 WHERE id = {REFUND}",),
    "I-05 a refund is not counted": (f"UPDATE payments SET refunded_paise = 0 WHERE id = {PAID}",),
    "I-05 a void beside a refund": (f"UPDATE refunds SET payment_id = {PAID} WHERE kind = 'void'",),
    "I-06 a refund is called done": ("UPDATE refunds SET ref_id = 'SBNOBODYKNOWSTHIS'",),
    "I-06 a refund that arrived is called failed": (f"UPDATE refunds SET status = 'failed' WHERE id = {REFUND}",),
    "I-07 a bill is paid by nobody": ("UPDATE bills SET paid_paise = total_paise",),
    "I-07 a reservation is forgotten": ("UPDATE bills SET live_paise = 0",),
    "I-08 half a paisa": (f"UPDATE payments SET amount_paise = 250000.5 WHERE id = {LIVE}",),
    "I-08 nothing": (f"UPDATE payments SET amount_paise = 0 WHERE id = {LIVE}",),
    "I-09 posted to another account": ("UPDATE postings SET account = 'advances' WHERE account LIKE 'clearing:%'",),
    "I-09 posted twice": (
        f"INSERT INTO postings SELECT merchant_id, 'ent_again', line, account, amount_paise FROM postings"
        f" WHERE entry_id = (SELECT id FROM entries WHERE object_id = {PAID})",
        f"INSERT INTO entries SELECT merchant_id, 'ent_again', object_id, event, \"on\", description, at FROM entries"
        f" WHERE object_id = {PAID}",
    ),
    "I-10 a paid payment is un-paid": (
        f"INSERT INTO audit SELECT merchant_id, 999999, at, actor, origin, 'payment.not_paid', object_id,"
        f" '{{\"before\":\"paid\",\"after\":\"not_paid\"}}', previous, hash FROM audit"
        f" WHERE object_id = {PAID} LIMIT 1",
    ),
    "I-10 a status is changed behind the trail": (f"UPDATE payments SET status = 'in_doubt' WHERE id = {LIVE}",),
    "I-11 a time-out is a failure": (f"UPDATE exchanges SET outcome = 'lost' WHERE payment_id = {NOT_PAID}",),
    "I-12 a proof of another amount": (f"UPDATE proofs SET amount_paise = 100 WHERE payment_id = {PAID}",),
    "I-12 a proof that nobody sent": (f"DELETE FROM exchanges WHERE payment_id = {PAID}",),
    "I-12 no proof": (f"DELETE FROM proofs WHERE payment_id = {PAID}",),
    "I-13 two payments share an id": (
        f"UPDATE payments SET paytm_id = (SELECT paytm_id FROM payments WHERE id = {PAID}) WHERE id = {LIVE}",
    ),
    "I-13 an id is changed after it was sent": (f"UPDATE payments SET paytm_id = 'SBANOTHERONE' WHERE id = {LIVE}",),
    "I-14 one machine, two payments": ("UPDATE payments SET holds_terminal = 1, terminal_id = 'term_1'",),
    "I-14 a bill is collected twice at once": (
        f"UPDATE payments SET bill_id = (SELECT bill_id FROM payments WHERE id = {LIVE}), status = 'pending'"
        " WHERE method = 'edc'",
    ),
    "I-15 nobody will ask": (f"UPDATE payments SET due_at = NULL WHERE id = {LIVE}",),
    "I-15 asked far too late": (f"UPDATE payments SET due_at = due_at + 86400000 WHERE id = {LIVE}",),
    "I-17 an event is lost": (f"DELETE FROM events WHERE object_id = {PAID} AND sequence = 1",),
    "I-17 an event is doubled": (f"UPDATE events SET sequence = 1 WHERE object_id = {PAID}",),
    "I-19 a failed payment is booked": (f"UPDATE entries SET object_id = {NOT_PAID} WHERE object_id = {PAID}",),
    "I-19 a posting is doubled": (
        f"INSERT INTO entries SELECT merchant_id, 'ent_again', object_id, event, \"on\", description, at FROM entries"
        f" WHERE object_id = {PAID}",
    ),
    "I-20 money out of nothing": ("INSERT INTO postings SELECT merchant_id, entry_id, 99, account, 100 FROM postings"
                                  " LIMIT 1",),
    "I-21 nobody wrote down who took it": (f"DELETE FROM audit WHERE object_id = {PAID} AND action = 'payment.paid'",),
    "I-21 nobody wrote down who began it": (f"DELETE FROM audit WHERE object_id = {LIVE}",),
    "I-22 a row of the trail is changed": ("UPDATE audit SET actor = 'somebody else' WHERE position = 5",),
    "I-22 a row of the trail is removed": ("DELETE FROM audit WHERE position = 5",),
    "I-22 the last row is removed": ("DELETE FROM audit WHERE position = (SELECT MAX(position) FROM audit)",),
    "I-23 nobody is told": (f"DELETE FROM events WHERE object_id = {PAID} AND type = 'payment.paid'",),
    "I-23 told twice": (f"INSERT INTO events SELECT merchant_id, 999, type, object_id, bill_id, 99, data, at"
                        f" FROM events WHERE object_id = {PAID} AND type = 'payment.paid'",),
}
"""What a mistake would leave in the books, under the invariant that must see it."""

LATER_WOUNDS = {
    "I-17 a stale writer comes through": f"UPDATE payments SET fence = fence - 1 WHERE id = {LIVE}",
    "I-18 an entry is edited": "UPDATE postings SET amount_paise = amount_paise + 1 WHERE line = 1",
    "I-18 evidence is removed": f"DELETE FROM exchanges WHERE payment_id = {PAID}",
    "I-18 a proof is edited": "UPDATE proofs SET data = '{}'",
    "I-20 an account is edited": "UPDATE postings SET account = 'sales' WHERE account LIKE 'clearing:%'",
    "I-24 a key is given away": "UPDATE idempotency_keys SET object_id = (SELECT MAX(object_id) FROM idempotency_keys)",
    "I-24 an answer is taken back": "UPDATE idempotency_keys SET answer = NULL",
}
"""What a mistake, or somebody with the file in hand, would change after the fact."""

LIES: dict[str, Change] = {
    "I-02 a charge under an id nobody wrote down": lambda truth: _more(truth, Charge("MID", "SBUNKNOWN", 100)),
    "I-03 a payment without its charge": lambda truth: replace(truth, charges=truth.charges[1:]),
    "I-04 one id is charged twice": lambda truth: _more(truth, truth.charges[0]),
    "I-04 a sale is sent again after a silence": lambda truth: replace(truth, sent=dict.fromkeys(truth.named, 2)),
    "I-05 more goes back than came": lambda truth: replace(
        truth, returns=(*truth.returns, *(msgspec.structs.replace(each, amount_paise=10**9) for each in truth.returns))
    ),
    "I-06 a reference is refunded twice": lambda truth: replace(truth, returns=truth.returns * 2),
    "I-06 a refund that is written down nowhere": lambda truth: replace(
        truth, returns=(*truth.returns, Return("MID", "SBREF", truth.charges[0].paytm_id, 1))
    ),
    "I-06 a void that the machine never made": lambda truth: replace(truth, voided=frozenset()),
    "I-13 an id was sent before it was kept": lambda truth: replace(
        truth, named=truth.named | {"SBNOTKEPT"}
    ),
    "I-16 two questions at once": lambda truth: replace(truth, overlaps=frozenset({"SBTWICE"})),
    "I-16 a storm of questions": lambda truth: replace(truth, asked=dict.fromkeys(truth.named, 9_999)),
}
"""What a mistake would leave at Paytm."""


def test_a_sound_shop_is_sound(sound: Sound) -> None:
    """The shop that is wounded below has a payment of each kind, and no invariant finds fault with it."""
    books = _books(sound)
    assert breaches(books, sound.truth) == []
    tenders, refunds = books.tenders.values(), books.refunds.values()
    assert {each.status for each in tenders} == {"paid", "not_paid", "pending"}
    assert {(each.kind, each.status) for each in refunds} == {("refund", "done"), ("void", "done")}
    assert {each.method for each in tenders} == {"upi_intent", "edc", "cash"}


def test_every_invariant_is_tried() -> None:
    """There is a wound or a lie for each invariant."""
    assert {name[:4] for name in (*WOUNDS, *LIES, *LATER_WOUNDS)} == set(INVARIANTS)


@pytest.mark.parametrize("wound", WOUNDS)
def test_a_wound_in_the_books_is_seen(wound: str, sound: Sound) -> None:
    """Books that a mistake has left wrong are found wrong, by the invariant that forbids just that."""
    cries = breaches(_books(sound, *WOUNDS[wound]), sound.truth)
    assert any(cry.startswith(wound[:4]) for cry in cries), cries


@pytest.mark.parametrize("wound", LATER_WOUNDS)
def test_a_wound_between_two_looks_is_seen(wound: str, sound: Sound) -> None:
    """Of what was looked at before, a second look sees what has been changed or taken away since."""
    connection = _copy(sound)
    books = Books(lambda query: connection.execute(query).fetchall(), is_growing=True)
    books.look(sound.now_ms)
    assert breaches(books, sound.truth) == []
    books.rest()
    assert connection.execute(LATER_WOUNDS[wound]).rowcount > 0
    books.look(sound.now_ms)
    whole = Books(books.rows, is_growing=True)
    whole.look(sound.now_ms)
    cries = breaches(books, sound.truth) + differences(books, whole)
    assert any(cry.startswith(wound[:4]) for cry in cries), cries


@pytest.mark.parametrize("lie", LIES)
def test_a_wound_in_the_world_is_seen(lie: str, sound: Sound) -> None:
    """A truth that the books do not tell is found, by the invariant that forbids just that."""
    cries = breaches(_books(sound), LIES[lie](sound.truth))
    assert any(cry.startswith(lie[:4]) for cry in cries), cries


def test_in_the_end_a_charge_that_is_not_booked_is_seen(sound: Sound) -> None:
    """While there is time a charge may be unknown; when all is over it is lost money, in I-02 and in I-09."""
    live = next(each for each in _books(sound).tenders.values() if each.status == "pending")
    truth = _more(sound.truth, Charge(live.mid, live.paytm_id, live.amount))
    assert breaches(_books(sound), truth) == []
    cries = breaches(_books(sound, is_over=True), truth)
    assert {cry[:4] for cry in cries} == {"I-02", "I-09"}, cries


def test_a_silence_taken_for_a_no_is_seen(house: Playhouse, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that takes a lost reply for a failure is caught at once, on the real database."""

    def hasty(payment: Payment, outcome: Outcome, asking: Asking, now: Any, ladder: Any) -> Step:
        if isinstance(outcome, Lost):
            outcome = Declined(reason=lost_reply(None))
        return apply(payment, outcome, asking, now, ladder)

    run = Run(house)
    try:
        run.stage.box.add_fault(Fault(kind=Kind.DROP_AFTER, operation="sale"))
        monkeypatch.setattr(advance, "apply", hasty)
        with pytest.raises(AssertionError, match="I-11"):
            run.step("card", 5, 0, 0)
    finally:
        run.close()


def test_a_retry_with_a_fresh_id_is_seen(house: Playhouse) -> None:
    """A caller that answers a lost reply with a second charge needs an override, and the excess is in advances."""
    run = Run(house)
    try:
        run.step("bill", 0, 0, 0)
        run.stage.box.add_fault(Fault(kind=Kind.DROP_AFTER, operation="sale"))
        run.step("card", 0, 0, 0)
        run.step("card", 0, 0, 1)  # refused: the model knows why
        assert len(run.model.tenders) == 1
        run.step("card", 0, 0, 49)  # with a supervisor
        for _ in range(2):
            run.step("pay_by_card", 0, 0, 0)
        run.end()
        assert [each.status for each in run.model.tenders.values()] == ["paid", "paid"]
        (bill,) = run.model.bills.values()
        assert bill.received == bill.total
    finally:
        run.close()


def _books(sound: Sound, *wounds: str, is_over: bool = False) -> Books:
    connection = _copy(sound)
    for wound in wounds:
        changed = connection.execute(wound).rowcount
        assert changed > 0, f"nothing was wounded by {wound}"
    books = Books(lambda query: connection.execute(query).fetchall())
    books.look(sound.now_ms, is_over=is_over)
    return books


def _copy(sound: Sound) -> Any:
    connection = sqlite.connect(":memory:")
    connection.executescript(sound.script)
    return connection


def _more(truth: Truth, charge: Charge) -> Truth:
    return replace(truth, charges=(*truth.charges, charge))


def _literal(value: Any) -> str:
    if value is None:
        return "NULL"
    return str(value) if isinstance(value, int) else "'" + str(value).replace("'", "''") + "'"
