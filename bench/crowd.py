"""A shop after a year: customers, bills and payments with their proofs, written straight into the database.

They obey every constraint. What no page asks of them is left out: events, audit rows, and their entries in the ledger.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
from sqlalchemy import Connection, Table, insert

from bench.report import say
from galla.clock import SYSTEM, to_millis
from galla.payments.model import Method, Payment, Phase, Proof, Status
from galla.sandbox.sandbox import DEMO_MID, DEMO_TIDS
from galla.store.bill_tables import bill_lines, bills, customers
from galla.store.customers import phone_key, search_key
from galla.store.database import Database
from galla.store.rows import payment_values
from galla.store.tables import payments, proofs

AT_ONCE = 5_000
YEAR_MS = 365 * 24 * 3600 * 1000
UNPAID_EVERY = 200
TRIES = 3
"""How many payments a bill has: the last of them paid it, those before were declined."""
FIRST = ("Ramesh", "Sita", "Asha", "Arjun", "Meena", "Fatima", "Joseph", "Gurpreet", "Lakshmi", "Vikram")
LAST = ("Kumar", "Devi", "Rao", "Mehta", "Iyer", "Shaikh", "D'Souza", "Singh", "Nair", "Patil")
AMOUNT_PAISE = 250_000


class Crowd(msgspec.Struct, frozen=True):
    """What to write: how many bills, and for how many customers."""

    merchant_id: str
    terminal_id: str
    bills: int
    customers: int

    def customer(self, number: int) -> tuple[str, str, str]:
        """Return the id, name and phone number of a customer."""
        name = f"{FIRST[number % 10]} {LAST[number // 10 % 10]}"
        return f"cust_{number:026d}", name, str(9_000_000_000 + number * 48_271 % 999_999_937)

    def number(self, place: int) -> str:
        """Return the number of a bill."""
        return f"INV/26-27/{place + 1:06d}"

    def rrn(self, place: int) -> str:
        """Return the RRN of the payment that paid a bill."""
        return f"{600_000_000_000 + place:012d}"

    def last4(self, place: int) -> str:
        """Return the last four digits of the card that paid a bill."""
        return f"{place * 7919 % 10_000:04d}"

    def paytm_id(self, place: int, tried: int = TRIES - 1) -> str:
        """Return Paytm's id of one of a bill's payments."""
        return f"BENCH{place:09d}{tried}"


async def fill(database: Database, crowd: Crowd) -> None:
    """Write the crowd, some thousands a commit."""
    now = to_millis(SYSTEM.now())
    kinds: tuple[tuple[Table, int, Callable[[Crowd, int, int], Iterator[dict[str, Any]]]], ...] = (
        (customers, crowd.customers, _customer_rows),
        (bills, crowd.bills, _bill_rows),
        (bill_lines, crowd.bills, _line_rows),
        (payments, crowd.bills, _payment_rows),
        (proofs, crowd.bills, _proof_rows),
    )
    for table, count, rows in kinds:
        say(f"    writing {table.name}")
        for first in range(0, count, AT_ONCE):
            some = [row for place in range(first, min(first + AT_ONCE, count)) for row in rows(crowd, place, now)]
            await database.write(_insert, table, some)


def _insert(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    connection.execute(insert(table), rows)


def _at(crowd: Crowd, place: int, now: int) -> int:
    return now - YEAR_MS + YEAR_MS * place // crowd.bills


def _is_paid(crowd: Crowd, place: int) -> bool:
    return place % UNPAID_EVERY != 0


def _customer_rows(crowd: Crowd, place: int, now: int) -> Iterator[dict[str, Any]]:
    customer_id, name, phone = crowd.customer(place)
    yield {
        "merchant_id": crowd.merchant_id,
        "id": customer_id,
        "name": name,
        "phone": phone,
        "external_id": f"P-{place}",
        "name_key": search_key(name),
        "phone_key": phone_key(phone),
        "created_at": now - YEAR_MS,
        "erased_at": None,
    }


def _bill_rows(crowd: Crowd, place: int, now: int) -> Iterator[dict[str, Any]]:
    customer_id, name, phone = crowd.customer(place % crowd.customers)
    yield {
        "merchant_id": crowd.merchant_id,
        "id": f"bill_{place:026d}",
        "number": crowd.number(place),
        "number_key": search_key(crowd.number(place)),
        "branch": None,
        "customer_id": customer_id,
        "customer_name": name,
        "customer_phone": phone,
        "name_key": search_key(name),
        "phone_key": phone_key(phone),
        "total_paise": AMOUNT_PAISE,
        "tax_paise": 0,
        "paid_paise": AMOUNT_PAISE if _is_paid(crowd, place) else 0,
        "metadata": "{}",
        "actor": "Asha N.",
        "created_at": _at(crowd, place, now),
    }


def _line_rows(crowd: Crowd, place: int, now: int) -> Iterator[dict[str, Any]]:
    yield {
        "merchant_id": crowd.merchant_id,
        "bill_id": f"bill_{place:026d}",
        "position": 1,
        "description": "Consultation",
        "hsn": None,
        "quantity_milli": 1000,
        "unit_paise": AMOUNT_PAISE,
        "gross_paise": AMOUNT_PAISE,
        "discount_paise": 0,
        "share_paise": 0,
        "tax_bp": 0,
        "taxable_paise": AMOUNT_PAISE,
        "tax_paise": 0,
        "amount_paise": AMOUNT_PAISE,
    }


def _payment_rows(crowd: Crowd, place: int, now: int) -> Iterator[dict[str, Any]]:
    at, short = _at(crowd, place, now), f"{FIRST[place % crowd.customers % 10]} K."
    for tried in range(TRIES):
        is_paid = tried == TRIES - 1 and _is_paid(crowd, place)
        yield {
            **_pattern(crowd),
            "id": f"pay_{place:025d}{tried}",
            "paytm_id": crowd.paytm_id(place, tried),
            "reference": crowd.number(place),
            "bill_id": f"bill_{place:026d}",
            "customer_name": short,
            "status": "paid" if is_paid else "not_paid",
            "rrn": crowd.rrn(place) if is_paid else None,
            "card_last4": crowd.last4(place) if is_paid else None,
            "proof_id": f"prf_{place:026d}" if is_paid else None,
            "created_at": at + tried * 60_000,
            "settled_at": at + tried * 60_000 + 20_000,
        }


def _proof_rows(crowd: Crowd, place: int, now: int) -> Iterator[dict[str, Any]]:
    if not _is_paid(crowd, place):
        return
    proof = Proof(
        mid=DEMO_MID,
        paytm_id=crowd.paytm_id(place),
        amount_paise=AMOUNT_PAISE,
        transaction_id=f"T{place}",
        rrn=crowd.rrn(place),
        card_last4=crowd.last4(place),
        mode="CREDIT_CARD",
    )
    yield {
        "merchant_id": crowd.merchant_id,
        "id": f"prf_{place:026d}",
        "payment_id": f"pay_{place:025d}{TRIES - 1}",
        "mid": DEMO_MID,
        "paytm_id": proof.paytm_id,
        "amount_paise": AMOUNT_PAISE,
        "currency": "INR",
        "transaction_id": proof.transaction_id,
        "source": "status",
        "data": msgspec.json.encode(proof).decode(),
        "created_at": _at(crowd, place, now),
    }


def _pattern(crowd: Crowd) -> dict[str, Any]:
    """Return the columns that all the payments share."""
    made = Payment(
        id="pay_0",
        merchant_id=crowd.merchant_id,
        environment="sandbox",
        mid=DEMO_MID,
        method=Method.EDC,
        amount_paise=AMOUNT_PAISE,
        paytm_id="0",
        terminal_id=crowd.terminal_id,
        tid=DEMO_TIDS[0],
        machine="Counter 1",
        counter="Counter 1",
        actor="Asha N.",
        status=Status.NOT_PAID,
        phase=Phase.NONE,
        created_at=SYSTEM.now(),
    )
    return payment_values(made)
