"""`galla pay`: take one payment on a card machine, show where it is, and end with what became of it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from galla.cli import screen
from galla.cli.ending import Exit, of_payment
from galla.clock import SYSTEM, Clock
from galla.errors import AmountNotAllowed
from galla.money import check_amount, parse_rupees

if TYPE_CHECKING:
    from galla.cli.desk import Desk

LOOK_EVERY_S = 0.5
FINAL = ("paid", "not_paid")


def pay(
    amount: str,
    /,
    *,
    terminal: str | None = None,
    reference: str | None = None,
    bill: str | None = None,
    wait: float = 300.0,
    merchant: str | None = None,
    json: bool = False,
) -> int:
    """Take a payment on a card machine and follow it until it is paid or proven not paid.

    When the wait is over, or after Ctrl-C, the payment goes on: galla keeps asking Paytm, and
    `galla status PAYMENT` shows what became of it.

    Args:
        amount: Rupees, such as 2500 or 2500.50.
        terminal: The card machine, by its TID. Needed when there is more than one.
        reference: Your own number for it, such as an invoice number.
        bill: A galla bill to pay.
        wait: How long to follow it, in seconds.
        merchant: The merchant's id, when this computer's database has more than one.
        json: Print the payment as JSON.
    """
    given = {"terminal": terminal, "reference": reference, "bill": bill}
    order: dict[str, Any] = {"amount": _paise(amount), "method": "edc"}
    order.update((name, value) for name, value in given.items() if value is not None)
    return asyncio.run(_pay(order, wait, merchant, json))


async def _pay(order: dict[str, Any], wait_s: float, merchant: str | None, as_json: bool) -> int:
    from galla.cli.desk import open_desk

    async with open_desk(merchant) as desk:
        payment = await desk.start(order)
        try:
            payment = await follow(desk, payment, wait_s, is_shown=not as_json)
        except asyncio.CancelledError:  # Ctrl-C: the person stops looking, the payment does not stop
            payment = await desk.payment(payment["id"])
    _end(payment, as_json)
    return of_payment(payment)


async def follow(
    desk: Desk, payment: dict[str, Any], wait_s: float, *, is_shown: bool = True, clock: Clock = SYSTEM
) -> dict[str, Any]:
    """Return the payment once it is final or the wait is over, showing a live line meanwhile."""
    out, started_s = screen.console(), clock.monotonic()
    out.quiet = not is_shown
    with screen.live(out) as show:
        while payment["status"] not in FINAL:
            elapsed_s = clock.monotonic() - started_s
            if elapsed_s >= wait_s:
                break
            show(f"{screen.phase_text(payment)} · {screen.seconds(elapsed_s)}")
            await clock.sleep(min(LOOK_EVERY_S, wait_s - elapsed_s))
            payment = await desk.payment(payment["id"])
    return payment


def _paise(amount: str) -> int:
    try:
        return check_amount(parse_rupees(amount))
    except AmountNotAllowed as error:
        from cyclopts import CycloptsError

        raise CycloptsError(str(error)) from error


def _end(payment: dict[str, Any], as_json: bool) -> None:
    if as_json:
        screen.print_json({key: value for key, value in payment.items() if key != "timeline"})
        return
    out = screen.console()
    screen.show_payment(out, payment)
    if of_payment(payment) is Exit.UNDECIDED:
        out.print(f"galla keeps asking Paytm. Look again: galla status {payment['id']}")
