"""Word from Paytm about a payment that the books do not hold: it may be one that a restored backup has lost."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from galla.clock import IST
from galla.money import format_inr
from galla.payments.task import Task, unknown_words
from galla.protocol.codes import Kind, explain_edc
from galla.service.tasking import open_unknown
from galla.service.till import Till

_NO_MONEY = frozenset({"TXN_FAILURE", "PENDING"})


def open_orphan(
    connection: Connection,
    till: Till,
    merchant_id: str,
    kind: str,
    paytm_id: str,
    said: str,
    at: datetime,
    *,
    amount_paise: int | None = None,
    rrn: str | None = None,
) -> Task | None:
    """Open the task about a message that speaks of money, unless there is one; return it if it is new.

    Args:
        connection: the transaction.
        till: the open till.
        merchant_id: whom the message was for.
        kind: `payment`, `edc` or `refund`.
        paytm_id: the payment it names.
        said: what it says became of it.
        at: when it came.
        amount_paise: how much it names.
        rrn: the bank's number it names.
    """
    if said in _NO_MONEY or (kind == "edc" and explain_edc(said, "").kind is Kind.DECLINED):
        return None
    more = [said, format_inr(amount_paise) if amount_paise is not None else "", f"RRN {rrn}" if rrn else ""]
    told = ", ".join(word for word in more if word) or kind
    sentence = f"Paytm sent word of {paytm_id} on {at_text(at)}: {told}."
    words = unknown_words(sentence, amount_paise, is_return=kind == "refund")
    return open_unknown(connection, till, merchant_id, paytm_id, words)


def at_text(instant: datetime) -> str:
    """Return an instant as a person in India reads it."""
    at = instant.astimezone(IST)
    return f"{at.day} {at:%b} {at.year}, {at:%H:%M}"
