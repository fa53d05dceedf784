"""The UPI rule book: each rule by its date, the kind of merchant, the payer's device and the merchant's setting."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from galla.clock import business_date
from galla.payments.rulebook import (
    COLLECT_ENDS_ON,
    COLLECT_EXEMPT_MCC,
    GENERAL_LIMIT_PAISE,
    MCC_LIMITS_PAISE,
    collect_verdict,
    upi_limit_paise,
)

BEFORE, AFTER = date(2026, 2, 27), date(2026, 2, 28)
CLINIC = "8011"


@pytest.mark.parametrize("mcc", [None, "", CLINIC, "5411", "6012", "6211"])
@pytest.mark.parametrize("platform", [None, "ios", "android", "web"])
@pytest.mark.parametrize("on", [BEFORE, AFTER, date(2027, 1, 1)])
def test_the_whole_table_of_collect(on: date, mcc: str | None, platform: str | None) -> None:
    """Collect needs the merchant's setting always; from 28 February 2026 an exempt category or an iPhone as well."""
    off = collect_verdict(on=on, mcc=mcc, platform=platform, is_enabled=False)
    assert (off.is_allowed, off.alternative) == (False, "upi_qr")
    assert "switched off" in off.message
    verdict = collect_verdict(on=on, mcc=mcc, platform=platform, is_enabled=True)
    assert verdict.is_allowed == (on < AFTER or mcc in ("6012", "6211") or platform == "ios")


def test_the_last_day_is_indias() -> None:
    """The last minute of 27 February in India allows Collect, and the next one does not, whatever the day is in UTC."""
    last = datetime(2026, 2, 27, 18, 29, tzinfo=UTC)
    first = datetime(2026, 2, 27, 18, 30, tzinfo=UTC)
    days = [business_date(last), business_date(first)]
    assert days == [BEFORE, AFTER]
    assert COLLECT_ENDS_ON == AFTER
    allowed = [collect_verdict(on=day, mcc=CLINIC, platform="web", is_enabled=True).is_allowed for day in days]
    assert allowed == [True, False]


@pytest.mark.parametrize(
    ("platform", "alternative"), [("android", "upi_intent"), ("web", "upi_qr"), (None, "upi_qr")], ids=str
)
def test_a_refusal_names_what_to_do_instead(platform: str | None, alternative: str) -> None:
    """A refused Collect says since when, for whom, and offers the app on a phone that has one and a QR elsewhere."""
    verdict = collect_verdict(on=AFTER, mcc=CLINIC, platform=platform, is_enabled=True)
    assert verdict.alternative == alternative
    assert "28 February 2026" in verdict.message
    assert "category 8011" in verdict.message
    nameless = collect_verdict(on=AFTER, mcc=None, platform=platform, is_enabled=True)
    assert "without a category code" in nameless.message


def test_an_allowed_collect_says_nothing() -> None:
    """Where Collect is allowed there is no message and no alternative."""
    verdict = collect_verdict(on=AFTER, mcc="6012", platform=None, is_enabled=True)
    assert (verdict.message, verdict.alternative) == ("", None)


@pytest.mark.parametrize("mcc", [None, "", "5411", "0000", CLINIC, *MCC_LIMITS_PAISE])
def test_a_limit_is_the_lower_of_setting_and_category(mcc: str | None) -> None:
    """One payment may take what the merchant is set to, and never more than its category: ₹1 lakh, or ₹5 lakh."""
    ceiling = 5_00_000_00 if mcc in MCC_LIMITS_PAISE else 1_00_000_00
    for configured in (1, ceiling - 1, ceiling, ceiling + 1, 10**12):
        assert upi_limit_paise(mcc, configured) == min(configured, ceiling)


def test_the_categories_are_those_of_the_rule() -> None:
    """Doctors, hospitals, schools, brokers and taxes may take ₹5 lakh; exempt from the end of Collect are two."""
    assert set(MCC_LIMITS_PAISE) == {"8011", "8021", "8062", "8099", "8211", "8220", "8299", "6211", "9311"}
    assert {"6012", "6211"} == COLLECT_EXEMPT_MCC
    assert GENERAL_LIMIT_PAISE == 1_00_000_00
