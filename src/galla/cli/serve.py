"""`galla serve` and `galla worker`: the service, in one process or split over several."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from galla.cli import screen
from galla.cli.hosting import hurried, listen, port_of, run, running, settle, until_stopped
from galla.cli.logs import configure
from galla.clock import SYSTEM
from galla.errors import ConfigError

if TYPE_CHECKING:
    from galla.config import Settings
    from galla.service.till import Till


def serve(*, no_worker: bool = False, host: str | None = None, port: int | None = None) -> int:
    """Run the counter, the API and one worker until Ctrl-C.

    Args:
        no_worker: Leave the worker out; run `galla worker` elsewhere (PostgreSQL only).
        host: The address to listen on, instead of GALLA_HOST.
        port: The port to listen on, instead of GALLA_PORT.
    """
    with hurried():
        from galla.config import load

        wanted: dict[str, Any] = {"host": host, "port": port}
        settings = load(None, **{name: value for name, value in wanted.items() if value is not None})
        if no_worker:
            _must_be_shared(settings, "`galla serve --no-worker` leaves the payments to another process")
        run(_serve(settings, has_worker=not no_worker))
    return 0


def worker() -> int:
    """Run one more worker until Ctrl-C: it asks Paytm about payments that are due. PostgreSQL only."""
    with hurried():
        from galla.config import load

        settings = load()
        _must_be_shared(settings, "`galla worker` is a process beside `galla serve`")
        run(_work(settings))
    return 0


async def _serve(settings: Settings, *, has_worker: bool) -> None:
    from galla.service.till import Till
    from galla.web.app import make_app, server

    configure(settings)
    listening = listen(settings.host, settings.port)
    till = await Till.open(settings)
    try:
        app = make_app(till, run_worker=has_worker)
        settle()
        async with until_stopped() as stop, running(server(app, settings.host, settings.port), listening):
            out = screen.console()
            shown = f"[{settings.host}]" if ":" in settings.host else settings.host
            url = f"http://{shown}:{port_of(listening)}"
            out.print(f"The counter is at {url}/ · {settings.environment}")
            await _show_way_in(till, url, is_seen=out.is_terminal)
            out.print("Stop with Ctrl-C: payments that are not final are taken up again at the next start.")
            await _until_end(stop, app.state.working)
            app.state.leaving.set()
            if stop.is_patient and not has_worker:  # others serve as well: let a balancer turn to them first
                await SYSTEM.sleep(settings.drain_s)
    finally:
        await till.close()


async def _until_end(stop: asyncio.Event, working: asyncio.Task[None] | None) -> None:
    """Wait for Ctrl-C, or for a worker that can follow payments no longer: then the command fails with its reason."""
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({stopping, *([working] if working is not None else [])}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if working is not None and working.done():
        working.result()


async def _show_way_in(till: Till, url: str, *, is_seen: bool) -> None:
    """Print a link that makes the first admin of each shop without users, once. No log file may hold such a way in."""
    from galla.service import merchants, welcome

    out = screen.console()
    if not await merchants.find(till):
        out.print("There is no merchant yet. Stop, then: galla merchant add --name 'Skin Clinic' --mid MID")
    elif is_seen:
        for shop in await welcome.open_set_ups(till):
            out.print(f"{shop.merchant} has no user yet. Make its first admin, once, within a day:")
            out.print(f"  {url}/setup?token={shop.token}")
    elif await welcome.has_open_set_ups(till):
        out.print("Nobody can sign in by name yet. Serve from a terminal once, or: galla user add NAME --role admin")


async def _work(settings: Settings) -> None:
    from galla.service.till import Till

    configure(settings)
    till = await Till.open(settings)
    settle()
    try:
        async with until_stopped() as stop:
            screen.console().print("This worker asks Paytm about payments that are due. Stop with Ctrl-C.")
            await till.worker().run(stop)
    finally:
        await till.close()


def _must_be_shared(settings: Settings, why: str) -> None:
    if settings.database_url.startswith("sqlite"):
        raise ConfigError(
            f"{why}, and SQLite is for one process. "
            "Run `galla serve` alone, or set GALLA_DATABASE_URL to PostgreSQL.",
            setting="GALLA_DATABASE_URL",
        )
