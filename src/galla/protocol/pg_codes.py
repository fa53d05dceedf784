"""Result codes of Paytm's online APIs: one table per call, because the same number means different things.

A code counts only when the word beside it agrees; a code that is not listed, or a word that contradicts, is
unknown: never paid, never failed. Rows hold what Paytm's pages say. What follows for a payment is not decided
here: that is the connectors.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from itertools import chain
from types import MappingProxyType
from typing import Any

import msgspec

from galla.protocol.codes import Code, Kind, masked_text
from galla.protocol.message import field

_NO_CHARGE = "Nothing was charged by this request."
_NO_REFUND = "Nothing was refunded by this request."
_FIX = "Tell whoever looks after galla; the message above says what to correct."
_AGAIN = "Start a new payment, or take another way of paying."
_ASK = "Do not charge again. Ask for the status of this order."
_KEY = "Tell whoever looks after galla: check that the merchant key belongs to this MID and environment."
_ACCOUNT = "Tell whoever looks after galla: check the MID, and that it belongs to this environment."
_NONE_LEFT = "Nothing more to do."

Rows = tuple[Code, ...]


class PgResult(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    rename={"status": "resultStatus", "code": "resultCode", "message": "resultMsg"},
):
    """Paytm's verdict on an online call: a word, a code, a sentence."""

    status: str
    code: str
    message: str = ""

    @classmethod
    def from_wire(cls, info: Mapping[str, Any]) -> PgResult:
        """Read a `resultInfo` object, whatever is missing."""
        return cls(
            status=field(info, "resultStatus") or "",
            code=field(info, "resultCode") or "",
            message=masked_text(field(info, "resultMsg", "resultMessage") or ""),
        )


def _rows(kind: Kind, meaning: str, message: str, hint: str, *codes: str, retry: bool = False) -> Rows:
    """Make one row for each of these codes."""
    return tuple(
        Code(code=code, kind=kind, meaning=meaning, message=message, hint=hint, is_retryable=retry)
        for code in codes
    )


def _refused(meaning: str, why: str, hint: str, *codes: str, said: str = _NO_CHARGE) -> Rows:
    return _rows(Kind.REFUSED, meaning, f"{why} {said}", hint, *codes)


def _declined(meaning: str, why: str, *codes: str) -> Rows:
    return _rows(Kind.DECLINED, meaning, f"{why} The customer was not charged.", _AGAIN, *codes)


def _table(*groups: Rows) -> Mapping[str, Code]:
    return MappingProxyType({row.code: row for row in chain(*groups)})


_PARAMETERS = "Paytm did not accept the request: a field is missing or wrong."
_SESSION = "The time to begin this payment is over."
_BEGIN_AGAIN = "Check the status of this order, then start a new payment."
_BEGUN = _rows(
    Kind.ACCEPTED, "success", "Paytm has taken the request. Nothing is paid yet.",
    "Let the customer pay in their UPI app.", "0000",
)  # fmt: skip
_FIELDS = (
    *_refused("a field is invalid", _PARAMETERS, _FIX, "1001"),
    *_refused("a mandatory field is missing", _PARAMETERS, _FIX, "1007"),
    *_refused("mid in the query differs from the body", _PARAMETERS, _FIX, "2013"),
    *_refused("order id in the query differs from the body", _PARAMETERS, _FIX, "2014"),
)
_EXPIRED = (
    *_refused("session expired", _SESSION, _BEGIN_AGAIN, "1006"),
    *_refused("user token invalid", "Paytm did not accept the customer's session.", _BEGIN_AGAIN, "2004"),
)
_DOWN = _rows(
    Kind.INTERNAL, "system error", f"Paytm had an error of its own. {_NO_CHARGE}", "Try again.",
    "501", "900", retry=True,
)  # fmt: skip

INITIATE = _table(
    _BEGUN,
    _rows(
        Kind.ACCEPTED, "success, the same request as before",
        "Paytm knows this order and has taken it again. Nothing is paid yet.",
        "Let the customer pay in their UPI app.", "0002",
    ),
    _FIELDS, _EXPIRED, _DOWN,
    _refused("amount above the limit", "The amount is above what this merchant may take.", "Take a smaller amount,"
             " or another way of paying.", "196"),
    _refused("a value holds a pipe", "A text holds the character |.", "Write it differently.", "1008"),
    _refused("promo code invalid", "The promo code is not valid.", "Leave it out, or correct it.", "1011", "1012"),
    _refused("checksum invalid", "Paytm did not accept galla's signature.", _KEY, "2005"),
    _refused("amount invalid", "Paytm did not accept the amount.", _FIX, "2007"),
    _rows(
        Kind.DUPLICATE, "repeat request inconsistent",
        "This order id was used before, with another amount or other details. The earlier payment may be made.",
        "Do not charge again. Ask for the status of this order; a new payment needs a new order id.", "2023",
    ),
)  # fmt: skip

PROCESS = _table(
    _BEGUN, _FIELDS, _EXPIRED,
    _declined("failed", "Paytm could not begin the payment.", "0001"),
    _declined("merchant transaction failure", "Paytm could not begin the payment.", "510"),
    _declined("wrong passcode", "The passcode is wrong.", "931"),
    _refused("order id invalid", "Paytm did not accept the order id.", _FIX, "309"),
    _refused("card not supported", "Paytm does not take this card.", "Take another card.", "312"),
    _refused("expiry year invalid", "The card's year is not valid.", "Correct the year.", "315"),
    _refused("merchant crossed a day, week or month limit", "This merchant has reached Paytm's limit for the period.",
             "Take another way of paying, and ask Paytm to raise the limit.", "RC-00018"),
    _rows(
        Kind.DUPLICATE, "retry count breached, or an attempt is already under way",
        "The customer has begun to pay this order already. It may be paid.", _ASK, "372", "1005",
    ),
    _rows(
        Kind.INTERNAL, "system error",
        "Paytm had an error of its own. The payment may or may not have been begun.", _ASK, "501", "900",
    ),
)  # fmt: skip

OPTIONS = _table(
    _rows(Kind.SUCCESS, "success", "Paytm has listed the ways to pay.", _NONE_LEFT, "0000"),
    _FIELDS, _EXPIRED, _DOWN,
)  # fmt: skip

VPA = _table(
    _rows(Kind.SUCCESS, "success", "Paytm has checked the UPI id.", _NONE_LEFT, "0000"),
    _EXPIRED,
    _refused("a mandatory field is missing", _PARAMETERS, _FIX, "1007", "501"),
    _refused("a field is invalid", _PARAMETERS, _FIX, "00000004"),
    _refused("token invalid", "Paytm did not accept the session.", _BEGIN_AGAIN, "613"),
    _rows(
        Kind.INTERNAL, "system error", f"Paytm could not check the UPI id. {_NO_CHARGE}", "Try again.",
        "00000900", "0", retry=True,
    ),
)  # fmt: skip

_BANK = "The customer's bank declined the payment."
ORDER_STATUS = _table(
    _rows(Kind.SUCCESS, "paid", "Paytm confirmed the payment.", _NONE_LEFT, "01"),
    _rows(
        Kind.PENDING, "not confirmed yet", "The payment is not finished. The customer may still pay.",
        "Wait: galla keeps asking Paytm.", "400", "402",
    ),
    _rows(
        Kind.NOT_FOUND, "no such transaction: nobody has tried to pay this order yet, or it was never made",
        "Nobody has paid this order yet. The customer may still pay while the link or QR is valid.",
        "Let the customer pay. Do not charge again until the link or QR has expired.", "331",
    ),
    _rows(
        Kind.INTERNAL, "server down",
        "Paytm had an error of its own. The payment may or may not have gone through.",
        "Do not charge again. galla keeps asking Paytm until it is known.", "501", "900", retry=True,
    ),
    _declined("declined by the bank", _BANK, "227", "401", "205", "208"),
    _declined("wallet balance too low", "The customer's balance is too low.", "235"),
    _declined("mandate gap", "The customer's mandate does not allow this payment now.", "267"),
    _declined("UPI id invalid", "The UPI id is not valid.", "295"),
    _declined("failed, or the page was closed", "The payment was not finished.", "810"),
    _declined("mobile number changed, or remitter account blocked", _BANK, "820", "843"),
    _declined("cancelled by the customer", "The customer cancelled.", "141", "2271", "2272"),
    _declined("above a limit of the bank", "The amount is above a limit of the customer's bank.", "202"),
    _declined("card expired or wrong", "The card's details were not accepted.", "207", "209", "3102"),
    _declined("the bank could not be reached", "The customer's bank did not answer.", "220", "296"),
    _declined("amount mismatch at the bank", "The bank reported another amount.", "222"),
    _declined("3-D Secure failed", "The customer was not recognised by their bank.", "229"),
    _declined("account invalid", "The customer's account was not accepted.", "232"),
    _refused("order id invalid", "Paytm did not accept the order id.", _FIX, "334"),
    _refused("MID invalid", "Paytm does not know this merchant.", _ACCOUNT, "335"),
    _refused("checksum invalid", "Paytm did not accept galla's signature.", _KEY, "330", "2005"),
)  # fmt: skip

_REFUND_KEPT = "The payment stands and the customer was not refunded."
_REFUND_WAIT = _rows(
    Kind.PENDING, "pending at the bank", "The refund is on its way; the bank has not confirmed it.",
    "Wait: source refunds take days. Do not refund again.", "628", "677",
)  # fmt: skip
_REFUND_OPEN = _rows(
    Kind.INTERNAL, "system error", "Paytm had an error of its own. The refund may or may not be under way.",
    "Do not refund again. Ask for the status of this refund.", "501", retry=True,
)  # fmt: skip
_REFUND_CALL = (
    *_refused("checksum invalid", "Paytm did not accept galla's signature.", _KEY, "330", said=_NO_REFUND),
    *_refused("MID invalid", "Paytm does not know this merchant.", _ACCOUNT, "335", said=_NO_REFUND),
)


def _no_refund(meaning: str, why: str, hint: str, *codes: str) -> Rows:
    return _refused(meaning, why, hint, *codes, said=_NO_REFUND)


REFUND = _table(
    _rows(
        Kind.ACCEPTED, "refund raised", "Paytm has taken the refund. It is not done yet.",
        "Wait: galla asks Paytm when the money has gone back.", "601",
    ),
    _REFUND_WAIT, _REFUND_OPEN, _REFUND_CALL,
    _no_refund("invalid, or restricted by the bank", "The refund was not accepted.", _FIX, "600"),
    _no_refund("order cancelled or missing", "This order cannot be refunded.", "Check the payment.", "607"),
    _no_refund("amount above what is left", "The amount is more than what is left to refund.",
               "Refund a smaller amount.", "619"),
    _no_refund("order details do not match", "The order and the transaction do not belong together.", _FIX, "627"),
    _no_refund("partial refund below one rupee", "Paytm refunds parts of at least one rupee.",
               "Refund at least one rupee, or the whole.", "635"),
    _no_refund("order frozen", "Paytm has frozen this order.", "Call Paytm merchant support.", "640"),
    _no_refund("refund cannot be processed again", "This refund cannot be tried again.",
               "Call Paytm merchant support.", "702"),
    _rows(Kind.REFUSED, "balance too low", f"The merchant's balance at Paytm is too low. {_NO_REFUND}",
          "Add money at Paytm, or try again after the next payments.", "620", retry=True),
    _rows(Kind.BUSY, "another refund of this order is in progress",
          f"Another refund of this order is being done. {_NO_REFUND}", "Wait for it, then try again.",
          "626", retry=True),
    _rows(
        Kind.DUPLICATE, "already raised, or already refunded",
        "Paytm has this refund already, or the order is refunded.",
        "Do not refund again. Ask for the status of this refund.", "610", "617", "629", "701", "703",
    ),
)  # fmt: skip

REFUND_STATUS = _table(
    _rows(Kind.SUCCESS, "refunded", "The money has gone back to the customer.", _NONE_LEFT, "10"),
    _rows(
        Kind.PENDING, "refund raised, or being done", "The refund is on its way. It is not done yet.",
        "Wait: source refunds take days. Do not refund again.", "601", "604",
    ),
    _REFUND_WAIT, _REFUND_OPEN, _REFUND_CALL,
    _rows(Kind.VOID_FAILED, "invalid, or restricted by the bank", f"The refund failed. {_REFUND_KEPT}",
          "Check the payment, then refund again under a new reference.", "600", "602"),
    _rows(Kind.VOID_FAILED, "balance too low",
          f"The refund failed: the merchant's balance at Paytm is too low. {_REFUND_KEPT}",
          "Add money at Paytm, then refund again under a new reference.", "620"),
    _rows(
        Kind.NOT_FOUND, "no such refund", "Paytm does not know this refund yet. It may still appear.",
        "Do not refund under another reference: send this one again.", "631", "800", retry=True,
    ),
)  # fmt: skip

_QR = "Paytm made no QR."
_QR_EXISTS = "Paytm has a QR for this order already. It may be paid."
QR = _table(
    _refused("not accepted, exact meaning not published", _QR, _FIX, *(f"QR_{code}" for code in range(1001, 1035))),
    _rows(Kind.ACCEPTED, "success", "The QR is ready. Nothing is paid yet.", "Let the customer scan it.", "QR_0001"),
    _refused("amount invalid", f"{_QR} The amount was not accepted.", _FIX, "QR_1005"),
    _refused("expiry not in Paytm's form", f"{_QR} The time of expiry was not accepted.", _FIX, "QR_1007"),
    _refused("expiry not in the future", f"{_QR} The time of expiry has passed.", "Set a later time.", "QR_1018"),
    _refused("posId known for this MID", f"{_QR} This counter's id is used already.",
             "Tell whoever looks after galla: give this counter another posId.", "QR_1019"),
    _refused("merchant key not found", f"{_QR} Paytm has no key for this client id.", _KEY, "QR_1026"),
    _rows(Kind.DUPLICATE, "the order exists", _QR_EXISTS, _ASK, "QR_1021", "QR_1033", "QR_1034"),
    _rows(
        Kind.DUPLICATE, "parameters changed for a repeated order id",
        "This order id was used before, with another amount or other details. The earlier QR may be paid.",
        "Do not charge again. Ask for the status of this order; a new payment needs a new order id.", "DQR_0006",
    ),
    _refused("blank field", f"{_QR} {_PARAMETERS}", _FIX, "DQR_0001", "DQR_0002", "DQR_0003"),
    _refused("merchant's UPI id not found, or UPI not enabled", f"{_QR} This merchant cannot take UPI yet.",
             "Ask Paytm to enable UPI QR for this MID.", "DQR_0004", "DQR_0007"),
    _refused("QR type wrong", _QR, _FIX, "DQR_0021"),
    _rows(Kind.INTERNAL, "general error", f"{_QR} Paytm had an error of its own. {_NO_CHARGE}", "Try again.",
          "GE_0001", "GE_0003", "GE_1010", "GE_1043", "DQRO_0001", retry=True),
)  # fmt: skip

_LIST = "Paytm did not list the orders."
ORDER_LIST = _table(
    _rows(Kind.SUCCESS, "success", "Paytm has listed the orders.", _NONE_LEFT, "1001"),
    _refused("checksum invalid", f"{_LIST} It did not accept galla's signature.", _KEY, "4001", "4009"),
    _refused("not accepted, exact meaning not published", _LIST, _FIX, "4002", "4003", "4099"),
)

PG_CODES: Mapping[str, Mapping[str, Code]] = MappingProxyType(
    {
        "initiate": INITIATE,
        "process": PROCESS,
        "options": OPTIONS,
        "vpa": VPA,
        "order_status": ORDER_STATUS,
        "order_list": ORDER_LIST,
        "refund": REFUND,
        "refund_status": REFUND_STATUS,
        "qr": QR,
    }
)
"""Every code of the online APIs that is known, by operation."""

_FAIL = frozenset({"F", "FAIL", "FAILED", "FAILURE", "TXN_FAILURE"})
_DONE = frozenset({"S", "SUCCESS"})
_OPEN = frozenset({"PENDING"})
_AGREES: Mapping[Kind, frozenset[str]] = {
    Kind.SUCCESS: _DONE,
    Kind.ACCEPTED: _DONE,
    Kind.PENDING: _OPEN,
    Kind.INTERNAL: _FAIL | _OPEN | {"U"},  # U is "unknown": beside a no it contradicts it
    Kind.NOT_FOUND: _FAIL | {"NO_RECORD_FOUND"},
}
_AGREES_FOR: Mapping[tuple[str, Kind], frozenset[str]] = {
    ("order_status", Kind.SUCCESS): frozenset({"TXN_SUCCESS"}),  # the two that prove money say it in full
    ("refund_status", Kind.SUCCESS): frozenset({"TXN_SUCCESS"}),
    ("refund", Kind.ACCEPTED): _OPEN,
}


def classify_pg(operation: str, result: PgResult) -> Kind | None:
    """Return what a result of this call says, or None when the code is not listed or the word disagrees.

    `operation` is a key of `PG_CODES`.
    """
    return _classified(operation, result.status, result.code)


@lru_cache(maxsize=1024)  # one answer is classified several times on its way, and few answers differ
def _classified(operation: str, status: str, code: str) -> Kind | None:
    row = _row(operation, code)
    if row is None:
        return None
    agreeing = _AGREES_FOR.get((operation, row.kind)) or _AGREES.get(row.kind, _FAIL)
    return row.kind if status.strip().upper() in agreeing else None


def explain_pg(operation: str, result: PgResult) -> Code:
    """Return the row of a result's code, or one made for a code that nobody has listed."""
    row = _row(operation, result.code)
    if row is not None:
        return row
    named = (
        f"with the code {' '.join(masked_text(result.code).split())[:20]}"
        if result.code
        else "without a code"
    )
    said = " ".join(masked_text(result.message).split())[:200]
    quoted = f" Paytm says: “{said}”." if said else ""
    return Code(
        code=result.code,
        kind=Kind.INTERNAL,
        meaning="not listed",
        message=f"Paytm answered {named}, which galla does not know.{quoted} The outcome is not certain.",
        hint="Do not charge again yet. Ask Paytm for the status.",
    )


def _row(operation: str, code: str) -> Code | None:
    """Find a code's row; a number has lost its leading zeros when it came as one."""
    table = PG_CODES[operation]
    code = code.strip()
    row = table.get(code)
    if row is None and code.isascii() and code.isdecimal() and len(code) < 4:
        fits = [table[known] for known in (code.zfill(2), code.zfill(4)) if known in table]
        row = fits[0] if len(fits) == 1 else None
    return row
