"""The same with real processes: SIGKILL at random moments of the running service, over real sockets."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from galla.sandbox.charge import ChargeState
from galla.sandbox.sandbox import DEMO_MID, Sandbox
from galla.service import access, payments, tasks
from galla.service.till import Till
from tests.acceptance.crash_table import TABLE
from tests.acceptance.doomed import amount_of, settings_of, tid_of
from tests.sandbox.pretend import served
from tests.service.books import assert_books_equal_truth
from tests.service.shop import API_KEY

ROOT = Path(__file__).parents[2]
LIVES = 20


@pytest.mark.timeout(180)
async def test_f35_sigkill_at_random_moments_loses_and_doubles_nothing(
    database_url: str, record_property: Callable[[str, object], None]
) -> None:
    """F24, F35: twenty lives end by SIGKILL: every key ends in one payment, every charge is booked, none twice."""
    box = Sandbox()
    for number in range(LIVES):
        box.add_terminal(tid_of(number), DEMO_MID)
    box.play(after_s=0.2, outcome="card")
    with served(box) as url:
        told = await asyncio.to_thread(_run, database_url, url)
        till = await Till.open(settings_of(database_url, url, LIVES))
        try:
            ends = await _ends(till)
            await assert_books_equal_truth(till, box)
        finally:
            await till.close()
    assert not any(death.startswith("not killed") for death in told["deaths"]), told["deaths"]
    assert sorted(view["amount"] for view in ends) == [amount_of(number) for number in range(LIVES)]
    assert {view["id"] for view in ends} == set(told["heard"].values()), "a caller heard of another payment"
    charged = Counter(charge.amount_paise for charge in box.charges.values() if charge.state is ChargeState.PAID)
    assert all(count == 1 for count in charged.values()), "somebody was charged twice"
    states = Counter(view["status"] for view in ends)
    unsent = [view for view in ends if view["status"] == "not_paid"]
    assert set(states) <= {"paid", "not_paid"}, states
    assert all(view["reason"]["code"] == "never_sent" for view in unsent)
    assert len(charged) == states["paid"]
    _tell(record_property, database_url, told["deaths"], states)


def _run(database_url: str, sandbox_url: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.acceptance.doomed", database_url, sandbox_url, "1", str(LIVES)]
    env = {**os.environ, "GALLA_LOG_LEVEL": "error"}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=150, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


async def _ends(till: Till) -> list[dict[str, Any]]:
    principal = await access.principal_for_key(till, API_KEY)
    assert principal is not None
    assert await tasks.unexplained(till, principal) == 0
    return list((await payments.find(till, principal, {}, limit=200))["data"])


def _tell(
    record_property: Callable[[str, object], None], database_url: str, deaths: list[str], states: Counter[str]
) -> None:
    engine = database_url.partition(":")[0]
    title = f"{len(deaths)} SIGKILLs on {engine}: 0 lost, 0 doubled, {dict(states)}"
    lines = [f"{count:3}  {boundary}" for boundary, count in Counter(deaths).most_common()]
    record_property(TABLE, "\n".join([title, *lines]))
