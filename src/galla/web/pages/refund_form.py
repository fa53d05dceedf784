"""The form that gives a payment back, as typed, and what stands beside it on the payment's page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from galla import ids
from galla.config import Secret
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
    kind: str = "auto"
    approver: Secret | None = None
    approver_name: str = ""
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
        kind=one(fields, "kind") or "auto",
        approver=credential(fields),
        approver_name=one(fields, "approver_name")[:80],
        is_sure=one(fields, "sure") == "yes",
    )


def credential(fields: Mapping[str, list[str]]) -> Secret | None:
    """Return the second person's password with their name, or a key where no name was given; not trimmed."""
    given = (fields.get("approver") or [""])[0]
    name = one(fields, "approver_name")
    return Secret(f"{name}:{given}" if name else given) if given else None


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
    body = checked(RefundBody, {"amount": amount, "reason": form.reason, "kind": form.kind})
    return NewRefund(reason=body.reason, amount_paise=body.amount, kind=body.kind, approver=form.approver)


async def refund_values(till: Till, session: Session, payment: dict[str, Any]) -> dict[str, Any]:
    """Return what the page shows of money given back, and whether this session may give back more."""
    found = await refunds.find(till, session.principal, {"payment": payment["id"]}, limit=_SHOWN)
    on_its_way = sum(refund["amount"] for refund in found["data"] if refund["status"] in _OPEN)
    may_refund = may(session.principal, "refund") and _is_given_back_here(payment)
    plan = await refunds.foresee(till, session.principal, payment["id"]) if may_refund else None
    return {
        "refunds": found["data"],
        "on_its_way": on_its_way,
        "plan": plan,
        "instead_of": _instead_of(found["data"], plan),
        "can_give_back": plan is not None and plan["instead_of"] is None and payment["amount_refundable"] > 0,
    }


def _is_given_back_here(payment: dict[str, Any]) -> bool:
    return is_upi(payment) or payment["method"] in ("edc", "cash")


def _instead_of(found: list[dict[str, Any]], plan: dict[str, Any] | None) -> str | None:
    """Return the void whose refund is one press away: the latest try, if it failed or nobody answered it in time."""
    if plan is None or not found or found[0]["kind"] != "void":
        return None
    latest = found[0]
    is_over = latest["status"] == "failed" and plan["amount"] >= latest["amount"]
    return str(latest["id"]) if is_over or plan["instead_of"] == latest["id"] else None
