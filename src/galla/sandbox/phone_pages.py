"""The phones' pages: one phone with its UPI app, and the links and QRs around it.

What a page says is chosen in `phone_view.py`; who may press is decided in `pages.py`, which mounts it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from itertools import islice
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from galla.errors import NotFound
from galla.sandbox.order import TryState
from galla.sandbox.phone import Phone
from galla.sandbox.phone_view import Offered, offered, phone_view
from galla.sandbox.qr import Link
from galla.sandbox.request_body import form as form_of
from galla.sandbox.sandbox import Sandbox

LISTED = 12
OFFERED = 4

Endpoint = Callable[[Request], Awaitable[Response]]
Page = Callable[[Request, str, dict[str, object]], Response]


def table(sandbox: Sandbox, page: Page, fragment: Page) -> tuple[tuple[str, str, Endpoint], ...]:
    """Return verb, path and endpoint of each page; `page` and `fragment` render a template."""
    pages = _PhonePages(sandbox, page, fragment)
    return (
        ("GET", "/phone", pages.phone),
        ("GET", "/phone/{phone}", pages.phone),
        ("GET", "/phone/{phone}/live", pages.live),
        ("POST", "/phone/{phone}/open", pages.open_link),
        ("POST", "/phone/{phone}/{prompt}/{tap}", pages.tap),
    )


class _PhonePages:
    def __init__(self, sandbox: Sandbox, page: Page, fragment: Page) -> None:
        self._sandbox = sandbox
        self._page = page
        self._fragment = fragment

    async def phone(self, request: Request) -> Response:
        phone = self._phone(request)
        others = [(each.name, _address(each), each.id == phone.id) for each in self._sandbox.phones.values()]
        values: dict[str, object] = {"address": _address(phone), "phones": others, **self._values(phone)}
        return self._page(request, "phone.html", values)

    async def live(self, request: Request) -> Response:
        return self._fragment(request, "phone_live.html", self._values(self._phone(request)))

    async def open_link(self, request: Request) -> Response:
        phone = self._phone(request)
        form = await form_of(request)
        self._sandbox.open_link(form.get("link", ""), vpa=phone.vpa)
        return RedirectResponse(_address(phone), 303)

    async def tap(self, request: Request) -> Response:
        phone = self._phone(request)
        self._sandbox.tap(request.path_params["prompt"], request.path_params["tap"])
        return RedirectResponse(_address(phone), 303)

    def _phone(self, request: Request) -> Phone:
        phones = self._sandbox.phones
        id_ = request.path_params.get("phone") or next(iter(phones), "")
        if id_ not in phones:
            raise NotFound("There is no such phone in the sandbox. Add one: POST /_sandbox/phones.")
        return phones[id_]

    def _values(self, phone: Phone) -> dict[str, object]:
        with self._sandbox.lock:
            self._sandbox.settle()
            now = self._sandbox.clock.now()
            ours = [prompt for prompt in self._sandbox.prompts.values() if prompt.phone == phone.id]
            view = phone_view(phone, ours, now, listed=LISTED)
            return {"view": view, "address": _address(phone), "offers": self._offers(now)}

    def _offers(self, now: datetime) -> list[Offered]:
        """Return the newest links that a phone can open now."""
        newest = reversed(self._sandbox.links.values())
        return [
            offered(link, self._sandbox.orders[link.order], self._sandbox.merchants[link.order[0]].name, now)
            for link in islice((link for link in newest if self._is_offered(link, now)), OFFERED)
        ]

    def _is_offered(self, link: Link, now: datetime) -> bool:
        order = self._sandbox.orders[link.order]
        is_taken = order.paid is not None or any(each.state is TryState.WITH_PAYER for each in order.tries)
        is_used = order.qr_id is None and (order.open_try is None or order.open_try.id != link.ref)
        return now < link.expires_at and not is_taken and not is_used


def _address(phone: Phone) -> str:
    return f"/phone/{quote(phone.id, safe='@')}"
