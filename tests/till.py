"""A till with a sandbox behind it: whole payments without a network and without waiting."""

from dataclasses import dataclass
from typing import Any

from galla.clock import ManualClock
from galla.config import Secret, load
from galla.sandbox.sandbox import DEMO_KEY, DEMO_MID, DEMO_TIDS, Sandbox
from galla.service import access
from galla.service.till import Principal, Till

API_KEY = "gk_test_12345"


@dataclass
class Counter:
    """A till, the Paytm behind it, the clock both live by, and an admin's standing."""

    till: Till
    sandbox: Sandbox
    clock: ManualClock
    principal: Principal

    async def pass_time(self, seconds: float) -> None:
        """Move the clock, then advance every payment that has fallen due."""
        self.clock.advance(seconds)
        await self.till.worker().drain_due()


async def open_counter(url: str, clock: ManualClock, sandbox: Sandbox | None = None, **settings: Any) -> Counter:
    """Open a till on a database, with the demo merchant; with a `sandbox` it goes on with that one's Paytm."""
    box = sandbox if sandbox is not None else Sandbox(clock, seed=1)
    given = {
        "mid": DEMO_MID,
        "key": Secret(DEMO_KEY),
        "tids": DEMO_TIDS,
        "secret_key": Secret("x" * 40),
        "api_key": Secret(API_KEY),
        **settings,
    }
    till = await Till.open(load({}, database_url=url, **given), send=box.ahandle, clock=clock)
    principal = await access.principal_for_key(till, API_KEY)
    assert principal is not None
    return Counter(till=till, sandbox=box, clock=clock, principal=principal)
