"""What the command line looks like: the result in one line, detail under it, one live line while waiting.

Colour only repeats what a word already says, and is off when the output is not a terminal. The words for the
state of a payment are chosen here and nowhere else in `cli`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

from galla.clock import IST
from galla.money import format_inr

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console
    from rich.text import Text

_WORDS = {
    "created": ("Sending", "blue"),
    "pending": ("Waiting", "blue"),
    "in_doubt": ("Checking", "yellow"),
    "paid": ("Paid", "green"),
    "not_paid": ("Not paid", "bright_black"),
}
_PHASES = {
    "sending": "sending to Paytm",
    "on_device": "on the machine",
    "queued": "in the queue",
    "awaiting_payer": "waiting for the customer",
    "checking": "checking with Paytm",
    "none": "",
}


def console(*, stderr: bool = False) -> Console:
    """Return a console for stdout, or stderr, that neither guesses at numbers nor breaks lines."""
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, markup=False, emoji=False, soft_wrap=True)


def print_json(value: object) -> None:
    """Print a value for machines: one JSON document."""
    print(json.dumps(value, ensure_ascii=False, indent=2))


def word(payment: Mapping[str, Any]) -> str:
    """Return the word for where a payment stands."""
    return "Needs a person" if payment.get("needs_review") else _WORDS[payment["status"]][0]


def headline(payment: Mapping[str, Any]) -> Text:
    """Return the result of a payment in one line."""
    from rich.text import Text

    colour = "red" if payment.get("needs_review") else _WORDS[payment["status"]][1]
    parts = [f" {format_inr(payment['amount'])}", *_proof(payment)]
    if reason := payment.get("reason"):
        parts.append(reason["message"])
    elif phase := (_PHASES.get(payment["phase"] or "none") or ""):
        parts.append(phase)
    return Text.assemble((word(payment), f"bold {colour}"), " · ".join(parts))


def details(payment: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what stands under the headline: label and value, in the order people look for them."""
    reason, action = payment.get("reason") or {}, payment.get("next_action") or {}
    paytm = payment["paytm"]
    is_settled = payment["status"] == "paid" and not (payment["is_late"] or payment["needs_review"])
    rows = [
        ("Do now", None if is_settled else reason.get("hint") or action.get("text")),
        ("Reference", payment.get("reference")),
        ("Bill", payment.get("bill")),
        ("Machine", paytm.get("tid")),
        ("Payment", payment["id"]),
        ("Sent to Paytm as", paytm["id"]),
        ("Paytm code", reason.get("paytm_code")),
        ("Started", clock_text(payment["created_at"])),
        ("Ended", clock_text(payment.get("settled_at"))),
    ]
    return [(label, value) for label, value in rows if value]


def show_payment(out: Console, payment: Mapping[str, Any]) -> None:
    """Print a payment: its result first, then the detail."""
    out.print(headline(payment))
    show_rows(out, details(payment))


def show_rows(out: Console, rows: Iterable[tuple[str, str]]) -> None:
    """Print label and value pairs, aligned and indented."""
    pairs = list(rows)
    width = max((len(label) for label, _ in pairs), default=0)
    for label, value in pairs:
        out.print(f"  {label:<{width}}  {value}")


def show_table(out: Console, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows under their heads, each column as wide as its longest word."""
    widths = [max(len(cell) for cell in column) for column in zip(heads, *rows, strict=True)]
    for row in (heads, *rows):
        cells = (f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        out.print("  " + "  ".join(cells).rstrip(), style="bold" if row is heads else None)


def phase_text(payment: Mapping[str, Any]) -> str:
    """Return the live line's words for a payment that is not final."""
    said = _PHASES.get(payment["phase"] or "none") or word(payment).lower()
    return f"{format_inr(payment['amount'])} · {said}"


@contextmanager
def live(out: Console) -> Iterator[Callable[[str], None]]:
    """Give a function that rewrites one line; where there is no terminal, each new text is printed once."""
    if not out.is_terminal:
        last = [""]

        def once(text: str) -> None:
            said = text.rpartition(" · ")[0] or text
            if said != last[0]:
                last[0] = said
                out.print(said)

        yield once
        return
    with out.status("", spinner="dots") as status:
        yield lambda text: status.update(text)


def seconds(elapsed_s: float) -> str:
    """Return how long something has taken: `4.2 s`, `1:05`."""
    if elapsed_s < 60:
        return f"{elapsed_s:.1f} s"
    return f"{int(elapsed_s) // 60}:{int(elapsed_s) % 60:02d}"


def clock_text(instant: str | None) -> str:
    """Return an RFC 3339 instant as a person in India reads it: `21 Nov 2026, 2:14:09 pm`."""
    if not instant:
        return ""
    moment = datetime.fromisoformat(instant).astimezone(IST)
    hour = moment.hour % 12 or 12
    half = "am" if moment.hour < 12 else "pm"
    return f"{moment.day} {moment:%b} {moment.year}, {hour}:{moment:%M:%S} {half}"


def _proof(payment: Mapping[str, Any]) -> list[str]:
    proof = payment.get("proof")
    if not proof:
        return []
    if proof.get("card_last4"):
        paid_by = f"{proof.get('card_network') or 'Card'} •••• {proof['card_last4']}"
    else:
        paid_by = f"UPI {proof['upi_id']}" if proof.get("upi_id") else proof.get("mode")
    rrn = f"RRN {proof['rrn']}" if proof.get("rrn") else None
    return [part for part in (paid_by, rrn) if part]
