"""What somebody else said, as it may be kept and shown: nothing in it hides, turns the line round or ends it.

For Paytm's words and those of other connectors. What people type is cleaned where it enters, in the service.
"""

from __future__ import annotations

import re
import unicodedata

LONGEST = 300
"""How much of another's words is kept where a person will read them."""

_BREAKS = "\t\n\x0b\x0c\r\x85\u2028\u2029"
_JOINERS = "\u200c\u200d"  # names in Devanagari and other Indian scripts need them
_PLAIN = re.compile(r"[ -~]*", re.ASCII)


def quoted(text: str) -> str:
    """Return a text on one line; each character that shows nothing stands as `\ufffd`, so that none is lost unseen.

    Example:
        >>> quoted("Declined\\r\\nAPPROVED")
        'Declined  APPROVED'
    """
    if _PLAIN.fullmatch(text) is not None:  # nearly all there are
        return text
    return "".join(_shown(char) for char in text)


def escaped(text: str) -> str:
    r"""Return a text in which each character that shows nothing is written out, such as `\u202e`; lines stay lines."""
    if _PLAIN.fullmatch(text) is not None:
        return text
    return "".join(char if char == "\n" or _is_seen(char) else f"\\u{ord(char):04x}" for char in text)


def _shown(char: str) -> str:
    if char in _BREAKS:
        return " "
    return char if _is_seen(char) else "\ufffd"


def _is_seen(char: str) -> bool:
    return char in _JOINERS or unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
