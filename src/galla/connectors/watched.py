"""Letting a connector speak, whoever wrote it: only well-formed steps leave, and only well-formed words come back.

What an outcome must agree with is in `connector.py` and `refund.py`; nothing about payments is decided here.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from datetime import datetime
from typing import Any, TypeVar

import msgspec
import structlog

from galla.client.flows import Keep, Wait
from galla.errors import NotSent, ProtocolError, TransportError
from galla.payments.model import Proof, Reason
from galla.protocol.message import Request, Response
from galla.protocol.quotation import LONGEST, quoted

log = structlog.get_logger("galla.connectors")

STEPS_MAX = 20
WAIT_MAX_S = 30.0
KEEP_MAX = 8_192
_SHORT = 1_500

T = TypeVar("T", bound=msgspec.Struct)


class Broken(Exception):
    """A connector did what none may do: it raised, or said something that is no outcome. The text says which."""


class Talk:
    """What is known of one conversation.

    `may_have_arrived`: the provider may have received a request of it; `is_unanswered`: the last one has no answer.
    """

    __slots__ = ("is_unanswered", "may_have_arrived", "steps")

    def __init__(self) -> None:
        self.is_unanswered = False
        self.may_have_arrived = False
        self.steps = 0


def watched(begin: Callable[[], Any], talk: Talk) -> Generator[Request | Wait | Keep, Response | None, object]:
    """Run a connector's flow and return what it says, whatever that is.

    Raises:
        TransportError, ProtocolError: as the flow let them through.
        Broken: the flow raised anything else, asked for something unheard of, or did not end.
    """
    try:
        flow = begin()
        step = next(flow)
        while True:
            _check(step, talk)
            try:
                answer = yield step
            except TransportError as error:
                talk.may_have_arrived |= not isinstance(error, NotSent)
                talk.is_unanswered = True
                step = flow.throw(error)
            else:
                if isinstance(step, Request):
                    talk.may_have_arrived, talk.is_unanswered = True, False
                step = flow.send(answer)
    except StopIteration as stop:
        return stop.value
    except (TransportError, ProtocolError, Broken):
        raise
    except (Exception, SystemExit) as error:
        log.error("connector_failed", error=type(error).__name__, where=_where(error))
        raise Broken(f"it failed with {type(error).__name__}") from None


def read(said: object, kinds: tuple[type[T], ...]) -> T:
    """Return what a connector said as one of these kinds, made anew of plain values of the right types.

    Words in it that are the provider's own hold no character that hides or ends a line, and are cut where they would
    fill a page.

    Raises:
        Broken: it is none of them, a field has another type, or an instant has no time zone.
    """
    kind = type(said)
    if kind not in kinds:
        raise Broken(f"it answered with {_named(said)}")
    try:
        text = msgspec.json.encode(said)
        plain = msgspec.json.decode(text, type=kind)
    except Exception:
        raise Broken(f"a field of its {kind.__name__} cannot be used") from None
    if not _is_zoned(plain):
        raise Broken(f"an instant of its {kind.__name__} has no time zone")
    is_plain = len(text) < _SHORT and text.isascii() and b"\\" not in text and b"\x7f" not in text  # nearly all are
    return plain if is_plain else _quoted(plain)


def _check(step: object, talk: Talk) -> None:
    talk.steps += 1
    if talk.steps > STEPS_MAX:
        raise Broken(f"it did not end within {STEPS_MAX} steps")
    match step:
        case Request():
            is_fit = isinstance(step.body, bytes) and isinstance(step.operation, str) and _is_path(step.path)
        case Keep():
            is_fit = isinstance(step.text, str) and len(step.text) <= KEEP_MAX
        case Wait():
            is_fit = isinstance(step.seconds, int | float) and 0 <= step.seconds <= WAIT_MAX_S
        case _:
            is_fit = False
    if not is_fit:
        raise Broken(f"it asked for {_named(step)} that cannot be done")


def _is_path(path: object) -> bool:
    return isinstance(path, str) and path.startswith("/")


def _is_zoned(value: msgspec.Struct) -> bool:
    """Whether every instant in here says which it is."""
    for inner in msgspec.structs.astuple(value):
        if inner is None or isinstance(inner, str):  # most fields
            continue
        if isinstance(inner, datetime) and inner.tzinfo is None:
            return False
        if isinstance(inner, msgspec.Struct) and not _is_zoned(inner):
            return False
    return True


def _quoted(said: T) -> T:
    """Return the value with every text in it as it may be kept and shown."""
    changed: dict[str, Any] = {}
    for name in said.__struct_fields__:
        value = getattr(said, name)
        if isinstance(value, str):
            changed[name] = quoted(value)[:LONGEST] if isinstance(said, Proof | Reason) else quoted(value)
        elif isinstance(value, msgspec.Struct):
            changed[name] = _quoted(value)
    return msgspec.structs.replace(said, **changed)


def _named(value: object) -> str:
    name = type(value).__name__[:40]
    return f"{'an' if name[:1].lower() in set('aeiou') else 'a'} {name}"


def _where(error: BaseException) -> str:
    """Return the line that failed; an error's own words may quote what was sent."""
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    return f"{at.tb_frame.f_code.co_filename}:{at.tb_lineno}" if at is not None else ""
