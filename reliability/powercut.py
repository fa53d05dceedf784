"""Power cuts under galla's own SQLite store, and disks that fail, at any of the calls that reach the disk.

A shop takes payments in process; every write and sync of its database is written down (`disk.py`). Then the power is
cut at a random one of them, again and again: what was synced is there, of the rest chance leaves nothing, all, some
writes or some sectors (`image.py`). The file that is left must open, be whole, and hold every commit that was
acknowledged before the cut, and none by half. Once with galla's settings, and once with `synchronous=NORMAL`, where
the same trial must find losses: else it could find none.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random

import msgspec

from galla.errors import GallaError, Unavailable
from galla.service import payments
from reliability.disk import FSYNC_FAILED, FULL, WRITE_FAILED, Disk, Kind, Op, watched
from reliability.image import MEMORY, Cut, Image
from reliability.record import Figure, Record, at_least, count, exactly, facts, keep, tell
from reliability.watching import Found, State, WatchedDatabase
from tests.service.card_shop import CardShop, open_card_shop
from tests.service.shop import FIRST, SECOND

GALLA, WEAK = "FULL", "NORMAL"
PLACES = 40
HURTS = (
    (Kind.SYNC, FSYNC_FAILED, "fsync fails"),
    (Kind.WRITE, FULL, "the disk is full"),
    (Kind.WRITE, WRITE_FAILED, "a write fails"),
)


class Tape(msgspec.Struct):
    """What reached the disk while a shop took payments; `ops` begin at the files as `before` has them.

    `is_closed`: a commit has failed, and whatever wants to be written after it is refused.
    """

    before: Image
    ops: list[Op]
    first: State
    has_failed: bool = False
    is_closed: bool = False


class Tally(msgspec.Struct):
    """What the cuts came to."""

    cuts: int = 0
    lost: int = 0
    torn: int = 0
    wrong: Counter[str] = msgspec.field(default_factory=Counter)


async def tape(rounds: int, *, synchronous: str = GALLA, hurt: tuple[Kind, int, int] | None = None) -> Tape:
    """Let a shop work on a watched disk, and return what reached it.

    Args:
        rounds: how many times each thing is done.
        synchronous: the setting to run with, in the place of galla's own.
        hurt: the kind of call that fails, after how many of them, and with which code of SQLite's.
    """
    disk = Disk()
    with tempfile.TemporaryDirectory(prefix="galla-tape-", dir=MEMORY) as name, watched(disk):
        path = Path(name) / "galla.db"
        taken: list[Tape] = []
        try:
            async with open_card_shop(f"sqlite:///{path}") as shop:
                await _work_watched(shop, path, disk, rounds, synchronous, hurt, taken)
        except (Unavailable, AssertionError):  # the shop's last look, at books that could not be written to their end
            if not (taken and taken[0].has_failed):
                raise
    return taken[0]


async def _work_watched(
    shop: CardShop, path: Path, disk: Disk, rounds: int, synchronous: str, hurt: tuple[Kind, int, int] | None,
    taken: list[Tape],
) -> None:  # fmt: skip
    await shop.till.database.close()
    before = Image(path.parent)
    disk.ops.clear()
    database = await WatchedDatabase.open(str(path))
    shop.till.database = database
    database._writer.raw_connection().driver_connection.execute(f"PRAGMA synchronous={synchronous}")
    made = Tape(before, disk.ops, database.state())
    taken.append(made)
    database.disk = disk
    if hurt is not None:
        disk.fail(*hurt)
    for number in range(rounds):
        try:
            await _round(shop, number)
        except (GallaError, AssertionError, KeyError):  # a step was refused: the shop does not find what it expects
            if not database.is_broken:
                raise
            break
    made.has_failed = disk.failed > 0
    made.is_closed = database.is_broken and await _refuses(database)


async def _refuses(database: WatchedDatabase) -> bool:
    """Return whether the till takes no money any more."""
    try:
        await database.write(lambda connection: None)
    except Unavailable:
        return True
    return False


async def _round(shop: CardShop, number: int) -> None:
    """Take money in every way, some of it at the same moment, and give some back."""
    sold = await shop.sold(100_000 + number, tid=FIRST, key=f"card-{number}")
    begun = await asyncio.gather(*(shop.begin(amount=50_000 + number, reference=f"U{number}-{n}") for n in range(5)))
    for each in begun[:3]:
        shop.approve(each)
    await asyncio.gather(*(shop.check(each) for each in begun))
    bill = await shop.bill(20_000 + number)
    cash = payments.NewPayment(amount_paise=bill["due"], method="cash", bill=bill["id"])
    await payments.start(shop.till, shop.principal, cash, idempotency_key=f"cash-{number}", fingerprint="x")
    if number % 2:
        await shop.give_back(begun[0])
    else:
        await shop.give_back(sold)
        shop.accept_void(FIRST)
        await shop.sold(70_000 + number, tid=SECOND)
    shop.clock.advance(7)
    await shop.drain()


def cut(made: Tape, cuts: int, seed: str) -> Tally:
    """Cut the power at that many random operations of a tape, and look at what is left."""
    random = Random(seed)
    known = _states(made)
    places = sorted(random.choices(range(1, len(made.ops) + 1), k=cuts))
    tally, image, done, acknowledged = Tally(), made.before, 0, 0
    with tempfile.TemporaryDirectory(prefix="galla-cut-", dir=MEMORY) as name:
        for number, place in enumerate(places):
            for op in made.ops[done:place]:
                image.take(op)
                acknowledged = known[op.data] if op.kind is Kind.ACK else acknowledged
            done = place
            files = image.after(random.choice(list(Cut)), random)
            _look(files, Path(name) / str(number), known, acknowledged, tally)
            _tell(number, cuts, tally)
    return tally


def _states(made: Tape) -> dict[State, int]:
    """Return the committed states in their order; one that changed nothing that is counted keeps its first place."""
    known = {made.first: 0}
    for op in made.ops:
        if op.kind is Kind.ACK:
            known.setdefault(op.data, len(known))
    return known


def _look(files: dict[str, bytes], folder: Path, known: dict[State, int], acknowledged: int, tally: Tally) -> None:
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    found = Found(folder / "galla.db")
    tally.cuts += 1
    tally.wrong.update(found.wrong)
    if found.state is None or found.state not in known:
        tally.torn += 1
    elif known[found.state] < acknowledged:
        tally.lost += 1
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()


_told = [0.0]


def _tell(number: int, of: int, tally: Tally) -> None:
    if time.monotonic() - _told[0] > 1:
        _told[0] = time.monotonic()
        print(f"{number}/{of} cuts · {tally.lost} lost · {tally.torn} by half", flush=True)


def hurt(kind: Kind, code: int, place: int) -> tuple[Tape, Tally]:
    """Let the disk fail at one call, and look at what a restart finds, whether or not the system kept the rest."""
    made = asyncio.run(tape(2, hurt=(kind, place, code)))
    known = _states(made)
    acknowledged = max((known[op.data] for op in made.ops if op.kind is Kind.ACK), default=0)
    tally, image = Tally(), made.before
    for op in made.ops:
        image.take(op)
    with tempfile.TemporaryDirectory(prefix="galla-hurt-", dir=MEMORY) as name:
        for way in (Cut.NOTHING, Cut.ALL):
            _look(image.after(way, Random(0)), Path(name) / way.name, known, acknowledged, tally)
    return made, tally


def run(cuts: int, rounds: int, seed: int) -> Iterator[tuple[str, Record]]:
    """Run both trials and yield each one's record when it is over."""
    machine = facts()
    command = f"python -m reliability powercut --cuts {cuts} --rounds {rounds} --seed {seed}"
    full = asyncio.run(tape(rounds))
    good = cut(full, cuts, f"{seed} full")
    weak = asyncio.run(tape(rounds, synchronous=WEAK))
    bad = cut(weak, max(50, cuts // 20), f"{seed} weak")
    yield "Power cuts", _power(command, seed, machine, full, good, bad)
    yield "Bad disks", _disks(command, machine)


def _power(command: str, seed: int, machine: list[str], made: Tape, good: Tally, bad: Tally) -> Record:
    kinds = Counter(op.kind for op in made.ops)
    return Record(
        title="Power cuts under SQLite",
        how=(
            "galla's own store and services take payments by card, UPI and cash and give some back, on a watched "
            "disk: the functions through which galla's SQLite reaches files are replaced in that very library, so "
            "what is cut is what galla wrote. After each cut the file is opened again by the same library."
        ),
        command=command,
        seeds=str(seed),
        machine=machine,
        faults=[f"power cut at a random write or sync, where of what was not synced {each}" for each in Cut],
        figures=[
            count("commits acknowledged", kinds[Kind.ACK]),
            count("writes to the disk", kinds[Kind.WRITE]),
            count("syncs", kinds[Kind.SYNC]),
            count("syncs of the database file itself, by checkpoints", _checkpoints(made)),
            count("power cuts", good.cuts),
            exactly("acknowledged and lost", good.lost),
            exactly("commits there by half, or files that cannot be read", good.torn),
            exactly("integrity, foreign keys or ledger broken", good.wrong.total()),
            count("power cuts with synchronous=NORMAL, to see that this can fail", bad.cuts),
            at_least("of them with a loss", bad.lost, 1),
        ],
        violations=[f"{times} × {what}" for what, times in good.wrong.items()],
    )


def _checkpoints(made: Tape) -> int:
    return sum(op.kind is Kind.SYNC and op.file == "galla.db" for op in made.ops)


def _disks(command: str, machine: list[str]) -> Record:
    figures: list[Figure] = []
    violations: list[str] = []
    for kind, code, says in HURTS:
        calls = _calls(kind)
        places = range(0, calls, max(1, calls // PLACES))
        stopped = lost = 0
        for place in places:
            made, tally = hurt(kind, code, place)
            stopped += made.is_closed
            lost += tally.lost + tally.torn
            violations += [f"{says} at {place}: {what}" for what in tally.wrong]
            print(f"{says}: {place}/{calls} · {stopped} stopped · {lost} lost", flush=True)
        figures += [
            count(f"{says}: at so many of {calls:,} calls, evenly spread", len(places)),
            count(f"{says}: galla stopped taking money", stopped),
            exactly(f"{says}: acknowledged and lost, or there by half", lost),
        ]
    return Record(
        title="Bad disks under SQLite",
        how=(
            "The same shop; one call to the disk fails. A commit that failed refuses its callers and "
            "everything after it. A failure during a checkpoint stops nothing: what it copies is safe in the log, and "
            "is copied again. After a restart every acknowledged commit must be there, whether or not the system kept "
            "what was not synced."
        ),
        command=command,
        seeds="none: the places are evenly spread",
        machine=machine,
        faults=[says for _, _, says in HURTS],
        figures=figures,
        violations=violations,
    )


def _calls(kind: Kind) -> int:
    return sum(op.kind is kind for op in asyncio.run(tape(2)).ops)


def keep_run(cuts: int, rounds: int, seed: int) -> bool:
    """Run both trials, write their records down, and return whether they were good."""
    is_good = True
    for section, record in run(cuts, rounds, seed):
        keep("powercut", section, record)
        is_good = is_good and record.is_good
        tell(record)
    return is_good
