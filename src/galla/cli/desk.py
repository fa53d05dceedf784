"""Where `pay` and `status` ask: a running service over HTTP, or the database of this computer.

Both answer with the API's own shapes, so the commands cannot tell them apart. The running service is used
when GALLA_URL is set. How anything is shown is not known here.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Protocol

import msgspec

from galla.errors import ConfigError

URL_SETTING, KEY_SETTING = "GALLA_URL", "GALLA_API_KEY"


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """How galla is: `ok` or `failing`, each check by name, and how many payments nobody can explain.

    `unexplained` is None where it is not told.
    """

    status: str
    checks: dict[str, Any]
    unexplained: int | None = None


class Desk(Protocol):
    """What a command may ask of galla. Payments are the API's JSON objects."""

    place: str

    async def start(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """Start a payment from the fields of `POST /v1/payments`, without waiting for it."""
        ...

    async def payment(self, payment_id: str) -> dict[str, Any]:
        """Return a payment with its timeline."""
        ...

    async def payments(self, *, limit: int) -> list[dict[str, Any]]:
        """Return the newest payments."""
        ...

    async def live(self) -> list[dict[str, Any]]:
        """Return the payments that may still become paid, oldest first."""
        ...

    async def condition(self) -> Condition:
        """Return how galla itself is."""
        ...


@asynccontextmanager
async def open_desk(
    merchant: str | None = None, environ: Mapping[str, str] | None = None
) -> AsyncIterator[Desk]:
    """Open the desk the settings ask for, and close it afterwards.

    Args:
        merchant: the merchant's id, when this computer's database holds more than one.
        environ: the environment to read; the process's own when None.

    Raises:
        ConfigError: GALLA_URL is set without GALLA_API_KEY, or the database cannot be opened.
    """
    found = os.environ if environ is None else environ
    if url := found.get(URL_SETTING):
        key = found.get(KEY_SETTING)
        if not key:
            raise ConfigError(
                f"{URL_SETTING} is set, so {KEY_SETTING} is needed too. Make a key: galla key new",
                setting=KEY_SETTING,
            )
        from galla.cli.remote import Remote

        async with Remote(url, key) as remote:
            yield remote
        return
    from galla.cli.local import open_local

    async with open_local(merchant, found) as local:
        yield local
