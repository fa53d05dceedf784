"""The kill test: whenever the process dies between the first click and the proof, the sale is paid exactly once.

A first run without a death records every boundary: before and after each use of the network and each read, and
before, inside and after each transaction. Then one life ends at each of them; another begins on the same database
with nobody's help, time passes, and the customer pays as soon as the machine shows the request.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from galla import ids
from galla.clock import ManualClock
from galla.errors import IdempotencyInProgress
from galla.sandbox.faults import Fault, Kind
from galla.sandbox.sandbox import Sandbox
from galla.service import access, bills, payments, tasks
from galla.service.till import Principal, Till
from galla.simulation.dying import DyingDatabase, Fate, Killed, put_at_risk
from galla.store.claims import next_due_at
from tests.acceptance.crash_table import TABLE
from tests.database import fresh_database
from tests.service.books import assert_books_equal_truth
from tests.service.shop import AMOUNT, API_KEY, FIRST, TEN_TWENTY_IST, Line, settings_for

Fresh = Callable[[], AbstractContextManager[str]]
NUMBER = "INV-1"
PATIENCE_S = 600
AROUND = 15


@pytest.fixture(params=["sqlite", "postgres"])
async def fresh(request: pytest.FixtureRequest, tmp_path: Path) -> Fresh:
    """Return a maker of databases that hold the merchant, the machines and one bill, on each engine."""
    if request.param == "sqlite":
        original = tmp_path / "original.db"
        await _furnish(f"sqlite:///{original}")
        return lambda: _copied(original, tmp_path)
    server = request.getfixturevalue("postgres_url")
    template = request.getfixturevalue("fresh_postgres_url")
    await _furnish(template)
    name = template.rpartition("?")[0].rpartition("/")[2]
    return lambda: fresh_database(server, template=name)


@pytest.mark.timeout(300)
async def test_f35_f03_c03_killed_at_any_boundary_it_is_paid_exactly_once(
    fresh: Fresh, request: pytest.FixtureRequest, record_property: Callable[[str, object], None]
) -> None:
    """Whatever the boundary: one charge, one payment, books equal to the truth, and nobody had to do anything."""
    boundaries = await _undisturbed(fresh)
    assert len(boundaries) >= 30
    rows, failures = await _killed_at_each(fresh, boundaries, 1, {"paid"})
    engine = request.node.callspec.params["fresh"]
    right = len(rows) - len(failures)
    title = f"killed at each of {len(rows)} boundaries of a sale on {engine}: paid exactly once after {right}"
    record_property(TABLE, "\n".join([title, *rows]))
    assert not failures, "\n".join(failures)


@pytest.mark.timeout(300)
async def test_f35_f04_killed_around_the_second_sending_nothing_is_charged_twice(
    fresh: Fresh, request: pytest.FixtureRequest, record_property: Callable[[str, object], None]
) -> None:
    """F04: Where a lost request is sent once more: paid once, or never sent and said so; there is no third sending."""
    lost = Fault(kind=Kind.DROP_BEFORE, operation="sale")
    boundaries = await _undisturbed(fresh, lost)
    first = boundaries.index("before writing claims.mark_sending") - 2
    around = boundaries[: first + AROUND]
    rows, failures = await _killed_at_each(fresh, around, first, {"paid", "not_paid"}, lost)
    engine = request.node.callspec.params["fresh"]
    title = f"killed at {len(rows)} boundaries around a second sending on {engine}: {len(failures)} wrong"
    record_property(TABLE, "\n".join([title, *rows]))
    assert not failures, "\n".join(failures)
    assert sum("not_paid" in row for row in rows) <= 2, "only a death between the mark and the sending ends unpaid"


async def _killed_at_each(
    fresh: Fresh, boundaries: list[str], first: int, allowed: set[str], *faults: Fault
) -> tuple[list[str], list[str]]:
    """Kill one life at each boundary from the `first` on; return the table, and what went wrong."""
    rows: list[str] = []
    failures: list[str] = []
    for number, boundary in enumerate(boundaries[first - 1 :], start=first):
        with fresh() as url:
            try:
                found = await _killed_at(url, number, boundary, allowed, *faults)
            except Exception as error:
                found = f"FAILED: {type(error).__name__}: {str(error)[:160]}"
                failures.append(f"{number} {boundary}: {found}")
        rows.append(f"{number:3}  {boundary:52} {found}")
    return rows, failures


async def _killed_at(url: str, number: int, boundary: str, allowed: set[str], *faults: Fault) -> str:
    """Let one process die at a boundary and another one find what is left; return how it ended."""
    clock, box = _outside(*faults)
    first = await Till.open(settings_for(url), send=box.ahandle, clock=clock)
    fate = Fate(number)
    try:
        with pytest.raises(Killed):
            await _live(first, clock, fate)
        assert fate.crossed[-1] == boundary, f"it died at another boundary: {fate.crossed[-1]}"
        _let_go_of_the_file(first)
        async with _reborn(url, box, clock) as (till, principal, line):
            return await _recovered(till, principal, box, clock, line, allowed)
    finally:
        await first.database.close()


async def _recovered(
    till: Till, principal: Principal, box: Sandbox, clock: ManualClock, line: Line, allowed: set[str]
) -> str:
    was_known = bool((await payments.find(till, principal, {}))["data"])
    assert was_known or not box.wire.calls(), "something was sent that is written down nowhere"
    clock.advance(1)
    retry = await _ask_again(till, principal)
    began = clock.now()
    view = await _final(till, principal, clock)
    waited_s = (clock.now() - began).total_seconds()
    assert view["status"] in allowed, f"{view['status']} {view['reason']}"
    assert not view["needs_review"]
    is_paid = view["status"] == "paid"
    assert [charge.amount_paise for charge in box.charges.values()] == ([AMOUNT] if is_paid else [])
    assert (await bills.get(till, principal, NUMBER))["status"] == ("paid" if is_paid else "open")
    assert is_paid or view["reason"]["code"] == "never_sent"
    await assert_books_equal_truth(till, box)
    clock.advance(61)
    again = await _ask_again(till, principal)
    assert again == f"replay of {view['id']}", "the caller's retry made another payment"
    assert await tasks.unexplained(till, principal) == 0
    assert line.most_at_once <= 1
    sent = Counter(call.operation for call in box.wire.calls())
    assert sent["sale"] <= 2
    how = f"{'' if was_known else 'not begun, '}retry: {retry.split(' ')[0]}".ljust(21)
    end = "paid once" if is_paid else "not_paid: never sent, said so"
    return f"{end}  {how} after {waited_s:3.0f} s, {sent['sale']} sent, {sent['status']} asked"


async def _final(till: Till, principal: Principal, clock: ManualClock) -> Any:
    """Let time pass, with a worker, until the payment is final."""
    patience = clock.now() + timedelta(seconds=PATIENCE_S)
    while True:
        (view,) = (await payments.find(till, principal, {}))["data"]
        due_at = await till.database.read(next_due_at)
        if view["status"] in ("paid", "not_paid") or due_at is None or due_at > patience:
            return view
        clock.advance(max(0.1, (due_at - clock.now()).total_seconds()))
        await till.worker().drain_due()


async def _live(till: Till, clock: ManualClock, fate: Fate) -> None:
    """Start the payment and work until it is paid, or until the end; the same each time, to the last random bit."""
    principal = await _principal(till)
    safe = till.database
    put_at_risk(till, fate)
    with ids.seeded("a life"):
        await _start(till, principal)
        while (due_at := await safe.read(next_due_at)) is not None:
            clock.advance(max(0.1, (due_at - clock.now()).total_seconds()))
            await till.worker().drain_due()


async def _undisturbed(fresh: Fresh, *faults: Fault) -> list[str]:
    """Live through a sale without dying and return the boundaries it crossed."""
    clock, box = _outside(*faults)
    fate = Fate()
    with fresh() as url:
        till = await Till.open(settings_for(url), send=box.ahandle, clock=clock)
        try:
            await _live(till, clock, fate)
            boundaries = list(fate.crossed)
            (view,) = (await payments.find(till, await _principal(till), {}))["data"]
            assert view["status"] == "paid"
        finally:
            await till.close()
    return boundaries


def _outside(*faults: Fault) -> tuple[ManualClock, Sandbox]:
    """Return what does not die with the process: time, Paytm, and a customer who pays when asked."""
    clock = ManualClock(TEN_TWENTY_IST)
    box = Sandbox(clock, seed=1)
    box.play(after_s=4, outcome="card")
    for fault in faults:
        box.add_fault(fault)
    return clock, box


@asynccontextmanager
async def _reborn(url: str, box: Sandbox, clock: ManualClock) -> AsyncIterator[tuple[Till, Principal, Line]]:
    """Start the service again, as whoever watches over processes does."""
    line = Line(box.ahandle)
    till = await Till.open(settings_for(url), send=line.send, clock=clock)
    try:
        yield till, await _principal(till), line
    finally:
        await till.close()


async def _start(till: Till, principal: Principal) -> payments.Started:
    new = payments.NewPayment(amount_paise=AMOUNT, terminal=FIRST, bill=NUMBER)
    return await payments.start(till, principal, new, idempotency_key="click-1", fingerprint="f")


async def _ask_again(till: Till, principal: Principal) -> str:
    """Send the caller's request again and say what it heard."""
    try:
        started = await _start(till, principal)
    except IdempotencyInProgress as error:
        return f"in-progress as {error.blocker}"
    return f"{'replay of' if started.is_replay else 'new'} {started.payment['id']}"


async def _principal(till: Till) -> Principal:
    principal = await access.principal_for_key(till, API_KEY)
    assert principal is not None
    return principal


async def _furnish(url: str) -> None:
    """Make the tables, the merchant, its machines and one bill."""
    till = await Till.open(settings_for(url), send=Sandbox().ahandle, clock=ManualClock(TEN_TWENTY_IST))
    line: dict[str, Any] = {"description": "Peel", "quantity": 1, "unit_amount": AMOUNT, "tax_rate": "18"}
    await bills.create(till, await _principal(till), bills.NewBill(number=NUMBER, lines=[line]))
    await till.close()


@contextmanager
def _copied(original: Path, folder: Path) -> Iterator[str]:
    copy = folder / "copy.db"
    shutil.copy(original, copy)
    try:
        yield f"sqlite:///{copy}"
    finally:
        for leftover in folder.glob("copy.db*"):
            leftover.unlink()


def _let_go_of_the_file(till: Till) -> None:
    """Give up SQLite's file lock and nothing else, as the kernel does for a dead process."""
    database = till.database
    if isinstance(database, DyingDatabase) and database.dialect == "sqlite":
        database.real._lock.close()
