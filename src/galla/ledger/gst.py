"""GST as a shop owes it: the number it is registered under, its state, and where another state's begins. Pure.

A sale within the shop's state bears two halves, the centre's (CGST) and the state's (SGST, or UTGST in a union
territory without a parliament of its own); a sale to another state bears the integrated tax (IGST), whole.
"""

from __future__ import annotations

import re

STATES = {
    "01": "Jammu and Kashmir", "02": "Himachal Pradesh", "03": "Punjab", "04": "Chandigarh", "05": "Uttarakhand",
    "06": "Haryana", "07": "Delhi", "08": "Rajasthan", "09": "Uttar Pradesh", "10": "Bihar", "11": "Sikkim",
    "12": "Arunachal Pradesh", "13": "Nagaland", "14": "Manipur", "15": "Mizoram", "16": "Tripura",
    "17": "Meghalaya", "18": "Assam", "19": "West Bengal", "20": "Jharkhand", "21": "Odisha", "22": "Chhattisgarh",
    "23": "Madhya Pradesh", "24": "Gujarat", "26": "Dadra and Nagar Haveli and Daman and Diu", "27": "Maharashtra",
    "29": "Karnataka", "30": "Goa", "31": "Lakshadweep", "32": "Kerala", "33": "Tamil Nadu", "34": "Puducherry",
    "35": "Andaman and Nicobar Islands", "36": "Telangana", "37": "Andhra Pradesh", "38": "Ladakh",
    "97": "Other territory",
}  # fmt: skip
"""Every state and union territory by its GST code, as a GSTIN begins with it."""

_UNION = frozenset({"04", "26", "31", "35", "38", "97"})
_GSTIN = re.compile(r"[0-9]{2}[A-Z]{5}[0-9]{4}[A-Z][1-9A-Z]Z[0-9A-Z]", re.ASCII)
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def is_gstin(text: str) -> bool:
    """Return whether a text is a GSTIN: its shape, its state, and its last character, which checks the others.

    Example:
        >>> is_gstin("27AAPFU0939F1ZV"), is_gstin("27AAPFU0939F1ZW")
        (True, False)
    """
    if _GSTIN.fullmatch(text) is None or text[:2] not in STATES:
        return False
    total = 0
    for place, char in enumerate(text[:14]):
        share = _DIGITS.index(char) * (1 + place % 2)
        total += share // 36 + share % 36
    return _DIGITS[-total % 36] == text[14]


def state_of(gstin: str) -> str:
    """Return the code of the state that a GSTIN is registered in."""
    return gstin[:2]


def state_tax(gstin: str | None) -> str:
    """Return what the state's half is called where this shop is registered: `SGST`, or `UTGST`."""
    return "UTGST" if gstin is not None and state_of(gstin) in _UNION else "SGST"
