"""The two ways a network fails, said so that the reader knows whether money may have moved.

Which of the two it was is found in `transport.py`; what follows for a payment is not decided here.
"""

from __future__ import annotations

from galla.errors import NoReply, NotSent
from galla.protocol.message import Host, Request, after_no_reply


def not_sent(request: Request, why: str) -> NotSent:
    """Return the error for a request of which nothing was written."""
    return NotSent(
        f"{_whom(request)} could not be reached ({why}): {_named(request)} was never sent and no money has moved. "
        "Check the network, then send it again.",
        operation=request.operation,
        paytm_id=request.paytm_id,
    )


def no_reply(request: Request, why: str) -> NoReply:
    """Return the error for a request whose answer was lost."""
    return NoReply(
        f"{_whom(request)}'s answer to {_named(request)} did not arrive ({why}). "
        f"{after_no_reply(request.operation)}",
        operation=request.operation,
        paytm_id=request.paytm_id,
    )


def why(error: BaseException) -> str:
    """Return the kind of failure in a word or two; an error's own text may quote what was sent."""
    name = type(error).__name__
    return "time ran out" if isinstance(error, TimeoutError) or "Timeout" in name else name


def _whom(request: Request) -> str:
    return "Paytm" if isinstance(request.host, Host) else "The provider"


def _named(request: Request) -> str:
    """Return what the request is, for a message; never its body or headers."""
    return f"`{request.operation}` {request.paytm_id}" if request.paytm_id else f"`{request.operation}`"
