"""Decisions of docs/decisions/ that no other test holds."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from galla import config
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
