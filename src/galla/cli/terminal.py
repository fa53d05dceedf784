"""`galla terminal`: add and list card machines."""

from __future__ import annotations

import asyncio
from typing import Any

from galla.cli import screen

_HEADS = ("TID", "Label", "Branch", "In use", "Now")


def add(
    tid: str,
    /,
    *,
    label: str | None = None,
    branch: str = "Main",
    merchant: str | None = None,
    json: bool = False,
) -> int:
    """Add a card machine by its TID.

    Args:
        tid: The TID Paytm issued, as on the machine.
        label: What staff call it, such as Counter 1.
        branch: The branch it stands in.
        merchant: The merchant's id or MID, when there are several.
        json: Print the machine as JSON.
    """
    return asyncio.run(_add(tid, label or f"Machine {tid}", branch, merchant, json))


def list_all(*, merchant: str | None = None, json: bool = False) -> int:
    """List the card machines and what each is doing.

    Args:
        merchant: The merchant's id or MID, when there are several.
        json: Print JSON.
    """
    return asyncio.run(_list(merchant, json))


async def _add(tid: str, label: str, branch: str, merchant: str | None, as_json: bool) -> int:
    from galla.cli.local import open_till, principal_for
    from galla.service import terminals

    async with open_till() as till:
        machine = await terminals.create(till, await principal_for(till, merchant), tid, label, branch)
    if as_json:
        screen.print_json(machine)
        return 0
    out = screen.console()
    out.print(f"Added machine {machine['tid']}, {machine['label']}", style="bold")
    out.print(f"Take a payment on it: galla pay 1 --terminal {machine['tid']}")
    return 0


async def _list(merchant: str | None, as_json: bool) -> int:
    from galla.cli.local import open_till, principal_for
    from galla.service import terminals

    async with open_till() as till:
        found = await terminals.find(till, await principal_for(till, merchant))
    if as_json:
        screen.print_json(found)
        return 0
    out = screen.console()
    out.print(f"{len(found)} {'machine' if len(found) == 1 else 'machines'}", style="bold")
    if found:
        screen.show_table(out, _HEADS, [_row(each) for each in found])
    else:
        out.print("Add the first: galla terminal add TID --label 'Counter 1'")
    return 0


def _row(machine: dict[str, Any]) -> tuple[str, ...]:
    live = machine.get("live_payment")
    now = f"payment {live['id']}" if live else "free"
    in_use = "yes" if machine["is_active"] else "no"
    return (machine["tid"], machine["label"], machine["branch"] or "", in_use, now)
