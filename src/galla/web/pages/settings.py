"""`/settings`: what galla knows of the shop and how it stands with Paytm. For an admin; the key goes in, never out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from galla.errors import AmountNotAllowed, PaymentError
from galla.money import parse_rupees, rupees
from galla.service import merchants
from galla.service.access import Session
from galla.service.probe import Finding, probe
from galla.service.till import Till
from galla.web.pages.entry import Faults
from galla.web.pages.page import AdminSignedIn, frame, go, one, page, posted
from galla.web.pages.refusal import refused
from galla.web.security import public_address, till_of

router = APIRouter(include_in_schema=False)

_LONGEST = 100
_NAMES = {
    "name": "The shop's name",
    "website": "The website name",
    "client_id": "The client id",
    "channel_id": "The channel id",
    "mcc": "The category code",
    "gstin": "The GSTIN",
    "key": "The key",
    "upi_limit": "The UPI limit",
    "void_cutoff": "The time",
    "refund_limit": "The limit",
}
_WORDS = {
    "good": "In order",
    "wrong_key": "Wrong key",
    "unknown_mid": "Unknown MID",
    "blocked": "Blocked",
    "unclear": "Not clear",
    "unreachable": "Not reached",
    "silent": "No answer",
    "not_paytm": "Not Paytm",
    "clock": "Wrong time",
}
"""What each finding about the connection is called."""


class ShopForm(msgspec.Struct, frozen=True, kw_only=True):
    """A merchant, as typed: amounts in rupees, `collect_allowed` the word of a ticked box."""

    name: str = ""
    website: str = ""
    client_id: str = ""
    channel_id: str = ""
    mcc: str = ""
    gstin: str = ""
    upi_limit: str = ""
    collect_allowed: str = ""
    void_cutoff: str = ""
    refund_limit: str = ""

    def changes(self) -> dict[str, Any]:
        """Return what the service changes.

        Raises:
            Faults: an amount cannot be read.
        """
        wrong: dict[str, str] = {}
        given: dict[str, Any] = {
            **{name: getattr(self, name) for name in ("name", "website", "channel_id", "void_cutoff")},
            **{name: getattr(self, name) or None for name in ("client_id", "mcc")},
            "gstin": self.gstin.upper().replace(" ", "") or None,
            "collect_allowed": bool(self.collect_allowed),
            "upi_limit": _paise(self.upi_limit, "upi_limit", wrong),
            "refund_limit": _paise(self.refund_limit, "refund_limit", wrong) if self.refund_limit else None,
        }
        if wrong:
            raise Faults(wrong)
        return given


@router.get("/settings")
async def show(request: Request, session: AdminSignedIn) -> Response:
    """Show the shop's settings."""
    return await _show(request, session, has_saved=request.query_params.get("saved") == "1")


@router.post("/settings")
async def change(request: Request, session: AdminSignedIn) -> Response:
    """Change the shop's settings; an empty key leaves the key as it is."""
    fields = await posted(request, session, "admin")
    form = ShopForm(**{name: one(fields, name)[:_LONGEST] for name in ShopForm.__struct_fields__})
    key = (fields.get("key") or [""])[0].strip("\r\n")
    try:
        changes = form.changes() | ({"key": key} if key else {})
        await merchants.change(till_of(request), session.principal, session.principal.merchant_id, changes)
    except Faults as faults:
        return await _show(request, session, form=form, faults=faults, status=422)
    except PaymentError as error:
        return await _show(request, session, form=form, faults=refused(error, _NAMES), status=422)
    return go("/settings?saved=1")


@router.post("/settings/test")
async def test(request: Request, session: AdminSignedIn) -> Response:
    """Ask Paytm about nothing, and say what the answers show."""
    await posted(request, session, "admin")
    return await _show(request, session, findings=await probe(till_of(request), session.principal))


async def _show(
    request: Request,
    session: Session,
    *,
    form: ShopForm | None = None,
    faults: Faults | None = None,
    status: int = 200,
    has_saved: bool = False,
    findings: list[Finding] | None = None,
) -> Response:
    till = till_of(request)
    shop = await merchants.get(till, session.principal.merchant_id)
    return page(
        request,
        "settings.html",
        status,
        shop=shop,
        form=form or _form_of(shop),
        faults=faults or Faults(),
        has_saved=has_saved,
        findings=findings,
        words=_WORDS,
        key_setting=merchants.key_setting(till, shop["mid"]),
        callback_url=public_address(request) + shop["callback_url"],
        started_with=_started_with(till),
        **await frame(till, session),
    )


def _form_of(shop: Mapping[str, Any]) -> ShopForm:
    texts = ("name", "website", "client_id", "channel_id", "mcc", "gstin", "void_cutoff")
    return ShopForm(
        **{name: shop[name] or "" for name in texts},
        upi_limit=rupees(shop["upi_limit"]),
        collect_allowed="on" if shop["collect_allowed"] else "",
        refund_limit=rupees(shop["refund_limit"]) if shop["refund_limit"] is not None else "",
    )


def _started_with(till: Till) -> list[tuple[str, str, str]]:
    """Return what holds for every shop of this galla: what it is, its value, and the setting that says so."""
    settings = till.settings
    return [
        ("Paytm's environment", settings.environment, "GALLA_PAYTM_ENVIRONMENT"),
        ("Where voids are sent", settings.edc_void_path, "GALLA_EDC_VOID_PATH"),
        ("How the payment queue is signed", settings.queue_hash, "GALLA_QUEUE_HASH"),
        ("How the queue's status is asked", settings.queue_status_method, "GALLA_QUEUE_STATUS_METHOD"),
        ("Where customers reach galla", settings.public_url or "not set", "GALLA_PUBLIC_URL"),
    ]


def _paise(text: str, name: str, wrong: dict[str, str]) -> int | None:
    try:
        return parse_rupees(text.replace(",", "").removeprefix("₹").strip())
    except AmountNotAllowed:
        wrong[name] = "Write rupees, such as 2500 or 2500.50."
        return None
