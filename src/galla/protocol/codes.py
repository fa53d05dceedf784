"""Paytm's result codes: what each one is, and the sentence for the person at the counter.

One row per code. `classify` reads the whole result (word, letter, code), because the parts of a real answer
do not always agree; what does not agree is unknown, never paid. What follows for a payment is not decided
here: that is the connectors.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec

from galla.protocol.message import field


class Kind(StrEnum):
    """What sort of answer a result is."""

    SUCCESS = "success"  # done: paid, or voided when a void was asked about
    ACCEPTED = "accepted"  # taken in, nothing proven
    PENDING = "pending"  # not final
    DECLINED = "declined"  # the payment failed, finally
    REFUSED = "refused"  # this call was refused; says nothing about an earlier payment
    BUSY = "busy"  # the machine has another request
    DUPLICATE = "duplicate"  # the id is known: an earlier request did arrive
    NOT_FOUND = "not_found"  # the id is not known (yet)
    INTERNAL = "internal"  # Paytm failed; the outcome is unknown
    VOID_FAILED = "void_failed"  # the payment was not reversed and stands


class ResultInfo(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    rename={
        "status": "resultStatus",
        "code": "resultCode",
        "code_id": "resultCodeId",
        "message": "resultMsg",
    },
):
    """Paytm's verdict: a word, a letter (A S F P), a code, a sentence."""

    status: str
    code: str
    code_id: str
    message: str = ""

    @classmethod
    def from_wire(cls, info: Mapping[str, Any]) -> ResultInfo:
        """Read a `resultInfo` object, whatever is missing or misplaced.

        The 4-digit code is often put where the letter belongs, and a number loses its leading zeros; both are
        put right.
        """
        letter = (field(info, "resultCode") or "").strip().upper()
        code_id = _four_digits((field(info, "resultCodeId") or "").strip())
        if not letter.isalpha() and (_is_number(letter) or letter.startswith("EDC_")):
            misplaced = _four_digits(letter)
            letter = "" if code_id in ("", misplaced) else letter
            code_id = code_id or misplaced
        return cls(
            status=(field(info, "resultStatus") or "").strip(),
            code=letter,
            code_id=code_id,
            message=masked_text(field(info, "resultMsg", "resultMessage") or ""),
        )


class Code(msgspec.Struct, frozen=True, kw_only=True):
    """One result code.

    `meaning` is for developers; `message` says to the cashier what happened and what it means for the money,
    `hint` what to do now. `is_retryable`: the same request may succeed later without a change.
    """

    code: str
    kind: Kind
    meaning: str
    message: str
    hint: str
    is_retryable: bool = False


_FIX = "Tell whoever looks after galla; the message above says what to correct."
_NOTHING_CHARGED = "Nothing was charged by this request."


def _row(code: str, kind: Kind, meaning: str, message: str, hint: str, *, retry: bool = False) -> Code:
    return Code(code=code, kind=kind, meaning=meaning, message=message, hint=hint, is_retryable=retry)


_ROWS = (
    _row("0000", Kind.SUCCESS, "success", "Paytm confirmed it.", "Nothing more to do."),
    _row(
        "0009", Kind.ACCEPTED, "accepted, sent to the card machine",
        "Paytm has sent the request to the card machine. Nothing is paid yet.",
        "Ask the customer to tap, insert or scan at the machine.",
    ),
    *(
        _row(
            code, Kind.PENDING, "pending, check on the device",
            "The payment is not finished. The customer may still pay.",
            "Look at the card machine and finish the payment there.",
        )
        for code in ("0010", "0030")
    ),
    _row(
        "0002", Kind.REFUSED, "invalid parameters",
        f"Paytm did not accept the request: a field is missing or wrong. {_NOTHING_CHARGED}", _FIX,
    ),
    _row(
        "0007", Kind.REFUSED, "terminal not active",
        f"This card machine is not active at Paytm. {_NOTHING_CHARGED}",
        "Use another machine, and ask Paytm to activate this one.",
    ),
    _row(
        "0011", Kind.DECLINED, "sale failed",
        "The payment failed or was rejected on the machine. The customer was not charged.",
        "Start a new payment, or take another way of paying.",
    ),
    _row(
        "0012", Kind.INTERNAL, "internal server error",
        "Paytm had an error of its own. The payment may or may not have gone through.",
        "Do not charge again. galla keeps asking Paytm until it is known.", retry=True,
    ),
    *(
        _row(
            code, Kind.REFUSED, "merchant blocked",
            f"Paytm has blocked this merchant account. {_NOTHING_CHARGED}",
            "Call Paytm merchant support; take payment another way until then.",
        )
        for code in ("0022", "0902")
    ),
    *(
        _row(
            code, Kind.NOT_FOUND, "transaction id not found",
            "Paytm does not know this payment yet. It may still appear.",
            "Do not charge again. Look at the card machine; galla keeps asking.", retry=True,
        )
        for code in ("0029", "0404")
    ),
    _row(
        "0090", Kind.VOID_FAILED, "void failed",
        "The payment was not reversed. It stands and the customer has paid.",
        "Refund it instead.",
    ),
    _row(
        "0180", Kind.VOID_FAILED, "transaction to void not found",
        "Paytm found no payment of today that could be reversed. If it was paid, it stands.",
        "Check the payment; if it is from an earlier day, refund it instead.",
    ),
    _row(
        "0182", Kind.DECLINED, "failure, exact meaning not published",
        "Paytm reported that the payment failed.",
        "Look at the card machine, then start a new payment.",
    ),
    _row(
        "0233", Kind.DUPLICATE, "duplicate order id",
        "Paytm already has this payment: an earlier request did arrive. It may be paid.",
        "Do not charge again. galla asks Paytm what became of it.",
    ),
    _row(
        "0330", Kind.REFUSED, "checksum invalid",
        f"Paytm did not accept galla's signature. {_NOTHING_CHARGED}",
        "Tell whoever looks after galla: check that the merchant key belongs to this MID and environment.",
    ),
    _row(
        "0333", Kind.BUSY, "another request is active on the terminal",
        f"The card machine is busy with another payment. {_NOTHING_CHARGED}",
        "Finish or cancel what is on the machine, then try again, or use another machine.", retry=True,
    ),
    _row(
        "1809", Kind.REFUSED, "sub-wallet total is above the amount",
        f"The parts of the payment add up to more than its amount. {_NOTHING_CHARGED}", _FIX,
    ),
    _row(
        "1810", Kind.REFUSED, "displayInfo too long",
        f"The text for the card machine's screen is too long. {_NOTHING_CHARGED}",
        "Shorten the lines to be displayed and try again.",
    ),
    *(
        _row(
            code, Kind.REFUSED, "split payment or timeoutConfig error",
            f"Paytm did not accept how the payment is split or timed. {_NOTHING_CHARGED}", _FIX,
        )
        for code in ("1813", "1814", "1815", "1825")
    ),
    _row(
        "9001", Kind.REFUSED, "merchant configuration error",
        f"Paytm has not set up this merchant account for card machine payments. {_NOTHING_CHARGED}",
        "Call Paytm merchant support; take payment another way until then.",
    ),
    _row(
        "EDC_0000", Kind.ACCEPTED, "payment request queued",
        "The payment request is in the queue. Nothing is paid yet.",
        "Type the number shown into any of your card machines.",
    ),
    _row(
        "EDC_0007", Kind.REFUSED, "invalid parameters",
        f"Paytm did not accept the request: a field is missing or wrong. {_NOTHING_CHARGED}", _FIX,
    ),
    _row(
        "EDC_0016", Kind.REFUSED, "the payment request could not be generated",
        f"Paytm could not queue the payment request. {_NOTHING_CHARGED}", "Try again.", retry=True,
    ),
    _row(
        "EDC_0017", Kind.REFUSED, "request hash invalid",
        f"Paytm did not accept galla's signature. {_NOTHING_CHARGED}",
        "Tell whoever looks after galla: check the client id, the key and the signing scheme of the queue.",
    ),
    _row(
        "EDC_0021", Kind.REFUSED, "merchant not configured",
        f"Paytm has not set up the payment queue for this merchant. {_NOTHING_CHARGED}",
        "Call Paytm merchant support; use a card machine directly until then.",
    ),
)  # fmt: skip

EDC_CODES: Mapping[str, Code] = {row.code: row for row in _ROWS}
"""Every code of the card machine and queue APIs that is known."""

_SUCCESS_WORDS = frozenset({"SUCCESS", "TXN_SUCCESS"})
_FAIL_WORDS = frozenset({"FAIL", "FAILED", "FAILURE", "TXN_FAILURE"})
_OPEN_WORDS = frozenset({"PENDING", "ACCEPTED", "ACCEPTED_SUCCESS"})
_OPEN_KINDS = (Kind.ACCEPTED, Kind.PENDING)


def explain_edc(code_id: str, paytm_message: str = "") -> Code:
    """Return the row of a code, or one made for a code nobody has listed."""
    row = EDC_CODES.get(code_id)
    if row is not None:
        return row
    named = f"with the code {_quotable(code_id, 20)}" if code_id else "without a code"
    said = _quotable(paytm_message, 200)
    quoted = f" Paytm says: “{said}”." if said else ""
    return Code(
        code=code_id,
        kind=Kind.INTERNAL,
        meaning="not listed",
        message=f"Paytm answered {named}, which galla does not know.{quoted} The outcome is not certain.",
        hint="Do not charge again yet. Look at the card machine; galla keeps asking Paytm.",
    )


def classify(result: ResultInfo) -> Kind | None:
    """Return what a result says, or None when its parts contradict each other or say nothing known.

    The letter decides first, then the code; success needs the word to agree as well.
    """
    word = result.status.strip().upper()
    row = EDC_CODES.get(result.code_id)
    kind = row.kind if row is not None else None
    match result.code:
        case "S":
            return _success(word, result.code_id, kind)
        case "F":
            return _failure(word, result.code_id, kind)
        case "A" | "P":
            return _open(word, result.code_id, kind, Kind.ACCEPTED if result.code == "A" else Kind.PENDING)
        case "":
            return _without_letter(word, result.code_id, kind)
        case _:
            return None


def _success(word: str, code_id: str, kind: Kind | None) -> Kind | None:
    if word not in _SUCCESS_WORDS:
        return None
    if code_id in ("", "0000"):
        return Kind.SUCCESS
    return kind if code_id == "EDC_0000" else None


def _failure(word: str, code_id: str, kind: Kind | None) -> Kind | None:
    if word and word not in _FAIL_WORDS:
        return None
    if kind is Kind.SUCCESS or kind in _OPEN_KINDS:
        return None
    if kind is None and not word:
        return None
    return kind or Kind.DECLINED


def _open(word: str, code_id: str, kind: Kind | None, by_letter: Kind) -> Kind | None:
    if code_id == "0009" and word in _SUCCESS_WORDS:
        return Kind.ACCEPTED
    if word and word not in _OPEN_WORDS:
        return None
    if not code_id:
        return by_letter if word else None
    return kind if kind in _OPEN_KINDS else None


def _without_letter(word: str, code_id: str, kind: Kind | None) -> Kind | None:
    """The 4-digit code stood in the letter's place: word and code must both be there."""
    if kind is None or not word:
        return None
    if kind is Kind.SUCCESS or code_id == "EDC_0000":
        return _success(word, code_id, kind)
    if kind in _OPEN_KINDS:
        return _open(word, code_id, kind, kind)
    return _failure(word, code_id, kind)


_DIGIT = re.compile("[0-9]")
_CARD = re.compile(r"(?<![0-9])[0-9](?:[ -]?[0-9]){8,14}[ -]?([0-9]{4})(?![0-9])")


def masked_text(text: str) -> str:
    """Reduce any run of 13 to 19 digits, grouped or not, to its last four."""
    if len(text) < 13 or _DIGIT.search(text) is None:  # most sentences hold no digit at all
        return text
    return _CARD.sub(r"XXXX\1", text)


def _quotable(text: str, length: int) -> str:
    return " ".join(masked_text(text).split())[:length]


def _four_digits(code: str) -> str:
    return code.zfill(4) if len(code) < 4 and _is_number(code) else code


def _is_number(code: str) -> bool:
    return code.isascii() and code.isdecimal()
