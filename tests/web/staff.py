"""The people of a test's shop: hired without waiting for a password's hash, and signed in as a browser is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2

from galla.service import access, people
from galla.service.access import Session
from galla.service.people import NewUser
from galla.service.till import Principal
from tests.web.shop import Shop

PASSWORD = "four odd words kept"


async def hire(shop: Shop, role: str, *, merchant: str | None = None, **more: Any) -> dict[str, Any]:
    """Add somebody with a role, called after it."""
    boss = Principal(merchant_id=merchant or await shop.merchant(), actor="test", origin="cli")
    values = {"name": role, "display_name": role.title(), "role": role, **more}
    return await people.add(shop.till, boss, NewUser(**values))


async def session_of(
    shop: Shop, name: str, *, merchant: str | None = None, counter: str = "Counter 1"
) -> Session:
    """Open a session of a user, by their sign-in name."""
    row = await shop.till.database.read(people.required, merchant or await shop.merchant(), name)
    return await shop.till.database.write(
        access.open_session, shop.till, people.principal_of(row), counter
    )


@asynccontextmanager
async def signed_in(shop: Shop, session: Session | None, **more: Any) -> AsyncIterator[httpx2.AsyncClient]:
    """Give a browser's client with a session's cookie and its CSRF header, or with none; it follows nothing."""
    headers = {"Accept": "text/html,application/json", **more}
    async with shop.client(None, follow_redirects=False) as client:
        client.headers.update(headers)
        if session is not None:
            client.cookies.set("galla", session.token)
            client.headers["X-CSRF-Token"] = session.csrf
        yield client
