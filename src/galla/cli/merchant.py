"""`galla merchant`: add, list and show merchants. The key is asked for, never given on the command line."""

from __future__ import annotations

import asyncio
import getpass
import sys
from typing import Any

from galla.cli import screen
from galla.errors import InvalidField
from galla.money import format_inr

_HEADS = ("Merchant", "Name", "MID", "Environment")


def add(
    *,
    name: str,
    mid: str,
    website: str | None = None,
    client_id: str | None = None,
    channel_id: str | None = None,
    json: bool = False,
) -> int:
    """Add a merchant. Its Paytm key is asked for, or read from the input when that is not a terminal.

    Args:
        name: The shop's name.
        mid: The MID Paytm issued.
        website: The website name Paytm issued, for online payments.
        client_id: The client id, where the MID has several keys.
        channel_id: The channel id of the card machines.
        json: Print the merchant as JSON.
    """
    fields = {
        "name": name,
        "mid": mid,
        "website": website,
        "client_id": client_id,
        "channel_id": channel_id,
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
    found = {**found, "upi_limit": format_inr(found["upi_limit"])}
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
