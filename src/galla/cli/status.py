"""`galla status`: one payment with everything that happened to it, or how things stand in all."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from galla.cli import screen
from galla.cli.ending import Exit, of_payment

if TYPE_CHECKING:
    from rich.console import Console

    from galla.cli.desk import Condition

LAST = 10


def status(
    payment: str | None = None,
    /,
    *,
    merchant: str | None = None,
    json: bool = False,
) -> int:
    """Show one payment and its timeline; without a payment, show how things stand.

    The exit code is that of the payment: 0 paid, 4 not paid, 5 not decided yet. Without a payment it is 0
    when nothing is unexplained and galla is well, 5 when something is unexplained, 6 when a check fails.

    Args:
        payment: The payment's id, such as pay_01J….
        merchant: The merchant's id, when this computer's database has more than one.
        json: Print JSON.
    """
    return asyncio.run(_one(payment, merchant, json) if payment else _all(merchant, json))


async def _one(payment_id: str, merchant: str | None, as_json: bool) -> int:
    from galla.cli.desk import open_desk

    async with open_desk(merchant) as desk:
        payment = await desk.payment(payment_id)
    if as_json:
        screen.print_json(payment)
    else:
        out = screen.console()
        screen.show_payment(out, payment)
        for row in payment.get("timeline") or []:
            out.print(f"  {screen.clock_text(row['at'])}  {row['text']}", style="dim")
    return of_payment(payment)


async def _all(merchant: str | None, as_json: bool) -> int:
    from galla.cli.desk import open_desk

    async with open_desk(merchant) as desk:
        condition = await desk.condition()
        live, last = await desk.live(), await desk.payments(limit=LAST)
        place = desk.place
    if as_json:
        screen.print_json(
            {
                "unexplained": condition.unexplained,
                "status": condition.status,
                "checks": condition.checks,
                "unfinished": live,
                "last": last,
            }
        )
    else:
        _show(screen.console(), condition, live, last, place)
    if condition.status != "ok":
        return Exit.TRANSPORT
    return Exit.UNDECIDED if condition.unexplained else Exit.OK


def _show(
    out: Console, condition: Condition, live: list[dict[str, Any]], last: list[dict[str, Any]], place: str
) -> None:
    if condition.unexplained is None:
        out.print("The number of unexplained payments is not known here.", style="bold")
    else:
        colour = "red" if condition.unexplained else "green"
        out.print(f"{condition.unexplained} unexplained", style=f"bold {colour}")
    out.print(f"galla is {condition.status} · {place}")
    screen.show_rows(out, ((name, _check_text(check)) for name, check in sorted(condition.checks.items())))
    _list(out, "Unfinished", live, "nothing is waiting")
    _list(out, "Last payments", last, "none yet")
    if live:
        out.print(f"Look at the oldest: galla status {live[0]['id']}")


def _check_text(check: object) -> str:
    if isinstance(check, dict):
        said = [str(check.get("status", ""))]
        said += [f"{name.replace('_', ' ')} {value}" for name, value in check.items() if name != "status"]
        return " · ".join(part for part in said if part)
    return str(check)


def _list(out: Console, title: str, payments: list[dict[str, Any]], empty: str) -> None:
    if not payments:
        out.print(f"{title}: {empty}")
        return
    out.print(f"{title}:")
    for payment in payments:
        reference = payment.get("reference") or ""
        out.print("  ", screen.headline(payment), f" · {reference}" if reference else "", sep="")
        out.print(f"    {payment['id']} · {screen.clock_text(payment['created_at'])}", style="dim")
