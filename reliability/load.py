"""Load: customers come at a steady rate to two hundred counters of one shop, over real sockets, for minutes.

galla, the sandbox, the database and the counters share this computer, and how they share its processors is said. At
the end the books are laid beside what the sandbox holds true, payment by payment.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil  # type: ignore[import-untyped]
from sqlalchemy import Connection

from bench import pace
from galla.cli import hosting
from galla.store.database import open_database
from reliability.outside import Outside, State
from reliability.processes import Program, control, free_port, sandbox, settings
from reliability.record import Figure, Record, count, exactly, facts, keep, tell
from reliability.tills import Sale, Shop
from tests.database import fresh_database, running_postgres

COUNTERS = 200
RATE_S = {"sqlite": 20.0, "postgres": 60.0}
NAMES = {"sqlite": "SQLite", "postgres": "PostgreSQL"}
API_S, SCREEN_S = 0.25, 1.0
PAYS_AFTER_S = 0.3
PATIENCE_S = 60.0


def keep_run(database: str, rate_s: float, minutes: float, seed: int) -> bool:
    """Run it on one database, write its record down, and return whether it was good."""
    record = run(database, rate_s, minutes * 60, seed)
    keep("load", NAMES[database], record)
    return record.is_good


def run(database: str, rate_s: float, seconds: float, seed: int, counters: int = COUNTERS) -> Record:
    """Run it on one database and return its record."""
    machine, paces = facts(), [pace.now()]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="galla-load-")))
        url = stack.enter_context(_database(database, folder))
        pretend = stack.enter_context(sandbox(folder, after_s=PAYS_AFTER_S))
        port = free_port()
        address = f"http://127.0.0.1:{port}"
        tids = tuple(str(61_000_000 + number) for number in range(counters))
        for tid in tids:
            control(pretend, "/terminals", {"tid": tid})
        programs = _start(stack, folder, port, settings(url, pretend, tids, GALLA_PUBLIC_URL=address), database)
        shop = Shop(address, tids, rate_s, seed)
        before, began = _used(database), time.monotonic()
        hosting.run(shop.run(seconds))
        took_s = time.monotonic() - began
        paces.append(pace.now())
        shares = {name: (used - before.get(name, 0.0)) / took_s * 100 for name, used in _used(database).items()}
        state = Outside(pretend).state()
        codes = [program.stop() for program in programs]
        held = asyncio.run(_books(url))
    violations = [*_wrong(shop.sales), *_differences(shop.sales, state, held)]
    violations += [f"a process ended with {code} when it was asked to" for code in codes if code]
    record = Record(
        title=f"Load, {NAMES[database]}: {rate_s:g} payments a second",
        how=(
            f"{counters} counters with a card machine and an open event stream each; customers come at random, "
            f"{rate_s:g} a second, for {seconds / 60:g} minutes, and each pays {PAYS_AFTER_S:g} s after the machine "
            "asks. Callbacks are on. Answers are measured from when the customer came, screens from when the machine "
            "was done. galla, sandbox, database and counters share the processors of one computer"
            + (", and PostgreSQL keeps its files in memory." if database == "postgres" else ".")
        ),
        command=f"python -m reliability load --database {database} --rate {rate_s:g} --minutes {seconds / 60:g}",
        seeds=str(seed),
        machine=machine,
        faults=["none"],
        figures=[*_figures(shop, state, shares, took_s), _at_pace(shop, took_s, paces, RATE_S[database])],
        violations=violations[:50],
    )
    tell(record)
    return record


@contextmanager
def _database(name: str, folder: Path) -> Iterator[str]:
    if name == "sqlite":
        yield f"sqlite:///{folder}/galla.db"
        return
    with running_postgres() as server, fresh_database(server) as url:
        yield url


def _start(stack: ExitStack, folder: Path, port: int, environment: dict[str, str], database: str) -> list[Program]:
    """Start galla as one process on SQLite, as web and worker on PostgreSQL; return when it answers.

    Raises:
        RuntimeError: it does not come up.
    """
    words = ["serve", "--port", str(port)]
    both = [words] if database == "sqlite" else [[*words, "--no-worker"], ["worker"]]
    programs = [Program(each, environment, folder / f"{each[0]}.log", None) for each in both]
    for program in programs:
        program.start()
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5):
                return programs
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise RuntimeError(f"galla does not start:\n{programs[0].last_words()}")


def _used(database: str) -> dict[str, float]:
    """Return the processor seconds that each part has used so far; PostgreSQL's with its connections that ended."""
    used: dict[str, float] = {}
    own = psutil.Process()
    for process in [own, *own.children(recursive=True), *(_postgres() if database == "postgres" else ())]:
        try:
            words, times = " ".join(process.cmdline()), process.cpu_times()
        except psutil.Error:
            continue
        name = _part(words) if process.pid != own.pid else "the counters"
        if name is not None:
            ended = times.children_user + times.children_system if name == "PostgreSQL" else 0.0
            used[name] = used.get(name, 0.0) + times.user + times.system + ended
    return used


def _postgres() -> list[psutil.Process]:
    """Return the database's processes, which are no children of this one."""
    return [each for each in psutil.process_iter() if "postgres" in (each.name() or "")]


def _part(words: str) -> str | None:
    for mark, name in (
        ("galla.cli serve", "galla, web"), ("galla.cli worker", "galla, worker"),
        ("galla.cli sandbox", "the sandbox"), ("postgres", "PostgreSQL"),
    ):  # fmt: skip
        if mark in words:
            return name
    return None


async def _books(url: str) -> dict[str, tuple[str, int, str]]:
    """Return what the books say: by payment its Paytm id, its amount in paise and its status."""

    def look(connection: Connection) -> dict[str, tuple[str, int, str]]:
        rows = connection.exec_driver_sql("SELECT id, paytm_id, amount_paise, status FROM payments")
        found = {row[0]: (row[1], row[2], row[3]) for row in rows}
        (total,) = connection.exec_driver_sql("SELECT SUM(amount_paise) FROM postings").one()
        assert not total, "the ledger does not sum to zero"
        return found

    database = await open_database(url)
    try:
        return await database.read(look)
    finally:
        await database.close()


def _wrong(sales: list[Sale]) -> list[str]:
    return [sale.wrong for sale in sales if sale.wrong is not None]


def _differences(sales: list[Sale], state: State, held: dict[str, tuple[str, int, str]]) -> list[str]:
    """Compare three tellings of every sale: the counter's, the books' and the sandbox's."""
    found = []
    taken = {charge.id: charge.amount_paise for charge in state.charges if charge.settled_at is not None}
    twice = [amount for amount, times in Counter(charge.amount_paise for charge in state.charges).items() if times > 1]
    found += [f"{amount} paise reached a machine more than once" for amount in twice]
    for sale in sales:
        if sale.id is None:
            continue
        paytm_id, amount, status = held.get(sale.id, ("", 0, "gone"))
        if (amount, status) != (sale.amount_paise, sale.status):
            found.append(f"{sale.key} is {status} over {amount} in the books, {sale.status} on the screen")
        if status == "paid" and taken.get(paytm_id) != amount:
            found.append(f"{sale.key} is paid in the books, and the sandbox took {taken.get(paytm_id)}")
    known = {paytm_id for paytm_id, _, _ in held.values()}
    return found + [f"the sandbox took {name}, which the books do not know" for name in taken if name not in known]


def _figures(shop: Shop, state: State, shares: dict[str, float], took_s: float) -> list[Figure]:
    settled = {
        charge.amount_paise: charge.settled_at.timestamp() for charge in state.charges if charge.settled_at is not None
    }
    sales = shop.sales
    answers = [sale.answered_at - sale.came_at for sale in sales if sale.answered_at is not None]
    screens = [
        sale.shown_at - settled[sale.amount_paise]
        for sale in sales
        if sale.shown_at is not None and sale.amount_paise in settled
    ]
    paid = sum(sale.status == "paid" for sale in sales)
    return [
        count("customers", len(sales)),
        count("paid, each one charge of its amount", paid),
        exactly("errors", sum(sale.wrong is not None for sale in sales)),
        exactly("not paid, though each customer pays", len(sales) - paid),
        Figure(what="payments a second, to the last end", value=f"{paid / took_s:.1f}"),
        count("counters busy at most", shop.most_at_once),
        *_waits("until the start is answered", answers, API_S),
        *_waits("from the machine's end to the screen", screens, SCREEN_S),
        *(Figure(what=f"core: {name}", value=f"{share:.0f} %") for name, share in sorted(shares.items())),
    ]


def _at_pace(shop: Shop, took_s: float, paces: list[float], wanted_s: float) -> Figure:
    """Return how many payments a second this is on the computer for which the rates were set (decision 12).

    A computer that is faster than that one has to carry the rate as it stands, and no more.
    """
    here = sum(paces) / len(paces)
    at_pace = sum(sale.status == "paid" for sale in shop.sales) / took_s * max(1.0, here)
    what = f"payments a second, times this computer's pace of {here:.2f}"
    if here < 1:
        what = f"payments a second, as they are: this computer's pace is {here:.2f}"
    return Figure(what=what, value=f"{at_pace:.1f}", target=f"≥ {wanted_s:g}", is_met=at_pace >= wanted_s)


def _waits(what: str, values_s: list[float], limit_s: float) -> list[Figure]:
    ranked = sorted(values_s)
    if not ranked:
        return [Figure(what=f"{what}: none measured", value="0", is_met=False)]
    p50, p99 = ranked[len(ranked) // 2], ranked[min(len(ranked) - 1, len(ranked) * 99 // 100)]
    return [
        Figure(what=f"{what}: half within", value=f"{p50 * 1000:.0f} ms"),
        Figure(
            what=f"{what}: p99", value=f"{p99 * 1000:.0f} ms", target=f"≤ {limit_s * 1000:g} ms", is_met=p99 <= limit_s
        ),
        Figure(what=f"{what}: longest", value=f"{ranked[-1] * 1000:.0f} ms"),
    ]
