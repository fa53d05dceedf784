"""How the pretend Paytm reads an online request, in Paytm's order, and how it says no.

Which code stands for which fault differs from call to call: each desk brings its own `Refusals`.
"""

from __future__ import annotations

from datetime import datetime
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from galla.clock import to_millis
from galla.errors import RemoteProtocolError
from galla.protocol.message import MerchantKey, Request, Response, field
from galla.protocol.pg import Call, Reply, SignedCall
from galla.protocol.pg_codes import PgResult
from galla.protocol.pg_envelope import Opened, is_signed, open_envelope
from galla.protocol.pg_rules import holds_pipe
from galla.sandbox.world import World


class Refusals(msgspec.Struct, frozen=True, kw_only=True):
    """The code for each way a request can be wrong; `word` goes with all of them.

    `at` has the code for a malformed field, by its path; `missing_at` for a field that is not there, by its
    path; `bare` are the paths whose absence Paytm answers with HTTP 400.
    """

    word: str
    invalid: str
    missing: str
    mid: str
    signature: str
    pipe: str | None = None
    query: dict[str, str] = {}
    at: dict[str, str] = {}
    missing_at: dict[str, str] = {}
    bare: frozenset[str] = frozenset()


class No(Exception):
    """The request goes no further."""

    def __init__(self, result: PgResult, *, http_status: int = 200) -> None:
        super().__init__(result.message)
        self.result = result
        self.http_status = http_status


C = TypeVar("C", bound=Call)


def checked(kind: type[C], world: World, request: Request, refusals: Refusals) -> C:
    """Read a request in Paytm's order: JSON, query, mandatory fields, pipe, merchant, signature, the rest.

    Raises:
        No: it is not accepted.
    """
    try:
        opened = open_envelope(request.body, operation=kind.operation)
    except RemoteProtocolError as error:
        raise _no(refusals, refusals.invalid, str(error), http_status=400) from None
    call, fault = _read(kind, request)
    path = fault.path or "" if fault is not None else ""
    if fault is not None and path.startswith("query.") and path in refusals.query:
        raise _no(refusals, refusals.query[path], str(fault))
    if fault is not None and _is_missing(opened, path):
        code = refusals.missing_at.get(path, refusals.missing)
        raise _no(refusals, code, str(fault), http_status=400 if path in refusals.bare else 200)
    if refusals.pipe is not None and not kind.may_hold_pipe and holds_pipe(opened.body, "body"):
        raise _no(refusals, refusals.pipe, "Pipe character is not allowed in the request")
    merchant = world.merchants.get(field(opened.body, "mid") or "")
    if merchant is None:
        raise _no(refusals, refusals.mid, "Invalid MID")
    if issubclass(kind, SignedCall) and not is_signed(opened, merchant.key):
        raise _no(refusals, refusals.signature, "Checksum provided is invalid")
    if call is None:
        raise _no(refusals, refusals.at.get(path, refusals.invalid), str(fault))
    return call


def answer(reply: Reply, at: datetime, key: MerchantKey | None = None) -> Response:
    """Write a reply, signed when a key is given."""
    return reply.encode(millis(at), key=key)


def refusal(kind: type[Reply], no: No, at: datetime) -> Response:
    """Write a no, unsigned as Paytm's often are."""
    response = kind(result=no.result).encode(millis(at), key=None)
    return replace(response, status=no.http_status)


def millis(at: datetime) -> str:
    """Return an instant as heads have it: milliseconds since 1970."""
    return str(to_millis(at))


def _read(kind: type[C], request: Request) -> tuple[C | None, RemoteProtocolError | None]:
    try:
        return kind.read(request), None
    except RemoteProtocolError as error:
        return None, error


def _is_missing(opened: Opened, path: str) -> bool:
    """Whether nothing stands where a field should be."""
    place: object = {"head": opened.head, "body": opened.body}
    for name in path.split("."):
        place = place.get(name) if isinstance(place, dict) else None
    return place in (None, "", {})


def _no(refusals: Refusals, code: str, message: str, *, http_status: int = 200) -> No:
    result = PgResult(status=refusals.word, code=code, message=message)
    return No(result, http_status=http_status)
