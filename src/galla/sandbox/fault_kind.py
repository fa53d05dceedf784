"""The kinds of failure that can be rehearsed, and what each can befall.

How they strike is in `faults.py`, what they do to a reply in `rewriting.py`, to a callback in `callback.py`.
"""

from __future__ import annotations

from enum import StrEnum

CALLBACK = "callback"
OPERATIONS = (
    "sale",
    "status",
    "void",
    "queue",
    "queue_status",
    "queue_cancel",
    "initiate",
    "process",
    "options",
    "vpa",
    "qr",
    "order_status",
    "order_list",
    "refund",
    "refund_status",
    CALLBACK,
)
"""What a fault can strike; a callback only when it is named."""


class Kind(StrEnum):
    """What goes wrong."""

    REFUSE_CONNECTION = "refuse_connection"
    DROP_BEFORE = "drop_before"
    DROP_AFTER = "drop_after"
    DELAY = "delay"
    SLOW_DRIP = "slow_drip"
    DUPLICATE = "duplicate"
    HTTP_500 = "http_500"
    HTML = "html"
    TRUNCATED_JSON = "truncated_json"
    TRAILING_COMMA = "trailing_comma"
    RATE_LIMITED = "rate_limited"
    INTERNAL_0012 = "internal_0012"
    UNKNOWN_STATUS = "unknown_status"
    WRONG_AMOUNT = "wrong_amount"
    WRONG_MID = "wrong_mid"
    WRONG_ID = "wrong_id"
    BAD_SIGNATURE = "bad_signature"
    NOT_FOUND_WINDOW = "not_found_window"
    LATE_SUCCESS = "late_success"
    LATE_SUCCESS_AFTER_FAILURE = "late_success_after_failure"
    SYSTEM_501 = "system_501"
    NO_CHECKSUM = "no_checksum"
    REFUND_FAILS = "refund_fails"
    JSON_STYLE = "json_style"
    OUT_OF_ORDER = "out_of_order"


MEANING: dict[Kind, str] = {
    Kind.REFUSE_CONNECTION: "The connection is refused: nothing was sent.",
    Kind.DROP_BEFORE: "The request is lost on its way to Paytm.",
    Kind.DROP_AFTER: "Paytm does the work and the reply is lost.",
    Kind.DELAY: "The reply comes late, by the milliseconds given.",
    Kind.SLOW_DRIP: "The reply trickles in over the milliseconds given.",
    Kind.DUPLICATE: "The network delivers the request twice; the second answer comes back.",
    Kind.HTTP_500: "HTTP 500 instead of the reply.",
    Kind.HTML: "An HTML page instead of JSON.",
    Kind.TRUNCATED_JSON: "The JSON ends in the middle.",
    Kind.TRAILING_COMMA: "The JSON has a comma too many.",
    Kind.RATE_LIMITED: "HTTP 429 with Retry-After; nothing is done.",
    Kind.INTERNAL_0012: "Result 0012, internal server error: the outcome is unknown.",
    Kind.UNKNOWN_STATUS: "A result code nobody has heard of.",
    Kind.WRONG_AMOUNT: "The reply names ₹1.00 more.",
    Kind.WRONG_MID: "The reply names another merchant.",
    Kind.WRONG_ID: "The reply is about another transaction.",
    Kind.BAD_SIGNATURE: "The reply carries a checksum that does not fit.",
    Kind.NOT_FOUND_WINDOW: "After the sale, status says 0404 (online 331) for the milliseconds given.",
    Kind.LATE_SUCCESS: "Paid, but status says pending, for the milliseconds.",
    Kind.LATE_SUCCESS_AFTER_FAILURE: "Paid, but status says failed, for the milliseconds.",
    Kind.SYSTEM_501: "Online: result 501, system error; the outcome is unknown.",
    Kind.NO_CHECKSUM: "The online reply, or the callback, carries no checksum.",
    Kind.REFUND_FAILS: "The refund is taken in, and the bank rejects it in the end.",
    Kind.JSON_STYLE: "The callback of an online payment comes as JSON instead of a form.",
    Kind.OUT_OF_ORDER: "The callback comes after the next one of its order, or a minute late.",
}

TIMED = frozenset(
    {
        Kind.DELAY,
        Kind.SLOW_DRIP,
        Kind.NOT_FOUND_WINDOW,
        Kind.LATE_SUCCESS,
        Kind.LATE_SUCCESS_AFTER_FAILURE,
    }
)
ON_SALE = frozenset({Kind.NOT_FOUND_WINDOW, Kind.LATE_SUCCESS, Kind.LATE_SUCCESS_AFTER_FAILURE})
STARTS = ("sale", "queue", "initiate", "process", "qr")
"""The operations that begin a payment, on which a fault of `ON_SALE` can be put."""

ON_CALLBACK = frozenset(
    {
        Kind.DROP_BEFORE,
        Kind.DELAY,
        Kind.DUPLICATE,
        Kind.WRONG_AMOUNT,
        Kind.WRONG_MID,
        Kind.WRONG_ID,
        Kind.BAD_SIGNATURE,
        Kind.NO_CHECKSUM,
        Kind.JSON_STYLE,
        Kind.OUT_OF_ORDER,
    }
)
"""What can befall a callback."""

ONLY_OF = {Kind.JSON_STYLE: CALLBACK, Kind.OUT_OF_ORDER: CALLBACK, Kind.REFUND_FAILS: "refund"}
UNPROCESSED = frozenset({Kind.REFUSE_CONNECTION, Kind.DROP_BEFORE, Kind.RATE_LIMITED})
