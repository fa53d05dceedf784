"""The code on a paper that proves it: 80 random bits and a check letter, in an alphabet without I, L, O and U."""

from __future__ import annotations

from galla import ids

BITS = 80
LENGTH = BITS // 5 + 1
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_MEANT = str.maketrans("ILO", "110", "- ")
_FIELD = 0b100101  # x⁵ + x² + 1: multiplying by x in it reaches all 31 values before one comes again


def new_code() -> str:
    """Return a fresh code, such as `7YQ3…`: seventeen letters and digits, the last of them the check."""
    drawn = ids.token(BITS).upper()
    return drawn + _check(drawn)


def spaced(code: str) -> str:
    """Write a code for people: `7YQ3-0K2M-9DAF-T61XB`."""
    return "-".join((code[:4], code[4:8], code[8:12], code[12:]))


def read_code(text: str) -> str | None:
    """Read a code as somebody typed it; None when it cannot be one of galla's.

    One wrong character, or two neighbours changed over, is always noticed.
    """
    code = text[:60].upper().translate(_MEANT)
    if len(code) != LENGTH or any(char not in _ALPHABET for char in code):
        return None
    return code if _check(code[:-1]) == code[-1] else None


def _check(drawn: str) -> str:
    total = 0
    for char in drawn:
        total = _by_x(total) ^ _ALPHABET.index(char)
    return _ALPHABET[_by_x(total)]


def _by_x(value: int) -> int:
    value <<= 1
    return value ^ _FIELD if value & 32 else value
