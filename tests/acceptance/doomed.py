"""A service that kills itself with SIGKILL at random boundaries, again and again, and is started again each time.

Run as a program: database URL, sandbox URL, seed, number of lives. Every life works off what the last one left,
asks again what never got an answer, starts one payment more, and dies; the last one lives until all is final.
Prints one line of JSON: what each request last heard, and what every life died of.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from random import Random
from typing import Any

from galla.errors import IdempotencyInProgress
from galla.service import access, payments
from galla.service.till import Till
from galla.simulation.dying import Fate, put_at_risk
from tests.service.shop import API_KEY, settings_for

FIRST_TID = 61_000_000
WORKING_S = 2.0
LAST_WORKING_S = 40.0
SCALE = 0.03


def tid_of(number: int) -> str:
    """Return the machine of a life's payment: each has one of its own."""
    return str(FIRST_TID + number)


def amount_of(number: int) -> int:
    """Return what a life's payment takes, in paise: each another amount."""
    return 100_000 + number


def settings_of(database_url: str, sandbox_url: str, lives: int) -> Any:
    """Return the settings all lives share: the real ladder, made thirty times faster."""
    return settings_for(
        database_url,
        tids=tuple(tid_of(number) for number in range(lives)),
        edc_url=sandbox_url,
        ladder_scale=SCALE,
        inquiry_timeout_s=1.0,
        send_timeout_s=1.0,
    )


def main() -> None:
    """Live and die."""
    database_url, sandbox_url, seed, lives = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    settings = settings_of(database_url, sandbox_url, lives)
    heard: dict[int, str] = {}
    deaths: list[str] = []
    for number in range(lives + 1):
        is_last = number == lives
        asked = [earlier for earlier in range(min(number + 1, lives)) if earlier not in heard]
        fate_at = None if is_last else Random(f"{seed}/{number}").randint(1, 45)  # noqa: S311
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reader)
            asyncio.run(_live(settings, asked, fate_at, writer))
            os._exit(0)
        os.close(writer)
        last_words = os.fdopen(reader).read().splitlines()
        _, status = os.waitpid(child, 0)
        for line in last_words:
            kind, _, rest = line.partition(" ")
            if kind == "heard":
                key, _, answer = rest.partition(" ")
                heard[int(key)] = answer
        if not is_last:
            was_killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
            boundary = next((line.partition(" ")[2] for line in last_words if line.startswith("died")), "?")
            deaths.append(boundary if was_killed else f"not killed: {status}")
    json.dump({"heard": heard, "deaths": deaths}, sys.stdout)


async def _live(settings: Any, asked: list[int], fate_at: int | None, writer: int) -> None:
    fate = Fate(fate_at, strike=lambda: _die(writer, fate))
    till = await Till.open(settings)
    principal = await access.principal_for_key(till, API_KEY)
    assert principal is not None
    put_at_risk(till, fate)
    stop = asyncio.Event()
    working = asyncio.create_task(till.worker().run(stop))
    for number in asked:
        os.write(writer, f"heard {number} {await _start(till, principal, number)}\n".encode())
    end = time.monotonic() + (LAST_WORKING_S if fate_at is None else WORKING_S)
    while time.monotonic() < end:
        if fate_at is None and not await payments.unfinished(till, principal):
            break
        await asyncio.sleep(0.05)
    if fate_at is not None:
        _die(writer, fate)
    stop.set()
    await working
    await till.close()


async def _start(till: Till, principal: Any, number: int) -> str:
    new = payments.NewPayment(amount_paise=amount_of(number), terminal=tid_of(number), reference=f"R{number}")
    try:
        started = await payments.start(
            till, principal, new, idempotency_key=f"click-{number}", fingerprint=repr(new)
        )
    except IdempotencyInProgress as error:
        return str(error.blocker)
    return str(started.payment["id"])


def _die(writer: int, fate: Fate) -> None:
    os.write(writer, f"died {fate.crossed[-1] if fate.crossed else 'idle'}\n".encode())
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()
