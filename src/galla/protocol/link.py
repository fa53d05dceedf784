"""`upi://pay` links by NPCI's linking rules: write one, and read one to look at it.

A link that Paytm made is never written again from what was read: it is passed on byte for byte, because a
signature in it covers every character.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote, unquote_to_bytes

import msgspec

from galla.errors import AmountNotAllowed, LocalProtocolError, RemoteProtocolError
from galla.money import MAX_PAISE, parse_rupees, rupees
from galla.protocol.vpa import is_vpa

MAX_LINK_CHARS = 2000
_PREFIX = re.compile(r"upi://pay/?\?", re.IGNORECASE)
_SENDABLE = re.compile(r"[!-~]+")  # visible ASCII: anything else was not percent-encoded
_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_SHAPES = {
    "pn": (re.compile(r".{1,99}", re.DOTALL), "must be the payee's name, 1 to 99 characters"),
    "mc": (re.compile(r"[0-9]{4}"), "must be a category of 4 digits"),
    "tid": (re.compile(r"[A-Za-z0-9._-]{1,35}"), "must be 1 to 35 letters and digits"),
    "tr": (re.compile(r"[A-Za-z0-9@/._-]{1,35}"), "must be 1 to 35 letters and digits"),
    "tn": (re.compile(r".{1,50}", re.DOTALL), "must be 1 to 50 characters"),
    "cu": (re.compile("INR"), "must be INR"),
    "url": (re.compile(r"https?://[!-~]{1,490}"), "must be a web address"),
    "mode": (re.compile(r"[0-9]{2}"), "must be 2 digits"),
    "purpose": (re.compile(r"[0-9]{2}"), "must be 2 digits"),
    "orgid": (re.compile(r"[0-9A-Za-z]{1,35}"), "must be 1 to 35 letters and digits"),
    "sign": (re.compile(r"[A-Za-z0-9+/=_-]{1,1024}"), "must be base64"),
}
_WRITTEN = frozenset(_SHAPES)
_READ = frozenset({"cu", "url"})  # a provider's link is not refused for a note that is a little long
_AMOUNTS = {"am": "amount_paise", "mam": "minimum_paise"}


class UpiLink(msgspec.Struct, frozen=True, kw_only=True):
    """What a `upi://pay` link says. Names are NPCI's, amounts whole paise, `others` what NPCI does not list.

    `pa` payee's UPI id · `pn` payee's name · `mc` merchant category · `tid` the provider's transaction id ·
    `tr` the order · `tn` a note · `cu` currency · `url` more about the order · `mode`, `purpose` and `orgid` of
    the provider · `sign` its signature.

    Example:
        >>> build_link(UpiLink(pa="clinic@ptybl", pn="City Clinic", mc="8011", tr="ORD1", amount_paise=100))
        'upi://pay?pa=clinic@ptybl&pn=City%20Clinic&mc=8011&tr=ORD1&am=1.00&cu=INR'
    """

    pa: str
    pn: str | None = None
    mc: str | None = None
    tid: str | None = None
    tr: str | None = None
    tn: str | None = None
    amount_paise: int | None = None
    minimum_paise: int | None = None
    cu: str | None = "INR"
    url: str | None = None
    mode: str | None = None
    purpose: str | None = None
    orgid: str | None = None
    others: tuple[tuple[str, str], ...] = ()
    sign: str | None = None


_FIELDS = tuple(each.name for each in msgspec.structs.fields(UpiLink))
_WIRES = {"amount_paise": "am", "minimum_paise": "mam"}
_NAMED = frozenset({_WIRES.get(name, name) for name in _FIELDS} - {"others"})


def build_link(link: UpiLink) -> str:
    """Return a link as NPCI writes it: spaces as %20, amounts with two decimals, the signature last.

    A merchant's link (`mc`) needs its order (`tr`), and every link its payee's name.

    Raises:
        LocalProtocolError: a field cannot be written; `.path` names it.
    """
    if not link.pn:
        raise _unwritable("link.pn", "is missing: a link names its payee")
    if link.mc is not None and not link.tr:
        raise _unwritable("link.tr", "is missing: a merchant's link names its order")
    found = _fault(link, _WRITTEN)
    if found is not None:
        raise _unwritable(*found)
    parts = []
    for name in _FIELDS:
        value = getattr(link, name)
        if name == "others":
            parts += [f"{quote(wire, safe='')}={quote(text, safe='@')}" for wire, text in value]
        elif value is not None:
            text = rupees(value) if name in _WIRES else value
            parts.append(f"{_WIRES.get(name, name)}={quote(text, safe='@')}")
    return "upi://pay?" + "&".join(parts)


def parse_link(text: str) -> UpiLink:
    """Return what a link says. A plus stays a plus: in these links a space is %20.

    Raises:
        RemoteProtocolError: it is no `upi://pay` link, says something twice, or its payee, amounts,
            currency or address cannot be right; `.path` names it.
    """
    head = _PREFIX.match(text)
    if head is None or len(text) > MAX_LINK_CHARS or _SENDABLE.fullmatch(text) is None or "#" in text:
        raise _unreadable("link", "is not a upi://pay link")
    values: dict[str, str] = {}
    others: list[tuple[str, str]] = []
    said: set[str] = set()
    for pair in text[head.end() :].split("&"):
        wire, has_value, raw = pair.partition("=")
        name = _decoded(wire) if "%" in wire else wire
        value = _decoded(raw) if "%" in raw else raw
        if not has_value or not name:
            raise _unreadable("link", "holds a part without a name or a value")
        if name in said:
            raise _unreadable(f"link.{_shown(name)}", "is said twice")
        said.add(name)
        if name in _NAMED:
            values[name] = value
        else:
            others.append((name, value))
    if "pa" not in values:
        raise _unreadable("link.pa", "is missing")
    kept: dict[str, Any] = {"pa": "", "cu": None, "others": tuple(others)}
    for wire, value in values.items():
        if value:
            kept[_AMOUNTS.get(wire, wire)] = _paise(wire, value) if wire in _AMOUNTS else value
    link = UpiLink(**kept)
    found = _fault(link, _READ)
    if found is not None:
        raise _unreadable(*found)
    return link


def _fault(link: UpiLink, shaped: frozenset[str]) -> tuple[str, str] | None:
    """What breaks the rules in a link, if anything: where, and why. `shaped` are the texts looked at closely."""
    if not is_vpa(link.pa):
        return "link.pa", "must be a UPI id such as name@bank"
    for name, (shape, says) in _SHAPES.items():
        value = getattr(link, name)
        if value is None:
            continue
        if _CONTROL.search(value) or (name in shaped and shape.fullmatch(value) is None):
            return f"link.{name}", says
    for name, wire in _WIRES.items():
        amount = getattr(link, name)
        if amount is not None and not (type(amount) is int and 1 <= amount <= MAX_PAISE):
            return f"link.{wire}", "must be more than nothing, in whole paise"
    if link.amount_paise is not None and (link.minimum_paise or 0) > link.amount_paise:
        return "link.mam", "must not be above the amount"
    if not link.others:
        return None
    names = [name for name, _ in link.others]
    if len(set(names)) < len(names) or not _NAMED.isdisjoint(names) or "" in names:
        return "link.others", "must be other names than NPCI's, each once"
    if any(_CONTROL.search(text) for pair in link.others for text in pair):
        return "link.others", "must be without control characters"
    return None


def _paise(wire: str, text: str) -> int:
    try:
        return parse_rupees(text)
    except AmountNotAllowed:
        raise _unreadable(f"link.{wire}", "must be rupees with at most two decimals") from None


def _decoded(text: str) -> str:
    if _ESCAPE.search(text):
        raise _unreadable("link", "holds a % that is no escape")
    try:
        return unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        raise _unreadable("link", "is not UTF-8") from None


def _shown(name: str) -> str:
    return name if name.isascii() and name.isalnum() and len(name) < 20 else "others"


def _unwritable(path: str, says: str) -> LocalProtocolError:
    return LocalProtocolError(f"`{path}` {says}. The link was not made.", path=path, operation="link")


def _unreadable(path: str, says: str) -> RemoteProtocolError:
    return RemoteProtocolError(f"`{path}` {says}. Do not show this link.", path=path, operation="link")
