"""The catalogs: every message is there and translated, and comes back out of a sentence that was made from it."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from jinja2 import Environment, nodes

from galla.web.catalog import catalog_of, languages, read
from galla.web.marking import ENGLISH, is_words, marked
from galla.web.pages.customer_screen import screen_view
from galla.web.pages.page import WEB
from galla.web.pages.payer import payer_view
from galla.web.pages.screen import panel_for
from tests.web import messages
from tests.web.test_web_panel import LIVE
from tests.web.test_web_upi_words import NOW, OPEN

FOUND = messages.messages()
TEMPLATES = [path for path in sorted((WEB / "templates").glob("*.html")) if path.name not in ENGLISH]
HOLE = re.compile(r"\{(\w+)\}")
NO_WORDS = frozenset({"phone", "computer", "paid", "person", "waiting", "checking", "off", "on"})
"""Words in small letters that a template puts out as a class or a piece of an address, beside its text."""


@pytest.mark.parametrize("language", languages())
def test_every_message_is_translated(language: str) -> None:
    """`make words` would change nothing, and leaves nothing without a translation or in doubt."""
    kept = {str(entry.id): entry for entry in messages.kept(language) if entry.id}
    missing = {message: sorted(FOUND[message]) for message in sorted(set(FOUND) - set(kept))}
    assert missing == {}, "run `make words`, then translate these"
    assert sorted(set(kept) - set(FOUND)) == [], "nobody says these any more: run `make words`"
    assert [message for message, entry in kept.items() if not entry.string or entry.fuzzy] == []


@pytest.mark.parametrize("language", languages())
def test_our_reader_reads_what_babel_reads(language: str) -> None:
    """The catalog as pages read it is the catalog as Babel reads it."""
    ours = read(messages.catalog_path(language).read_text(encoding="utf-8"))
    assert {message: entry.text for message, entry in ours.items()} == {
        str(entry.id): entry.string for entry in messages.kept(language) if entry.id
    }


@pytest.mark.parametrize("language", languages())
def test_translations_keep_values_and_marks(language: str) -> None:
    """A translation has the placeholders and tags of its message, and no quotation mark that would end an attribute."""
    for entry in messages.kept(language):
        said, there = str(entry.id), str(entry.string)
        for kind in (HOLE, re.compile(r"`\w+`"), re.compile(r"</?\w+>")):
            left_out = set(kind.findall(said)) - set(kind.findall(there))
            assert not left_out - {"value2"}, said  # the plural's s
            assert not set(kind.findall(there)) - set(kind.findall(said)), said
        assert ('"' in said) >= ('"' in there), said


@pytest.mark.parametrize("language", languages())
def test_a_sentence_is_known_by_the_message_it_was_made_from(language: str) -> None:
    """With values put in, each message that code says is said again as its own translation, with the same values."""
    catalog = catalog_of(language)
    for message, places in FOUND.items():
        if not any(place.endswith(".py") for place in places):
            continue
        values = {name: f"V{place}x" for place, name in enumerate(dict.fromkeys(HOLE.findall(message)))}
        here = HOLE.sub(lambda found, values=values: values[found[1]], message)
        there = HOLE.sub(lambda found, values=values: values[found[1]], catalog.message(message))
        assert catalog.said(here).replace("`", "") == there.replace("`", ""), message


def test_what_is_not_gallas_stays_as_it_is() -> None:
    """Names, references and other people's sentences are not touched, though galla has a word like them."""
    catalog = catalog_of("hi")
    for text in ("Ramesh K. Paid Sharma", "INV-2026-0412", "The patient asked for a copy.", "", "रमेश"):
        assert catalog.said(text) == text
    assert catalog.said("Cash is busy with Free at ₹900.00.") == "Cash व्यस्त है: Free at ₹900.00।"
    assert catalog.said("A void of it. Nothing was charged.") == "A void of it. कोई पैसे नहीं कटे।"


def test_paytms_own_sentence_is_quoted_as_it_came() -> None:
    """Around Paytm's words galla's are translated, the words themselves are not."""
    said = catalog_of("hi").said(
        "Paytm answered with the code 77, which galla does not know. Paytm says: “Paid. Go on”. Do not charge again."
    )
    assert "“Paid. Go on”" in said
    assert said.startswith("Paytm ने जवाब कोड 77 के साथ दिया")


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_word_of_a_template_is_left_out(path: Path) -> None:
    """What an expression may put out among the text is marked: words in small letters say `_("…")` themselves."""
    for expression in re.findall(r"\{\{(.*?)\}\}", re.sub(r"<[^>]*>", " ", marked(path.read_text())), re.DOTALL):
        if "_(" in expression and expression.strip().startswith("_("):
            continue
        for output in Environment(autoescape=True).parse(f"{{{{{expression}}}}}").find_all(nodes.Output):
            left = [word for node in output.nodes for word in _put_out(node) if is_words(word)]
            assert [word for word in left if word not in NO_WORDS] == [], f"{path.name}: {expression}"


def _put_out(node: nodes.Node) -> Iterator[str]:
    """Yield the strings that an expression may put out as they stand."""
    match node:
        case nodes.Const(value=str(text)):
            yield text
        case nodes.CondExpr(expr1=one, expr2=other):
            yield from _put_out(one)
            yield from _put_out(other) if other is not None else ()
        case nodes.Or(left=one, right=other) | nodes.And(left=one, right=other):
            yield from _put_out(one)
            yield from _put_out(other)
        case nodes.Concat(nodes=parts):
            for part in parts:
                yield from _put_out(part)
        case nodes.Getitem(node=nodes.Dict(items=pairs)) | nodes.Call(node=nodes.Getattr(node=nodes.Dict(items=pairs))):
            for pair in pairs:
                yield from _put_out(pair.value)


def test_marking_sees_text_attributes_and_strings() -> None:
    """Text, its values, spoken attributes and strings that read as words are marked; code and names are not."""
    for source, made in (
        ("<p>Paid in full.</p>", '<p>{{ _("Paid in full.") }}</p>'),
        ("<p>{{ icon(x) }}Paid</p>", '<p>{{ icon(x) }}{{ _("Paid") }}</p>'),
        ("<b>Cash <kbd>F6</kbd></b>", '<b>{{ _("Cash") }} <kbd>F6</kbd></b>'),
        ("<i>RRN {{ rrn }}</i>", "<i>RRN {{ rrn }}</i>"),
        ('<a title="Give it back" class="Give it">x</a>', '<a title="{{ _("Give it back") }}" class="Give it">x</a>'),
        ("<p>{{ 'Paid' if a }}{% set w = \"Not paid\" %}</p>", "<p>{{ 'Paid' if a }}{% set w = _(\"Not paid\") %}</p>"),
        ("<p><b>Next:</b> {{ step|said }}</p>", '<p>{{ _("<b>Next:</b> {step}", step=(step|said)) }}</p>'),
        ("<p>{{ a.due }} of {{ b.due }}</p>", '<p>{{ _("{due} of {due2}", due=(a.due), due2=(b.due)) }}</p>'),
        ('{% include "A page.html" %}{# Paid #}', '{% include "A page.html" %}{# Paid #}'),
    ):
        assert marked(source) == made


def test_every_state_of_a_payment_is_said_in_hindi() -> None:
    """Whatever a payment's state and way, each heading, word, step and sentence about it is in Hindi."""
    catalog = catalog_of("hi")
    states = itertools.product(
        ("edc", "upi_qr", "upi_intent", "upi_collect", "queue", "cash"),
        ("created", "pending", "in_doubt", "paid", "not_paid"),
        ("sending", "queued", "on_device", "awaiting_payer", "try_failed"),
        (None, OPEN["created_at"]),
        (False, True),
        (None, {"code": "expired", "message": "", "hint": "", "paytm_message": None}),
    )
    for method, status, phase, stopped, is_odd, reason in states:
        change = {"method": method, "status": status, "phase": phase, "cancel_requested_at": stopped}
        odd = {"is_late": is_odd, "needs_review": is_odd and status != "paid", "is_voided": is_odd and status == "paid"}
        money = {"amount_refunded": 100, "amount_refundable": 0, "tendered": 300000, "change": 50000}
        more = {"bill": None, "terminal": None, "machine": None, "shown_on": None, "next_action": {"type": "none"}}
        payment = {**LIVE, **OPEN, **change, **odd, **money, **more, "reason": reason}
        panel = panel_for(payment, {}, NOW)
        payer = payer_view({"bill": None, "payment": payment}, NOW)
        shown = screen_view(payment, NOW)
        assert panel is not None
        steps = [step.word for step in panel.steps]
        told = (*panel.sentences, payer.heading, *payer.sentences, shown.sentence)
        for text in filter(None, (panel.word, panel.heading, *steps, *told)):
            said = re.sub("Paytm|galla|PhonePe|Google Pay|BHIM|Accept", "", catalog.said(text))
            assert re.search("[\u0900-\u097f]", said), (change, text)
            assert not re.search("[A-Za-z]{4,}", said), (change, said)
