"""Naive versions of what is written down: keys, callbacks, bills, ledger, events, audit trail."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
from sqlalchemy import update

from galla.errors import IdempotencyInProgress
from galla.protocol import notify
from galla.service import advance, callbacks, once
from galla.store import bills, journal, keys, ledger, tables
from tests.simulation.planted.bug import Bug


def _any_body(known: Any) -> Any:
    def found(connection: Any, merchant_id: str, key: str | None, fingerprint: str, now: Any) -> Any:
        row = keys.get(connection, merchant_id, key) if key is not None else None
        return known(connection, merchant_id, key, row.fingerprint if row is not None else fingerprint, now)

    return found


def _in_use_for_ever(known: Any) -> Any:
    def found(connection: Any, merchant_id: str, key: str | None, fingerprint: str, now: Any) -> Any:
        row = known(connection, merchant_id, key, fingerprint, now)
        if row is not None and row.answer is None:
            raise IdempotencyInProgress("It is still running.", blocker=row.object_id)
        return row

    return found


def _callback_pays(keep: Any) -> Any:
    def kept(connection: Any, till: Any, merchant_id: str, mid: str, notice: Any, *, by_browser: bool) -> Any:
        received = keep(connection, till, merchant_id, mid, notice, by_browser=by_browser)
        p = tables.payments.c
        paid = update(tables.payments).where(p.merchant_id == merchant_id, p.id == received.payment_id)
        connection.execute(paid.values(status="paid"))
        return received

    return kept


def _takes_all(settle: Any) -> Any:
    def settled(connection: Any, merchant_id: str, bill_id: str, *, reserved_paise: int, paid_paise: int) -> int:
        b = tables.metadata.tables["bills"].c
        taking = update(tables.metadata.tables["bills"]).where(b.merchant_id == merchant_id, b.id == bill_id)
        connection.execute(
            taking.values(live_paise=b.live_paise - reserved_paise, paid_paise=b.paid_paise + paid_paise)
        )
        return paid_paise

    return settled


def _short(book: Any) -> Any:
    def booked(connection: Any, merchant_id: str, entry: Any) -> str:
        msgspec.structs.force_setattr(entry, "postings", entry.postings[:1])
        return str(book(connection, merchant_id, entry))

    return booked


def _unlinked(link: Any) -> Any:
    return lambda row: hashlib.sha256(msgspec.json.encode(row["position"])).hexdigest()


def _untold(record: Any) -> Any:
    return lambda connection, merchant_id, now, note, *happened: record(connection, merchant_id, now, note)


def _unnoted(record: Any) -> Any:
    return lambda *given: None


BUGS = {
    "key kept for nothing": Bug(
        "F21", "An idempotency key is looked up, and never kept.", once, "claim", lambda real: lambda *_: None),
    "key not looked up": Bug(
        "F23", "A key is kept without a look whether it is there.", once, "known", lambda real: lambda *_: None),
    "any body for a key": Bug(
        "F22", "A key that comes with another request answers with the first.", once, "known", _any_body),
    "key in use for ever": Bug(
        "F24", "A key whose first request has died is in use for ever.", once, "known", _in_use_for_ever),
    "callback pays": Bug(
        "F26", "A callback that says success makes the payment paid.", callbacks, "_keep", _callback_pays),
    "forged callback taken in": Bug(
        "F10", "The signature of a machine's callback is not looked at.", notify, "verify_edc",
        lambda real: lambda *_: True),
    "bill takes all": Bug(
        "F33", "A bill takes in whatever was paid, also beyond its total.", bills, "settle", _takes_all),
    "excess is no advance": Bug(
        "F29", "What a customer paid twice is booked to the bill.", advance, "for_payment",
        lambda book: lambda payment, proof, allocated, at: book(payment, proof, proof.amount_paise, at)),
    "bill and ledger follow later": Bug(
        "F35", "A payment is committed as paid, and bill and ledger are left to another commit.", advance, "settle",
        lambda real: lambda *_: 0),
    "state without its record": Bug(
        "F35", "State is committed without its event and its audit row.", advance, "record", _unnoted),
    "event lost": Bug(
        "F52", "A change is committed, and its event is not.", advance, "record", _untold),
    "entry out of balance": Bug(
        "F47", "An entry is written with one line.", ledger, "book", _short),
    "audit rows not linked": Bug(
        "F47", "An audit row does not carry the hash of the one before.", journal, "link", _unlinked),
}
"""By name."""
