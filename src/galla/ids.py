"""The only source of randomness, and of every id.

An id is time-sortable and carries 80 random bits, so two counters or two processes never make the same
one. `seeded` swaps the randomness for a replayable one, for simulation.
"""

from __future__ import annotations

import hashlib
import os
import threading
from binascii import b2a_base64
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from galla.clock import SYSTEM, to_millis

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32: sorts as it counts, no I L O U

_entropy: Callable[[int], bytes] = os.urandom
_lock = threading.Lock()
_last: tuple[int, int] = (0, 0)
_salts: list[bytes] = []
_SALTS = 128


def random_bytes(count: int) -> bytes:
    """Return that many unpredictable bytes (replayable ones inside `seeded`)."""
    return _entropy(count)


def salt() -> bytes:
    """Return four characters for a Paytm signature.

    They are drawn many at a time: asking the system for three bytes costs as much as hashing the message.
    """
    try:
        return _salts.pop()
    except IndexError:
        drawn = b2a_base64(_entropy(3 * _SALTS), newline=False)
        _salts.extend(drawn[at : at + 4] for at in range(4, 4 * _SALTS, 4))
        return drawn[:4]


def token(bits: int = 160) -> str:
    """Return an unguessable lower-case token of at least `bits` bits, safe in a URL."""
    return _encode(int.from_bytes(_entropy(bits // 8), "big"), (bits + 4) // 5).lower()


def fraction() -> int:
    """Return a whole number from 0 to 999, for jitter."""
    return int.from_bytes(_entropy(4), "big") % 1000


def ulid(instant: datetime | None = None) -> str:
    """Return 26 characters: 48 bits of milliseconds, 80 random bits; rising within a process."""
    global _last
    millis = to_millis(instant if instant is not None else SYSTEM.now())
    with _lock:
        if _last[0] == millis:
            number = _last[1] + 1
        else:
            number = int.from_bytes(_entropy(10), "big") >> 1  # headroom for the additions above
        _last = (millis, number)
    return _encode(millis, 10) + _encode(number, 16)


def new_id(prefix: str, instant: datetime | None = None) -> str:
    """Return an object id such as `pay_01J…`."""
    return f"{prefix}_{ulid(instant)}"


def paytm_id(environment: str, instant: datetime | None = None) -> str:
    """Return an id to send to Paytm: 28 letters and digits, stamped with the environment.

    `environment` is `sandbox`, `staging` or `production`; its first letters (`SB`, `ST`, `PR`) lead the id, so
    a rehearsal can never be mistaken for money. Paytm allows 8-32 letters and digits for a card machine.
    """
    return _STAMPS[environment] + ulid(instant)


def is_paytm_id(text: str) -> bool:
    """Whether a text has the form of what `paytm_id` makes: then galla made it, perhaps for a row that is lost."""
    return len(text) == 28 and text[:2] in _STAMPS.values() and set(text[2:]) <= set(_ALPHABET)


def digits(count: int) -> str:
    """Return that many random decimal digits."""
    number = int.from_bytes(_entropy(count), "big")
    return str(number % 10**count).zfill(count)


@contextmanager
def seeded(seed: int | str) -> Iterator[None]:
    """Make every id and salt replayable from a seed until the block ends. For simulation only."""
    global _entropy, _last
    before, last = _entropy, _last
    _entropy, _last = Stream(str(seed)), (0, 0)
    _salts.clear()
    try:
        yield
    finally:
        _entropy, _last = before, last
        _salts.clear()


class Stream:
    """Bytes that follow from a seed: call it with how many. For simulation only."""

    def __init__(self, seed: str) -> None:
        self._seed = seed.encode()
        self._count = 0

    def __call__(self, count: int) -> bytes:
        out = b""
        while len(out) < count:
            self._count += 1
            out += hashlib.sha256(self._seed + self._count.to_bytes(8, "big")).digest()
        return out[:count]


def _encode(number: int, length: int) -> str:
    out = []
    for _ in range(length):
        out.append(_ALPHABET[number & 31])
        number >>= 5
    return "".join(reversed(out))


def _in_child() -> None:
    """A forked process must not count on from its parent's last id, nor use its salts."""
    global _lock, _last
    _lock, _last = threading.Lock(), (0, 0)
    _salts.clear()


os.register_at_fork(after_in_child=_in_child)
_STAMPS = {"sandbox": "SB", "staging": "ST", "production": "PR"}
