"""Bodies, read strictly: JSON without its traps, and forms.

What comes out is plain values whose texts any database and any terminal can hold. Which fields are known is
the business of `requests.py` and of each page.
"""

from __future__ import annotations

import hashlib
import json
from email.message import Message
from typing import Any, Never
from urllib.parse import parse_qsl

from galla.web.problem import Problem

DEPTH_LIMIT = 32
DIGITS_LIMIT = 19
_FIELDS_LIMIT = 300


def read_json(raw: bytes) -> Any:
    """Return the value a JSON body holds.

    Raises:
        Problem: 400 `invalid_json` for what is not JSON by RFC 8259 (NaN, a duplicate key, bad UTF-8), is
            nested deeper than 32 or holds a longer number than 19 digits; 422 for a text with NUL or half a character.
    """
    try:
        text = raw.decode("utf-8")
        value = json.loads(
            text, object_pairs_hook=_object, parse_constant=_constant, parse_int=_integer, parse_float=_fraction
        )
    except UnicodeDecodeError:
        raise _not_json("It is not UTF-8.") from None
    except json.JSONDecodeError as error:
        raise _not_json(f"{error.msg} at character {error.pos}.") from None
    except RecursionError:
        raise _too_deep() from None
    _check_texts(value)
    return value


def fingerprint(method: str, route: str, value: Any) -> str:
    """Return what makes two requests the same one for an idempotency key: SHA-256 over the canonical body.

    A second person's credential is left out: nothing of it is kept, and who approves does not make another request.
    """
    if isinstance(value, dict):
        value = {name: item for name, item in value.items() if name != "approver"}
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(f"{method}\n{route}\n{canonical}".encode()).hexdigest()


def is_json(content_type: str | None) -> bool:
    """Return whether a Content-Type header says JSON, in UTF-8 if it names a charset."""
    return _media_type(content_type) == "application/json"


def read_form(raw: bytes, content_type: str | None) -> dict[str, list[str]]:
    """Return the fields of a posted form, each with its values in order.

    Raises:
        Problem: 415 for anything but an urlencoded form, 400 for one that cannot be read.
    """
    if _media_type(content_type) != "application/x-www-form-urlencoded":
        raise Problem(415, "unsupported_media_type", "This address takes the form of its page, and nothing else.")
    fields: dict[str, list[str]] = {}
    try:
        pairs = parse_qsl(raw.decode("ascii"), True, max_num_fields=_FIELDS_LIMIT, errors="strict")
    except ValueError:  # a UnicodeDecodeError is one too
        raise Problem(400, "invalid_request", "The form cannot be read.") from None
    for name, text in pairs:
        if "\x00" in text or "\x00" in name:
            raise Problem(400, "invalid_request", "The form holds a NUL character; no value of galla's can.")
        fields.setdefault(name, []).append(text)
    return fields


def _media_type(content_type: str | None) -> str | None:
    if content_type is None:
        return None
    message = Message()
    message["content-type"] = content_type
    charset = message.get_content_charset("utf-8")
    return message.get_content_type() if charset in ("utf-8", "utf8", "us-ascii") else None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise _not_json("A key stands twice in one object.")
    return value


def _constant(name: str) -> Never:
    raise _not_json(f"{name} is no JSON number.")


def _integer(digits: str) -> int:
    if len(digits) > DIGITS_LIMIT:
        raise _not_json(f"A number has more than {DIGITS_LIMIT} digits.")
    return int(digits)


def _fraction(text: str) -> float:
    number = float(text[:400])
    if number in (float("inf"), float("-inf")):
        raise _not_json("A number is too large.")
    return number


def _check_texts(value: Any) -> None:
    """Walk without recursion: depth, and texts that no database can hold."""
    stack: list[tuple[Any, int, str | None]] = [(value, 1, None)]
    while stack:
        item, depth, path = stack.pop()
        if isinstance(item, str):
            _check_text(item, path)
        elif isinstance(item, (dict, list)):
            if depth > DEPTH_LIMIT:
                raise _too_deep()
            if isinstance(item, list):
                stack.extend((each, depth + 1, path) for each in item)
                continue
            for key, each in item.items():
                _check_text(key, path)
                stack.append((each, depth + 1, key if path is None else f"{path}.{key}"))


def _check_text(text: str, path: str | None) -> None:
    if "\x00" in text:
        fault = "a NUL character"
    elif any("\ud800" <= char <= "\udfff" for char in text):
        fault = "half a character (a lone surrogate)"
    else:
        return
    param = path[:200] if path is not None and path.isprintable() else None
    raise Problem(422, "invalid_field", f"`{param or 'body'}` holds {fault}; send text without it.", param=param)


def _too_deep() -> Problem:
    return _not_json(f"It is nested deeper than {DEPTH_LIMIT} levels.")


def _not_json(detail: str) -> Problem:
    return Problem(400, "invalid_json", f"The body is not JSON that galla reads. {detail}")
