"""A shop to write into a database: a merchant with machines, bills and payments that break no rule."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from galla.clock import to_millis
from galla.ids import new_id, paytm_id
from galla.ledger.accounts import FIXED, clearing
from galla.ledger.pricing import Item, price
from galla.payments.model import Method, Payment, Proof, Status
from galla.store import bills, journal, ledger, merchants, payments
from galla.store.database import Database

NOW = datetime(2026, 1, 5, 4, 50, tzinfo=UTC)
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Shop:
    """A merchant in a database, its MID and its two machines."""

    merchant_id: str
    mid: str
    terminals: tuple[str, str]


def make_shop(connection: Connection) -> Shop:
    """Write a merchant, its journal, its chart of accounts and two machines."""
    number = next(_numbers)
    merchant_id, mid = new_id("mer", NOW), f"SHOP{number:016d}"
    values = {
        "id": merchant_id,
        "name": f"Shop {number}",
        "mid": mid,
        "sealed_key": "sealed",
        "website": "DEFAULT",
        "client_id": None,
        "channel_id": "EDC",
        "mcc": None,
        "upi_limit_paise": 1_00_000_00,
        "collect_allowed": 0,
        "void_cutoff": "00:05",
        "environment": "sandbox",
        "callback_token": f"token{number}",
        "created_at": to_millis(NOW),
    }
    merchants.insert_merchant(connection, values)
    journal.open_journal(connection, merchant_id)
    for account in (*FIXED, clearing(mid)):
        ledger.add_account(connection, merchant_id, account)
    terminals = []
    for tid in ("11111111", "22222222"):
        terminals.append(new_id("term", NOW))
        values = {"merchant_id": merchant_id, "id": terminals[-1], "tid": tid, "label": tid, "branch": "Main"}
        values |= {"is_active": 1, "created_at": to_millis(NOW)}
        merchants.insert_terminal(connection, values)
    return Shop(merchant_id, mid, (terminals[0], terminals[1]))


def make_bill(connection: Connection, shop: Shop, total_paise: int = 1000, **changes: Any) -> str:
    """Write a bill of one line and return its id."""
    values = {
        "merchant_id": shop.merchant_id,
        "id": new_id("bill", NOW),
        "number": f"B-{next(_numbers)}",
        "customer_name": "Asha",
        "customer_phone": None,
        "total_paise": total_paise,
        "tax_paise": 0,
        "metadata": "{}",
        "actor": "desk",
        "created_at": to_millis(NOW),
        **changes,
    }
    bills.insert_bill(connection, values, price([Item(description="Peel", unit_paise=total_paise)]))
    return str(values["id"])


def sale(shop: Shop, **changes: Any) -> Payment:
    """Return a payment of ₹10 that is due now."""
    values: dict[str, Any] = {
        "id": new_id("pay", NOW),
        "merchant_id": shop.merchant_id,
        "environment": "sandbox",
        "mid": shop.mid,
        "method": Method.EDC,
        "amount_paise": 1000,
        "paytm_id": paytm_id("sandbox", NOW),
        "created_at": NOW,
        "due_at": NOW,
        **changes,
    }
    return Payment(**values)


def proof_of(payment: Payment, **changes: Any) -> Proof:
    """Return what proves a payment."""
    proof = Proof(
        mid=payment.mid,
        paytm_id=payment.paytm_id,
        amount_paise=payment.amount_paise,
        transaction_id=f"T{next(_numbers)}",
        rrn="600512345678",
    )
    return msgspec.structs.replace(proof, **changes)


def paid(payment: Payment, proof: Proof | None = None) -> Payment:
    """Return a payment as it stands once proven."""
    known = proof if proof is not None else proof_of(payment)
    return msgspec.structs.replace(
        payment, status=Status.PAID, proof=known, settled_at=NOW, due_at=None, holds_terminal=False
    )


def write_sale(connection: Connection, shop: Shop, **changes: Any) -> Payment:
    """Write a payment and return it."""
    payment = sale(shop, **changes)
    payments.insert_payment(connection, payment)
    return payment


def write_paid(connection: Connection, shop: Shop, **changes: Any) -> Payment:
    """Write a payment and prove it."""
    payment = write_sale(connection, shop, **changes)
    return payments.save(connection, payment, paid(payment))


def sql(connection: Connection, statement: str) -> Any:
    """Run one statement as it stands and return its rows, or how many rows it changed."""
    done = connection.exec_driver_sql(statement)
    return done.all() if done.returns_rows else done.rowcount


async def assert_refused(database: Database, word: str, work: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
    """Run a write that the database itself must refuse, naming the rule by `word`."""
    with pytest.raises(DBAPIError) as caught:
        await database.write(work, *args, **kwargs)
    assert word.lower() in str(caught.value.orig).lower()
