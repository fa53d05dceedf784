"""A shop for the web tests: the real service over a real database, a sandbox as Paytm, and a real server."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import uvicorn

from galla.config import Secret, Settings, check
from galla.sandbox.app import make_server
from galla.sandbox.sandbox import DEMO_KEY, DEMO_MID, DEMO_TIDS, Sandbox
from galla.sandbox.terminal import Action
from galla.service import access
from galla.service.till import Till
from galla.web.app import make_app, server

PLAIN = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # nothing here speaks TLS, and to read all authorities takes a while
ADMIN_KEY = "gk_test_admin_key_of_the_shop"
FIRST, SECOND = DEMO_TIDS[:2]


class Shop:
    """An open till with its server and its pretend Paytm."""

    def __init__(self, till: Till, sandbox: Sandbox, url: str, app: Any) -> None:
        self.till = till
        self.sandbox = sandbox
        self.url = url
        self.app = app
        self.paytm = ""

    def client(self, key: str | None = ADMIN_KEY, **more: Any) -> httpx2.AsyncClient:
        """Return an HTTP client that sends a key."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return httpx2.AsyncClient(base_url=self.url, headers=headers, timeout=20, verify=PLAIN, **more)

    async def key(self, *scopes: str, merchant: str | None = None) -> str:
        """Make an API key with these scopes."""
        return await access.create_key(self.till, merchant or await self.merchant(), list(scopes), "test")

    async def merchant(self) -> str:
        """Return the first merchant's id."""
        principal = await access.principal_for_key(self.till, ADMIN_KEY)
        assert principal is not None
        return principal.merchant_id

    def act(self, *actions: Action, tid: str = FIRST, card: str = "visa_credit") -> None:
        """Let a person do things to a machine."""
        for action in actions:
            self.sandbox.act(tid, action, card=card)

    def pay(self, tid: str = FIRST, card: str = "visa_credit") -> None:
        """Let the customer pay by card at a machine, with the PIN where it is asked for."""
        self.act(Action.ACCEPT, Action.INSERT, Action.PIN_RIGHT, tid=tid, card=card)

    async def until_on_machine(self, tid: str = FIRST) -> None:
        """Wait until the machine shows a payment."""

        async def shown() -> bool:
            return self.sandbox.terminals[tid].job is not None

        await eventually(shown)


async def eventually(is_so: Callable[[], Awaitable[bool]]) -> None:
    """Wait until something is so, ten seconds at most."""
    for _ in range(500):
        if await is_so():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it never came to be so")


def settings_for(database_url: str, **more: Any) -> Settings:
    """Return the settings of the demo merchant, with quick waits."""
    values: dict[str, Any] = {
        "database_url": database_url,
        "secret_key": Secret("a secret of the tests, thirty-two bytes"),
        "mid": DEMO_MID,
        "key": Secret(DEMO_KEY),
        "tids": (FIRST, SECOND),
        "api_key": Secret(ADMIN_KEY),
        "ladder_scale": 0.02,
    }
    return check(Settings(**{**values, **more}))


@asynccontextmanager
async def open_shop(database_url: str, **more: Any) -> AsyncIterator[Shop]:
    """Open a till on a database, serve it on a free port, close both at the end."""
    sandbox = Sandbox(seed=7)
    till = await Till.open(settings_for(database_url, **more), send=sandbox.ahandle)
    async with serving(till, sandbox) as shop:
        yield shop


@asynccontextmanager
async def open_shop_over_http(database_url: str, **more: Any) -> AsyncIterator[tuple[Shop, str]]:
    """Open a shop that talks to its sandbox over real sockets; gives the sandbox's address too."""
    sandbox = Sandbox(seed=7)
    async with running(make_server("127.0.0.1", 0, sandbox)) as paytm:
        till = await Till.open(settings_for(database_url, edc_url=paytm, **more))
        async with serving(till, sandbox) as shop:
            yield shop, paytm


@asynccontextmanager
async def serving(till: Till, sandbox: Sandbox, port: int = 0) -> AsyncIterator[Shop]:
    """Serve a till and close it at the end."""
    try:
        app = make_app(till)
        async with running(server(app, "127.0.0.1", port)) as url:
            yield Shop(till, sandbox, url, app)
    finally:
        await till.close()


@asynccontextmanager
async def running(served: uvicorn.Server) -> AsyncIterator[str]:
    """Run a server in this loop and give its address."""
    task = asyncio.create_task(served.serve())
    try:
        while not served.started:
            if task.done():
                await task
            await asyncio.sleep(0.005)
        port = served.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        served.should_exit = True
        await task
