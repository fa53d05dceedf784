"""The text of a template is its own message: it is marked for translation while the template is read.

A template is written in plain English. Each run of text between two tags becomes one call, `{{ _("…") }}`, and so do
the attributes that people read or hear; a value within the run becomes a placeholder named after it. So does a string
in an expression that reads as words: it begins with a capital, or holds a space. One word in small letters might as
well be a class or a key: where people read it, the template says `_("paid")` itself. So a new page can forget
nothing, and the words stay where they are read. Pure.

Example:
    >>> marked("<p>Nothing is due on {{ bill.number }}.</p>")
    '<p>{{ _("Nothing is due on {number}.", number=(bill.number)) }}</p>'
    >>> marked('<p class="{{ "paid" if is_paid }}">{{ "Paid" if is_paid else "Not paid" }}</p>')
    '<p class="{{ "paid" if is_paid }}">{{ _("Paid") if is_paid else _("Not paid") }}</p>'
"""

from __future__ import annotations

import re

from jinja2.ext import Extension

ENGLISH = frozenset({"docs.html", "evidence.html"})
"""Pages that stay English: one for developers, one for banks."""

SAME = frozenset(
    {
        "galla", "Paytm", "PhonePe", "RRN", "UPI", "QR", "PDF", "TID", "MID", "GST", "CGST", "SGST", "EDC", "API",
        "CSV", "Ctrl", "mm", "amp", "nbsp",
    }
)  # fmt: skip
"""Names that are the same in every language: a run of nothing else is no message."""

_ATTRIBUTES = "title|placeholder|aria-label|alt|data-busy|data-word-[a-z]+"
_VALUE = r"\{\{.*?\}\}"
_PIECE = re.compile(
    rf"(?P<quiet>\{{#.*?#\}}|<!--.*?-->)|(?P<statement>\{{%.*?%\}})|(?P<value>{_VALUE})"
    rf"|(?P<inline></?(?:b|kbd|code|q)>)|(?P<tag><[!/a-zA-Z](?:{_VALUE}|\{{%.*?%\}}|[^>])*>)|(?P<text>[^<{{]+|[<{{])",
    re.DOTALL,
)
_ATTRIBUTE = re.compile(rf'(?<=\s)(?P<name>{_ATTRIBUTES})="(?P<text>(?:{_VALUE}|\{{%.*?%\}}|[^"])*)"', re.DOTALL)
_ELEMENT = r"<(?P<{0}>kbd|code)>[^<]*</(?P={0})>"
_ICON = r"\{\{ icon\([^{}]*?\) \}\}"
_BEFORE = re.compile(rf"\A(?:\s+|{_ICON}|{_ELEMENT.format('one')})+")
_AFTER = re.compile(rf"(?:\s+|{_ICON}|{_ELEMENT.format('one')})+\Z")
_NOT_TEXT = re.compile(rf"{_VALUE}|{_ELEMENT.format('one')}|<[^>]*>|&#?\w+;", re.DOTALL)
_QUOTED = re.compile(r'_\("[^"]*"|"(?P<text>[^"]*)"')
_READS_AS_WORDS = re.compile(r"[A-Z][a-z]|\S+ +[^\W\d_]")
_NAMES_A_FILE = re.compile(r"\{%-?\s*(?:include|extends|from|import)\b")
_STRING = re.compile(r"\"[^\"]*\"|'[^']*'")
_NAME = re.compile(r"(?<![\w.|])(?!(?:not|and|or|if|else|in|is)\b)[a-z_]\w*(?:\.\w+)*", re.ASCII)


class Marking(Extension):
    """Marks each template of an environment as it is read; its `_` global then says the messages."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        """Return the source with its text marked."""
        return source if name in ENGLISH else marked(source)


def marked(source: str) -> str:
    """Return a template's source with its text and its attributes as messages."""
    out: list[str] = []
    run: list[str] = []
    for piece in _PIECE.finditer(source):
        if piece.lastgroup in ("text", "value") or (piece.lastgroup == "inline" and _is_within(piece.group(), run)):
            run.append(piece.group())
            continue
        out.append(_run("".join(run)))
        run.clear()
        out.append(_other(piece))
    return "".join([*out, _run("".join(run))])


def _is_within(tag: str, run: list[str]) -> bool:
    """Whether an inline tag is part of the run: a closing one only when its element began there."""
    return tag[1] != "/" or run.count(tag.replace("/", "")) > run.count(tag)


def message_of(run: str) -> tuple[str, dict[str, str]]:
    """Return the message of a run of text, and the expression behind each of its placeholders."""
    values: dict[str, str] = {}

    def placeholder(found: re.Match[str]) -> str:
        expression = found.group()[2:-2].strip(" -")
        name = next((name for name, other in values.items() if other == expression), _name(expression, values))
        values[name] = expression
        return f"{{{name}}}"

    return " ".join(re.sub(_VALUE, placeholder, run, flags=re.DOTALL).split()), values


def is_words(text: str) -> bool:
    """Whether a text holds words that another language says differently."""
    words = re.findall(r"[A-Za-z]{2,}", _NOT_TEXT.sub(" ", text))
    return bool(set(words) - SAME)


def _other(piece: re.Match[str]) -> str:
    text = piece.group()
    if piece.lastgroup == "tag":
        return re.sub(rf"{_VALUE}|\{{%.*?%\}}", _literals, _ATTRIBUTE.sub(_attribute, text), flags=re.DOTALL)
    return text if piece.lastgroup == "quiet" or _NAMES_A_FILE.match(text) else _literals(text)


def _literals(code: str | re.Match[str]) -> str:
    """Mark the strings of an expression that read as words."""
    return _QUOTED.sub(_literal, code if isinstance(code, str) else code.group())


def _literal(found: re.Match[str]) -> str:
    text = found["text"] or ""
    return f"_({found.group()})" if _READS_AS_WORDS.match(text) and is_words(text) else found.group()


def _run(run: str) -> str:
    if not is_words(run):
        return re.sub(_VALUE, _literals, run, flags=re.DOTALL)
    before, after = _BEFORE.match(run), _AFTER.search(run)
    begins, ends = before.end() if before else 0, after.start() if after else len(run)
    kept = run[begins:ends]
    if kept.startswith("<b>") and kept.endswith("</b>") and kept.count("<b>") == 1:
        return f"{_literals(run[:begins])}<b>{_run(kept[3:-4])}</b>{_literals(run[ends:])}"
    return f"{_literals(run[:begins])}{_call(kept)}{_literals(run[ends:])}"


def _attribute(found: re.Match[str]) -> str:
    text = found["text"]
    return found.group() if not is_words(text) or "{%" in text else f'{found["name"]}="{_call(text)}"'


def _call(run: str) -> str:
    message, values = message_of(run)
    quoted = message.replace("\\", "\\\\").replace('"', '\\"')
    named = "".join(f", {name}=({_literals(expression)})" for name, expression in values.items())
    return f'{{{{ _("{quoted}"{named}) }}}}'


def _name(expression: str, taken: dict[str, str]) -> str:
    paths = _NAME.findall(_STRING.sub("", expression)) or ["value"]
    name = paths[0].rsplit(".", 1)[-1].lstrip("_")
    return name if name not in taken else f"{name}{len(taken) + 1}"
