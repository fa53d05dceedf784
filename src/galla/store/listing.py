"""The list of payments that an office looks through: narrowed, page by page, and added up."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, and_, case, func, or_, select

from galla.clock import to_millis
from galla.payments.model import LIVE, Payment
from galla.store.rows import PAYMENT_COLUMNS, payment_from
from galla.store.tables import payments, proofs

_p = payments.c
_WITH_PROOF = payments.outerjoin(
    proofs, and_(proofs.c.merchant_id == _p.merchant_id, proofs.c.payment_id == _p.id)
)


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """What the list is narrowed to: amounts in paise, instants aware, `begun_until` itself left out.

    `state` is what a person calls it: `paid`, `not_paid`, `waiting`, `checking`, `person` (somebody must look) or
    `given_back` (paid, and at least a part of it returned). `text` is found in references and customers' names, or is
    an id, an RRN, a phone number or a card's last four digits.
    """

    state: str | None = None
    method: str | None = None
    terminal_id: str | None = None
    actor: str | None = None
    begun_from: datetime | None = None
    begun_until: datetime | None = None
    least_paise: int | None = None
    most_paise: int | None = None
    text: str | None = None


class Sums(msgspec.Struct, frozen=True, kw_only=True):
    """What a list comes to, in paise: `paid` is what was taken, `given_back` what of it was returned."""

    count: int = 0
    paid_count: int = 0
    paid: int = 0
    given_back: int = 0
    live_count: int = 0
    live: int = 0
    not_paid_count: int = 0
    not_paid: int = 0

    @property
    def net(self) -> int:
        """What was taken and not given back, in paise."""
        return self.paid - self.given_back


def find(
    connection: Connection, merchant_id: str, wanted: Listing, *, limit: int, before: str | None = None
) -> list[Payment]:
    """Return a page of the list, newest first; `before` is the last id of the page before."""
    query: Select[Any] = select(*PAYMENT_COLUMNS, proofs.c.data).select_from(_WITH_PROOF)
    query = query.where(*_narrowed(merchant_id, wanted))
    if before is not None:
        query = query.where(_p.id < before)
    return [payment_from(row) for row in connection.execute(query.order_by(_p.id.desc()).limit(limit))]


def sums(connection: Connection, merchant_id: str, wanted: Listing) -> Sums:
    """Add up the whole list."""
    state = case((_p.status.in_(LIVE), "live"), else_=_p.status).label("state")
    rows = connection.execute(
        select(state, func.count(), func.sum(_p.amount_paise), func.sum(_p.refunded_paise))
        .select_from(_WITH_PROOF if _asks_proof(wanted.text) else payments)
        .where(*_narrowed(merchant_id, wanted))
        .group_by(state)
    )
    found: dict[str, Any] = {"count": 0}
    for name, count, amount, given_back in rows:
        found |= {f"{name}_count": count, name: int(amount)}
        found["count"] += count
        if name == "paid":
            found["given_back"] = int(given_back)
    return Sums(**found)


def takers(connection: Connection, merchant_id: str) -> list[str]:
    """Return the names of all who ever took a payment, in order."""
    # One step of the index for each name: DISTINCT would read it from end to end.
    least = select(func.min(_p.actor).label("actor")).where(_p.merchant_id == merchant_id)
    names = least.cte("names", recursive=True)
    after = select(func.min(_p.actor)).where(_p.merchant_id == merchant_id, _p.actor > names.c.actor)
    names = names.union_all(select(after.scalar_subquery()).where(names.c.actor.is_not(None)))
    return list(connection.execute(select(names.c.actor).where(names.c.actor.is_not(None))).scalars())


def _narrowed(merchant_id: str, wanted: Listing) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = [_p.merchant_id == merchant_id]
    for column, value in (
        (_p.method, wanted.method),
        (_p.terminal_id, wanted.terminal_id),
        (_p.actor, wanted.actor),
    ):
        if value is not None:
            where.append(column == value)
    if wanted.state is not None:
        where.append(_in_state(wanted.state))
    if wanted.begun_from is not None:
        where.append(_p.created_at >= to_millis(wanted.begun_from))
    if wanted.begun_until is not None:
        where.append(_p.created_at < to_millis(wanted.begun_until))
    if wanted.least_paise is not None:
        where.append(_p.amount_paise >= wanted.least_paise)
    if wanted.most_paise is not None:
        where.append(_p.amount_paise <= wanted.most_paise)
    if wanted.text is not None:
        where.append(_says(wanted.text))
    return where


def _in_state(state: str) -> ColumnElement[bool]:
    match state:
        case "person":
            return _p.needs_review == 1
        case "given_back":
            return _p.refunded_paise > 0
        case "waiting":
            return _p.status.in_(("created", "pending"))
        case "checking":
            return _p.status == "in_doubt"
        case _:
            return _p.status == state


def _says(word: str) -> ColumnElement[bool]:
    """Return whether a payment has a word about it; the last four digits stand in the proof."""
    found: list[ColumnElement[bool]] = [
        _p.reference.icontains(word, autoescape=True),
        _p.customer_name.icontains(word, autoescape=True),
        *(column == word for column in (_p.id, _p.paytm_id, _p.rrn, _p.customer_phone)),
    ]
    if _asks_proof(word):
        found.append(proofs.c.data.contains(f'"card_last4":"{word}"', autoescape=True))
    return or_(*found)


def _asks_proof(word: str | None) -> bool:
    """Return whether a word may be a card's last four digits; otherwise a sum need not look at the proofs."""
    return word is not None and len(word) == 4 and word.isascii() and word.isdigit()
