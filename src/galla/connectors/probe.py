"""Two questions that tell whether a merchant's key and MID work: about ids that cannot exist, so nothing can move.

What an answer means for whoever sets galla up is said in `service/probe.py`.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from galla import ids
from galla.client.flows import Flow, exchange
from galla.clock import ist_text
from galla.connectors.connector import Account
from galla.protocol.codes import Kind
from galla.protocol.edc import StatusRequest
from galla.protocol.order import OrderStatusRequest
from galla.protocol.quotation import LONGEST, quoted

NOTHING = "GALLATEST"
"""How the id of a question about nothing begins; no payment's id does."""

_WRONG_KEY = frozenset({"0330", "330", "2005"})
_UNKNOWN = frozenset({"9001", "335"})
_BLOCKED = frozenset({"0022", "0902"})
_NO_SUCH_ORDER = frozenset({"334"})
_MACHINE_OFF = frozenset({"0007"})


class Verdict(StrEnum):
    """What Paytm's answer to a question about nothing shows."""

    GOOD = "good"
    WRONG_KEY = "wrong_key"
    UNKNOWN_MID = "unknown_mid"
    BLOCKED = "blocked"
    UNCLEAR = "unclear"


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """An answer, read by its code; `message` is Paytm's own."""

    verdict: Verdict
    code: str
    message: str


def ask_machines(account: Account, now: datetime) -> Flow[Heard]:
    """Ask the card machines' API about a sale that was never made.

    Raises (into the flow):
        PaytmError: as `exchange`.
    """
    question = StatusRequest(
        paytm_mid=account.mid,
        paytm_tid=account.tids[0] if account.tids else "",
        transaction_date_time=ist_text(now),
        merchant_transaction_id=_nothing(),
        channel_id=account.channel_id,
        request_time_stamp=ist_text(now),
    )
    reply = yield from exchange(question, account.key)
    return _heard(reply.kind, reply.result.code_id, reply.result.message)


def ask_online(account: Account, now: datetime) -> Flow[Heard]:
    """Ask the online API about an order that was never made.

    Raises (into the flow):
        PaytmError: as `exchange`.
    """
    question = OrderStatusRequest(mid=account.mid, order_id=_nothing(), client_id=account.client_id)
    reply = yield from exchange(question, account.key)
    return _heard(reply.kind, reply.result.code, reply.result.message)


def _nothing() -> str:
    """Return an id that no payment has."""
    return f"{NOTHING}{ids.token(80).upper()}"


def _heard(kind: Kind | None, code: str, message: str) -> Heard:
    verdict = Verdict.UNCLEAR
    if code in _WRONG_KEY:
        verdict = Verdict.WRONG_KEY
    elif code in _UNKNOWN:
        verdict = Verdict.UNKNOWN_MID
    elif code in _BLOCKED:
        verdict = Verdict.BLOCKED
    elif kind is Kind.NOT_FOUND or code in _NO_SUCH_ORDER | _MACHINE_OFF:  # it read the signature, and looked
        verdict = Verdict.GOOD
    return Heard(verdict=verdict, code=quoted(code)[:LONGEST], message=quoted(message)[:LONGEST])
