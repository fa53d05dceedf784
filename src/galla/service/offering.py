"""Which ways to pay may be offered for a payment: the connector's powers, the merchant's limits, the UPI rule book."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from galla.clock import business_date
from galla.connectors.connector import Account, Capabilities
from galla.connectors.upi import Session
from galla.errors import AmountNotAllowed, InvalidField
from galla.money import format_inr
from galla.payments.model import Method
from galla.payments.rulebook import Verdict, collect_verdict, upi_limit_paise
from galla.protocol.vpa import check_vpa, masked_vpa
from galla.service.till import Till

UPI_METHODS = frozenset({Method.UPI_INTENT, Method.UPI_QR, Method.UPI_COLLECT})
LIFE_MIN_S, LIFE_MAX_S = 60, 900


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """What a chosen way to pay brings with it: its capabilities, when it ends, and what it has to remember."""

    capabilities: Capabilities
    expires_at: datetime | None = None
    session: str | None = None
    vpa: str | None = None


def offer(
    till: Till,
    account: Account,
    method: str,
    amount_paise: int,
    *,
    accept: str = "all",
    vpa: str | None = None,
    platform: str | None = None,
    expires_in: int | None = None,
) -> Offer:
    """Check that a payment may be asked for this way.

    Raises:
        InvalidField: the method is not offered (`method_not_offered`), Collect may not be used
            (`collect_not_permitted`, the alternative named), or the UPI id is malformed (`invalid_vpa`).
        AmountNotAllowed: above what one payment may take (`amount_above_limit`).
    """
    connector = till.connectors.get(method)
    if connector is None:
        raise InvalidField(
            f"`method` must be one of {', '.join(sorted(till.connectors))}.", param="method", code="method_not_offered"
        )
    powers = connector.capabilities
    limit = powers.max_paise
    if method in UPI_METHODS or accept == "qr":  # UPI on a card machine obeys UPI's limits
        limit = min(limit, upi_limit_paise(account.mcc, account.upi_limit_paise))
    if amount_paise > limit:
        raise AmountNotAllowed(
            f"{format_inr(amount_paise)} is more than one {_by(method, accept)} payment may take here "
            f"({format_inr(limit)}). Take it by card on the machine, or in parts.",
            code="amount_above_limit",
            param="amount",
        )
    if method == Method.UPI_QR and account.client_id is None:
        raise InvalidField(
            "A QR needs the client id that Paytm issued with the merchant key. Add `client_id` to the merchant.",
            param="method",
            code="method_not_offered",
        )
    if method == Method.QUEUE and account.queue_client_id is None:
        raise InvalidField(
            "A code for the machines needs the client id of Paytm's payment queue. Set GALLA_QUEUE_CLIENT_ID, or add "
            "`client_id` to the merchant.",
            param="method",
            code="method_not_offered",
        )
    if expires_in is not None and method != Method.UPI_QR:
        raise InvalidField("`expires_in` is for a QR: other ways to pay end when Paytm ends them.", param="expires_in")
    expires_at = None
    if powers.expires_s is not None:
        life_s = _life_s(expires_in, powers.expires_s)
        expires_at = till.clock.now() + timedelta(seconds=life_s)
    if method != Method.UPI_COLLECT:
        return Offer(capabilities=powers, expires_at=expires_at)
    payer = _payer(till, account, vpa, platform)
    session = till.vault.seal_text(msgspec.json.encode(Session(vpa=payer)).decode())
    return Offer(capabilities=powers, expires_at=expires_at, session=session, vpa=masked_vpa(payer))


def _by(method: str, accept: str) -> str:
    return "UPI" if accept == "qr" else method.replace("_", " ")


async def collect_here(till: Till, merchant_id: str, platform: str | None = None) -> Verdict:
    """Return whether a merchant may ask a UPI id for money today, for a page that has to offer it or say why not.

    Raises:
        NotFound: no such merchant.
    """
    return _collect(till, await till.account(merchant_id), platform)


def _collect(till: Till, account: Account, platform: str | None) -> Verdict:
    return collect_verdict(
        on=business_date(till.clock.now()), mcc=account.mcc, platform=platform, is_enabled=account.collect_allowed
    )


def _payer(till: Till, account: Account, vpa: str | None, platform: str | None) -> str:
    verdict = _collect(till, account, platform)
    if not verdict.is_allowed:
        raise InvalidField(verdict.message, param="method", code="collect_not_permitted")
    if vpa is None:
        raise InvalidField("`vpa` is needed: the customer's UPI id.", param="vpa", code="invalid_vpa")
    return check_vpa(vpa)


def _life_s(expires_in: int | None, usual_s: float) -> float:
    if expires_in is None:
        return usual_s
    if type(expires_in) is not int or not LIFE_MIN_S <= expires_in <= LIFE_MAX_S:
        raise InvalidField(
            f"`expires_in` must be {LIFE_MIN_S} to {LIFE_MAX_S} seconds: Paytm's token lives fifteen minutes.",
            param="expires_in",
        )
    return float(expires_in)
