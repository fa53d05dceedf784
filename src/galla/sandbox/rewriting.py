"""How a rehearsed failure changes the fields of a reply: amounts, names, results, signatures.

A reply that was signed is signed again after the change, so that only the change is wrong with it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec.structs import replace

from galla.errors import AmountNotAllowed
from galla.money import parse_rupees, rupees
from galla.protocol.checksum import sign
from galla.protocol.message import MerchantKey, Response, join_envelope
from galla.sandbox.fault_kind import Kind

NOT_A_SIGNATURE = "A" * 107 + "="

_Change = Callable[[dict[str, Any], dict[str, Any]], bool]


def changes(kind: Kind, response: Response) -> bool:
    """Whether this failure finds something to change in a reply."""
    opened = _opened(response)
    return opened is not None and CHANGES[kind](*opened)


def rewritten(response: Response, kind: Kind, key: MerchantKey | None) -> Response:
    """Return the reply with this failure in it."""
    opened = _opened(response)
    if kind not in CHANGES or opened is None:
        return response
    head, body = opened
    was_signed = "signature" in head
    CHANGES[kind](head, body)
    text = msgspec.json.encode(body)
    if was_signed and key is not None and kind not in (Kind.BAD_SIGNATURE, Kind.NO_CHECKSUM):
        head["signature"] = sign(text.decode(), key)
    return replace(response, body=join_envelope(msgspec.json.encode(head), text))


def _opened(response: Response) -> tuple[dict[str, Any], dict[str, Any]] | None:
    try:
        envelope = msgspec.json.decode(response.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    head, body = envelope.get("head"), envelope.get("body")
    return (head, body) if isinstance(head, dict) and isinstance(body, dict) else None


def _wrong_amount(head: dict[str, Any], body: dict[str, Any]) -> bool:
    names = [name for name in ("transactionAmount", "txnAmount", "refundAmount") if name in body]
    for name in names:
        if name == "transactionAmount" or "cpayId" in body:
            body[name] = str(int(body[name]) + 100)
        else:
            body[name] = _more(body[name])
    return bool(names)


def _more(text: str) -> str:
    try:
        return rupees(parse_rupees(text) + 100)
    except AmountNotAllowed:
        return text


def _named(text: str, *names: str) -> _Change:
    """Put a text into the first of these fields that is there."""

    def change(head: dict[str, Any], body: dict[str, Any]) -> bool:
        name = next((name for name in names if name in body), None)
        if name is not None:
            body[name] = text
        return name is not None

    return change


def _bad_signature(head: dict[str, Any], body: dict[str, Any]) -> bool:
    head["signature" if _is_online(head) else "checksum"] = NOT_A_SIGNATURE
    return True


def _no_checksum(head: dict[str, Any], body: dict[str, Any]) -> bool:
    return head.pop("signature", None) is not None


def _unknown_status(head: dict[str, Any], body: dict[str, Any]) -> bool:
    code = {"resultCode": "7777"} if _is_online(head) else {"resultCode": "R", "resultCodeId": "7777"}
    return _result(body, {"resultStatus": "REVIEW", **code, "resultMsg": "Under review"})


def _internal_0012(head: dict[str, Any], body: dict[str, Any]) -> bool:
    if _is_online(head):
        return False
    failed = {"resultStatus": "FAIL", "resultCode": "F", "resultCodeId": "0012"}
    return _result(body, failed | {"resultMsg": "Internal server error"})


def _system_501(head: dict[str, Any], body: dict[str, Any]) -> bool:
    """Leave only who is meant and the error, with the word that this call uses for it."""
    info = body.get("resultInfo")
    if not _is_online(head) or not isinstance(info, dict):
        return False
    word = _WORDS.get(str(info.get("resultStatus")), "TXN_FAILURE")
    code = "GE_0001" if str(info.get("resultCode")).startswith(("QR_", "DQR_", "GE_")) else "501"
    kept: dict[str, Any] = {name: body[name] for name in ("mid", "orderId", "refId") if name in body}
    body.clear()
    body.update(kept)
    body["resultInfo"] = {"resultStatus": word, "resultCode": code, "resultMsg": "System Error"}
    return True


def _result(body: dict[str, Any], info: dict[str, str]) -> bool:
    known = body if "resultCodeId" in body else body.get("resultInfo")
    if isinstance(known, dict):
        known.update(info)
    return isinstance(known, dict)


def _is_online(head: dict[str, Any]) -> bool:
    """Whether this is a reply of the online APIs; card machines spell the time otherwise."""
    return "responseTimestamp" in head


_WORDS = {"S": "U", "F": "U", "SUCCESS": "FAILURE", "FAILURE": "FAILURE", "PENDING": "PENDING"}

CHANGES: dict[Kind, _Change] = {
    Kind.WRONG_AMOUNT: _wrong_amount,
    Kind.WRONG_MID: _named("SOMEBODYELSE00000000", "paytmMid", "mid"),
    Kind.WRONG_ID: _named("SOMEBODYELSE0001", "merchantTransactionId", "merchantTxnId", "orderId"),
    Kind.BAD_SIGNATURE: _bad_signature,
    Kind.NO_CHECKSUM: _no_checksum,
    Kind.UNKNOWN_STATUS: _unknown_status,
    Kind.INTERNAL_0012: _internal_0012,
    Kind.SYSTEM_501: _system_501,
}
"""The failures that change fields of a reply."""
