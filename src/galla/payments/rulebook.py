"""UPI rules that depend on the date, the kind of merchant, and the payer's device.

Each rule names its source and the day it came into force, so that a change is a row here. Nothing is decided
about any one payment in this module beyond "may it be asked for".
"""

from __future__ import annotations

from datetime import date

import msgspec

COLLECT_ENDS_ON = date(2026, 2, 28)
"""Merchant collect by typed UPI id ends (NPCI, as announced by payment service providers in 2025)."""

COLLECT_EXEMPT_MCC = frozenset({"6012", "6211"})
"""Financial institutions and securities brokers keep collect."""

GENERAL_LIMIT_PAISE = 1_00_000_00
MCC_LIMITS_PAISE = {
    "8011": 5_00_000_00,  # doctors; hospitals and education since 10 January 2024, verified merchants
    "8021": 5_00_000_00,
    "8062": 5_00_000_00,
    "8099": 5_00_000_00,
    "8211": 5_00_000_00,
    "8220": 5_00_000_00,
    "8299": 5_00_000_00,
    "6211": 5_00_000_00,
    "9311": 5_00_000_00,
}
"""The most one payment may take, by merchant category: what Paytm may grant, not what it has granted."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a way to pay may be offered; if not, why, and what to offer in its place."""

    is_allowed: bool
    message: str = ""
    alternative: str | None = None


def collect_verdict(*, on: date, mcc: str | None, platform: str | None, is_enabled: bool) -> Verdict:
    """Return whether UPI Collect may be asked for.

    Args:
        on: the India business date.
        mcc: the merchant's category code, if known.
        platform: the payer's device, `ios`, `android` or `web`, if known.
        is_enabled: the merchant's own setting, off by default.
    """
    if not is_enabled:
        return Verdict(
            is_allowed=False,
            message="UPI Collect is switched off for this merchant. Show a QR code or open the customer's UPI app.",
            alternative="upi_qr",
        )
    is_exempt = mcc in COLLECT_EXEMPT_MCC or platform == "ios"
    if on >= COLLECT_ENDS_ON and not is_exempt:
        category = f"category {mcc}" if mcc else "a merchant without a category code"
        return Verdict(
            is_allowed=False,
            message=(
                f"UPI Collect ended on {COLLECT_ENDS_ON.day} February {COLLECT_ENDS_ON.year} for {category}. "
                "Show a QR code or open the customer's UPI app."
            ),
            alternative="upi_intent" if platform == "android" else "upi_qr",
        )
    return Verdict(is_allowed=True)


def upi_limit_paise(mcc: str | None, configured_paise: int) -> int:
    """Return the most one UPI payment may take: the merchant's setting, within its category's ceiling."""
    ceiling = MCC_LIMITS_PAISE.get(mcc or "", GENERAL_LIMIT_PAISE)
    return min(configured_paise, ceiling)
