"""SIGKILL under load: galla as real processes against a real sandbox, killed at random moments and started again.

Counters take payments over HTTP as fast as machines and phones allow. On SQLite the one process dies; on PostgreSQL
the web process, the worker, or both. Some deaths come while galla is still starting. Every fifth life is left alone
for a while, to see how soon what the crash interrupted is followed again.
"""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter as Tally
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from pathlib import Path

import aiohttp
import msgspec

from galla.clock import SYSTEM, from_millis
from galla.simulation.invariants import INVARIANTS
from reliability.counters import Counter, Memory
from reliability.outside import Outside
from reliability.processes import Nursery, Program, control, free_port, sandbox, settings
from reliability.record import Figure, Record, at_least, count, exactly, facts, keep, tell, within
from reliability.verdict import Row, Verdict, judge
from tests.database import fresh_database, running_postgres

MACHINES, PHONES = 8, 4
RECOVERY_S = 5.0
CALM_EVERY, CALM_S = 5, 6.0
EARLY_EVERY = 7
COLD_EVERY = 10
LONGEST_LIFE_S = 1.2
ENDING_S = 240.0
PATIENCE_S = 240.0
LADDER_SCALE = "0.2"
NAMES = {"sqlite": "SQLite", "postgres": "PostgreSQL"}


class Death(msgspec.Struct):
    """One kill: who died, when, whether while still starting; how soon galla answered again (None: it died first).

    What is started after it is left alone for a while if `is_calm`, and begins from nothing if `is_cold`.
    """

    who: str
    at: float
    is_early: bool
    is_calm: bool = False
    is_cold: bool = False
    answered_after_s: float | None = None
    cpu_s: float | None = None


class Trial:
    """One trial on one database."""

    def __init__(self, folder: Path, database_url: str, sandbox_url: str, seed: int) -> None:
        self._random = random.Random(f"{seed} {database_url.partition(':')[0]}")
        self._url = f"http://127.0.0.1:{(port := free_port())}"
        tids = tuple(str(61_000_000 + number) for number in range(MACHINES))
        for tid in tids:
            control(sandbox_url, "/terminals", {"tid": tid})
        control(sandbox_url, "/phone-autoplay", {"after_s": 0.3})
        control(sandbox_url, "/settings", {"refund_delay_s": 0.5})
        self.tids = tids
        self.environment = settings(database_url, sandbox_url, tids, GALLA_LADDER_SCALE=LADDER_SCALE)
        is_shared = database_url.startswith("postgres")
        words = ["serve", "--port", str(port)]
        both = [[*words, "--no-worker"], ["worker"]] if is_shared else [words]
        self._nursery = Nursery()
        self._programs = [Program(each, self.environment, folder / f"{each[0]}.log", self._nursery) for each in both]
        self.memory = Memory()
        self.outside = Outside(sandbox_url)
        self.deaths: list[Death] = []

    async def run(self, kills: int) -> None:
        """Kill and start again this many times, then let everything come to its end."""
        for program in self._programs:
            program.start()
        timeout = aiohttp.ClientTimeout(total=8)
        async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0)) as http:
            names = [*self.tids, *[f"phone{number}" for number in range(PHONES)]]
            counters = [
                Counter(name, name if name in self.tids else None, self.memory, http, self._url) for name in names
            ]
            await self._first_answer(http)
            working = [asyncio.create_task(counter.run()) for counter in counters]
            telling = asyncio.create_task(self._tell(kills))
            try:
                while len(self.deaths) < kills:
                    await self._life()
                await self._answered()
                self.memory.is_closing = True
                await asyncio.wait_for(asyncio.gather(*working), ENDING_S)
            finally:
                telling.cancel()
                for task in working:
                    task.cancel()
                self.codes = [program.stop() for program in reversed(self._programs)]
                self._nursery.close()

    async def _life(self) -> None:
        """Let galla live for a moment, then kill it and start it again."""
        number = len(self.deaths) + 1
        is_early = number % EARLY_EVERY == 0
        if is_early:
            await asyncio.sleep(self._random.uniform(0.05, 1.5))
        else:
            await self._answered()
            if self.deaths and self.deaths[-1].is_calm:
                await asyncio.sleep(CALM_S)
            await asyncio.sleep(self._random.uniform(0.02, LONGEST_LIFE_S))
        dying = self._programs if len(self._programs) == 1 else self._chosen()
        self.memory.waits()
        at = max(program.kill() for program in dying)
        death = Death(" and ".join(each.name for each in dying), at, is_early)
        death.is_calm, death.is_cold = number % CALM_EVERY == 0, number % COLD_EVERY == 0
        self.deaths.append(death)
        await asyncio.to_thread(self.outside.read_calls)
        for program in dying:
            program.start(is_cold=death.is_cold)

    def _chosen(self) -> list[Program]:
        return self._random.choice(([self._programs[0]], [self._programs[1]], self._programs))

    async def _answered(self) -> None:
        """Wait for the first answer since the last death.

        Raises:
            RuntimeError: it does not come.
        """
        try:
            await asyncio.wait_for(self.memory.is_answered.wait(), PATIENCE_S)
        except TimeoutError:
            raise RuntimeError(f"galla does not answer:\n{self._programs[0].last_words()}") from None
        if self.deaths and "serve" in self.deaths[-1].who and self.deaths[-1].answered_after_s is None:
            self.deaths[-1].cpu_s = self._programs[0].cpu_s()
            self.deaths[-1].answered_after_s = self.memory.answered_at - self.deaths[-1].at

    async def _first_answer(self, http: aiohttp.ClientSession) -> None:
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            try:
                async with http.get(f"{self._url}/healthz") as response:
                    if response.status == 200:
                        return
            except aiohttp.ClientError:
                await asyncio.sleep(0.1)
        raise RuntimeError(f"galla does not start:\n{self._programs[0].last_words()}")

    async def _tell(self, kills: int) -> None:
        """Print where the trial is, once a second."""
        while True:
            final = sum(each.status in ("paid", "not_paid") for each in self.memory.asked)
            print(
                f"{len(self.deaths)}/{kills} kills · {len(self.memory.asked)} asked for · {final} final"
                f" · {len(self.memory.wrong)} wrong",
                flush=True,
            )
            await asyncio.sleep(1)


def run(database: str, kills: int, seed: int) -> Record:
    """Run one trial and return its record; the last line printed says how it went."""
    began = time.monotonic()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="galla-crash-")))
        url = stack.enter_context(_database(database, folder))
        machine = facts()
        trial = Trial(folder, url, stack.enter_context(sandbox(folder)), seed)
        asyncio.run(trial.run(kills))
        verdict = asyncio.run(judge(url, trial.outside, trial.memory.asked, SYSTEM.now()))
        verify = [sys.executable, "-m", "galla.cli", "audit", "verify"]
        chain = subprocess.run(verify, env=trial.environment, capture_output=True, text=True, check=False)
    record = _record(database, kills, seed, trial, verdict, chain.returncode == 0, machine, time.monotonic() - began)
    tell(record)
    if record.violations:
        for death in trial.deaths:
            print(f"{from_millis(int(death.at * 1000)):%H:%M:%S.%f} death of {death.who}{' early' * death.is_early}")
    return record


def keep_run(database: str, kills: int, seed: int) -> bool:
    """Run one trial, write its record down, and return whether it was good."""
    record = run(database, kills, seed)
    keep("crash", NAMES[database], record)
    return record.is_good


@contextmanager
def _database(name: str, folder: Path) -> Iterator[str]:
    if name == "sqlite":
        yield f"sqlite:///{folder}/galla.db"
        return
    with running_postgres() as server, fresh_database(server) as url:
        yield url


def _record(
    database: str, kills: int, seed: int, trial: Trial, verdict: Verdict, is_whole: bool, machine: list[str],
    took_s: float,
) -> Record:  # fmt: skip
    memory = trial.memory
    violations = [*memory.wrong, *verdict.lost, *verdict.doubled, *verdict.breaches]
    violations += [] if is_whole else ["the audit chain is broken"]
    violations += [f"a process ended with {code} when it was asked to" for code in trial.codes if code]
    return Record(
        title=f"SIGKILL under load, {NAMES[database]}",
        how=(
            "galla's real processes against a sandbox process, over sockets; eight counters with card machines and "
            "four with UPI take payments and give some back, as fast as machines and phones allow, every request for "
            "money under an idempotency key. Every tenth start is from nothing; the others are forked from a process "
            f"that has imported galla already. Ladder × {LADDER_SCALE}, all else as shipped."
        ),
        command=f"python -m reliability crash --database {database} --kills {kills} --seed {seed}",
        seeds=str(seed),
        machine=machine,
        faults=_faults(trial.deaths),
        figures=_figures(kills, trial, verdict, took_s),
        violations=violations[:50],
    )


def _faults(deaths: list[Death]) -> list[str]:
    who = Tally(death.who for death in deaths)
    early = sum(death.is_early for death in deaths)
    return [*(f"{count} × SIGKILL of {name}" for name, count in who.items()), f"{early} of them while starting"]


def _figures(kills: int, trial: Trial, verdict: Verdict, took_s: float) -> list[Figure]:
    memory = trial.memory
    acknowledged = sum(each.id is not None for each in memory.asked)
    back = [(death, death.answered_after_s) for death in trial.deaths if death.answered_after_s is not None]
    cold, warm = ([waited for death, waited in back if death.is_cold is which] for which in (True, False))
    used = [death.cpu_s for death, _ in back if death.is_cold and death.cpu_s is not None]
    followed, missed = _followed(trial.deaths, verdict.rows, trial.outside.spoken_of())
    return [
        at_least("SIGKILLs", len(trial.deaths), kills),
        count("payments asked for", len(memory.asked)),
        count("of them acknowledged", acknowledged),
        count("paid", verdict.statuses.get("paid", 0)),
        count("not paid", verdict.statuses.get("not_paid", 0)),
        count("refunds and voids done", verdict.refunds.get("done", 0)),
        count("refunds that failed and were made again", memory.heard["a refund failed"]),
        count("requests without an answer", memory.heard["no answer"]),
        count("sales accepted on the wire", verdict.sales),
        exactly("acknowledged and lost", len(verdict.lost)),
        exactly("a second sale or charge", len(verdict.doubled)),
        exactly(f"breaches of the invariants ({len(INVARIANTS) - 1} of them)", len(verdict.breaches)),
        exactly("answers that contradict earlier ones", len(memory.wrong)),
        *within("kill to first answer, started from nothing", cold, RECOVERY_S),
        *within("of it, galla's own processor time", used)[1:],
        *within("kill to first answer, forked with all imported", warm),
        *within("to the next word with Paytm about what was interrupted", followed),
        count(f"interrupted and not due again within {CALM_S:g} s", missed),
        Figure(what="took", value=f"{took_s / 60:.1f} min"),
    ]


def _followed(deaths: list[Death], rows: list[Row], spoken: dict[str, list[float]]) -> tuple[list[float], int]:
    """Return how soon each interrupted payment was spoken of again after a death that had a calm life behind it."""
    waits, missed = [], 0
    for death, following in pairwise(deaths):
        if not death.is_calm or following.is_early:
            continue
        for row in rows:
            ended_at = row.settled_at / 1000 if row.settled_at is not None else following.at
            if not row.created_at / 1000 < death.at < ended_at:
                continue
            after = [at for at in spoken.get(row.paytm_id, []) if death.at < at < following.at]
            if after:
                waits.append(min(after) - death.at)
            else:
                missed += 1
    return waits, missed
