"""A shop that takes UPI: its pretend Paytm over real sockets, calling it back where it really listens."""

import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from playwright.async_api import Browser, Page
from sqlalchemy import Connection, update

from galla.protocol.form import Posted
from galla.protocol.message import MerchantKey
from galla.protocol.notify import PaymentNotice
from galla.sandbox.app import make_server
from galla.sandbox.phone import Tap
from galla.sandbox.sandbox import DEMO_KEY, DEMO_MID, Sandbox
from galla.service import merchants
from galla.service.till import Till
from galla.store.tables import merchants as merchant_rows
from tests.web.shop import ADMIN_KEY, Shop, running, serving, settings_for

KEY = MerchantKey(DEMO_KEY)
SHOP_NAME = "City Skin Clinic"
QR: dict[str, Any] = {"amount": 250000, "method": "upi_qr", "reference": "INV-1"}
Visit = Callable[..., Awaitable[Page]]


@asynccontextmanager
async def open_upi_shop(database_url: str, *, mcc: str | None = None, **more: Any) -> AsyncIterator[Shop]:
    """Open a shop and its Paytm, each on a free port, each knowing the other's address. `mcc`: its category."""
    sandbox = Sandbox(seed=7)
    port = free_port()
    async with running(make_server("127.0.0.1", 0, sandbox)) as paytm:
        given = {"client_id": "C11", "shop_name": SHOP_NAME, "public_url": f"http://127.0.0.1:{port}", **more}
        till = await Till.open(settings_for(database_url, edc_url=paytm, queue_url=paytm, pg_url=paytm, **given))
        if mcc is not None:
            await till.database.write(_set_category, mcc)
        async with serving(till, sandbox, port) as shop:
            shop.paytm = paytm
            yield shop


def _set_category(connection: Connection, mcc: str) -> None:
    connection.execute(update(merchant_rows).values(mcc=mcc))


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def pay_in_app(shop: Shop, link: str, *taps: Tap) -> None:
    """Open a link or scan a QR with the first customer's phone, and approve it, or do something else."""
    prompt = shop.sandbox.open_link(link)
    for tap in taps or (Tap.APPROVE, Tap.PIN_RIGHT):
        shop.sandbox.tap(prompt.id, tap)


async def callback_path(shop: Shop) -> str:
    """Return where Paytm calls this shop's merchant back."""
    merchant = await merchants.get(shop.till, await shop.merchant())
    return str(merchant["callback_url"])


def notice(order_id: str, **more: Any) -> PaymentNotice:
    """Return Paytm's word that an order is paid."""
    given = {"txn_id": "T1", "txn_amount": "2500.00", "status": "TXN_SUCCESS", "resp_code": "01", **more}
    return PaymentNotice(mid=DEMO_MID, order_id=order_id, **given)


def posted(order_id: str, key: MerchantKey | None = KEY, **more: Any) -> Posted:
    """Return that word as the form Paytm posts."""
    return notice(order_id, **more).encode_form(key)


async def pay_page(shop: Shop, *, amount: int = 250000, number: str = "INV-9") -> tuple[dict[str, Any], str]:
    """Open a bill and return it with the path of its pay page."""
    line = {"description": "Consultation", "unit_amount": amount}
    async with shop.client() as client:
        customer = {"name": "Ramesh Kumar", "phone": "9876543210"}
        bill = (await client.post("/v1/bills", json={"number": number, "customer": customer, "lines": [line]})).json()
        made = (await client.post(f"/v1/bills/{bill['id']}/pay_link")).json()
    return bill, made["url"].removeprefix(shop.url)


async def sign_in(browser: Browser, shop: Shop, **context: Any) -> Page:
    """Return a page that is signed in at Counter 1."""
    opened = await browser.new_context(viewport={"width": 1366, "height": 768}, base_url=shop.url, **context)
    page = await opened.new_page()
    await page.goto("/sign-in")
    await page.fill("#key", ADMIN_KEY)
    await page.press("#key", "Enter")
    await page.wait_for_url("**/counter")
    return page
