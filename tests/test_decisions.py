"""Decisions of docs/decisions/ that no other test holds."""

from __future__ import annotations

import asyncio
import tomllib
from pathlib import Path

import pytest

from bench import pace
from galla import config
from galla.cli import demo, hosting, sandbox, serve
from galla.clock import SYSTEM
from galla.errors import InvalidField
from galla.sandbox import DEMO_KEY, DEMO_MID, DEMO_TIDS, Sandbox
from galla.service import merchants, payments
from galla.service.till import Principal, Till

ROOT = Path(__file__).parents[1]
QUEUES = {"arq", "celery", "dbos", "dramatiq", "huey", "pgqueuer", "procrastinate", "rq", "taskiq"}


def test_no_job_queue_carries_payments() -> None:
    """Decision 1: the payments table is the schedule, so no job queue is among the dependencies."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    listed = " ".join([*project["dependencies"], *project["optional-dependencies"]["server"]])
    assert {name for name in QUEUES if f" {name}" in f" {listed}"} == set()


@pytest.mark.parametrize(
    ("took", "at_pace", "is_met"), [(40.0, 1.0, True), (41.0, 1.0, False), (79.0, 2.0, True), (39.0, 0.9, False)]
)
def test_a_limit_is_kept_at_the_peers_pace(took: float, at_pace: float, is_met: bool) -> None:
    """Decision 12: on a computer that is twice as slow a limit is twice as long, on a quicker one it is shorter."""
    assert pace.at_most("a reading", took, 40, "µs", at_pace).is_met is is_met


async def test_collect_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    """Decision 2: UPI Collect is not offered; asking for it sends nothing and writes nothing."""
    paytm = Sandbox()
    settings = config.load(
        {},
        database_url=f"sqlite:///{tmp_path / 'galla.db'}",
        mid=DEMO_MID,
        key=config.Secret(DEMO_KEY),
        tids=DEMO_TIDS,
    )
    till = await Till.open(settings, send=paytm.ahandle, clock=SYSTEM)
    try:
        (merchant,) = await merchants.find(till)
        cashier = Principal(merchant_id=merchant["id"], actor="cashier", scopes=frozenset({"collect"}))
        asked = payments.NewPayment(amount_paise=50_000, method="upi_collect", vpa="ramesh@okbank")
        with pytest.raises(InvalidField) as refusal:
            await payments.start(till, cashier, asked)
        listed = await payments.find(till, cashier, {})
    finally:
        await till.close()
    assert refusal.value.param == "method"
    assert (paytm.charges, listed["data"]) == ({}, [])


def test_what_serves_runs_on_uvloop() -> None:
    """Decision 32: what runs for as long as its process does has the quickest loop there is."""

    async def made_by() -> str:
        return type(asyncio.get_running_loop()).__module__

    assert hosting.run(made_by()) == "uvloop"
    for command in (serve, sandbox, demo):
        assert command.run is hosting.run
