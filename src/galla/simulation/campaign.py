"""Many runs of one seed, on as many processes as there are cores, as if they had been played one after the other.

Runs are numbered and each follows from the seed and its number alone; what is told of them, and their common hash, is
put together in the order of their numbers, so that neither the processes nor their pace can change it.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import count
from multiprocessing import get_context
from multiprocessing.queues import Queue
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Event
from queue import Empty
from typing import Any

from galla.clock import SYSTEM
from galla.simulation.day import Played, play
from galla.simulation.playhouse import open_house

LOOK_EVERY_S = 0.5
ENDING_S = 60.0


class Campaign:
    """What has come of a seed's runs so far, the first `runs` of them."""

    def __init__(self, seed: str, wanted: int) -> None:
        self.seed = seed
        self.wanted = wanted
        self.runs = 0
        self.tally: Counter[str] = Counter()
        self.broken: list[Played] = []
        self.unlike: list[int] = []
        self.seconds = 0.0
        self._began_s = SYSTEM.monotonic()
        self._trace = hashlib.sha256(seed.encode())

    @property
    def payments(self) -> int:
        """How many payments there have been."""
        return self.tally["payments"]

    @property
    def trace(self) -> str:
        """The hash of everything that happened in all runs, in their order."""
        return self._trace.hexdigest()

    @property
    def is_complete(self) -> bool:
        """Whether there have been as many payments as were wanted."""
        return self.payments >= self.wanted

    @property
    def share(self) -> float:
        """Which part of all requests to Paytm met a fault."""
        return self.tally["calls with a fault"] / max(1, self.tally["calls"])

    def add(self, played: Played) -> None:
        """Take in the next run."""
        self.runs += 1
        self.tally.update(played.tally)
        self._trace.update(played.trace.encode())
        if played.breach is not None:
            self.broken.append(played)
        self.seconds = SYSTEM.monotonic() - self._began_s


def play_all(
    seed: str, payments: int, jobs: int, tell: Callable[[Campaign], None], *, is_twice: bool = False
) -> Campaign:
    """Play runs until there have been so many payments; stop early when interrupted, with what is done.

    Args:
        seed: what decides everything.
        payments: how many payments at least.
        jobs: how many processes.
        tell: called after every run.
        is_twice: play each run a second time, and note those whose hash is another one.
    """
    campaign = Campaign(seed, payments)
    numbers = _in_processes if jobs > 1 else _here
    runs = numbers(seed, jobs, is_twice)
    try:
        for played, again in runs:
            campaign.add(played)
            if again is not None and again != played.trace:
                campaign.unlike.append(played.number)
            tell(campaign)
            if campaign.is_complete:
                break
    except KeyboardInterrupt:
        pass
    finally:
        runs.close()
    return campaign


Runs = Iterator[tuple[Played, str | None]]


def _here(seed: str, _jobs: int, is_twice: bool) -> Any:
    with open_house() as house:
        for number in count():
            played = play(house, seed, number)
            yield played, play(house, seed, number).trace if is_twice else None


def _in_processes(seed: str, jobs: int, is_twice: bool) -> Any:
    context = get_context("spawn")
    following, stop = context.Value("q", 0), context.Event()
    results: Queue[tuple[Played, str | None]] = context.Queue()
    workers = [
        context.Process(target=_work, args=(seed, is_twice, following, stop, results), daemon=True) for _ in range(jobs)
    ]
    waiting: dict[int, tuple[Played, str | None]] = {}
    for worker in workers:
        worker.start()
    try:
        for number in count():
            while number not in waiting:
                try:
                    one = results.get(timeout=LOOK_EVERY_S)
                except Empty:
                    if not all(worker.is_alive() for worker in workers):
                        raise RuntimeError("A process of the simulation has ended by itself.") from None
                    continue
                waiting[one[0].number] = one
            yield waiting.pop(number)
    finally:
        stop.set()
        _let_end(workers, results)


def _let_end(workers: list[Any], results: Any) -> None:
    """Let each process finish its run, and take what it still has to say: one that cannot say it cannot end."""
    ends_s = SYSTEM.monotonic() + ENDING_S
    while any(worker.is_alive() for worker in workers) and SYSTEM.monotonic() < ends_s:
        try:
            results.get(timeout=LOOK_EVERY_S)
        except Empty:
            continue
    for worker in workers:
        worker.terminate()
        worker.join()


def _work(seed: str, is_twice: bool, following: Synchronized[int], stop: Event, results: Any) -> None:
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process hears it, and lets the others finish
    with open_house() as house:
        while not stop.is_set():
            with following.get_lock():
                number = following.value
                following.value = number + 1
            played = play(house, seed, number)
            results.put((played, play(house, seed, number).trace if is_twice else None))
