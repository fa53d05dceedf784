"""`galla key`: make, list and revoke API keys. A key is printed once, when it is made."""

from __future__ import annotations

import asyncio
from typing import Literal

from galla.cli import screen

Scope = Literal["read", "collect", "refund", "admin"]
_HEADS = ("Key", "Begins", "Scopes", "Label", "Made", "State")


def new(
    *,
    scope: tuple[Scope, ...] = ("read", "collect"),
    label: str = "made on the command line",
    merchant: str | None = None,
    json: bool = False,
) -> int:
    """Make an API key and print it; it cannot be shown again.

    Args:
        scope: What it may do; give it once for each scope.
        label: What it is for, such as the billing system's name.
        merchant: The merchant's id or MID, when there are several.
        json: Print JSON.
    """
    return asyncio.run(_new(sorted(set(scope)), label, merchant, json))


def list_all(*, merchant: str | None = None, json: bool = False) -> int:
    """List the API keys by their first letters.

    Args:
        merchant: The merchant's id or MID, when there are several.
        json: Print JSON.
    """
    return asyncio.run(_list(merchant, json))


def revoke(key: str, /, *, merchant: str | None = None) -> int:
    """Revoke an API key; it stops working at once.

    Args:
        key: The key's id, as `galla key list` shows it.
        merchant: The merchant's id or MID, when there are several.
    """
    return asyncio.run(_revoke(key, merchant))


async def _new(scopes: list[str], label: str, merchant: str | None, as_json: bool) -> int:
    from galla.cli.local import open_till, principal_for
    from galla.service import access

    async with open_till() as till:
        principal = await principal_for(till, merchant)
        secret = await access.create_key(till, principal.merchant_id, scopes, label)
    if as_json:
        screen.print_json({"key": secret, "scopes": scopes, "label": label})
        return 0
    print(secret)  # plain and alone on its line, so that it can be copied or piped
    out = screen.console()
    out.print(f"It may: {', '.join(scopes)}. Keep it now; it is not shown again.")
    return 0


async def _list(merchant: str | None, as_json: bool) -> int:
    from galla.cli.local import open_till, principal_for
    from galla.service import access

    async with open_till() as till:
        found = await access.list_keys(till, await principal_for(till, merchant))
    if as_json:
        screen.print_json(found)
        return 0
    out = screen.console()
    out.print(f"{len(found)} {'key' if len(found) == 1 else 'keys'}", style="bold")
    if found:
        rows = [
            (
                each["id"],
                each["prefix"],
                ", ".join(each["scopes"]),
                each["label"] or "",
                screen.clock_text(each["created_at"]),
                "revoked" if each.get("revoked_at") else "in force",
            )
            for each in found
        ]
        screen.show_table(out, _HEADS, rows)
    else:
        out.print("Make the first: galla key new --label 'Billing system'")
    return 0


async def _revoke(key: str, merchant: str | None) -> int:
    from galla.cli.local import open_till, principal_for
    from galla.service import access

    async with open_till() as till:
        await access.revoke_key(till, await principal_for(till, merchant), key)
    screen.console().print(f"Revoked {key}", style="bold")
    return 0
