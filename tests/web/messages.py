"""What galla says to people, gathered from templates and code, and the catalogs brought up to date with it.

    .venv/bin/python -m tests.web.messages

adds what is new to each `src/galla/web/locale/*/LC_MESSAGES/galla.po`, untranslated, and takes out what is gone.
"""

import ast
import io
import re
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po
from jinja2 import Environment
from jinja2.ext import extract_from_ast

from galla.web.catalog import LOCALES, languages, sentences
from galla.web.marking import ENGLISH, Marking, is_words
from galla.web.pages.page import WEB

SOURCE = WEB.parent
SPOKEN = (
    "money.py", "protocol/codes.py", "protocol/pg_codes.py", "payments", "connectors", "receipts", "service",
    "web/pages", "web/validation.py", "web/security.py", "web/room.py", "web/crowd.py",
)  # fmt: skip
"""Where code speaks to people at the counter; what only developers and operators read stays English."""

UNSPOKEN = frozenset(
    {
        "connectors/registry.py", "payments/ladder.py", "receipts/evidence.py", "service/callbacks.py",
        "service/evidence.py", "service/health.py", "service/line.py", "service/once.py", "service/setup.py",
        "service/till.py", "service/vault.py", "web/pages/docs.py", "web/pages/listing.py",
    }
)  # fmt: skip
PHRASED = (
    "receipts", "service/probe.py", "service/shift_match.py", "service/shift_paper.py", "service/timeline.py",
    "web/pages",
)  # fmt: skip
"""Where code also says phrases that are no sentences: `Paid after all`."""

SAME = frozenset(
    {
        "Visa", "Mastercard", "Amex", "Paytm", "RuPay", "Google Pay", "UPI QR", "Counter 1", "Rs.",
        "clock", "not_paytm", "silent", "unreachable", "{path} does not say which scope it needs.",
    }
)  # fmt: skip
"""What is called so in every language, is a value and no word, or speaks to developers."""

ALSO = {
    "web/pages/wording.py": (
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
        "Credit card", "Debit card", "Emi", "Net banking", "Wallet",
        "Payment", "Refund", "Bill", "Customer", "Receipt", "Shift", "Drawer", "Task", "Session", "User",
        "Key", "Machine", "Merchant", "Callback",
        "needs review", "in doubt", "failed", "printed", "paid", "not paid", "created", "cancel requested",
        "pending", "reviewed", "attached", "done", "paid late", "confirmed", "key changed", "moved",
        "received", "password changed", "invited", "changed", "taken", "opened", "closed", "refused", "ended",
        "connection tested", "revoked", "erased", "cancelled",
    ),
    "service/shift_paper.py": ("Credit card ({count})", "Debit card ({count})", "Cash ({count})", "Cash, given back"),
    "web/problem.py": (
        "There is nothing at this address.", "`/docs` lists the addresses there are.",
        "galla cannot take work right now and changed nothing.", "Send the same request again in a moment.",
        "Something failed inside galla.", "Quote the request id; the log has the cause beside it.",
    ),
    "service/roles.py": (
        "a cashier", "a lead", "an accountant", "an admin", "a cashier or a lead",
        "cashier", "lead", "accountant", "admin", "Cashier", "Lead", "Accountant", "Admin",
    ),
    "service/shifts.py": ("less", "more"),
    "service/probe.py": ("ahead of", "behind"),
    "payments/task.py": (
        "₹{amount} for {reference}", "The {noun} of ₹{amount} for {reference}", "after all, late",
        "is booked on its bill", "is booked for {reference}", "void", "refund", "voided", "refunded",
    ),
    "payments/voiding.py": ("until {ends_at}",),
    "web/pages/payer.py": ("your UPI id",),
    "protocol/codes.py": ("with the code {code}", "without a code"),
}  # fmt: skip
"""Words that no rule below finds: code puts them together, or into a sentence."""

_CLERKS = re.compile(
    r'^"(?:POT-Creation-Date|PO-Revision-Date|Last-Translator|Language-Team|Generated-By|Report-Msgid-Bugs-To).*\n|'
    r"^#, fuzzy\n",
    re.MULTILINE,
)  # what only says when and by whom, and would change each time; nothing here is taken over as doubtful
_PHRASE = re.compile(r"[A-Z][\w'’.-]*,?(?: [\w'’{}₹%(),:;/•.-]+)+")
_WORD = re.compile(r"[A-Z][a-z]+")
_SAYS = frozenset({"word", "heading", "label", "title"})


def messages() -> dict[str, set[str]]:
    """Return every message with the files that say it."""
    found: dict[str, set[str]] = {}
    for where, message in (*_of_templates(), *_of_code()):
        if message not in SAME and is_words(re.sub(r"\{\w*\}", " ", message)):
            found.setdefault(message, set()).add(where)
    for name, words in ALSO.items():
        for word in words:
            found.setdefault(word, set()).add(_where(SOURCE / name))
    return found


def _of_templates() -> Iterator[tuple[str, str]]:
    environment = Environment(extensions=[Marking], autoescape=True)
    for path in sorted((WEB / "templates").glob("*.html")):
        if path.name not in ENGLISH:
            read = environment._parse(path.read_text(), path.name, str(path))  # the only call that tells the name
            for _, _, said in extract_from_ast(read, ("_",)):
                yield _where(path), str(said[0] if isinstance(said, tuple) else said)


def _of_code() -> Iterator[tuple[str, str]]:
    for name in SPOKEN:
        top = SOURCE / name
        for path in sorted(top.rglob("*.py")) if top.is_dir() else [top]:
            name = str(path.relative_to(SOURCE))
            if name not in UNSPOKEN:
                for message in _said_in(ast.parse(path.read_text()), has_phrases=name.startswith(PHRASED)):
                    yield _where(path), message


def _said_in(tree: ast.Module, *, has_phrases: bool) -> Iterator[str]:
    """Yield the sentences of a module, its phrases that begin with a capital, and what is named a word or heading."""
    constants = {
        node.targets[0].id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    }  # fmt: skip
    silent = _silent(tree)
    for node in ast.walk(tree):
        if node in silent or not isinstance(node, ast.Constant | ast.JoinedStr):
            continue
        text = _text(node, constants)
        if text is None:
            continue
        for sentence in sentences(text):
            if _is_sentence(sentence) or (has_phrases and _PHRASE.fullmatch(sentence)):
                yield sentence
    for node in ast.walk(tree) if has_phrases else ():
        for word in _words(node):
            yield from [text for text in [_text(word, constants)] if text and re.search("[A-Za-z]{2}", text)]


def _words(node: ast.AST) -> Iterator[ast.expr]:
    match node:
        case ast.keyword(arg=arg, value=value) if arg in _SAYS:
            yield from _branches(value)
        case ast.Assign(targets=[ast.Name(id="_ANSWERED" | "_OF_CASH")], value=ast.Dict(values=values)):
            yield from values
        case ast.Assign(targets=[ast.Name(id=name)], value=ast.Dict(values=values)) if name.isupper():
            yield from (each for each in values if _is_word(each))
        case ast.Assign(targets=[ast.Name(id=name)], value=value) if name in _SAYS:
            yield from _branches(value)
        case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)):
            yield from (value for name, value in zip(names, values, strict=True) if getattr(name, "id", "") in _SAYS)
        case ast.Tuple(elts=[first, *_]) if _is_word(first):
            yield first
        case ast.Call(func=ast.Name(id="Row" | "said"), args=[first, *_]):
            yield first


def _branches(node: ast.expr) -> list[ast.expr]:
    return [node.body, node.orelse] if isinstance(node, ast.IfExp) else [node]


def _is_word(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and _WORD.fullmatch(node.value) is not None


def _silent(tree: ast.Module) -> set[ast.AST]:
    """Return the strings that are no speech: docstrings, and the parts of a longer string."""
    found: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            found.add(node.value)
        elif isinstance(node, ast.JoinedStr):
            found.update(inner for inner in ast.walk(node) if isinstance(inner, ast.Constant))
    return found


def _text(node: ast.expr, constants: dict[str, str]) -> str | None:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if not isinstance(node, ast.JoinedStr):
        return None
    parts: list[str] = []
    names: list[str] = []
    for part in node.values:
        if isinstance(part, ast.FormattedValue):
            known = constants.get(part.value.id) if isinstance(part.value, ast.Name) else None
            name = _name(part.value)
            names.append(name)
            parts.append(known or f"{{{name if names.count(name) == 1 else f'{name}{names.count(name)}'}}}")
        else:
            parts.append(str(part.value))  # type: ignore[attr-defined]
    return "".join(parts)


def _name(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name.strip("_").lower()
        case ast.Call(args=[first, *_]):
            return _name(first)
        case ast.Call(func=called):
            return _name(called)
        case ast.Subscript(slice=ast.Constant(value=str(name))):
            return name
        case ast.BinOp(left=left):
            return _name(left)
        case ast.IfExp(test=test):
            return _name(test)
        case _:
            return "value"


def _is_sentence(text: str) -> bool:
    return (
        text[-1:] in ".?" and (" " in text or _WORD.fullmatch(text[:-1])) and "  " not in text
        and re.search(r"(?<![\w{])[A-Za-z]{2,}(?![\w}])", re.sub(r"\{\w*\}", "", text)) is not None
    )  # fmt: skip


def _where(path: Path) -> str:
    return str(path.relative_to(SOURCE.parents[1]))


def catalog_path(language: str) -> Path:
    """Return where the catalog of a language is kept."""
    return LOCALES / language / "LC_MESSAGES" / "galla.po"


def kept(language: str) -> Catalog:
    """Return the catalog of a language as it is kept, read by Babel."""
    with catalog_path(language).open("rb") as file:
        return read_po(file, locale=language)


def main() -> None:
    """Bring every catalog up to date: what is new comes in untranslated, what is gone goes."""
    found = messages()
    for language in languages():
        old = kept(language)
        fresh = Catalog(locale=language, project="galla", version="1", charset="utf-8", header_comment=HEADER)
        for message in sorted(found, key=lambda message: (min(found[message]), message)):
            known = old.get(message)
            places = [(where, 1) for where in sorted(found[message])]
            fresh.add(message, known.string if known is not None else "", locations=places)
        out = io.BytesIO()
        write_po(out, fresh, width=120, include_lineno=False)
        catalog_path(language).write_text(_CLERKS.sub("", out.getvalue().decode()), encoding="utf-8")
        missing = [message.id for message in fresh if message.id and not message.string]
        print(f"{language}: {len(found)} messages, {len(missing)} without a translation", *missing, sep="\n  ")


HEADER = "# What galla says. `make words` brings this file up to date; CONTRIBUTING.md says how to translate."

if __name__ == "__main__":
    main()
