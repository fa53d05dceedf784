"""The shape each field of an online request must have, and the sentence for one that has another.

Keyed by our name of the field. No field is read or written here.
"""

from __future__ import annotations

import re
from typing import NamedTuple


class Rule(NamedTuple):
    """A shape, and what to say of a text that does not have it."""

    shape: re.Pattern[str]
    says: str


def _rule(shape: str, says: str) -> Rule:
    return Rule(re.compile(shape, re.ASCII), says)


VPA_SHAPE = r"[a-zA-Z0-9._-]{2,256}@[a-zA-Z][a-zA-Z0-9]{1,63}"
ORDER_ID_SHAPE = r"[A-Za-z0-9@_.-]{1,50}"
AMOUNT_SHAPE = r"(?=[0-9.]*[1-9])[0-9]{1,10}\.[0-9]{2}"
_AMOUNT = _rule(AMOUNT_SHAPE, 'must be rupees with two decimals above zero, such as "1.00"')
_DAY = _rule(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\+05:30",
    "must be India time as yyyy-MM-ddTHH:mm:ss+05:30",
)
_COUNT = _rule(r"[1-9][0-9]{0,5}", "must be a number above zero, as text")
_FLAG = _rule("true|false", "must be true or false, as text")
_WEB = _rule(r"https?://[!-{}~]{1,490}", "must be a web address that begins with https:// or http://")
_WORD = _rule(r"[A-Za-z0-9_]{1,40}", "must be 1 to 40 letters, digits or _")


def _text(length: int) -> Rule:
    """Anything printable that fits: no control characters, no half characters, no pipe."""
    return Rule(
        re.compile(rf"[^|\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]{{1,{length}}}"),
        f"must be 1 to {length} characters, without | and control characters",
    )


RULES = {
    "mid": _rule(r"[A-Za-z0-9_-]{1,20}", "must be 1 to 20 letters and digits"),
    "order_id": _rule(ORDER_ID_SHAPE, "must be 1 to 50 letters, digits, or the characters @ - _ ."),
    "website_name": _rule(r"[A-Za-z0-9_-]{1,30}", "must be the website name that Paytm issued"),
    "txn_amount": _AMOUNT,
    "cust_id": _rule(
        r"[A-Za-z0-9@!_$.]{1,64}", "must be 1 to 64 letters, digits, or the characters @ ! _ $ ."
    ),
    "mobile": _rule(r"\+?[0-9]{8,15}", "must be 8 to 15 digits"),
    "email": _rule(r"[!-?A-{}~]{1,64}@[!-?A-{}~]{1,190}", "must be an e-mail address"),
    "first_name": _text(60),
    "last_name": _text(60),
    "callback_url": _WEB,
    "payment_mode": _rule("UPI_INTENT|UPI", "must be UPI_INTENT, or UPI to collect"),
    "payer_account": _rule(VPA_SHAPE, "must be a UPI id such as name@bank"),
    "payment_flow": _rule(r"[A-Z]{1,30}", "must be a word such as NONE"),
    "txn_note": _text(50),
    "vpa": _rule(VPA_SHAPE, "must be a UPI id such as name@bank"),
    "numeric_id": _rule(r"[0-9]{8,11}", "must be 8 to 11 digits"),
    "txn_type": _rule(r"[A-Z]{1,20}", "must be a word such as REFUND or PREAUTH"),
    "txn_id": _rule(r"[A-Za-z0-9]{1,64}", "must be Paytm's transaction id, 1 to 64 letters and digits"),
    "ref_id": _rule(ORDER_ID_SHAPE, "must be 1 to 50 letters, digits, or the characters @ - _ ."),
    "refund_amount": _AMOUNT,
    "comments": _text(500),
    "amount": _AMOUNT,
    "business_type": _rule("UPI_QR_CODE", "must be UPI_QR_CODE"),
    "pos_id": _rule(r"[A-Za-z0-9_-]{1,50}", "must be 1 to 50 letters, digits, - or _"),
    "display_name": _text(30),
    "expiry_date": _rule(
        r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}", "must be India time as yyyy-MM-dd HH:mm:ss"
    ),
    "order_details": _text(200),
    "from_date": _DAY,
    "to_date": _DAY,
    "order_search_status": _rule("SUCCESS|FAILURE|PENDING", "must be SUCCESS, FAILURE or PENDING"),
    "page_number": _COUNT,
    "page_size": _rule("[1-9]|[1-4][0-9]|50", "must be a number from 1 to 50, as text"),
    "is_sort": _FLAG,
    "pay_mode": _WORD,
    "merchant_order_id": _rule(ORDER_ID_SHAPE, "must be 1 to 50 letters, digits, or the characters @ - _ ."),
    "version": _rule(r"[A-Za-z0-9.]{1,10}", "must be a version such as v1"),
    "channel_id": _rule(r"[A-Z]{1,10}", "must be WEB, WAP, APP or SYSTEM"),
    "client_id": _rule(r"[A-Za-z0-9_-]{1,32}", "must be the client id that Paytm issued with the key"),
    "request_timestamp": _rule(r"[0-9]{10,13}", "must be seconds or milliseconds since 1970"),
}
PARTS = {
    "version": "head",
    "channel_id": "head",
    "client_id": "head",
    "request_timestamp": "head",
    "txn_amount": "txnAmount",
    "cust_id": "userInfo",
    "mobile": "userInfo",
    "email": "userInfo",
    "first_name": "userInfo",
    "last_name": "userInfo",
}
"""Where a field travels, if not in the body itself: the head, or an object of the body."""


def holds_pipe(value: object, path: str) -> str | None:
    """Return the path of the first text that holds a pipe, which Paytm refuses anywhere, or None."""
    if isinstance(value, str):
        return path if "|" in value else None
    if isinstance(value, dict):
        parts = [(f"{path}.{name}", part) for name, part in value.items()]
    elif isinstance(value, list | tuple):
        parts = [(f"{path}[{at}]", part) for at, part in enumerate(value)]
    else:
        return None
    for where, part in parts:
        found = holds_pipe(part, where)
        if found is not None:
            return found
    return None
