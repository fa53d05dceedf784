"""Failures to rehearse: which calls they strike, and what they do to the answer.

A fault strikes the next `times` matching calls and is then spent. There is no chance in it, so a rehearsal
can be repeated exactly. A decline does not belong here: that is a machine's doing, in `terminal.py`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec
from msgspec.structs import replace

from galla.errors import InvalidField
from galla.protocol.message import Response

OPERATIONS = ("sale", "status", "void")


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
    Kind.NOT_FOUND_WINDOW: "After the sale, status says 0404 for the milliseconds given.",
    Kind.LATE_SUCCESS: "Paid at the machine, but status says pending, for the milliseconds.",
    Kind.LATE_SUCCESS_AFTER_FAILURE: "Paid at the machine, but status says failed, for the milliseconds.",
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
UNPROCESSED = frozenset({Kind.REFUSE_CONNECTION, Kind.DROP_BEFORE, Kind.RATE_LIMITED})


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """A failure waiting for its calls.

    `operation`, `tid`, `paytm_id` narrow which calls it strikes (None: any). `skip` lets that many pass
    first; `times` None strikes until removed. `after_ms` is the length of the delay or window;
    `retry_after_s` what a 429 says.
    """

    kind: Kind
    operation: str | None = None
    times: int | None = 1
    skip: int = 0
    after_ms: int = 0
    retry_after_s: int = 1
    tid: str | None = None
    paytm_id: str | None = None
    number: int = 0


class FaultPlan:
    """The faults that still have calls to strike."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []
        self._count = 0

    @property
    def waiting(self) -> tuple[Fault, ...]:
        """The faults not yet spent, in the order they were added."""
        return tuple(self._waiting)

    def add(self, fault: Fault) -> Fault:
        """Put a fault in force and return it with its number.

        Raises:
            InvalidField: it can never strike, or it needs a length of time.
        """
        _check(fault)
        self._count += 1
        numbered = replace(fault, number=self._count)
        if fault.kind in ON_SALE:
            numbered = replace(numbered, operation="sale")
        self._waiting.append(numbered)
        return numbered

    def remove(self, number: int | None = None) -> None:
        """Take one fault out of force, or all of them."""
        self._waiting = [fault for fault in self._waiting if number is not None and fault.number != number]

    def strike(
        self, operation: str, *, tid: str | None, paytm_id: str | None, answer: Response | None = None
    ) -> tuple[Fault, ...]:
        """Return the faults that strike this call, and count them down.

        Asked twice a call: without an answer for faults of the road and of the machine, and with the answer
        for those that change a field of it (so that a wrong amount waits for an answer with an amount).
        """
        if not self._waiting:
            return ()
        struck: list[Fault] = []
        left: list[Fault] = []
        for fault in self._waiting:
            if not (_fits(fault, operation, tid, paytm_id) and _touches(fault.kind, answer)):
                left.append(fault)
            elif fault.skip > 0:
                left.append(replace(fault, skip=fault.skip - 1))
            else:
                struck.append(fault)
                if fault.times is None:
                    left.append(fault)
                elif fault.times > 1:
                    left.append(replace(fault, times=fault.times - 1))
        self._waiting = left
        return tuple(struck)


def spoil(response: Response, kind: Kind, *, retry_after_s: int = 1) -> Response:
    """Return the answer as this fault leaves it; faults that do not touch the answer leave it alone."""
    match kind:
        case Kind.HTTP_500:
            return Response(status=500, body=b"Internal Server Error", headers={"content-type": "text/plain"})
        case Kind.HTML:
            return Response(status=502, body=_HTML, headers={"content-type": "text/html"})
        case Kind.RATE_LIMITED:
            headers = {"content-type": "text/plain", "retry-after": str(retry_after_s)}
            return Response(status=429, body=b"Too Many Requests", headers=headers)
        case Kind.TRUNCATED_JSON:
            return replace(response, body=response.body[: len(response.body) * 2 // 3])
        case Kind.TRAILING_COMMA:
            return replace(response, body=response.body.rstrip().removesuffix(b"}") + b",}")
        case _:
            change = _CHANGES.get(kind)
            return response if change is None else _rewritten(response, change)


def _check(fault: Fault) -> None:
    if fault.operation is not None and fault.operation not in OPERATIONS:
        raise InvalidField(
            f"There is no operation `{fault.operation}`; choose {', '.join(OPERATIONS)}, or none for any.",
            param="operation",
        )
    if fault.kind in ON_SALE and fault.operation not in (None, "sale"):
        raise InvalidField(f"`{fault.kind}` starts with a sale; leave `operation` out.", param="operation")
    if fault.kind in TIMED and fault.after_ms <= 0:
        raise InvalidField(f"`{fault.kind}` needs `after_ms`, its length in milliseconds.", param="after_ms")
    if fault.times is not None and fault.times < 1:
        raise InvalidField("`times` must be at least 1, or null to strike until removed.", param="times")
    if fault.skip < 0:
        raise InvalidField("`skip` must not be negative.", param="skip")


def _fits(fault: Fault, operation: str, tid: str | None, paytm_id: str | None) -> bool:
    return (
        fault.operation in (None, operation)
        and fault.tid in (None, tid)
        and fault.paytm_id in (None, paytm_id)
    )


def _touches(kind: Kind, answer: Response | None) -> bool:
    change = _CHANGES.get(kind)
    if change is None or answer is None:
        return (change is None) is (answer is None)
    return all(f'"{name}"'.encode() in answer.body for name in change.get("body", {}))


def _rewritten(response: Response, change: dict[str, Any]) -> Response:
    """Change fields of a JSON answer: in `head`, in `body`, in its `resultInfo`."""
    envelope = msgspec.json.decode(response.body)
    head, body = envelope.get("head"), envelope.get("body")
    if not isinstance(head, dict) or not isinstance(body, dict):
        return response
    head.update(change.get("head", {}))
    for name, value in change.get("body", {}).items():
        if name in body:
            body[name] = str(int(body[name]) + 100) if name == "transactionAmount" else value
    if "resultInfo" in change and isinstance(body.get("resultInfo"), dict):
        body["resultInfo"].update(change["resultInfo"])
    return replace(response, body=msgspec.json.encode(envelope))


_HTML = b"<!doctype html><html><head><title>502 Bad Gateway</title></head><body><h1>502</h1></body></html>"

_CHANGES: dict[Kind, dict[str, Any]] = {
    Kind.WRONG_AMOUNT: {"body": {"transactionAmount": None}},
    Kind.WRONG_MID: {"body": {"paytmMid": "SOMEBODYELSE00000000"}},
    Kind.WRONG_ID: {"body": {"merchantTransactionId": "SOMEBODYELSE0001"}},
    Kind.BAD_SIGNATURE: {"head": {"checksum": "A" * 107 + "="}},
    Kind.UNKNOWN_STATUS: {
        "resultInfo": {
            "resultStatus": "REVIEW",
            "resultCode": "R",
            "resultCodeId": "7777",
            "resultMsg": "Under review",
        }
    },
    Kind.INTERNAL_0012: {
        "resultInfo": {
            "resultStatus": "FAIL",
            "resultCode": "F",
            "resultCodeId": "0012",
            "resultMsg": "Internal server error",
        }
    },
}
