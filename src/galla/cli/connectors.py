"""`galla connectors`: the ways of taking money that are installed, and what each can do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from galla.cli import screen

if TYPE_CHECKING:
    from galla.connectors.connector import Connector

HEADS = ("Connector", "Methods", "Currencies", "Amounts", "Token", "Machine", "Refund", "Void", "Limit", "Time to pay")


def show(*, json: bool = False) -> int:
    """Show every installed connector and what it can do, those of other packages too.

    Args:
        json: Print JSON; amounts in paise, times in seconds.
    """
    from galla.connectors.registry import connectors

    found = {id(each): each for each in connectors().values()}
    if json:
        screen.print_json([_fields(each) for each in found.values()])
        return 0
    out = screen.console()
    out.print(f"{len(found)} connectors", style="bold")
    screen.show_table(out, HEADS, [row(each) for each in found.values()])
    return 0


def row(connector: Connector) -> tuple[str, ...]:
    """Return a connector's line of the table, in the order of `HEADS`."""
    from galla.money import format_inr

    can = connector.capabilities
    return (
        can.name,
        ", ".join(sorted(can.methods)),
        ", ".join(sorted(can.currencies)),
        can.amounts.name,
        _yes(can.needs_session_token),
        _yes(can.needs_terminal),
        _yes(can.can_refund),
        _yes(can.can_void),
        format_inr(can.max_paise),
        f"{can.expires_s / 60:g} min" if can.expires_s is not None else "no limit",
    )


def _fields(connector: Connector) -> dict[str, Any]:
    can = connector.capabilities
    return {
        "name": can.name,
        "methods": sorted(can.methods),
        "currencies": sorted(can.currencies),
        "amounts": can.amounts.name,
        "needs_session_token": can.needs_session_token,
        "needs_terminal": can.needs_terminal,
        "can_rebegin": can.can_rebegin,
        "can_refund": can.can_refund,
        "can_void": can.can_void,
        "max_amount": can.max_paise,
        "expires_s": can.expires_s,
    }


def _yes(is_so: bool) -> str:
    return "yes" if is_so else "no"
