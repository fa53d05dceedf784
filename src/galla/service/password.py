"""Passwords: which are refused, how they are kept (argon2id), and how one is compared.

Hashing takes a thread of its own and 19 MiB for some 30 ms, so two at a time and no more. No composition rules: what
matters is length, and that the password is not one of those tried first.
"""

from __future__ import annotations

import asyncio
import re
import unicodedata
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from galla import ids
from galla.errors import InvalidField

T = TypeVar("T")
SHORTEST, ADVISED, LONGEST = 8, 15, 128
LEAST_OF_ITS_OWN = 6
"""Characters that must remain once the names of the shop, the user, Paytm and galla are taken out."""

_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_NOBODYS = "$argon2id$v=19$m=19456,t=2,p=1$MDAwMDAwMDAwMDAwMDAwMA$wlsxSwo4GkTSDXb9eOZ3iJC12LSBlBsYIGPyfwYz9uQ"
"""What a password is compared with when there is no such user, so that the answer takes as long; it never fits."""
_POOL = ThreadPoolExecutor(2, thread_name_prefix="galla-password")
_COMMON = Path(__file__).with_name("common_passwords.txt")
_WORN = str.maketrans("@$01345!", "asoieasi")
_RUNS = ("abcdefghijklmnopqrstuvwxyz", "01234567890123456789", "qwertyuiopasdfghjklzxcvbnm", "1qaz2wsx3edc4rfv5tgb")
_OUR_WORDS = ("paytm", "galla", "password")


def check_new(password: str, context: Iterable[str] = ()) -> None:
    """Refuse a new password that would be guessed.

    Args:
        password: as typed; nothing is trimmed.
        context: names that belong to the user and the shop; each of their words is taken out before counting.

    Raises:
        InvalidField: too short, too long, or among the first that anybody tries.
    """
    if len(password) < SHORTEST:
        raise _refused(f"A password has at least {SHORTEST} characters; {ADVISED} or more are better.")
    if len(password) > LONGEST:
        raise _refused(f"A password has at most {LONGEST} characters.")
    plain = _folded(password)
    if _is_common(plain) or _is_run(plain):
        raise _refused("This password is among the first that anybody tries. Choose another, such as four odd words.")
    rest = plain
    for word in {*_OUR_WORDS, *_words_of(context)}:
        rest = rest.replace(word, "")
    if len(rest) < LEAST_OF_ITS_OWN:
        raise _refused("This password is little more than a name that others know. Choose another.")


async def hashed(password: str) -> str:
    """Return what is kept of a password."""
    salt = ids.random_bytes(16)
    return await _in_thread(lambda: _HASHER.hash(_said(password), salt=salt))


async def fits(password: str, kept: str | None) -> bool:
    """Return whether a password is the one that was kept; with nothing kept, no, after the same time."""
    found = await _in_thread(lambda: _compare(password, kept or _NOBODYS))
    return found and kept is not None


def is_outdated(kept: str) -> bool:
    """Return whether a hash was made with other parameters than today's."""
    return _HASHER.check_needs_rehash(kept)


def _compare(password: str, kept: str) -> bool:
    try:
        return _HASHER.verify(kept, _said(password))
    except (VerificationError, InvalidHashError):
        return False


async def _in_thread(work: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(_POOL, work)


def _said(password: str) -> str:
    """One spelling for letters that keyboards compose differently."""
    return unicodedata.normalize("NFC", password)


def _folded(password: str) -> str:
    return unicodedata.normalize("NFKC", password).casefold()


@cache
def _common() -> frozenset[str]:
    lines = _COMMON.read_text(encoding="utf-8").splitlines()
    return frozenset(line for line in lines if line and not line.startswith("#"))


def _is_common(plain: str) -> bool:
    """A common word stays one with digits or signs around it, doubled, or with signs for letters."""
    for core in (plain, _core(plain), _core(plain).translate(_WORN), _core(plain.translate(_WORN))):
        half = core[: len(core) // 2]
        if core in _common() or (half in _common() and half * 2 == core):
            return True
    return False


def _core(text: str) -> str:
    return re.sub(r"^[\W\d_]+|[\W\d_]+$", "", text)


def _is_run(plain: str) -> bool:
    """One short piece over and over, or neighbours on the keyboard or in the alphabet."""
    if any(plain == (plain[:size] * len(plain))[: len(plain)] for size in range(1, 5)):
        return True
    return any(plain in run or plain in run[::-1] for run in _RUNS)


def _words_of(context: Iterable[str]) -> set[str]:
    return {word for name in context for word in re.findall(r"[^\W_]{3,}", _folded(name))}


def _refused(said: str) -> InvalidField:
    return InvalidField(said, param="password", code="password_refused")
