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
from pathlib import Path
from typing import Any

import pytest

from galla.clock import ManualClock
from galla.errors import IdempotencyInProgress
from galla.sandbox.sandbox import Sandbox
from galla.service import access, bills, payments
from galla.service.till import Principal, Till
from tests.acceptance.conftest import TABLE
from tests.acceptance.dying import DyingDatabase, Fate, Killed, put_at_risk
from tests.database import fresh_database
from tests.service.books import assert_books_equal_truth
from tests.service.shop import AMOUNT, API_KEY, FIRST, TEN_TWENTY_IST, Line, settings_for

Fresh = Callable[[], AbstractContextManager[str]]
NUMBER = "INV-1"
PATIENCE_S = 600


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
    with fresh() as url:
        boundaries = await _one_life(url, Fate())
    failures: list[str] = []
    rows: list[str] = []
    for number, boundary in enumerate(boundaries, start=1):
        with fresh() as url:
            try:
                found = await _killed_at(url, number)
            except Exception as error:
                found = f"FAILED: {type(error).__name__}: {str(error)[:160]}"
                failures.append(f"{number} {boundary}: {found}")
        rows.append(f"{number:3}  {boundary:52} {found}")
    engine = request.node.callspec.params["fresh"]
    title = f"killed at each of {len(rows)} boundaries of a sale on {engine}: {len(failures)} not paid exactly once"
    record_property(TABLE, "\n".join([title, *rows]))
    assert not failures, "\n".join(failures)
    assert len(rows) >= 30


async def _killed_at(url: str, number: int) -> str:
    """Let one process die at a boundary and another one find what is left; return how it ended."""
    clock = ManualClock(TEN_TWENTY_IST)
    box = Sandbox(clock, seed=1)
    box.play(after_s=4, outcome="card")
    first = await Till.open(settings_for(url), send=box.ahandle, clock=clock)
    try:
        with pytest.raises(Killed):
            await _live(first, clock, Fate(number))
        _let_go_of_the_file(first)
        async with _reborn(url, box, clock) as (till, principal, line):
            return await _recovered(till, principal, box, clock, line)
    finally:
        await first.database.close()


async def _recovered(till: Till, principal: Principal, box: Sandbox, clock: ManualClock, line: Line) -> str:
    was_known = bool((await payments.find(till, principal, {}))["data"])
    assert was_known or not box.wire.calls(), "something was sent that is written down nowhere"
    clock.advance(1)
    retry = await _ask_again(till, principal)
    began = clock.now()
    while (clock.now() - began).total_seconds() < PATIENCE_S:
        (view,) = (await payments.find(till, principal, {}))["data"]
        if view["status"] == "paid":
            break
        clock.advance(1)
        await till.worker().drain_due()
    waited_s = (clock.now() - began).total_seconds()
    assert view["status"] == "paid", f"{view['status']} {view['reason']}"
    assert not view["needs_review"]
    assert [charge.amount_paise for charge in box.charges.values()] == [AMOUNT]
    assert (await bills.get(till, principal, NUMBER))["status"] == "paid"
    await assert_books_equal_truth(till, box)
    clock.advance(61)
    again = await _ask_again(till, principal)
    assert again == f"replay of {view['id']}", "the caller's retry made another payment"
    assert await payments.unexplained(till, principal) == 0
    assert line.most_at_once <= 1
    told = "not begun, " if not was_known else ""
    sent = Counter(call.operation for call in box.wire.calls())
    how = f"{told}retry: {retry.split(' ')[0]}".ljust(22)
    return f"paid once  {how} after {waited_s:3.0f} s, {sent['sale']} sent, {sent['status']} asked"


async def _live(till: Till, clock: ManualClock, fate: Fate) -> None:
    """Start the payment and work until it is paid, or until the end."""
    principal = await _principal(till)
    put_at_risk(till, fate)
    await _start(till, principal)
    for seconds in (3, 6):
        clock.advance(seconds)
        await till.worker().drain_due()


async def _one_life(url: str, fate: Fate) -> list[str]:
    """Live through a sale without dying and return the boundaries it crossed."""
    clock = ManualClock(TEN_TWENTY_IST)
    box = Sandbox(clock, seed=1)
    box.play(after_s=4, outcome="card")
    till = await Till.open(settings_for(url), send=box.ahandle, clock=clock)
    try:
        await _live(till, clock, fate)
        boundaries = list(fate.crossed)
        (view,) = (await payments.find(till, await _principal(till), {}))["data"]
        assert view["status"] == "paid"
        return boundaries
    finally:
        await till.close()


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
