"""The kill test beyond the sale: the process dies at every boundary of a UPI payment's start, a refund, a void.

As in `test_kill.py`: a first life without a death records the boundaries; then one life ends at each of them, another
finds what it left, and in the end everything has happened once, or has not happened and says so.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from galla import ids
from galla.clock import ManualClock
from galla.errors import IdempotencyInProgress
from galla.sandbox.charge import VoidState
from galla.sandbox.phoneplay import PhoneOutcome
from galla.sandbox.sandbox import Sandbox
from galla.service import access, payments, refunds
from galla.service.till import Principal, Till
from galla.simulation.dying import DyingDatabase, Fate, Killed, put_at_risk
from galla.store.claims import next_due_at
from galla.store.tables import payments as payment_rows
from tests.acceptance.crash_table import TABLE
from tests.database import fresh_database
from tests.service.books import assert_books_equal_truth
from tests.service.shop import AMOUNT, API_KEY, FIRST, TEN_TWENTY_IST, settings_for
from tests.service.upi_shop import CLIENT, PUBLIC, UpiLine, next_refund_at

Fresh = Callable[[int], AbstractContextManager[str]]
Life = Callable[[Till, Principal, Sandbox, ManualClock], Awaitable[None]]
PART = 100_000
PATIENCE_S = 3 * 3600


@pytest.fixture(params=["sqlite", "postgres"])
async def fresh(request: pytest.FixtureRequest, tmp_path: Path) -> Fresh:
    """Return a maker of databases that hold the merchant and nothing else, on each engine."""
    if request.param == "sqlite":
        await _furnish(f"sqlite:///{tmp_path / 'original.db'}")
        return partial(_copied, tmp_path)
    server = request.getfixturevalue("postgres_url")
    template = request.getfixturevalue("fresh_postgres_url")
    await _furnish(template)
    name = template.rpartition("?")[0].rpartition("/")[2]
    return lambda _: fresh_database(server, template=name)


async def _furnish(url: str) -> None:
    clock, box = _outside()
    await (await Till.open(_settings(url), send=box.ahandle, clock=clock)).close()


@contextmanager
def _copied(folder: Path, number: int) -> Iterator[str]:
    file = folder / f"life{number}.db"
    shutil.copy(folder / "original.db", file)
    try:
        yield f"sqlite:///{file}"
    finally:
        for leftover in folder.glob(f"{file.name}*"):
            leftover.unlink()


@pytest.mark.timeout(300)
async def test_killed_at_any_boundary_of_a_upi_start_it_is_paid_once(
    fresh: Fresh, request: pytest.FixtureRequest, record_property: Callable[[str, object], None]
) -> None:
    """A link payment: one order, one charge, paid; after the token is kept no other is asked for."""
    boundaries = await _undisturbed(fresh, _nothing, _pay)
    assert "after the commit of claims.keep_session" in boundaries
    rows, failures = await _killed_at_each(fresh, boundaries, _nothing, _pay, _paid_once)
    _tell(record_property, request, "a UPI payment", rows, failures)
    assert not failures, "\n".join(failures)


@pytest.mark.timeout(300)
async def test_killed_at_any_boundary_of_a_refund_it_goes_back_once(
    fresh: Fresh, request: pytest.FixtureRequest, record_property: Callable[[str, object], None]
) -> None:
    """A refund: one reference, money back at most once, done or never begun."""
    boundaries = await _undisturbed(fresh, _pay, _give_back)
    rows, failures = await _killed_at_each(fresh, boundaries, _pay, _give_back, _given_back_once)
    _tell(record_property, request, "a refund", rows, failures)
    assert not failures, "\n".join(failures)


@pytest.mark.timeout(300)
async def test_f14_f15_killed_at_any_boundary_of_a_void_it_is_voided_once(
    fresh: Fresh, request: pytest.FixtureRequest, record_property: Callable[[str, object], None]
) -> None:
    """A void: whatever the boundary, the machine reverses the sale once, and it is booked once."""
    boundaries = await _undisturbed(fresh, _sell, _void)
    assert "before the void is sent" in boundaries
    rows, failures = await _killed_at_each(fresh, boundaries, _sell, _void, _voided_once)
    _tell(record_property, request, "a void", rows, failures)
    assert not failures, "\n".join(failures)


async def _undisturbed(fresh: Fresh, before: Life, life: Life) -> list[str]:
    clock, box = _outside()
    fate = Fate()
    with fresh(0) as url:
        async with _open(url, box, clock) as (till, principal, _):
            await _live(till, principal, box, clock, fate, before, life)
    return list(fate.crossed)


async def _killed_at_each(
    fresh: Fresh, boundaries: list[str], before: Life, life: Life, judged: Callable[..., Awaitable[str]]
) -> tuple[list[str], list[str]]:
    """Kill one life at each boundary; return the table, and what went wrong."""
    rows: list[str] = []
    failures: list[str] = []
    for number, boundary in enumerate(boundaries, start=1):
        with fresh(number) as url:
            try:
                found = await _killed_at(url, number, boundary, before, life, judged)
            except Exception as error:
                found = f"FAILED: {type(error).__name__}: {str(error)[:160]}"
                failures.append(f"{number} {boundary}: {found}")
        rows.append(f"{number:3}  {boundary:58} {found}")
    return rows, failures


async def _killed_at(
    url: str, number: int, boundary: str, before: Life, life: Life, judged: Callable[..., Awaitable[str]]
) -> str:
    clock, box = _outside()
    first = await Till.open(_settings(url), send=box.ahandle, clock=clock)
    principal = await _principal(first)
    fate = Fate(number)
    try:
        with pytest.raises(Killed):
            await _live(first, principal, box, clock, fate, before, life)
        assert fate.crossed[-1] == boundary, f"it died at another boundary: {fate.crossed[-1]}"
        database = first.database
        if isinstance(database, DyingDatabase) and database.dialect == "sqlite":
            database.real._lock.close()  # as the kernel does for a dead process
        async with _open(url, box, clock) as (till, principal, line):
            clock.advance(1)
            try:
                await life(till, principal, box, clock)  # the caller asks again, with the same key
            except IdempotencyInProgress:
                clock.advance(61)
            await _rest(till, clock)
            await life(till, principal, box, clock)
            await _rest(till, clock)
            await assert_books_equal_truth(till, box)
            assert line.most_at_once <= 1
            return await judged(till, principal, box, boundary, fate.crossed)
    finally:
        await first.database.close()


async def _paid_once(till: Till, principal: Principal, box: Sandbox, boundary: str, crossed: list[str]) -> str:
    (view,) = (await payments.find(till, principal, {}))["data"]
    (order,) = box.orders.values()
    assert (view["status"], view["needs_review"], view["is_late"]) == ("paid", False, False)
    assert [each.state.value for each in order.tries] == ["paid"]
    sent = Counter(call.operation for call in box.wire.calls())
    if "after the commit of claims.keep_session" in crossed:
        assert sent["initiate"] == 1, "the kept token was not used"
    assert sent["initiate"] <= 2
    assert sent["process"] <= 2
    return f"paid once: {sent['initiate']} order, {sent['process']} begun, {sent['order_status']} asked"


async def _given_back_once(
    till: Till, principal: Principal, box: Sandbox, boundary: str, crossed: list[str]
) -> str:
    (view,) = (await refunds.find(till, principal, {}))["data"]
    (truth,) = box.refunds.values()
    assert (view["status"], view["amount"], truth.state.value) == ("done", PART, "done")
    assert not view["needs_review"]
    references = [call.body["refId"] for call in box.wire.calls(operation="refund")]
    assert set(references) == {truth.ref_id}
    assert len(references) <= 2
    return f"given back once: {len(references)} sent, {len(box.wire.calls(operation='refund_status'))} asked"


async def _voided_once(till: Till, principal: Principal, box: Sandbox, boundary: str, crossed: list[str]) -> str:
    (view,) = (await refunds.find(till, principal, {}))["data"]
    (payment,) = (await payments.find(till, principal, {}))["data"]
    (charge,) = box.charges.values()
    assert (view["kind"], view["status"], view["needs_review"]) == ("void", "done", False)
    assert (payment["is_voided"], payment["amount_refunded"]) == (True, AMOUNT)
    assert charge.void is VoidState.DONE
    calls = box.wire.calls(operation="void")
    assert sum(call.answer.startswith("A") for call in calls) == 1, "the machine was asked twice"
    assert len(calls) <= 2
    return f"voided once: {len(calls)} sent"


async def _live(
    till: Till, principal: Principal, box: Sandbox, clock: ManualClock, fate: Fate, before: Life, life: Life
) -> None:
    """Live through what comes before, then be at risk: the same each time, to the last random bit."""
    with ids.seeded("a life"):
        await before(till, principal, box, clock)
        safe = till.database
        put_at_risk(till, fate)
        await life(till, principal, box, clock)
        await _rest(till, clock, safe)


async def _nothing(till: Till, principal: Principal, box: Sandbox, clock: ManualClock) -> None:
    """There is nothing before a payment."""


async def _pay(till: Till, principal: Principal, box: Sandbox, clock: ManualClock) -> None:
    new = payments.NewPayment(amount_paise=AMOUNT, method="upi_intent", reference="R-1")
    await payments.start(till, principal, new, idempotency_key="click-1", fingerprint="f")
    if not isinstance(till.database, DyingDatabase):
        await _rest(till, clock)


async def _give_back(till: Till, principal: Principal, box: Sandbox, clock: ManualClock) -> None:
    safe = till.database.real if isinstance(till.database, DyingDatabase) else till.database
    (payment,) = await safe.read(_paid)
    new = refunds.NewRefund(reason="returned", amount_paise=PART)
    await refunds.start(till, principal, payment, new, idempotency_key="click-2", fingerprint="f")


async def _sell(till: Till, principal: Principal, box: Sandbox, clock: ManualClock) -> None:
    new = payments.NewPayment(amount_paise=AMOUNT, terminal=FIRST, reference="R-1")
    await payments.start(till, principal, new, idempotency_key="click-1", fingerprint="f")
    await _rest(till, clock)


async def _void(till: Till, principal: Principal, box: Sandbox, clock: ManualClock) -> None:
    safe = till.database.real if isinstance(till.database, DyingDatabase) else till.database
    (payment,) = await safe.read(_paid)
    new = refunds.NewRefund(reason="returned", kind="void")
    await refunds.start(till, principal, payment, new, idempotency_key="click-2", fingerprint="f")


def _paid(connection: Any) -> list[str]:
    return [row.id for row in connection.execute(payment_rows.select())]


async def _rest(till: Till, clock: ManualClock, safe: Any = None) -> None:
    """Let time pass, with a worker, until nothing is left to do."""
    end = clock.now() + timedelta(seconds=PATIENCE_S)
    reader = safe or till.database
    while True:
        found = [await reader.read(next_due_at), await reader.read(next_refund_at)]
        moments = [at for at in found if at is not None and at <= end]
        if not moments:
            return
        clock.advance(max(0.1, (min(moments) - clock.now()).total_seconds()))
        await till.worker().drain_due()


def _outside() -> tuple[ManualClock, Sandbox]:
    """Return what does not die with the process: time, Paytm, and a customer who pays when asked."""
    clock = ManualClock(TEN_TWENTY_IST)
    box = Sandbox(clock, seed=1)
    box.play_phone(after_s=4, outcome=PhoneOutcome.APPROVE)
    box.play(after_s=4, outcome="card")
    return clock, box


@asynccontextmanager
async def _open(
    url: str, box: Sandbox, clock: ManualClock
) -> AsyncIterator[tuple[Till, Principal, UpiLine]]:
    line = UpiLine(box.ahandle)
    till = await Till.open(_settings(url), send=line.send, clock=clock)
    try:
        yield till, await _principal(till), line
    finally:
        if isinstance(till.database, DyingDatabase):
            await till.database.close()
        else:
            await till.close()


def _settings(url: str) -> Any:
    return settings_for(url, client_id=CLIENT, public_url=PUBLIC)


async def _principal(till: Till) -> Principal:
    principal = await access.principal_for_key(till, API_KEY)
    assert principal is not None
    return principal


def _tell(
    record_property: Callable[[str, object], None],
    request: pytest.FixtureRequest,
    what: str,
    rows: list[str],
    failures: list[str],
) -> None:
    engine = request.node.callspec.params["fresh"]
    title = f"killed at each of {len(rows)} boundaries of {what} on {engine}: right after {len(rows) - len(failures)}"
    record_property(TABLE, "\n".join([title, *rows]))
