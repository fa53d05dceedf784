"""`galla merchant`: add, list and show merchants. The key is asked for, never given on the command line."""

from __future__ import annotations

import asyncio
import getpass
import sys
from typing import Any

from galla.cli import screen
from galla.errors import InvalidField
from galla.money import format_inr, parse_rupees

_HEADS = ("Merchant", "Name", "MID", "Environment")


def add(
    *,
    name: str,
    mid: str,
    website: str | None = None,
    client_id: str | None = None,
    channel_id: str | None = None,
    gstin: str | None = None,
    void_cutoff: str | None = None,
    refund_limit: str | None = None,
    json: bool = False,
) -> int:
    """Add a merchant. Its Paytm key is asked for, or read from the input when that is not a terminal.

    Args:
        name: The shop's name.
        mid: The MID Paytm issued.
        website: The website name Paytm issued, for online payments.
        client_id: The client id, where the MID has several keys.
        channel_id: The channel id of the card machines.
        gstin: The shop's GSTIN, for receipts and for sales to other states.
        void_cutoff: Until when a day's card sales can be voided, India time; 00:05 unless Paytm said otherwise.
        refund_limit: The rupees of a payment that one person may give back alone, such as 5000; no limit if left out.
        json: Print the merchant as JSON.
    """
    fields = {
        "name": name,
        "mid": mid,
        "website": website,
        "client_id": client_id,
        "channel_id": channel_id,
        "gstin": gstin,
        **_giving_back(void_cutoff, refund_limit),
    }
    return asyncio.run(_add({key: value for key, value in fields.items() if value is not None}, json))


def list_all(*, json: bool = False) -> int:
    """List the merchants.

    Args:
        json: Print JSON.
    """
    return asyncio.run(_list(json))


def show(merchant: str, /, *, json: bool = False) -> int:
    """Show one merchant; its key is never shown.

    Args:
        merchant: The merchant's id or MID.
        json: Print JSON.
    """
    return asyncio.run(_show(merchant, json))


def change(
    merchant: str,
    /,
    *,
    void_cutoff: str | None = None,
    refund_limit: str | None = None,
    gstin: str | None = None,
    json: bool = False,
) -> int:
    """Change how a merchant gives money back, or its GSTIN.

    Args:
        merchant: The merchant's id or MID.
        void_cutoff: Until when a day's card sales can be voided, India time, such as 00:05.
        refund_limit: The rupees of a payment that one person may give back alone, such as 5000; `none` for no limit.
        gstin: The shop's GSTIN, as on receipts; `none` takes it away.
        json: Print the merchant as JSON.
    """
    changes = _giving_back(void_cutoff, refund_limit)
    if gstin is not None:
        changes["gstin"] = None if gstin.strip().lower() == "none" else gstin.strip().upper()
    return asyncio.run(_change(merchant, changes, json))


def _giving_back(void_cutoff: str | None, refund_limit: str | None) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if void_cutoff is not None:
        changes["void_cutoff"] = void_cutoff
    if refund_limit is not None:
        is_none = refund_limit.strip().lower() == "none"
        changes["refund_limit"] = None if is_none else _paise(refund_limit)
    return changes


def _paise(text: str) -> int:
    return 0 if text.strip() == "0" else parse_rupees(text.replace(",", "").replace("₹", ""))


async def _change(merchant: str, changes: dict[str, Any], as_json: bool) -> int:
    from galla.cli.local import find_merchant, open_till, principal_for
    from galla.service import merchants

    if not changes:
        raise InvalidField("Say what to change: --void-cutoff, --refund-limit or --gstin.", param="void_cutoff")
    async with open_till() as till:
        found = await find_merchant(till, merchant)
        changed = await merchants.change(till, await principal_for(till, found["id"]), found["id"], changes)
    if as_json:
        screen.print_json(changed)
        return 0
    screen.console().print(f"Changed {changed['name']}", style="bold")
    return 0


async def _add(fields: dict[str, Any], as_json: bool) -> int:
    from galla.cli.local import open_till
    from galla.service import merchants

    key = _ask_key()
    async with open_till() as till:
        merchant = await merchants.create(till, merchants.NewMerchant(key=key, **fields))
    if as_json:
        screen.print_json(merchant)
        return 0
    out = screen.console()
    out.print(f"Added {merchant['name']} as {merchant['id']}", style="bold")
    out.print(f"Add its machines: galla terminal add TID --label 'Counter 1' --merchant {merchant['id']}")
    return 0


async def _list(as_json: bool) -> int:
    from galla.cli.local import open_till
    from galla.service import merchants

    async with open_till() as till:
        found = await merchants.find(till)
    if as_json:
        screen.print_json(found)
        return 0
    out = screen.console()
    out.print(f"{len(found)} {'merchant' if len(found) == 1 else 'merchants'}", style="bold")
    if found:
        rows = [(each["id"], each["name"], each["mid"], each["environment"]) for each in found]
        screen.show_table(out, _HEADS, rows)
    else:
        out.print("Add the first: galla merchant add --name 'Skin Clinic' --mid MID")
    return 0


async def _show(merchant: str, as_json: bool) -> int:
    from galla.cli.local import find_merchant, open_till

    async with open_till() as till:
        found = await find_merchant(till, merchant)
    if as_json:
        screen.print_json(found)
        return 0
    out = screen.console()
    out.print(f"{found['name']} · {found['mid']}", style="bold")
    limit = found["refund_limit"]
    found = {
        **found,
        "upi_limit": format_inr(found["upi_limit"]),
        "refund_limit": format_inr(limit) if limit is not None else "none",
    }
    hidden = (None, "", "merchant", False)
    screen.show_rows(
        out, ((name.replace("_", " "), str(found[name])) for name in found if found[name] not in hidden)
    )
    return 0


def _ask_key() -> str:
    is_typed = sys.stdin.isatty()
    key = getpass.getpass("Paytm merchant key: ") if is_typed else sys.stdin.readline().rstrip("\r\n")
    if not key:
        raise InvalidField(
            "The Paytm merchant key is needed: type it when asked, or send it on the input.", param="key"
        )
    return key
