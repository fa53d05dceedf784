"""The form that gives a payment back, as typed, and what stands beside it on the payment's page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from galla import ids
from galla.money import rupees
from galla.service import refunds
from galla.service.access import Session
from galla.service.refunds import NewRefund
from galla.service.till import Till
from galla.web.pages.entry import Faults, checked, paise_of
from galla.web.pages.page import one
from galla.web.pages.wording import is_upi
from galla.web.requests import RefundBody
from galla.web.security import may

_SHOWN = 50
_OPEN = frozenset({"created", "pending", "in_doubt"})


class RefundForm(msgspec.Struct, frozen=True, kw_only=True):
    """What to give back and why, as typed; `attempt` makes a repeated press the same refund."""

    attempt: str
    amount: str = ""
    reason: str = ""
    is_sure: bool = False

    @classmethod
    def fresh(cls, payment: dict[str, Any]) -> RefundForm:
        """Return a form for all that can still be given back."""
        return cls(attempt=ids.token(), amount=rupees(payment["amount_refundable"]))


def refund_form(fields: Mapping[str, list[str]]) -> RefundForm:
    """Return the posted form."""
    return RefundForm(
        attempt=one(fields, "attempt"),
        amount=one(fields, "amount"),
        reason=one(fields, "reason"),
        is_sure=one(fields, "sure") == "yes",
    )


def new_refund(form: RefundForm) -> NewRefund:
    """Return the refund a form asks for.

    Raises:
        Faults: something in it cannot be used.
    """
    if not (16 <= len(form.attempt) <= 64 and form.attempt.isascii() and form.attempt.isalnum()):
        raise Faults(general="This form is incomplete. Load the page again and fill it in once more.")
    amount = paise_of(form.amount, "amount")
    if not form.reason:
        raise Faults({"reason": "Write why the money goes back; it stays with the payment."})
    if not form.is_sure:
        raise Faults({"sure": "Tick this to confirm. A refund cannot be called back."})
    body = checked(RefundBody, {"amount": amount, "reason": form.reason})
    return NewRefund(reason=body.reason, amount_paise=body.amount, kind=body.kind)


async def refund_values(till: Till, session: Session, payment: dict[str, Any]) -> dict[str, Any]:
    """Return what the page shows of money given back, and whether this session may give back more."""
    found = await refunds.find(till, session.principal, {"payment": payment["id"]}, limit=_SHOWN)
    on_its_way = sum(refund["amount"] for refund in found["data"] if refund["status"] in _OPEN)
    return {
        "refunds": found["data"],
        "on_its_way": on_its_way,
        "can_give_back": is_upi(payment) and payment["amount_refundable"] > 0 and may(session.principal, "refund"),
    }
