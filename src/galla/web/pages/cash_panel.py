"""What the panel says about cash: what was received and what change to give. A pure reading of the payment's view."""

from __future__ import annotations

from typing import Any

from galla.web.pages.panel import Panel, Step, person_panel
from galla.web.pages.wording import inr


def cash_panel_of(payment: dict[str, Any]) -> Panel:
    """Return what to show of a payment in cash."""
    if payment["needs_review"]:
        return person_panel(payment, _steps)
    if payment["status"] != "paid":
        return Panel(
            state="waiting",
            word="Waiting",
            heading="Writing the cash down",
            sentences=("It is taken, and booked in a moment. Do not take it again.",),
            steps=_steps("now", "open", "open"),
        )
    return Panel(
        state="paid",
        word="Paid",
        heading="Paid in cash",
        sentences=(),
        steps=_steps("done", "done", "done"),
        facts=(("Received", inr(payment["tendered"])),),
        change_paise=payment["change"],
    )


def _steps(taken: str, booked: str, paid: str) -> tuple[Step, ...]:
    return (Step(word="taken", mark=taken), Step(word="in the drawer", mark=booked), Step(word="paid", mark=paid))
