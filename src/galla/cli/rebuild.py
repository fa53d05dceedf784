"""`galla rebuild`: after a backup was restored, ask Paytm about the time that the backup does not hold."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from galla.cli import screen
from galla.cli.ending import Exit
from galla.clock import IST
from galla.errors import InvalidField
from galla.money import format_inr

if TYPE_CHECKING:
    from galla.service.rebuilding import Rebuilt


def rebuild(*, since: str, until: str | None = None, merchant: str | None = None, json: bool = False) -> int:
    """Ask Paytm about every payment since a backup was made. On SQLite before `galla serve` is started again.

    What the backup holds is asked about again, final or not. What Paytm lists as paid or given back and the backup
    does not hold becomes an open task; nothing is booked by a guess. It may be run again. The exit code is 5 when tasks
    were opened, 6 when something could not be learned.

    Args:
        since: When the backup was made, India time unless it says otherwise, such as 2026-11-21T14:00.
        until: Up to when, in the same form; now if left out.
        merchant: The merchant's id, when this computer's database has more than one.
        json: Print JSON.
    """
    start, end = _instant(since, "since"), _instant(until, "until") if until is not None else None
    return asyncio.run(_rebuild(start, end, merchant, json))


async def _rebuild(since: datetime, until: datetime | None, merchant: str | None, as_json: bool) -> int:
    from galla.cli.local import open_till, principal_for
    from galla.service.rebuilding import rebuild as ask

    async with open_till() as till:
        found = await ask(till, await principal_for(till, merchant), since, until)
    if as_json:
        screen.print_json(msgspec.to_builtins(found))
    else:
        _show(found)
    if found.troubles:
        return Exit.TRANSPORT
    return Exit.UNDECIDED if found.tasks else Exit.OK


def _show(found: Rebuilt) -> None:
    out = screen.console()
    out.print(f"Asked again: {found.asked} payments and {found.refunds} refunds that the books hold", style="bold")
    for payment in found.became_paid:
        name = payment["reference"] or payment["id"]
        out.print(f"  {format_inr(payment['amount'])} for {name} is paid now: {payment['id']}")
    if not found.tasks:
        out.print("Paytm lists nothing that the books do not hold.", style="green")
    else:
        out.print(f"{len(found.tasks)} tasks were opened; look at them on the page Tasks:", style="bold red")
    for task in found.tasks:
        out.print(f"  {task['message']}")
    if found.waiting:
        out.print(f"{found.waiting} payments unknown here are not decided at Paytm yet. Run this again in an hour.")
    for trouble in found.troubles:
        out.print(f"Not learned: {trouble} Run this again.", style="bold red")


def _instant(text: str, option: str) -> datetime:
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidField(f"--{option} must be a time such as 2026-11-21T14:00.", param=option) from None
    return read if read.tzinfo is not None else read.replace(tzinfo=IST)
