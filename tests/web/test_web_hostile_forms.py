"""Hostile texts typed into every field of every form of every page, as the pages themselves offer them."""

from __future__ import annotations

import re
from pathlib import Path

import httpx2
from fastapi import FastAPI

from tests.corpus import PAGES, WHOLE
from tests.web.forms import Form
from tests.web.furnished import FACES, furnish, pages_of, paths_of
from tests.web.hostile_shop import Texts
from tests.web.inert import faults_of_answer, faults_of_page, read
from tests.web.staff import signed_in
from tests.web.upi_shop import open_upi_shop

BREAKS_OUT = PAGES[1]
"""Ends an attribute and is an element: typed first and last, so that it is what the pages show."""
KEEPS = frozenset(
    {
        "/counter/bills", "/payments/*/refunds", "/payments/views", "/people/*", "/settings", "/shift",
        "/shift/*/movements", "/tasks/*/close", "/terminals", "/terminals/*", "/webhooks", "/webhooks/*", "/welcome",
    }
)  # fmt: skip
"""What keeps any words: here a hostile text must have been taken, so that the pages show it."""
BUTTONS = frozenset(
    {
        "/account/sessions/{session_id}/end", "/pay/{token}/check", "/payments/views/remove", "/settings/test",
        "/payments/{payment_id}/give_back", "/payments/{payment_id}/new_code", "/people/{user_id}/enable",
        "/terminals/{terminal_id}/on", "/webhooks/{endpoint_id}/on", "/webhooks/{endpoint_id}/replay",
        "/webhooks/{endpoint_id}/deliveries/{delivery_id}/replay",
    }
)  # fmt: skip
"""Forms that this shop has no reason to offer; in none of them is anything typed."""


async def type_into(client: httpx2.AsyncClient, form: Form, text: str, *, is_sound: bool) -> tuple[bool, list[str]]:
    """Send a form with a text; return whether it was taken, and what is wrong with the page it leads to.

    A form that is refused comes back with what was typed, also what cannot be seen: only the typist reads that.
    """
    sent = form.typed(text, is_sound=is_sound)
    answer = await client.post(form.action, data=sent, headers={"Accept": "text/html"})
    if answer.status_code == 303:
        return True, await faults_of_page(client, answer.headers["location"].partition("#")[0])
    return answer.status_code < 300, faults_of_answer(f"{form.key} {sent}", answer, is_typed=True)


def unmet(app: FastAPI, actions: set[str]) -> set[str]:
    """Return the paths to which a page may post, and none of these forms does."""
    shapes = {path: re.sub(r"\{\w+\}", "[^/]+", path) for path in paths_of(app, "POST") if not path.startswith("/v1/")}
    return {path for path, shape in shapes.items() if not any(re.fullmatch(shape, action) for action in actions)}


async def test_hostile_texts_in_every_form(tmp_path: Path) -> None:
    """Each form of each page takes or refuses them as words: in the answer, and on every page afterwards.

    No form is forgotten: whatever address a page may post to has been met in one.
    """
    async with open_upi_shop(f"sqlite:///{tmp_path / 'galla.db'}") as shop:
        made = await furnish(shop)
        pages, texts = await pages_of(shop, made), Texts(WHOLE)
        faults: list[str] = []
        found: dict[str, tuple[Form, str | None]] = {}
        taken: set[str] = set()
        actions: set[str] = set()
        both = [(address, "admin") for address, role in pages if role == "lead"]
        for address, role in [*((made.filled(path), who) for who, path in FACES), *pages, *both]:
            async with signed_in(shop, made.sessions[role] if role else None) as client:
                page = read((await client.get(address, headers={"Accept": "text/html"})).text)
            actions |= page.actions
            found |= {form.key: (form, role) for form in page.forms if form.is_typed_into and form.key not in found}
        for form, role in found.values():
            async with signed_in(shop, made.sessions[role] if role else None) as client:
                for text, is_sound in ((BREAKS_OUT, True), (texts.typed(10_000), False), (BREAKS_OUT, True)):
                    is_taken, wrong = await type_into(client, form, text, is_sound=is_sound)
                    faults += wrong
                    taken |= {form.key} if is_taken else set()
        for address, role in pages:
            async with signed_in(shop, made.sessions[role] if role else None) as client:
                faults += await faults_of_page(client, address)
        assert faults == []
        assert {key.partition(" ")[0] for key in taken} >= KEEPS
        assert unmet(shop.app, actions) <= BUTTONS, "furnish the shop so that a page offers this form"
