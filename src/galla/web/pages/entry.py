"""What people type at the counter, and what is said back when it cannot be used. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from pydantic import ValidationError

from galla.config import Secret
from galla.errors import AmountNotAllowed, PaymentError
from galla.money import parse_rupees, rupees
from galla.web.pages.page import one
from galla.web.requests import PaymentBody, Strict
from galla.web.validation import param_of, sentence

TENDERS = ("edc", "upi_qr", "queue", "upi_collect", "cash")
_Body = TypeVar("_Body", bound=Strict)
_NAMES = {
    "amount": "The amount",
    "reference": "The reference",
    "terminal": "The machine",
    "vpa": "The UPI id",
    "tendered": "The cash received",
    "number": "The bill number",
    "approver": "The second person's password or key",
    "customer.name": "The name",
    "customer.phone": "The phone number",
    "lines": "The lines",
    "discount_amount": "The discount",
    "discount_rate": "The discount",
}
_ON_FORM = frozenset(
    {
        "amount", "reference", "vpa", "tendered", "number", "lines", "approver", "customer.name", "customer.phone",
        "discount_amount", "discount_rate",
    }
)


class Faults(Exception):
    """What is wrong with a form: by field, and in general; `blocker` is the payment in the way, `code` the reason."""

    def __init__(
        self,
        fields: Mapping[str, str] | None = None,
        general: str | None = None,
        blocker: str | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(general or "the form cannot be used as it is")
        self.fields = dict(fields or {})
        self.general = general
        self.blocker = blocker
        self.code = code

    @property
    def may_be_overruled(self) -> bool:
        """Whether a supervisor may take the payment all the same, beside the one in the way."""
        return self.code in ("bill_has_live_payment", "reference_has_live_payment", "supervisor_needed")


class SaleForm(msgspec.Struct, frozen=True, kw_only=True):
    """The form that takes an amount on a machine, by a code, from a UPI id or in cash, as typed.

    `is_beside`: a supervisor takes it although another payment may still pay the same; `approver` is that supervisor's
    key where somebody else stands at the counter, and is never put back into the form.
    """

    attempt: str
    amount: str = ""
    reference: str = ""
    bill: str = ""
    terminal: str = ""
    method: str = "edc"
    vpa: str = ""
    has_iphone: bool = False
    tendered: str = ""
    is_beside: bool = False
    approver: Secret | None = None

    def with_attempt(self, attempt: str) -> SaleForm:
        """Return the same form under a new attempt id."""
        return msgspec.structs.replace(self, attempt=attempt)

    def filled(
        self, bill: dict[str, Any] | None, machines: list[dict[str, Any]], counter: str | None, *, is_part: bool = False
    ) -> SaleForm:
        """Return the form with what is known put in: what is due, unless a part is to be taken, and the machine."""
        amount = self.amount
        if bill is not None and not amount and not is_part and bill["due"] > 0:
            amount = rupees(bill["due"])
        known = {machine["id"] for machine in machines}
        terminal = self.terminal if self.terminal in known else _own_machine(machines, counter)
        return msgspec.structs.replace(self, amount=amount, bill=bill["id"] if bill else "", terminal=terminal)


def sale_form(fields: Mapping[str, list[str]]) -> SaleForm:
    """Return the posted sale form."""
    names = ("attempt", "amount", "reference", "bill", "terminal", "vpa", "tendered")
    typed = {name: one(fields, name) for name in names}
    typed["terminal"] = one(fields, "instead") or typed["terminal"]
    return SaleForm(
        **typed,
        method=one(fields, "method") or "edc",
        has_iphone=one(fields, "iphone") == "yes",
        is_beside=one(fields, "beside") == "yes",
        approver=Secret(one(fields, "approver")) if one(fields, "approver") else None,
    )


def payment_body(form: SaleForm) -> PaymentBody:
    """Return the payment a form asks for.

    Raises:
        Faults: something in it cannot be used.
    """
    if not (16 <= len(form.attempt) <= 64 and form.attempt.isascii() and form.attempt.isalnum()):
        raise Faults(general="This form is incomplete. Load the page again and fill it in once more.")
    if form.method not in TENDERS:
        raise Faults(general="This form is from an older page. Load the page again and fill it in once more.")
    values: dict[str, Any] = {"method": form.method, "amount": paise_of(form.amount, "amount")}
    for name in ("reference", "bill", *(("terminal",) if form.method != "cash" else ())):
        if getattr(form, name):
            values[name] = getattr(form, name)
    if form.is_beside:
        values["allow_parallel"] = True
        if form.approver is not None:
            values["approver"] = form.approver.reveal()
    return checked(PaymentBody, {**values, **_payer(form)})


def _payer(form: SaleForm) -> dict[str, Any]:
    if form.method == "upi_collect":
        if not form.vpa:
            raise Faults({"vpa": "Write the customer's UPI id, such as ramesh@oksbi."})
        return {"vpa": form.vpa, **({"platform": "ios"} if form.has_iphone else {})}
    if form.method == "cash":
        return {"tendered": paise_of(form.tendered, "tendered")} if form.tendered else {}
    if form.tendered:
        raise Faults({"tendered": "Nothing was taken yet. Press Take the cash, or clear the cash received."})
    if form.method == "edc" and form.vpa:  # Enter in a field presses the form's first button, which is this one
        raise Faults({"vpa": "Nothing was sent yet. Press Send the request, or clear the UPI id to use the machine."})
    return {}


def checked(kind: type[_Body], values: dict[str, Any]) -> _Body:
    """Return a body of the API made from a form's values.

    Raises:
        Faults: a field breaks the rules every caller must keep.
    """
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        found: dict[str, str] = {}
        for fault in error.errors():
            param = param_of(fault["loc"]) or ""
            found.setdefault(_field(param), _named(sentence(fault, param), param))
        raise Faults(found) from None


def faults_of(error: PaymentError) -> Faults:
    """Return what the service refused, beside its field where it has one on the form."""
    field = _field(error.param or "")
    if error.blocker is None and (field in _ON_FORM or field.startswith("lines.")):
        return Faults({field: _named(str(error), error.param or "")})
    return Faults(general=str(error), blocker=error.blocker, code=error.code)


def _named(text: str, param: str) -> str:
    return text.replace(f"`{param}`", _NAMES.get(param, "This"), 1)


def _field(param: str) -> str:
    """Name the form's field of an API parameter: a whole line of the bill shows one fault."""
    place = param.removeprefix("lines[").partition("]")[0]
    return f"lines.{place}" if param.startswith("lines[") else param


def paise_of(text: str, field: str) -> int:
    """Return a typed amount in paise.

    Raises:
        Faults: it cannot be read.
    """
    typed = text.replace("₹", "").replace(",", "").replace(" ", "")
    if not typed:
        raise Faults({field: "Write the amount in rupees, such as 2500 or 2500.50."})
    try:
        return parse_rupees(typed)
    except AmountNotAllowed as error:
        raise Faults({field: str(error)}) from None


def _own_machine(machines: list[dict[str, Any]], counter: str | None) -> str:
    """Choose the machine named like the counter, else the first free one, else the first."""
    ordered = sorted(
        machines, key=lambda machine: (machine["label"] != counter, not machine["is_free"])
    )
    return str(ordered[0]["id"]) if ordered else ""

