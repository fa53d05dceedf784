"""The messages of one language, read from its gettext catalog, and the two ways in which they are found.

A message of a template is looked up as it stands. What the service says is an English sentence with its values
already in it, also in rows that were written years ago: here it is recognised by the message it was made from, the
values are read back out of it, and it is said again in the other language. What is not recognised stays as it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path

import msgspec

LOCALES = Path(__file__).parent / "locale"
_ENTRY = re.compile(r'^(msgid|msgstr)\s+(".*")$|^(".*")$')
_AFTER = re.compile(r"(?<=[.?”])\s+")
_BETWEEN = re.compile(r"(?<=[.?”])\s*(?=\{)|(?<=[.?”])\s+(?=[A-Z₹`“]|galla\b)")
_LEAD = re.compile(r"\A\{\w+\}\s+(?=[A-Z])")
_VALUE = r"(?:(?![.?] +[A-Z₹]).)*?"  # a value is no two sentences
_HOLE = re.compile(r"`?\{(\w+)\}`?|`(\w+)`")


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One message: its translation, and whether code says it, so that it may come with its values put in."""

    text: str
    is_said: bool


def read(text: str) -> dict[str, Entry]:
    """Return the messages of a catalog; those not translated or doubtful are left out."""
    messages: dict[str, Entry] = {}
    for entry in re.split(r"\n\s*\n", text):
        lines = entry.splitlines()
        if any(line.startswith("#,") and "fuzzy" in line for line in lines):
            continue
        parts = {"msgid": "", "msgstr": ""}
        into = "msgid"
        for found in filter(None, map(_ENTRY.match, lines)):
            into = found[1] or into
            parts[into] += json.loads(found[2] or found[3])
        if parts["msgid"] and parts["msgstr"]:
            is_said = any(line.startswith("#:") and ".py" in line for line in lines)
            messages[parts["msgid"]] = Entry(text=parts["msgstr"], is_said=is_said)
    return messages


def sentences(text: str) -> list[str]:
    """Return the sentences of a text in the code; a value that stands before or between them is another's sentence."""
    return [_LEAD.sub("", part) for part in _BETWEEN.split(text.strip())]


class Catalog:
    """What galla says in one language."""

    def __init__(self, entries: Mapping[str, Entry]) -> None:
        self._messages = {message: entry.text for message, entry in entries.items()}
        filled = [message for message, entry in entries.items() if entry.is_said and _HOLE.search(message)]
        self._forms = [(_form(message), message) for message in sorted(filled, key=_fixed, reverse=True)]
        self.said = lru_cache(maxsize=4096)(self._said)

    def message(self, text: str) -> str:
        """Return a message in this language, or as it is."""
        return self._messages.get(text, text)

    def _said(self, text: str) -> str:
        """Return what was said in English in this language, sentence by sentence; the rest stays as it is."""
        kept = text.strip()
        if not kept:
            return text
        parts, place = _AFTER.split(kept), 0  # too often, where a value ends in a stop: then they fit together again
        out: list[str] = []
        while place < len(parts):
            ends = range(len(parts), place, -1)
            known = ((end, self._sentence(" ".join(parts[place:end]))) for end in ends)
            one = self._pair(*parts[place].partition(": "))
            place, said = next((pair for pair in known if pair[1] is not None), (place + 1, one))
            out.append(said or "")
        return text.replace(kept, " ".join(out))

    def _sentence(self, text: str) -> str | None:
        if text in self._messages:
            return self._messages[text]
        for form, message in self._forms:
            found = form.fullmatch(text)
            if found is not None:
                return self._filled(self._messages[message], found.groupdict())
        return None

    def _pair(self, about: str, colon: str, what: str) -> str:
        """Say who or what it is about, and what is said of that, each by itself: `asha: printed the receipt.`"""
        known = self._messages.get(what.removesuffix("."), self.said(what)) if colon else what
        return f"{self.said(about)}: {known}" if known != what else f"{about}{colon}{what}"

    def _filled(self, translation: str, values: dict[str, str]) -> str:
        """Put the values that were read out of a sentence into its translation."""

        def value(found: re.Match[str]) -> str:
            said = values.get(_group(found))
            return found.group() if said is None else self._value(said)

        return _HOLE.sub(value, translation)

    def _value(self, text: str) -> str:
        """Return a value as it is, unless galla chose its words: a sentence, a phrase, or a word in small letters."""
        return self.said(text) if " " in text.strip() or text.islower() else text


def _form(message: str) -> re.Pattern[str]:
    """Return what a sentence made from a message looks like; a field in backticks may have got its name on the form."""
    out: list[str] = []
    place = 0
    for hole in _HOLE.finditer(message):
        name = _group(hole)
        kind = rf"`{hole[2]}`|[A-Z][^`.]{{2,60}}?" if hole[2] else f"`?{_VALUE}`?" if "`" in hole[0] else _VALUE
        is_again = f"(?P<{name}>" in "".join(out)
        out += re.escape(message[place : hole.start()]), f"(?P={name})" if is_again else f"(?P<{name}>{kind})"
        place = hole.end()
    out.append(re.escape(message[place:]))
    is_whole = message.endswith((".", "?"))
    return re.compile("".join(out) + ("" if is_whole else "(?<![.?])"), re.DOTALL)  # a phrase is no sentence


def _group(hole: re.Match[str]) -> str:
    """Return the name of a hole's group: of a value, or of a field that the message names itself."""
    return str(hole[1] or f"field_{hole[2]}")


def _fixed(message: str) -> int:
    """Return how much of a message is always the same: of two that fit, the one that says more is meant."""
    return len(_HOLE.sub("", message))


@cache
def catalog_of(language: str) -> Catalog:
    """Return the catalog of a language; English has an empty one."""
    path = LOCALES / language / "LC_MESSAGES" / "galla.po"
    return Catalog(read(path.read_text(encoding="utf-8")) if path.exists() else {})


def languages() -> list[str]:
    """Return the languages that have a catalog."""
    return sorted(path.name for path in LOCALES.iterdir() if path.is_dir())
