"""Many runs of one seed, on as many processes as there are cores, as if they had been played one after the other.

Runs are numbered, and each is a seed of its own: it follows from the seed and its number alone. What is told of them,
and their common hash, is put together in the order of their numbers, so that neither the processes nor their pace can
change it.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Generator, Iterator
from itertools import count
from multiprocessing import get_context, parent_process
from multiprocessing.context import SpawnProcess
from multiprocessing.queues import Queue
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Event
from queue import Empty

from galla.clock import SYSTEM
from galla.simulation.day import Played, play
from galla.simulation.notebook import Line, Notebook
from galla.simulation.playhouse import open_house

LOOK_EVERY_S = 0.5
ENDING_S = 60.0


class Campaign:
    """What has come of a seed's runs so far, the first `runs` of them.

    It is complete with `wanted` payments, or with the first `seeds` runs where their number was given; each run is
    played so many `times`, and `unlike` are those that left another trace the next time.
    """

    def __init__(self, seed: str, wanted: int, *, seeds: int | None = None, times: int = 1) -> None:
        self.seed = seed
        self.wanted = wanted
        self.seeds = seeds
        self.times = times
        self.runs = 0
        self.tally: Counter[str] = Counter()
        self.broken: list[Played] = []
        self.unlike: list[int] = []
        self.seconds = 0.0
        self._before_s = 0.0
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
        """Whether there have been as many payments, or runs, as were wanted."""
        return self.payments >= self.wanted if self.seeds is None else self.runs >= self.seeds

    @property
    def share(self) -> float:
        """Which part of all requests to Paytm met a fault."""
        return self.tally["calls with a fault"] / max(1, self.tally["calls"])

    def add(self, played: Played, *again: Played) -> None:
        """Take in the next run, and how it went when it was played again."""
        self.runs += 1
        self.tally.update(played.tally)
        self._trace.update(played.trace.encode())
        if played.breach is not None:
            self.broken.append(played)
        if any(each.trace != played.trace for each in again):
            self.unlike.append(played.number)
        self.seconds = self._before_s + SYSTEM.monotonic() - self._began_s

    def take_up(self, line: Line) -> None:
        """Take in a run of an earlier day."""
        self.add(*line.plays)
        self.seconds = self._before_s = line.seconds


def play_all(
    campaign: Campaign, jobs: int, tell: Callable[[Campaign], None], notebook: Notebook | None = None
) -> Campaign:
    """Play runs until the campaign is complete; stop early when interrupted, with what is done.

    Args:
        campaign: whose runs are played. With two jobs or more, each time that one is played is another process's.
        jobs: how many processes.
        tell: called after every run.
        notebook: where each run is written down, and where the first ones may stand already.
    """
    for line in notebook.lines() if notebook is not None else ():
        campaign.take_up(line)
    runs = (_in_processes if jobs > 1 else _here)(campaign.seed, jobs, campaign.times, campaign.runs)
    try:
        while not campaign.is_complete:
            plays = next(runs)
            campaign.add(*plays)
            if notebook is not None:
                notebook.write(Line(seconds=campaign.seconds, plays=plays))
            tell(campaign)
    except KeyboardInterrupt:
        pass
    finally:
        runs.close()
    return campaign


def _here(seed: str, _jobs: int, times: int, first: int) -> Generator[list[Played], None, None]:
    with open_house() as house:
        for number in count(first):
            yield [play(house, seed, number) for _ in range(times)]


def _in_processes(seed: str, jobs: int, times: int, first: int) -> Generator[list[Played], None, None]:
    context = get_context("spawn")  # so that each process hashes texts by a seed of its own
    following, stop = context.Value("q", first), context.Event()
    results: Queue[Played] = context.Queue()
    workers = [
        context.Process(target=_work, args=(seed, (worker, jobs, times), following, stop, results), daemon=True)
        for worker in range(jobs)
    ]
    waiting: defaultdict[int, list[Played]] = defaultdict(list)
    for worker in workers:
        worker.start()
    try:
        for number in count(first):
            while len(waiting[number]) < times:
                try:
                    one = results.get(timeout=LOOK_EVERY_S)
                except Empty:
                    if not all(worker.is_alive() for worker in workers):
                        raise RuntimeError("A process of the simulation has ended by itself.") from None
                    continue
                waiting[one.number].append(one)
            yield waiting.pop(number)
    finally:
        stop.set()
        _let_end(workers, results)


def _let_end(workers: list[SpawnProcess], results: Queue[Played]) -> None:
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


def _work(
    seed: str, part: tuple[int, int, int], following: Synchronized[int], stop: Event, results: Queue[Played]
) -> None:
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process hears it, and lets the others finish
    first = parent_process()
    with open_house() as house:
        for number in _numbers(*part, following):
            if stop.is_set():
                break
            if first is not None and not first.is_alive():  # it was killed, and nobody reads what is said here
                results.cancel_join_thread()
                break
            results.put(play(house, seed, number))


def _numbers(worker: int, jobs: int, times: int, following: Synchronized[int]) -> Iterator[int]:
    """Yield the runs of one process: whichever is next, or where each is played again, those that are its own."""
    if times > 1:
        first = following.value
        own = {(worker - again) % jobs for again in range(times)}
        yield from (number for number in count(first) if number % jobs in own)
    while True:
        with following.get_lock():
            number = following.value
            following.value = number + 1
        yield number
