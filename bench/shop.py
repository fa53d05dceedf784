"""A shop to measure: its settings, its payments written straight into the database, and a Paytm that answers at once.

The answers of the instant Paytm are signed beforehand, so that what is measured is galla alone.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert, select, update

from bench.pretend import AMOUNT_PAISE, TID, paytm_id
from bench.report import medians_us
from galla.client.flows import AsyncSend
from galla.clock import SYSTEM, ist_text
from galla.config import Secret, Settings, load
from galla.payments.model import Method, Payment, Phase, Status
from galla.protocol.edc import ResultInfo, SaleReply, StatusReply, StatusRequest
from galla.protocol.message import MerchantKey, Request, Response
from galla.sandbox.sandbox import DEMO_KEY, DEMO_MID, DEMO_TIDS
from galla.store.rows import payment_values
from galla.store.tables import merchants, payments, terminals

ROWS_AT_ONCE = 500
PENDING = ResultInfo(status="PENDING", code="P", code_id="0010", message="Transaction is pending. Check the terminal.")
ACCEPTED = ResultInfo(status="ACCEPTED_SUCCESS", code="A", code_id="0009", message="ACCEPTED_SUCCESS")


def settings(url: str, edc_url: str = "") -> Settings:
    """Return the settings of a shop of the sandbox's demo merchant."""
    return load(
        {},
        database_url=url,
        edc_url=edc_url,
        mid=DEMO_MID,
        key=Secret(DEMO_KEY),
        tids=DEMO_TIDS,
        secret_key=Secret("x" * 40),
    )


def all_pending(count: int) -> AsyncSend:
    """Return a line to a Paytm where every one of these sales waits for its customer."""
    key, at = MerchantKey(DEMO_KEY), ist_text(SYSTEM.now())
    replies = {
        name: StatusReply(
            merchant_transaction_id=name,
            paytm_mid=DEMO_MID,
            paytm_tid=TID,
            transaction_date_time=at,
            transaction_amount=str(AMOUNT_PAISE),
            result=PENDING,
        ).encode(at, key=key)
        for name in map(paytm_id, range(count))
    }

    async def send(request: Request) -> Response:
        return replies[request.paytm_id or ""]

    return send


def wire_us() -> float:
    """Return the microseconds of CPU that writing one signed question and reading its answer take."""
    key, at = MerchantKey(DEMO_KEY), ist_text(SYSTEM.now())
    name = paytm_id(0)
    question = StatusRequest(
        paytm_mid=DEMO_MID,
        paytm_tid=TID,
        transaction_date_time=at,
        merchant_transaction_id=name,
        channel_id="EDC",
        request_time_stamp=at,
    )
    reply = StatusReply(
        merchant_transaction_id=name,
        paytm_mid=DEMO_MID,
        paytm_tid=TID,
        transaction_date_time=at,
        transaction_amount=str(AMOUNT_PAISE),
        result=PENDING,
    ).encode(at, key=key)

    def poll() -> None:
        question.encode(key)
        assert question.parse_reply(reply, key).kind is not None

    (found,) = medians_us([poll], 9)
    return found


def accepting() -> AsyncSend:
    """Return a line to a Paytm that accepts every sale."""
    reply = SaleReply(result=ACCEPTED).encode(ist_text(SYSTEM.now()), key=MerchantKey(DEMO_KEY))

    async def send(request: Request) -> Response:
        return reply

    return send


def add_payments(connection: Connection, count: int, over_s: float) -> dict[str, datetime]:
    """Write payments down as they stand while customers look for their cards, and return when each falls due.

    Their turns are spread evenly over the coming `over_s` seconds, counted from when they are all written: that takes
    seconds, and a turn that passed meanwhile would be late before any worker could see it.
    """
    shop_id = merchant_id(connection)
    now = SYSTEM.now()
    crowd = [
        Payment(
            id=f"pay_{number:026d}",
            merchant_id=shop_id,
            environment="sandbox",
            mid=DEMO_MID,
            method=Method.EDC,
            amount_paise=AMOUNT_PAISE,
            paytm_id=paytm_id(number),
            reference=f"OPD-{number}",
            tid=TID,
            customer_name="Ramesh Kumar",
            created_at=now,
            status=Status.PENDING,
            phase=Phase.ON_DEVICE,
            sends=1,
            sent_at=now,
            accepted_at=now,
            jitter=number % 1000,
            fence=1,
            sequence=2,
            due_at=now + timedelta(seconds=1 + number * 7919 % count * over_s / count),
        )
        for number in range(count)
    ]
    _insert(connection, payments, [{**payment_values(payment), "proof_id": None} for payment in crowd])
    passed = SYSTEM.now() - now
    connection.execute(update(payments).values(due_at=payments.c.due_at + passed // timedelta(milliseconds=1)))
    return {payment.id: payment.due_at + passed for payment in crowd if payment.due_at is not None}


def add_machines(connection: Connection, first: int, count: int) -> list[str]:
    """Put this many more card machines on the counter and return their terminal ids."""
    shop_id = merchant_id(connection)
    tids = [f"{first + number:08d}" for number in range(count)]
    rows = [
        {
            "merchant_id": shop_id,
            "id": f"term_{tid}",
            "tid": tid,
            "label": f"Counter {tid}",
            "branch": "Main",
            "is_active": 1,
            "created_at": 0,
        }
        for tid in tids
    ]
    _insert(connection, terminals, rows)
    return tids


def merchant_id(connection: Connection) -> str:
    """Return the id of the shop's one merchant."""
    return str(connection.execute(select(merchants.c.id)).scalar_one())


def _insert(connection: Connection, table: Any, rows: list[dict[str, Any]]) -> None:
    for start in range(0, len(rows), ROWS_AT_ONCE):
        connection.execute(insert(table), rows[start : start + ROWS_AT_ONCE])
