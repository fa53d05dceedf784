"""The load trial in small: it runs, it finds nothing where nothing is, and it sees what is there."""

from datetime import UTC, datetime

import msgspec

from galla.sandbox.charge import Charge
from reliability import load
from reliability.outside import State
from reliability.tills import Sale


def test_a_few_customers_pay_and_the_books_tell_the_same() -> None:
    """For three seconds customers come to ten counters over real sockets: each pays once, and is seen to."""
    record = load.run("sqlite", 5, 3, seed=1, counters=10)
    figures = {figure.what: figure.value for figure in record.figures}
    assert record.violations == []
    assert figures["customers"] == figures["paid, each one charge of its amount"] != "0"


def test_what_does_not_agree_is_told() -> None:
    """A sale that was taken twice, lost, or is paid on one side alone is a violation."""
    sale = Sale(1, 0.0)
    sale.id, sale.status = "pay_1", "paid"
    charge = Charge(
        id="P1", mid="M", tid="1", amount_paise=sale.amount_paise, received_at=(at := datetime(2026, 1, 5, tzinfo=UTC)),
        transaction_date_time="", settled_at=at,
    )  # fmt: skip
    truth = State(charges=[charge], orders=[], refunds=[])
    held = {"pay_1": ("P1", sale.amount_paise, "paid")}
    assert load._differences([sale], truth, held) == []
    again = msgspec.structs.replace(truth, charges=[charge, msgspec.structs.replace(charge, id="P2")])
    assert len(load._differences([sale], again, held)) == 2  # its amount twice, and one that nobody knows
    assert len(load._differences([sale], msgspec.structs.replace(truth, charges=[]), held)) == 1
    assert len(load._differences([sale], truth, {})) == 2
    assert len(load._differences([sale], truth, {"pay_1": ("P1", 5, "paid")})) == 2
