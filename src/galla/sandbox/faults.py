"""Failures to rehearse: which calls they strike, and what they do to the answer.

A fault strikes the next `times` matching calls and is then spent. There is no chance in it, so a rehearsal
can be repeated exactly. A decline does not belong here: that is a machine's doing, in `terminal.py`.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from msgspec.structs import replace

from galla.errors import InvalidField
from galla.protocol.message import MerchantKey, Response
from galla.sandbox.fault_kind import CALLBACK as CALLBACK
from galla.sandbox.fault_kind import MEANING as MEANING
from galla.sandbox.fault_kind import ON_CALLBACK as ON_CALLBACK
from galla.sandbox.fault_kind import ON_SALE as ON_SALE
from galla.sandbox.fault_kind import ONLY_OF as ONLY_OF
from galla.sandbox.fault_kind import OPERATIONS as OPERATIONS
from galla.sandbox.fault_kind import STARTS as STARTS
from galla.sandbox.fault_kind import TIMED as TIMED
from galla.sandbox.fault_kind import UNPROCESSED as UNPROCESSED
from galla.sandbox.fault_kind import Kind as Kind
from galla.sandbox.rewriting import CHANGES, changes, rewritten


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
        if fault.kind in ON_SALE and fault.operation is None:
            numbered = replace(numbered, operation="sale")
        if fault.kind in ONLY_OF:
            numbered = replace(numbered, operation=ONLY_OF[fault.kind])
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
        return self._take(
            lambda fault: _fits(fault, operation, tid, paytm_id) and _touches(fault.kind, answer)
        )

    def strike_callback(self, paytm_id: str) -> tuple[Fault, ...]:
        """Return the faults that strike this callback, and count them down."""
        return self._take(lambda fault: fault.operation == CALLBACK and fault.paytm_id in (None, paytm_id))

    def _take(self, is_struck: Callable[[Fault], bool]) -> tuple[Fault, ...]:
        struck: list[Fault] = []
        left: list[Fault] = []
        for fault in self._waiting:
            if not is_struck(fault):
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


def spoil(
    response: Response, kind: Kind, *, retry_after_s: int = 1, key: MerchantKey | None = None
) -> Response:
    """Return the answer as this fault leaves it; faults that do not touch the answer leave it alone.

    An answer that was signed is signed again after a change, with the merchant's key.
    """
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
            return rewritten(response, kind, key)


def _check(fault: Fault) -> None:
    if fault.operation is not None and fault.operation not in OPERATIONS:
        raise InvalidField(
            f"There is no operation `{fault.operation}`; choose {', '.join(OPERATIONS)}, or none for any.",
            param="operation",
        )
    if fault.kind in ON_SALE and fault.operation not in (None, *STARTS):
        says = f"`{fault.kind}` begins with a payment: choose {', '.join(STARTS)}, or none for sale."
        raise InvalidField(says, param="operation")
    if fault.kind in ONLY_OF and fault.operation not in (None, ONLY_OF[fault.kind]):
        raise InvalidField(f"`{fault.kind}` only befalls a {ONLY_OF[fault.kind]}.", param="operation")
    if fault.operation == CALLBACK and fault.kind not in ON_CALLBACK:
        can = ", ".join(kind for kind in Kind if kind in ON_CALLBACK)
        raise InvalidField(f"`{fault.kind}` cannot befall a callback; choose {can}.", param="kind")
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
    if kind not in CHANGES or answer is None:
        return (kind not in CHANGES) is (answer is None)
    return changes(kind, answer)


_HTML = b"<!doctype html><html><head><title>502 Bad Gateway</title></head><body><h1>502</h1></body></html>"
