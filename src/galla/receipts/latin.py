"""Any text in printable ASCII, where one character is one byte and one column on every thermal printer.

Names in Indian scripts are written as they sound: their Unicode blocks share one order of letters, so one table reads
nine scripts. What has no letter here becomes `?`; nothing that comes out can be a command to a printer.
"""

from __future__ import annotations

import unicodedata

_SIGNS = {
    "₹": "Rs.", "•": "*", "×": "x", "·": "-", "–": "-", "—": "-", "−": "-", "…": "...",
    "‘": "'", "’": "'", "“": '"', "”": '"', "ß": "ss", "æ": "ae", "ø": "o", "đ": "d", "ł": "l", "œ": "oe",
}  # fmt: skip
_FIRST, _LAST, _SOUTH = 0x0900, 0x0D7F, 0x0B80


def _from(first: int, sounds: str) -> dict[int, str]:
    """Return the sounds of letters that follow each other in a block."""
    return dict(enumerate(sounds.split(), first))


_CONSONANTS = _from(0x15, "k kh g gh n ch chh j jh n t th d dh n t th d dh n n p ph b bh m y r r l l l v sh sh s h")
_CONSONANTS |= _from(0x58, "q kh g z r rh f y")
_VOWELS = _from(0x05, "a a i i u u ri l e e e ai o o o au")
_MARKS = _from(0x3E, "a i i u u ri ri e e e ai o o o au")
_REST = {0x01: "n", 0x02: "n", 0x03: "h", 0x64: ".", 0x65: ".", 0x70: "n"}
_HALANT = 0x4D
_NUKTA = 0x3C


def latin(text: str) -> str:
    """Return a text in printable ASCII only.

    Example:
        >>> latin("सुनीता शर्मा ₹500")
        'Sunita Sharma Rs.500'
    """
    out: list[str] = []
    word: list[str] = []
    for char in unicodedata.normalize("NFC", text):
        if _FIRST <= ord(char) <= _LAST:
            word.append(char)
        elif char not in "\u200c\u200d":
            out += [_sounded(word), _plain(char)]
            word = []
    return "".join([*out, _sounded(word)])


def _plain(char: str) -> str:
    if " " <= char <= "~":
        return char
    if char in _SIGNS:
        return _SIGNS[char]
    kind = unicodedata.category(char)
    if kind[0] in "CZ":
        return " "
    if kind[0] == "M":
        return ""
    bare = "".join(part for part in unicodedata.normalize("NFKD", char) if " " <= part <= "~")
    return bare or "?"


def _sounded(word: list[str]) -> str:
    """Write one word of an Indian script: a consonant carries an `a` until something says otherwise."""
    out: list[str] = []
    is_open = False  # the last consonant still waits for its vowel
    for char in word:
        at = ord(char) & 0x7F
        if at == _NUKTA:
            continue
        if is_open and at not in _MARKS and at != _HALANT:
            out.append("a")
        is_open = at in _CONSONANTS
        out.append(_letter(at))
    if is_open and ord(word[-1]) >= _SOUTH:  # the north drops the last `a`: Ramesh
        out.append("a")
    return "".join(out).capitalize()


def _letter(at: int) -> str:
    for table in (_CONSONANTS, _VOWELS, _MARKS, _REST):
        if at in table:
            return table[at]
    return str(at - 0x66) if 0x66 <= at <= 0x6F else ""
