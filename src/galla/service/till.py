"""The open till: settings, clock, database, the line to Paytm, and who the merchants are.

Every service function takes it first. It holds no state of payments.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import msgspec
import structlog

from galla.client.flows import AsyncSend
from galla.clock import SYSTEM, Clock
from galla.config import Settings
from galla.connectors.connector import Account, Connector
from galla.connectors.registry import connectors
from galla.errors import ConfigError, NotFound, Unavailable
from galla.payments.ladder import EDC, UPI, Ladder, read_rungs, scaled
from galla.payments.model import Method
from galla.protocol.message import Request, Response
from galla.service.bell import Bell
from galla.service.breaker import Breakers
from galla.service.channel import Channel
from galla.service.ended import Ended
from galla.service.lately import Lately
from galla.service.throttle import Attempts
from galla.service.vault import Vault, secret_for
from galla.store import callbacks
from galla.store import merchants as stored
from galla.store.claims import Schedule
from galla.store.database import Database, open_database
from galla.store.left_behind import take_up

log = structlog.get_logger("galla")

Carry = Callable[[Request, float], Awaitable[Response]]
LEASE_MARGIN_S = 0.5
SEND_MARGIN_S = 2.0  # a stalled write or a clock that differs between machines must not start a second sending
ACCOUNT_LIFE_S = 60.0
LEAST_TIMEOUT_S = 0.25
HEARD_MOST = 5_000  # messages of Paytm's, of which most are repeated within a minute
ASK_GAP_S = 1.0  # the least between two questions about one payment that people ask


class Till:
    """Everything a service function needs."""

    def __init__(self, settings: Settings, database: Database, carry: Carry, clock: Clock, vault: Vault) -> None:
        self.settings = settings
        self.database = database
        self.carry = carry
        self.clock = clock
        self.vault = vault
        self.bell = Bell(database.tell)
        self.breakers = Breakers(clock, settings.ladder_scale)
        self.attempts = Attempts(clock)
        self.connectors: dict[str, Connector] = connectors()
        self.card: Ladder = _ladder(EDC, settings.ladder_edc, "GALLA_LADDER_EDC", settings.ladder_scale)
        self.upi: Ladder = _ladder(UPI, settings.ladder_upi, "GALLA_LADDER_UPI", settings.ladder_scale)
        self.inquiry_timeout_s = max(LEAST_TIMEOUT_S, settings.inquiry_timeout_s * min(1.0, settings.ladder_scale * 20))
        self.schedule = Schedule(card=self.card, upi=self.upi, lease_ms=self._lease_ms(self.inquiry_timeout_s))
        self.ask_gap_s = ASK_GAP_S * min(1.0, settings.ladder_scale)
        self.ended = Ended(clock, self.schedule.lease_ms)
        self.heard = Lately(HEARD_MOST)
        self.send_lease_ms = self._lease_ms(settings.send_timeout_s + SEND_MARGIN_S)
        self._accounts: dict[str, tuple[float, Account]] = {}
        self._at_token: dict[str, str] = {}
        self._channels: dict[str, Channel] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closers: list[Callable[[], Awaitable[None]]] = []

    @classmethod
    async def open(cls, settings: Settings, *, send: AsyncSend | None = None, clock: Clock = SYSTEM) -> Till:
        """Open the database, bring it up to date, and make the first merchant if the settings name one.

        Args:
            settings: checked settings.
            send: carries requests instead of HTTP, such as an in-process sandbox.
            clock: the source of time.

        Raises:
            ConfigError: a setting cannot work.
            Unavailable: the database does not answer.
        """
        vault = Vault(secret_for(settings))
        database = await open_database(settings.database_url)
        closers: list[Callable[[], Awaitable[None]]] = []
        if send is not None:
            carry = _without_timeout(send)
        else:
            from galla.client.address import addresses
            from galla.client.transport import AsyncTransport

            transport = AsyncTransport(
                addresses(
                    settings.environment,
                    edc=settings.edc_url or None,
                    queue=settings.queue_url or None,
                    pg=settings.pg_url or None,
                )
            )
            carry = transport.send
            closers.append(transport.aclose)
        till = cls(settings, database, carry, clock, vault)
        till._closers = closers
        try:
            from galla.service.setup import prepare

            if database.dialect == "sqlite":  # the file is this process's alone: whoever held anything is dead
                await database.write(take_up, till.schedule, clock.now())
            await prepare(till)
        except BaseException:
            await till.close()
            raise
        database.listen(till.bell.echo)
        return till

    async def close(self) -> None:
        """Let running steps finish, then close the line and the database."""
        while self._tasks:
            await asyncio.wait(self._tasks, timeout=30)
        for close in self._closers:
            await close()
        await self.database.close()

    def ladder(self, method: str) -> Ladder:
        """Return the ladder in force for a method."""
        return self.card if method in (Method.EDC, Method.QUEUE) else self.upi

    def channel(self, merchant_id: str) -> Channel:
        """Return what reads a merchant's feed for all its listeners in this process."""
        if merchant_id not in self._channels:
            self._channels[merchant_id] = Channel(self.database, self.bell, merchant_id)
        return self._channels[merchant_id]

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run work that goes on when its caller has gone; `close` waits for it, and the log hears how it failed."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if isinstance(error, Unavailable):
            log.error("database_unavailable", detail=str(error))
        elif error is not None:
            log.error("step_failed", exc_info=error)

    async def account_at(self, token: str) -> Account:
        """Return the standing of the merchant whose callback address holds this token; addresses are for good.

        Raises:
            NotFound: no such address.
        """
        merchant_id = self._at_token.get(token) or await self.database.read(callbacks.merchant_with_token, token)
        if merchant_id is None:
            raise NotFound("There is no such callback address.")
        self._at_token[token] = merchant_id
        return await self.account(merchant_id)

    async def account(self, merchant_id: str) -> Account:
        """Return a merchant's standing with Paytm, read again every minute: another process may change the key.

        Raises:
            NotFound: no such merchant.
        """
        known = self._accounts.get(merchant_id)
        if known is not None and self.clock.monotonic() - known[0] < ACCOUNT_LIFE_S:
            return known[1]
        row = await self.database.read(stored.get_merchant, merchant_id)
        if row is None:
            raise NotFound(f"There is no merchant {merchant_id}.")
        if row.environment != self.settings.environment:
            raise ConfigError(
                f"Merchant {row.name} belongs to Paytm's {row.environment}, and galla runs on "
                f"{self.settings.environment}. Set GALLA_PAYTM_ENVIRONMENT={row.environment}.",
                setting="GALLA_PAYTM_ENVIRONMENT",
            )
        machines = await self.database.read(stored.terminals_of, merchant_id)
        account = Account(
            merchant_id=row.id,
            mid=row.mid,
            key=self.vault.open(row.sealed_key),
            name=row.name,
            environment=row.environment,
            channel_id=row.channel_id,
            website=row.website,
            client_id=row.client_id,
            void_path=self.settings.edc_void_path,
            tids=tuple(each.tid for each in machines if each.is_active),
            queue_client_id=self.settings.queue_client_id or row.client_id,
            queue_hash=self.settings.queue_hash,
            queue_cancel_path=self.settings.queue_cancel_path,
            queue_status_method=self.settings.queue_status_method,
            callback_url=self._callback_url(row.callback_token),
            mcc=row.mcc,
            upi_limit_paise=row.upi_limit_paise,
            collect_allowed=row.collect_allowed == 1,
            void_cutoff=row.void_cutoff,
        )
        self._accounts[merchant_id] = (self.clock.monotonic(), account)
        return account

    def forget(self, merchant_id: str) -> None:
        """Read a merchant's standing anew the next time: it has changed."""
        self._accounts.pop(merchant_id, None)

    def worker(self) -> Any:
        """Return a worker for this till."""
        from galla.service.worker import Worker

        return Worker(self)

    def _callback_url(self, token: str) -> str | None:
        base = self.settings.public_url.rstrip("/")
        return f"{base}/v1/callbacks/paytm/{token}" if base else None

    def _lease_ms(self, timeout_s: float) -> int:
        return round((timeout_s + LEASE_MARGIN_S) * 1000)


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks: one merchant's user or key. `scopes` are of `read collect refund admin`.

    `actor` is the name that people read; `person` is the id behind it (`usr_…` or `key_…`) and never changes.
    """

    merchant_id: str
    actor: str
    person: str | None = None
    scopes: frozenset[str] = frozenset()
    counter: str | None = None
    origin: str = "api"

    @property
    def is_user(self) -> bool:
        """Whether a person signed in by name, not a key or a one-time link of the shop's."""
        return (self.person or "").startswith("usr_")


def _ladder(usual: Ladder, text: str, setting: str, scale: float) -> Ladder:
    """Return the published ladder, or the setting's rungs in its place, with every wait scaled."""
    if text:
        try:
            usual = msgspec.structs.replace(usual, rungs=read_rungs(text))
        except ValueError as error:
            raise ConfigError(f"`{setting}` cannot be read: {error}", setting=setting) from None
    return scaled(usual, scale)


def _without_timeout(send: AsyncSend) -> Carry:
    async def carry(request: Request, timeout_s: float) -> Response:
        return await send(request)

    return carry
