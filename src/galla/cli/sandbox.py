"""`galla sandbox`: a pretend Paytm on this computer, with virtual card machines."""

from __future__ import annotations

from galla.cli import screen
from galla.cli.hosting import LOOPBACK, listen, port_of, run, running, until_stopped
from galla.errors import InvalidField
from galla.sandbox.autoplay import Outcome


def sandbox(
    *,
    port: int = 8701,
    host: str = LOOPBACK,
    autoplay: Outcome | None = None,
    after: float = 2.0,
) -> int:
    """Run a pretend Paytm until Ctrl-C. Its merchant, key and card machines are printed at the start.

    Args:
        port: The port to listen on.
        host: The address to listen on.
        autoplay: Let the machines act by themselves; with by-amount, the amount's paise decide.
        after: Seconds until a machine acts by itself.
    """
    if after < 0:
        raise InvalidField("--after is a number of seconds, 0 or more.", param="after")
    run(_sandbox(host, port, autoplay, after))
    return 0


async def _sandbox(host: str, port: int, autoplay: Outcome | None, after_s: float) -> None:
    from galla.sandbox.app import make_server
    from galla.sandbox.sandbox import DEMO_KEY, DEMO_MID, DEMO_TIDS, Sandbox

    listening = listen(host, port)
    pretend = Sandbox()
    if autoplay is not None:
        pretend.play(after_s, autoplay)
    async with until_stopped() as stop, running(make_server(host, port, pretend), listening):
        url = f"http://{f'[{host}]' if ':' in host else host}:{port_of(listening)}"
        out = screen.console()
        out.print(f"The sandbox is at {url} · card machines at {url}/terminals")
        rows = [
            ("MID", DEMO_MID),
            ("Key", f"{DEMO_KEY} (for rehearsal only)"),
            ("Machines", ", ".join(DEMO_TIDS)),
        ]
        if autoplay is not None:
            rows.append(("Autoplay", f"{autoplay.value}, after {after_s:g} s"))
        screen.show_rows(out, rows)
        out.print("Nothing here is money. Stop with Ctrl-C.")
        await stop.wait()
