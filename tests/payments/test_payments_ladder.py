"""The ladder: the published figures, and the arithmetic around them."""

import itertools
from datetime import UTC, datetime, time, timedelta
from typing import Any

import msgspec
import pytest

from galla.clock import IST, business_date
from galla.payments.ladder import (
    EDC,
    LATE_WATCH_S,
    UPI,
    Ladder,
    Rung,
    backed_off,
    jittered,
    last_look,
    next_due,
    read_rungs,
    scaled,
)
from galla.payments.model import Method, Payment, Status

NOW = datetime(2026, 1, 5, 4, 50, tzinfo=UTC)
MINUTE, HOUR = 60, 3600


def payment(status: Status = Status.PENDING, **changes: Any) -> Payment:
    """Return a payment made now."""
    return Payment(
        id="pay_1",
        merchant_id="m",
        environment="sandbox",
        mid="M",
        method=Method.EDC,
        amount_paise=1,
        paytm_id="SB1",
        created_at=NOW,
        status=status,
        **changes,
    )


def asked(ladder: Ladder, until_s: float, status: Status = Status.PENDING) -> list[float]:
    """Return the ages in seconds at which a payment is asked about, from its first inquiry on."""
    age_s, found = ladder.first_s, []
    while age_s <= until_s:
        found.append(age_s)
        due_at = next_due(payment(status), ladder, NOW + timedelta(seconds=age_s))
        if due_at is None:
            break
        age_s = (due_at - NOW).total_seconds()
    return found


def test_card_machines_are_asked_as_published() -> None:
    """Design 5: 3 s after acceptance, every 5 s for 5 min, 30 s to 30 min, 5 min to 2 h, then hourly to 24 h."""
    found = asked(EDC, 24 * HOUR)
    assert found[:3] == [3, 8, 13]
    steps = {
        (0, 5 * MINUTE): 5,
        (5 * MINUTE, 30 * MINUTE): 30,
        (30 * MINUTE, 2 * HOUR): 5 * MINUTE,
        (2 * HOUR, 24 * HOUR): HOUR,
    }
    for (first, last), step in steps.items():
        gaps = {after - age for age, after in itertools.pairwise(found) if first <= age < last}
        assert gaps == {step}
    assert len(found) == 150  # I-16: the budget of a whole day


def test_upi_is_asked_as_published() -> None:
    """Design 5: 5, 5, 10, 15, 30, 60 s, then Paytm's 15 min, 30 min, 1 h, 6 h, 12 h, 24 h, 48 h and 72 h."""
    found = asked(UPI, 73 * HOUR)
    assert found[:7] == [5, 10, 20, 35, 65, 125, 185]
    for age in (15 * MINUTE, 30 * MINUTE, HOUR, 6 * HOUR, 12 * HOUR, 24 * HOUR, 48 * HOUR, 72 * HOUR):
        assert any(abs(one - age) <= 0.1 * age for one in found), f"nothing near {age} s"
    assert len(found) <= 40  # I-16


def test_not_paid_is_watched_and_then_left() -> None:
    """F05: a failure is asked about at 5 and 30 min, 2, 12, 24, 48 and 72 h and late on its day, then no more."""
    last = (13 * HOUR) + 20 * MINUTE  # made at 10:20 in India: 23:40 is then
    assert asked(EDC, 10**9, Status.NOT_PAID)[1:] == sorted([*LATE_WATCH_S, last])
    assert [s / HOUR for s in LATE_WATCH_S[-3:]] == [24, 48, 72]
    assert next_due(payment(Status.NOT_PAID), EDC, NOW + timedelta(hours=72)) is None


@pytest.mark.parametrize("jitter", [0, 1, 500, 999])
def test_f05_the_last_look_is_before_midnight_in_india(jitter: int) -> None:
    """F05: while a void is still possible a failure is asked about once more, spread over ten minutes before 23:50."""
    for made in (NOW, datetime(2026, 1, 4, 18, 30, tzinfo=UTC), datetime(2026, 1, 5, 18, 29, tzinfo=UTC)):
        late = msgspec.structs.replace(payment(Status.NOT_PAID, jitter=jitter), created_at=made)
        look = last_look(late).astimezone(IST)
        assert look.date() == business_date(made)
        assert time(23, 40) <= look.time() < time(23, 50)
        assert look.microsecond == jitter * 600 % 1000 * 1000
        before = next_due(late, EDC, look - timedelta(milliseconds=1))
        assert before is not None
        assert before <= look or made > look  # made after the last look, the watch at five minutes is the last


def test_paid_is_left_alone() -> None:
    """A paid payment is not asked about."""
    assert next_due(payment(Status.PAID), EDC, NOW) is None


def test_what_is_live_never_falls_silent() -> None:
    """I-15: past its ladder a live payment is asked hourly until somebody decides."""
    for ladder in (EDC, UPI):
        for status in (Status.CREATED, Status.PENDING, Status.IN_DOUBT):
            now = NOW + timedelta(days=400)
            assert next_due(payment(status), ladder, now) == now + timedelta(hours=1)


def test_misses_make_it_patient() -> None:
    """F17: each inquiry without an answer doubles the wait, four times at most."""
    assert [backed_off(5, misses) for misses in range(7)] == [5, 10, 20, 40, 80, 80, 80]
    assert [backed_off(60, misses) for misses in range(4)] == [60, 120, 120, 120]
    assert [backed_off(900, 5), backed_off(3, 5, scale=0.05)] == [900, 6]


def test_jitter_spreads_by_a_tenth() -> None:
    """F17: payments made together are not asked about together; none waits more than a tenth longer."""
    waits = [jittered(100, jitter) for jitter in range(1000)]
    assert (waits[0], len(set(waits))) == (100, 1000)
    assert max(waits) < 110


@pytest.mark.parametrize("scale", [0.01, 0.5, 3])
def test_a_scaled_ladder_is_the_same_in_other_time(scale: float) -> None:
    """Every wait is multiplied, the graces included, so a rehearsal has the same shape."""
    quick = scaled(EDC, scale)
    wanted = [age * scale for age in asked(EDC, 40 * MINUTE)]
    assert asked(quick, 40 * MINUTE * scale) == pytest.approx(wanted, abs=1e-3)
    for name in ("first_s", "grace_s", "resend_until_s", "hold_s"):
        assert getattr(quick, name) == pytest.approx(getattr(EDC, name) * scale)


def test_rungs_rise() -> None:
    """The rungs of both published ladders rise in age."""
    for ladder in (EDC, UPI):
        until = [rung.until_s for rung in ladder.rungs]
        assert until == sorted(set(until))


def test_rungs_can_be_written() -> None:
    """A ladder in the settings is read as it is documented, and nonsense is refused with the word that is wrong."""
    assert read_rungs("5m:5s 30m:30s 2h:5m 24h:1h") == EDC.rungs
    assert read_rungs("10s:1s,1h:1m") == (Rung(10, 1), Rung(3600, 60))
    for bad in ("", "5m", "5m:0s", "10m:5s 5m:5s", "5m:5s 5m:6s", "5x:5s", "-5m:5s", "5m:5s;"):
        with pytest.raises(ValueError, match=r"[Rr]ung"):
            read_rungs(bad)
