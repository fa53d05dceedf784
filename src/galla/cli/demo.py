"""`galla demo`: a pretend Paytm, the service and its counter on this computer, and one sale to watch.

It never reads the settings of the environment, so it cannot touch a real merchant. The sale itself is in
`rehearsal.py`.
"""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from galla.cli import screen
from galla.cli.hosting import LOOPBACK, listen_near, port_of, run, running, until_stopped
from galla.cli.logs import configure

if TYPE_CHECKING:
    from socket import socket

    from rich.console import Console

    from galla.config import Settings
    from galla.sandbox.sandbox import Sandbox
    from galla.service.till import Principal, Till

SHOP_NAME = "Sandbox Skin Clinic"
CLIENT_ID = "C11"
HOSPITAL = "8062"
SCOPES = ("read", "collect", "refund", "admin")
PEOPLE = (
    ("asha", "Asha N.", "cashier"),
    ("bilal", "Bilal K.", "lead"),
    ("chitra", "Chitra S.", "accountant"),
    ("rao", "Dr. Rao", "admin"),
)
"""Who works in the demo's shop: sign-in name, name, role."""
PASSWORD_BITS = 75
WAITING_BILLS = (
    ("Meena Iyer", (("Consultation", 1, 600_00), ("Blood test", 1, 450_00))),
    ("Arjun Mehta", (("Dressing", 2, 175_00),)),
    ("Fatima Shaikh", (("Laser session", 1, 12_500_00), ("Sunscreen SPF 50", 2, 649_00))),
)
"""Left open for whoever tries the counter: customer, and lines of description, quantity, rate in paise."""
LADDER_SCALE = 0.2  # asks five times as often as in a shop, so that nobody waits for the demonstration
INQUIRY_TIMEOUT_S = 0.6  # and an inquiry that hangs must not hold up the next


class Shop(NamedTuple):
    """What is running, for the sale and for the lines that say where it is."""

    url: str
    sandbox_url: str
    api_key: str
    merchant_id: str
    till: Till
    sandbox: Sandbox


def demo(
    *,
    once: bool = False,
    port: int = 8700,
    sandbox_port: int = 8701,
    data: Path | None = None,
    fresh: bool = False,
) -> int:
    """Play one sale through the real API, then keep a counter and two card machines running until Ctrl-C.

    Everything runs on this computer against the sandbox. Settings in the environment are not read.

    Args:
        once: End after the sale.
        port: The port of the counter; another is chosen when it is taken.
        sandbox_port: The port of the pretend Paytm; another is chosen when it is taken.
        data: A folder to keep the database in. Without it, everything is forgotten at the end.
        fresh: Forget what the folder holds from an earlier demo.
    """
    return run(_demo(once, port, sandbox_port, data, fresh))


async def _demo(is_once: bool, port: int, sandbox_port: int, data: Path | None, is_fresh: bool) -> int:
    from galla.cli.rehearsal import play

    out = screen.console()
    async with AsyncExitStack() as stack:
        stop = await stack.enter_async_context(until_stopped())
        folder = data or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="galla-demo-")))
        shop = await _open(stack, out, _database(folder, is_fresh), port, sandbox_port)
        sale = asyncio.create_task(play(shop, out))
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait({sale, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if not sale.done():
            sale.cancel()
            await asyncio.gather(sale, return_exceptions=True)
            return 0
        code = await sale
        if not is_once:
            await _show_places(shop, out)
            await stopped
        stopped.cancel()
        return code


async def _open(stack: AsyncExitStack, out: Console, database: Path, port: int, sandbox_port: int) -> Shop:
    from galla.sandbox.app import make_server
    from galla.sandbox.sandbox import Sandbox
    from galla.service.till import Till
    from galla.web.app import make_app, server

    listening = _choose(out, "counter", port)
    paytm_listening = _choose(out, "sandbox", sandbox_port)
    url, sandbox_url = (f"http://{LOOPBACK}:{port_of(each)}" for each in (listening, paytm_listening))
    sandbox = Sandbox()
    await stack.enter_async_context(running(make_server(LOOPBACK, 0, sandbox, may_call_out=True), paytm_listening))
    settings = _settings(database, url, sandbox_url)
    configure(settings)
    till = await Till.open(settings)
    stack.push_async_callback(till.close)
    merchant_id, api_key = await _set_up(till)
    await stack.enter_async_context(running(server(make_app(till, run_worker=True), LOOPBACK, 0), listening))
    return Shop(url, sandbox_url, api_key, merchant_id, till, sandbox)


async def _set_up(till: Till) -> tuple[str, str]:
    """Make the shop and its machines if the database is new; return the shop's id and an API key."""
    from galla.sandbox.sandbox import DEMO_KEY, DEMO_MID, DEMO_TIDS
    from galla.service import access, merchants, terminals
    from galla.service.till import Principal

    known = await merchants.find(till)
    if known:
        merchant_id = str(known[0]["id"])
    else:
        new = merchants.NewMerchant(
            name=SHOP_NAME, mid=DEMO_MID, key=DEMO_KEY, client_id=CLIENT_ID, mcc=HOSPITAL
        )
        merchant_id = str((await merchants.create(till, new))["id"])
        principal = Principal(
            merchant_id=merchant_id, actor="galla demo", scopes=frozenset(SCOPES), origin="cli"
        )
        for number, tid in enumerate(DEMO_TIDS, 1):
            await terminals.create(till, principal, tid, f"Counter {number}")
        await _leave_bills(till, principal)
    return merchant_id, await access.create_key(till, merchant_id, list(SCOPES), "galla demo")


async def _leave_bills(till: Till, principal: Principal) -> None:
    from galla.service import bills

    for customer, lines in WAITING_BILLS:
        listed = [
            {"description": what, "quantity": count, "unit_amount": rate} for what, count, rate in lines
        ]
        await bills.create(till, principal, bills.NewBill(customer={"name": customer}, lines=listed))


def _settings(database: Path, url: str, sandbox_url: str) -> Settings:
    from galla.config import load

    return load(
        {},
        database_url=f"sqlite:///{database}",
        port=int(url.rpartition(":")[2]),
        public_url=url,
        environment="sandbox",
        edc_url=sandbox_url,
        pg_url=sandbox_url,
        queue_url=sandbox_url,
        ladder_scale=LADDER_SCALE,
        inquiry_timeout_s=INQUIRY_TIMEOUT_S,
        log_level="warning",
    )


def _choose(out: Console, what: str, port: int) -> socket:
    listening, is_elsewhere = listen_near(port)
    if is_elsewhere:
        out.print(f"Port {port} is taken, so the {what} is on port {port_of(listening)}.")
    return listening


def _database(folder: Path, is_fresh: bool) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    database = folder.resolve() / "galla-demo.db"
    if is_fresh:
        for path in folder.glob("galla-demo.db*"):
            path.unlink()
    return database


async def _let_in(shop: Shop) -> tuple[str, dict[str, str]]:
    """Make the demo's people with fresh passwords; return a link's ticket for the lead, and the passwords by name."""
    from galla import ids
    from galla.service import access, people
    from galla.service.roles import ROLES
    from galla.service.till import Principal

    demo = Principal(merchant_id=shop.merchant_id, actor="galla demo", scopes=frozenset(SCOPES), origin="cli")
    known = {user["name"] for user in await people.find(shop.till, demo)}
    passwords = {name: ids.token(PASSWORD_BITS) for name, _, _ in PEOPLE}
    for name, display_name, role in PEOPLE:
        if name in known:
            await people.set_password(shop.till, demo, name, passwords[name])
        else:
            new = people.NewUser(name=name, display_name=display_name, role=role, password=passwords[name])
            await people.add(shop.till, demo, new)
    lead = await people.get(shop.till, demo, "bilal")
    scopes = sorted(ROLES[lead["role"]].scopes)
    ticket = await access.make_ticket(
        shop.till, shop.merchant_id, scopes, actor=lead["display_name"], person=lead["id"]
    )
    return ticket, passwords


async def _show_places(shop: Shop, out: Console) -> None:
    ticket, passwords = await _let_in(shop)
    out.print()
    out.print("Now you. Open the counter and the machines side by side:")
    rows = [
        ("Counter", f"{shop.url}/sign-in?ticket={ticket}&next=/counter"),
        ("Machines", f"{shop.sandbox_url}/terminals"),
        ("Phone", f"{shop.sandbox_url}/phone"),
        ("API", f"{shop.url}/docs"),
    ]
    screen.show_rows(out, rows)
    out.print("The counter's link signs you in once, as Bilal, a lead. To sign in as somebody else:")
    screen.show_rows(out, [(role.capitalize(), f"{name}  {passwords[name]}") for name, _, role in PEOPLE])
    out.print("Choose a bill, push it to a machine, then tap the card on it;")
    out.print("or show a UPI QR at the counter and scan it with the phone.")
    out.print("Nothing here is money. Stop with Ctrl-C.")
