"""The database of this computer, opened for one command: as the desk of `pay` and `status`, or to administer.

Whoever may read the database file may do everything with it, so commands act with every scope, and the audit
trail names the person's account on this computer.
"""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from galla import config
from galla.cli.desk import Condition
from galla.cli.logs import configure
from galla.errors import ConfigError, InvalidField, NotFound
from galla.service import health, merchants, payments, tasks
from galla.service.setup import SCOPES
from galla.service.till import Principal, Till

if TYPE_CHECKING:
    from galla.config import Settings

REACHED_WITHIN_S = 3.0


@asynccontextmanager
async def open_till(environ: Mapping[str, str] | None = None) -> AsyncIterator[Till]:
    """Open the database that the settings name, and close it afterwards.

    Raises:
        ConfigError: a setting is wrong, or another process has the SQLite file.
    """
    settings = config.load(environ)
    configure(settings, is_quiet=True)
    till = await Till.open(settings)
    try:
        yield till
    finally:
        await till.close()


async def find_merchant(till: Till, merchant: str) -> dict[str, Any]:
    """Return one merchant, by id or MID.

    Raises:
        NotFound: there is none.
    """
    for each in await merchants.find(till):
        if merchant in (each["id"], each["mid"]):
            return each
    raise NotFound(f"There is no merchant {merchant}. See them: galla merchant list", param="merchant")


async def principal_for(till: Till, merchant: str | None) -> Principal:
    """Return the person at this computer, acting for a merchant: the only one, unless it is named.

    Raises:
        NotFound: there is no such merchant.
        InvalidField: there are several and none is named.
        ConfigError: there is none yet.
    """
    known = await merchants.find(till) if merchant is None else [await find_merchant(till, merchant)]
    if not known:
        raise ConfigError(
            "There is no merchant yet. Set GALLA_PAYTM_MID and GALLA_PAYTM_KEY, or: galla merchant add",
            setting="GALLA_PAYTM_MID",
        )
    if len(known) > 1:
        raise InvalidField(
            "There are several merchants. Say which with --merchant; see them: galla merchant list",
            param="merchant",
        )
    return Principal(merchant_id=known[0]["id"], actor=_person(), scopes=frozenset(SCOPES), origin="cli")


@asynccontextmanager
async def open_local(merchant: str | None, environ: Mapping[str, str]) -> AsyncIterator[Local]:
    """Open this computer's database as a desk, with a worker that follows what the command starts."""
    async with open_till(environ) as till:
        desk = Local(till, await principal_for(till, merchant))
        try:
            yield desk
        finally:
            await desk.close()


class Local:
    """galla without a running service: the worker runs in this command once it has started a payment."""

    def __init__(self, till: Till, principal: Principal) -> None:
        self.place = _place(till.settings)
        self._till = till
        self._principal = principal
        self._stop = asyncio.Event()
        self._working: asyncio.Task[None] | None = None

    async def start(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """Start a payment, and the worker that follows it."""
        new = payments.NewPayment(
            amount_paise=order["amount"],
            method=order["method"],
            reference=order.get("reference"),
            bill=order.get("bill"),
            terminal=order.get("terminal"),
        )
        started = await payments.start(self._till, self._principal, new, wait_s=0)
        if self._working is None:
            self._working = asyncio.create_task(self._till.worker().run(self._stop))
        return started.payment

    async def payment(self, payment_id: str) -> dict[str, Any]:
        """Return a payment with its timeline."""
        return await payments.get(self._till, self._principal, payment_id, expand=frozenset({"timeline"}))

    async def payments(self, *, limit: int) -> list[dict[str, Any]]:
        """Return the newest payments."""
        page = await payments.find(self._till, self._principal, {}, limit=limit)
        return list(page["data"])

    async def live(self) -> list[dict[str, Any]]:
        """Return the payments that are live or need a person, oldest first."""
        return await payments.unfinished(self._till, self._principal)

    async def condition(self) -> Condition:
        """Return what the readiness check says, and whether Paytm's host takes a connection."""
        found = await health.readiness(self._till)
        paytm = await _reach(self._till.settings.edc_url)
        is_ok = found["status"] == "ok" and paytm == "ok"
        return Condition(
            status="ok" if is_ok else "failing",
            checks={**found["checks"], "paytm": paytm},
            unexplained=await tasks.unexplained(self._till, self._principal),
        )

    async def close(self) -> None:
        """Stop the worker; what it has not finished falls due again at the next start."""
        self._stop.set()
        if self._working is not None:
            with suppress(asyncio.CancelledError):
                await self._working


async def _reach(url: str) -> str:
    """Return `ok` when a connection can be made; nothing is sent."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    try:
        async with asyncio.timeout(REACHED_WITHIN_S):
            _, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError):
        return f"not reached at {host}:{port}"
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return "ok"


def _person() -> str:
    try:
        return f"cli {getpass.getuser()}"
    except (KeyError, OSError):
        return "cli"


def _place(settings: Settings) -> str:
    """Return where the database is, without a password."""
    scheme, _, rest = settings.database_url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"
