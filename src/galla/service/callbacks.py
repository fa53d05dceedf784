"""What Paytm tells us without being asked: verified, kept once, and used only as a reason to ask.

No callback moves money. It is answered after the commit, so that Paytm repeats what we did not keep.
"""

from __future__ import annotations

import hashlib
from typing import assert_never

import msgspec
from sqlalchemy import Connection

from galla import ids
from galla.clock import to_millis
from galla.errors import AmountNotAllowed, RemoteProtocolError
from galla.money import parse_paise
from galla.protocol.notify import EdcNotice, Notice, PaymentNotice, RefundNotice, read_notice
from galla.service.orphan import open_orphan
from galla.service.paylinks import result_token
from galla.service.till import Till
from galla.store import callbacks, refunds
from galla.store.claims import hint
from galla.store.journal import Note, record

BODY_MAX = 65_536


class Received(msgspec.Struct, frozen=True, kw_only=True):
    """What a message was about. `result_token` leads a browser that brought it to the page with the server's truth."""

    is_new: bool
    payment_id: str | None = None
    refund_id: str | None = None
    result_token: str | None = None


async def result_for(till: Till, token: str, content_type: str, body: bytes) -> str | None:
    """Return the token of the page about the payment a message names, without keeping the message.

    Raises:
        NotFound, ChecksumMismatch, RemoteProtocolError: as `receive`.
    """
    merchant_id, mid, notice = await _read(till, token, content_type, body)
    return await till.database.write(result_token, till, merchant_id, mid, _Seen.of(notice).paytm_id)


async def receive(
    till: Till, token: str, content_type: str, body: bytes, *, by_browser: bool = False
) -> Received:
    """Verify a message from Paytm over its raw bytes, keep it, and let what it names be asked about now.

    With `by_browser` a customer's browser brought it, who is to be led to the page that shows the payment.

    Raises:
        NotFound: no merchant has this callback address.
        ChecksumMismatch: the signature is missing or does not fit; nothing was changed.
        RemoteProtocolError: it cannot be read without guessing; nothing was changed.
    """
    merchant_id, mid, notice = await _read(till, token, content_type, body)
    seen = _Seen.of(notice)
    is_repeat = seen.digest in till.heard  # as far as this process knows; nobody looks twice for what is new
    if is_repeat and not by_browser and await _says_nothing_new(till, merchant_id, mid, seen):
        return Received(is_new=False)
    received = await till.database.write(_keep, till, merchant_id, mid, notice, by_browser=by_browser)
    till.heard.add(seen.digest)
    till.bell.ring()
    return received


async def _says_nothing_new(till: Till, merchant_id: str, mid: str, seen: _Seen) -> bool:
    """Whether a message was kept before, and its payment is paid or about to be asked about anyway.

    Paytm says most things about a card's payment three times, so this is the common case.
    """
    if seen.ref_id is not None:
        return False
    now = till.clock.now()
    found = await till.database.read(callbacks.heard, merchant_id, mid, seen.paytm_id, seen.digest, now)
    return found.is_known and not found.is_waiting


async def _read(till: Till, token: str, content_type: str, body: bytes) -> tuple[str, str, Notice]:
    """Return whose message it is, by merchant and MID, and what it says."""
    account = await till.account_at(token[:100])
    notice = read_notice(body, content_type, account.key)
    if _Seen.of(notice).mid not in (None, account.mid):
        raise RemoteProtocolError(
            "This message is about another merchant.", path="mid", operation="notice"
        )
    return account.merchant_id, account.mid, notice


def _keep(
    connection: Connection, till: Till, merchant_id: str, mid: str, notice: Notice, *, by_browser: bool
) -> Received:
    now = till.clock.now()
    seen = _Seen.of(notice)
    token = result_token(connection, till, merchant_id, mid, seen.paytm_id) if by_browser else None
    refund_id = refunds.nudge(connection, mid, seen.ref_id, now) if seen.ref_id is not None else None
    heard = callbacks.heard(connection, merchant_id, mid, seen.paytm_id, seen.digest, now)
    payment_id = heard.payment_id
    if heard.is_waiting and heard.merchant_id is not None and payment_id is not None:
        hint(connection, heard.merchant_id, payment_id, now)
    if heard.is_known:
        return Received(is_new=False, result_token=token)
    callbacks.keep(
        connection,
        {
            "merchant_id": merchant_id,
            "id": ids.new_id("cbk", now),
            "digest": seen.digest,
            "kind": seen.kind,
            "paytm_id": seen.paytm_id,
            "said": seen.said,
            "data": msgspec.json.encode(notice).decode(),
            "at": to_millis(now),
        },
    )
    note = Note(
        actor="paytm",
        origin="callback",
        action="callback.received",
        object_id=refund_id or payment_id or seen.paytm_id,
        detail={"kind": seen.kind, "said": seen.said},
    )
    record(connection, merchant_id, now, note)
    if payment_id is None and refund_id is None and ids.is_paytm_id(seen.paytm_id):  # galla's own id, and no row
        open_orphan(
            connection, till, merchant_id, seen.kind, seen.paytm_id, seen.said, now,
            amount_paise=seen.amount_paise, rrn=seen.rrn,
        )  # fmt: skip
    return Received(is_new=True, payment_id=payment_id, refund_id=refund_id, result_token=token)


class _Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What a notice is about and says: two with the same digest say the same, whatever their bytes."""

    kind: str
    paytm_id: str
    said: str
    mid: str | None
    ref_id: str | None = None
    amount_paise: int | None = None
    rrn: str | None = None

    @property
    def digest(self) -> str:
        """What the message is kept under, so that a repeat changes nothing."""
        words = "|".join((self.kind, self.paytm_id, self.ref_id or "", self.said))
        return hashlib.sha256(words.encode()).hexdigest()

    @classmethod
    def of(cls, notice: Notice) -> _Seen:
        """Return what any of Paytm's notices is about."""
        match notice:
            case PaymentNotice():
                return cls(
                    kind="payment", paytm_id=notice.order_id, said=notice.status or "", mid=notice.mid,
                    amount_paise=notice.amount_paise, rrn=notice.bank_txn_id,
                )  # fmt: skip
            case RefundNotice():
                said = f"{notice.event} {notice.status or ''}".strip()
                return cls(kind="refund", paytm_id=notice.order_id, said=said, mid=notice.mid, ref_id=notice.ref_id)
            case EdcNotice():
                said = " ".join(notice.seen_as[1:])
                paper = notice.reply
                return cls(
                    kind="edc", paytm_id=notice.merchant_transaction_id, said=said, mid=notice.paytm_mid,
                    amount_paise=_whole(paper.transaction_amount) if paper is not None else None,
                    rrn=paper.retrieval_reference_no if paper is not None else None,
                )  # fmt: skip
            case _:
                assert_never(notice)


def _whole(text: str | None) -> int | None:
    """Read a machine's amount, which is paise as text; None where it cannot be read."""
    try:
        return parse_paise(text or "")
    except AmountNotAllowed:
        return None
