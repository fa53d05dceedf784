"""Payments: writing one down, committing a step of it, finding them again."""

from __future__ import annotations

from datetime import datetime
from enum import Enum, auto
from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Select,
    Update,
    and_,
    bindparam,
    case,
    func,
    insert,
    literal_column,
    select,
    union,
    update,
)

from galla.clock import from_millis, to_millis
from galla.errors import StaleClaim
from galla.ids import new_id
from galla.payments.model import Payment, Proof, Reason
from galla.store.journal import enclose
from galla.store.one_statement import one_statement
from galla.store.presence import number_of
from galla.store.rows import PAYMENT_COLUMNS, millis, payment_from, payment_values
from galla.store.rows import text as as_text
from galla.store.tables import exchanges, payments, proofs

_p = payments.c
_WITH_PROOF = select(payments, proofs.c.data.label("proof_data")).join_from(
    payments,
    proofs,
    and_(proofs.c.merchant_id == _p.merchant_id, proofs.c.payment_id == _p.id),
    isouter=True,
)
_LIVE_WORDS = "payments.status IN ('created', 'pending', 'in_doubt')"
IS_LIVE: ColumnElement[bool] = literal_column(_LIVE_WORDS)
_IS_OPEN: ColumnElement[bool] = literal_column(f"({_LIVE_WORDS} OR payments.needs_review = 1)")
"""Written as the indexes' own conditions are, so that both engines see that the index answers.

Without a type: a Boolean would be compared with 1 on SQLite, which then no longer sees its index.
"""
_OURS = _p.merchant_id == bindparam("merchant")
_THIS = and_(_OURS, _p.id == bindparam("payment"))


def _oldest(*where: ColumnElement[bool]) -> Select[Any]:
    return _WITH_PROOF.where(_OURS, *where).order_by(_p.id).limit(1)


# What every payment runs is put together here, once: that takes longer than to run it.
_GET = _WITH_PROOF.where(_THIS)
_GET_LOCKED = _GET.with_for_update(of=payments, key_share=True)  # a row may be written that names it, meanwhile
_HOLDER = _oldest(_p.terminal_id == bindparam("terminal"), _p.holds_terminal == literal_column("1"))
_LIVE_WITH_REFERENCE = _oldest(_p.reference == bindparam("named"), _p.bill_id.is_(None), IS_LIVE)
_LIVE_OF_BILL = _oldest(_p.bill_id == bindparam("bill"), IS_LIVE)
_UNFINISHED = _WITH_PROOF.where(_OURS, _IS_OPEN).order_by(_p.created_at).limit(500)
_PAID_BY = select(proofs.c.payment_id).where(
    proofs.c.mid == bindparam("of"), proofs.c.transaction_id == bindparam("transaction")
)
_ADD, _ADD_PROOF = insert(payments), insert(proofs)
_FLAG = update(payments).where(_THIS).values(needs_review=1, reason=bindparam("why"))


class Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """One request to Paytm and its answer, redacted, for the evidence page."""

    operation: str
    outcome: str
    at: datetime
    duration_ms: int
    request: str | None = None
    response: str | None = None
    http_status: int | None = None


def insert_payment(connection: Connection, payment: Payment) -> None:
    """Write a new payment down, claimed by this process, with its Paytm id, before anything is sent."""
    claimed_by = number_of(connection)
    connection.execute(_ADD, {**payment_values(payment), "proof_id": None, "claimed_by": claimed_by})


def save(connection: Connection, before: Payment, after: Payment) -> Payment:
    """Write the changed columns of a payment, releasing its lease, and return it as it now stands.

    The sequence is counted on the row itself: a cancel may have been noted since the payment was claimed.

    Raises:
        StaleClaim: the fencing token has moved on; nothing was written.
    """
    old, new = payment_values(before), payment_values(after)
    changes: dict[str, Any] = {
        name: value for name, value in new.items() if old[name] != value and name not in ("due_at", "sequence")
    }
    changes["lease_until"] = None
    is_proven = after.proof is not None and before.proof is None
    if is_proven:
        changes["proof_id"] = new_id("prf", after.settled_at)
    given = {
        **{f"new_{name}": value for name, value in changes.items()},
        **_key(before),
        "token": before.fence,
        "more": after.sequence - before.sequence,
        "due": millis(after.due_at),
        "due_before": millis(before.due_at or after.due_at),
    }
    due = _Due.of(before, after)
    row = connection.execute(_saving(tuple(sorted(changes)), due), given).one_or_none()
    if row is None:
        raise StaleClaim(f"Payment {before.id} was advanced by somebody else; this answer was thrown away.")
    if after.proof is not None and is_proven:  # after the token, or one that came too late would find the first proof
        insert_proof(connection, after, after.proof, changes["proof_id"])
    return msgspec.structs.replace(payment_from(row), proof=after.proof)


class _Due(Enum):
    """What saving a payment does to its next time."""

    LEAVE = auto()
    SET = auto()
    SET_UNLESS_SOONER = auto()  # a hint or a cancel since the claim asks sooner

    @classmethod
    def of(cls, before: Payment, after: Payment) -> _Due:
        if after.due_at is None:
            return cls.LEAVE if before.due_at is None else cls.SET
        return cls.SET_UNLESS_SOONER


@lru_cache(maxsize=256)
def _saving(names: tuple[str, ...], due: _Due) -> Update:
    """Return the statement that writes these columns of a payment."""
    values: dict[str, Any] = {name: bindparam(f"new_{name}", type_=_p[name].type) for name in names}
    values["sequence"] = _p.sequence + bindparam("more", type_=BigInteger())
    due_at, due_before = bindparam("due", type_=BigInteger()), bindparam("due_before", type_=BigInteger())
    if due is _Due.SET:
        values["due_at"] = due_at
    elif due is _Due.SET_UNLESS_SOONER:
        values["due_at"] = case((_p.due_at < due_before, _p.due_at), else_=due_at)
    return update(payments).where(_THIS, _p.fence == bindparam("token")).values(values).returning(*PAYMENT_COLUMNS)


def flag(connection: Connection, payment: Payment, reason: Reason) -> Payment:
    """Ask for a person to look at a payment, inside the transaction that found the reason."""
    connection.execute(_FLAG, {**_key(payment), "why": as_text(reason)})
    return msgspec.structs.replace(payment, needs_review=True, reason=reason)


def insert_proof(connection: Connection, payment: Payment, proof: Proof, proof_id: str) -> None:
    """Keep what proves a payment. The database refuses one that is not the payment's own."""
    connection.execute(
        _ADD_PROOF,
        {
            "merchant_id": payment.merchant_id,
            "id": proof_id,
            "payment_id": payment.id,
            "mid": proof.mid,
            "paytm_id": proof.paytm_id,
            "amount_paise": proof.amount_paise,
            "currency": proof.currency,
            "transaction_id": proof.transaction_id,
            "source": proof.source,
            "data": as_text(proof),
            "created_at": millis(payment.settled_at),
        },
    )


@one_statement
def paid_by(connection: Connection, mid: str, transaction_id: str) -> str | None:
    """Return the id of the payment that a Paytm transaction has paid, or None."""
    return connection.execute(_PAID_BY, {"of": mid, "transaction": transaction_id}).scalar_one_or_none()


def insert_exchange(connection: Connection, payment: Payment, exchange: Exchange) -> None:
    """Keep a redacted request and its answer, with what is recorded of them."""
    enclose(
        connection,
        exchanges,
        {
            "merchant_id": payment.merchant_id,
            "id": new_id("exc", exchange.at),
            "payment_id": payment.id,
            "operation": exchange.operation,
            "outcome": exchange.outcome,
            "request": exchange.request,
            "response": exchange.response,
            "http_status": exchange.http_status,
            "duration_ms": exchange.duration_ms,
            "at": to_millis(exchange.at),
        },
    )


def exchanges_of(connection: Connection, merchant_id: str, payment_id: str) -> list[Exchange]:
    """Return the exchanges of a payment, oldest first."""
    rows = connection.execute(
        select(exchanges)
        .where(exchanges.c.merchant_id == merchant_id, exchanges.c.payment_id == payment_id)
        .order_by(exchanges.c.at, exchanges.c.id)
    )
    out = []
    for row in rows:
        out.append(
            Exchange(
                operation=row.operation,
                outcome=row.outcome,
                at=from_millis(row.at),
                duration_ms=row.duration_ms,
                request=row.request,
                response=row.response,
                http_status=row.http_status,
            )
        )
    return out


@one_statement
def get(connection: Connection, merchant_id: str, payment_id: str, *, lock: bool = False) -> Payment | None:
    """Return one payment of a merchant, with its proof; `lock` holds its row until the commit."""
    query = _GET_LOCKED if lock and connection.dialect.name == "postgresql" else _GET
    row = connection.execute(query, {"merchant": merchant_id, "payment": payment_id}).one_or_none()
    return payment_from(row) if row is not None else None


def holder_of_terminal(connection: Connection, merchant_id: str, terminal_id: str) -> Payment | None:
    """Return the payment that holds a machine, or None."""
    return _first(connection, _HOLDER, {"merchant": merchant_id, "terminal": terminal_id})


def live_with_reference(connection: Connection, merchant_id: str, reference: str) -> Payment | None:
    """Return the oldest live payment of a reference without a bill, or None."""
    return _first(connection, _LIVE_WITH_REFERENCE, {"merchant": merchant_id, "named": reference})


def live_of_bill(connection: Connection, merchant_id: str, bill_id: str) -> Payment | None:
    """Return the oldest live payment of a bill, or None."""
    return _first(connection, _LIVE_OF_BILL, {"merchant": merchant_id, "bill": bill_id})


def of_bill(connection: Connection, merchant_id: str, bill_id: str) -> list[Payment]:
    """Return every payment of a bill, oldest first."""
    query = _WITH_PROOF.where(_p.merchant_id == merchant_id, _p.bill_id == bill_id).order_by(_p.id)
    return [payment_from(row) for row in connection.execute(query)]


def several(connection: Connection, merchant_id: str, payment_ids: list[str]) -> list[Payment]:
    """Return these payments, newest first."""
    query = _WITH_PROOF.where(_p.merchant_id == merchant_id, _p.id.in_(payment_ids)).order_by(_p.id.desc())
    return [payment_from(row) for row in connection.execute(query)]


def release_terminal(connection: Connection, payment: Payment) -> None:
    """Let go of a machine without deciding anything about the payment."""
    connection.execute(
        update(payments)
        .where(_p.merchant_id == payment.merchant_id, _p.id == payment.id)
        .values(holds_terminal=0)
    )


def unfinished(connection: Connection, merchant_id: str) -> list[Payment]:
    """Return what is live or needs a person, oldest first."""
    return [payment_from(row) for row in connection.execute(_UNFINISHED, {"merchant": merchant_id})]


def count_by_status(connection: Connection) -> dict[str, int]:
    """Count payments by status, for the metrics."""
    is_open = _IS_OPEN
    rows = connection.execute(select(_p.status, func.count()).where(is_open).group_by(_p.status))
    return {row[0]: row[1] for row in rows}


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """What a list of payments is narrowed to. Instants are aware.

    `text` is an id, galla's or Paytm's, a reference, an RRN, a phone number, or a card's last four digits.
    """

    status: str | None = None
    method: str | None = None
    reference: str | None = None
    bill_id: str | None = None
    terminal_id: str | None = None
    shown_on: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    rrn: str | None = None
    text: str | None = None


def find(
    connection: Connection, merchant_id: str, wanted: Filter, *, limit: int, before: str | None = None
) -> list[Payment]:
    """Return a page of payments, newest first; `before` is the last id of the page before."""
    query: Select[Any] = _WITH_PROOF.where(_p.merchant_id == merchant_id)
    equal = {
        _p.status: wanted.status,
        _p.method: wanted.method,
        _p.reference: wanted.reference,
        _p.bill_id: wanted.bill_id,
        _p.terminal_id: wanted.terminal_id,
        _p.shown_on: wanted.shown_on,
        _p.rrn: wanted.rrn,
    }
    for column, value in equal.items():
        if value is not None:
            query = query.where(column == value)
    if wanted.created_after is not None:
        query = query.where(_p.created_at > to_millis(wanted.created_after))
    if wanted.created_before is not None:
        query = query.where(_p.created_at < to_millis(wanted.created_before))
    if wanted.text is not None:
        word = wanted.text
        ways = (_p.id, _p.paytm_id, _p.reference, _p.rrn, _p.customer_phone, _p.card_last4)
        each = (select(_p.id).where(_p.merchant_id == merchant_id, column == word) for column in ways)
        query = query.where(_p.id.in_(union(*each)))  # an index each; `OR` would tempt to walk the whole table
    if before is not None:
        query = query.where(_p.id < before)
    return [payment_from(row) for row in connection.execute(query.order_by(_p.id.desc()).limit(limit))]


def _first(connection: Connection, query: Select[Any], given: dict[str, str]) -> Payment | None:
    row = connection.execute(query, given).first()
    return payment_from(row) if row is not None else None


def _key(payment: Payment) -> dict[str, Any]:
    return {"merchant": payment.merchant_id, "payment": payment.id}


def note_cancel(connection: Connection, payment: Payment) -> None:
    """Write down that a cancel was asked for, and let the payment fall due; a running step is not disturbed."""
    connection.execute(
        update(payments)
        .where(_p.merchant_id == payment.merchant_id, _p.id == payment.id)
        .values(
            cancel_requested_at=millis(payment.cancel_requested_at),
            due_at=millis(payment.due_at),
            sequence=payment.sequence,
        )
    )


def holders(connection: Connection, merchant_id: str) -> list[Payment]:
    """Return the payments that hold machines."""
    rows = connection.execute(_WITH_PROOF.where(_p.merchant_id == merchant_id, _p.holds_terminal == 1))
    return [payment_from(row) for row in rows]


def id_of(connection: Connection, mid: str, paytm_id: str) -> str | None:
    """Return the id of the payment that Paytm knows by this id."""
    found = connection.execute(select(_p.id).where(_p.mid == mid, _p.paytm_id == paytm_id)).scalar_one_or_none()
    return str(found) if found is not None else None


def looked_at(connection: Connection, payment: Payment) -> Payment:
    """Write down that a person has looked at a final payment; return it as it now stands."""
    row = connection.execute(
        update(payments)
        .where(_p.merchant_id == payment.merchant_id, _p.id == payment.id)
        .values(needs_review=0, sequence=_p.sequence + 1)
        .returning(*PAYMENT_COLUMNS)
    ).one()
    return msgspec.structs.replace(payment_from(row), proof=payment.proof)


def count_event(connection: Connection, payment: Payment) -> Payment:
    """Number one more event of a payment whose state does not change; return it as it now stands."""
    row = connection.execute(
        update(payments)
        .where(_p.merchant_id == payment.merchant_id, _p.id == payment.id)
        .values(sequence=_p.sequence + 1)
        .returning(*PAYMENT_COLUMNS)
    ).one()
    return msgspec.structs.replace(payment_from(row), proof=payment.proof)
