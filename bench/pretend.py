"""A sandbox in a process of its own, over HTTP on loopback, that knows a number of sales nobody has paid yet.

`Pretend` starts it and ends it; `python -m bench.pretend 10000` is what it starts.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from datetime import UTC, datetime

import psutil  # type: ignore[import-untyped]

from galla.cli.hosting import LOOPBACK, listen, port_of, running, until_stopped
from galla.clock import ist_text
from galla.sandbox.app import make_server
from galla.sandbox.charge import Charge
from galla.sandbox.sandbox import DEMO_MID, DEMO_TIDS, Sandbox

STARTED_AT = datetime(2026, 1, 5, 4, 50, tzinfo=UTC)
AMOUNT_PAISE = 250_000
TID = DEMO_TIDS[0]


def paytm_id(number: int) -> str:
    """Return the id that both processes give the sale of this number."""
    return f"SB{number:026d}"


class Pretend:
    """The other process."""

    def __init__(self, sales: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.pretend", str(sales)], stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.url = f"http://{LOOPBACK}:{int(self._process.stdout.readline())}"
        self._usage = psutil.Process(self._process.pid)

    def cpu_s(self) -> float:
        """Return the CPU seconds it has used."""
        used = self._usage.cpu_times()
        return float(used.user + used.system)

    def close(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(timeout=10)


async def _serve(sales: int) -> None:
    sandbox = Sandbox()
    for number in range(sales):
        charge = Charge(
            id=paytm_id(number),
            mid=DEMO_MID,
            tid=TID,
            amount_paise=AMOUNT_PAISE,
            received_at=STARTED_AT,
            transaction_date_time=ist_text(STARTED_AT),
        )
        sandbox.charges[charge.mid, charge.id] = charge
    listening = listen(LOOPBACK, 0)
    async with until_stopped() as stop, running(make_server(LOOPBACK, 0, sandbox), listening):
        print(port_of(listening), flush=True)
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
