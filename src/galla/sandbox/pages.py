"""The sandbox's pages: its front page, all machines, one machine for a tablet; and it mounts the phones'.

Buttons are plain forms and work without scripts; with them, pages follow what happens twice a second. What a
page says is chosen in `view.py`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from itertools import islice

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from galla.clock import IST
from galla.errors import Forbidden, GallaError, InvalidField, NotFound
from galla.sandbox import phone_pages
from galla.sandbox.autoplay import Outcome
from galla.sandbox.control import is_local, is_same_origin
from galla.sandbox.faults import MEANING, OPERATIONS, TIMED, Fault, Kind
from galla.sandbox.phone import OPEN
from galla.sandbox.phone_view import order_row, told
from galla.sandbox.phoneplay import PhoneOutcome
from galla.sandbox.request_body import form as form_of
from galla.sandbox.sandbox import DEMO_KEY, DEMO_MID, ROUTES, Sandbox
from galla.sandbox.terminal import Action
from galla.sandbox.view import Machine, machine_view, row

LISTED = 12
DEFAULT_LENGTH_MS = 20_000
HEADERS = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "cache-control": "no-store",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
}

_Endpoint = Callable[[Request], Awaitable[Response]]


def routes(sandbox: Sandbox) -> list[Route]:
    """Return the page routes of a sandbox."""
    pages = _Pages(sandbox)
    table: tuple[tuple[str, str, _Endpoint], ...] = (
        ("GET", "/", pages.front),
        ("GET", "/live", pages.front_live),
        ("GET", "/terminals", pages.machines),
        ("GET", "/terminals/live", pages.machines_live),
        ("GET", "/terminals/{tid}", pages.machine),
        ("GET", "/terminals/{tid}/live", pages.machine_live),
        ("POST", "/terminals/{tid}/code", pages.type_code),
        ("POST", "/terminals/{tid}/{action}", pages.act),
        ("POST", "/faults", pages.add_fault),
        ("POST", "/faults/clear", pages.clear_faults),
        ("POST", "/autoplay", pages.play),
        ("POST", "/phone-autoplay", pages.play_phone),
        *phone_pages.table(sandbox, pages.page, pages.fragment),
    )
    return [Route(path, pages.guarded(endpoint), methods=[verb]) for verb, path, endpoint in table]


class _Pages:
    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._templates = Environment(
            loader=PackageLoader("galla.sandbox"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def guarded(self, endpoint: _Endpoint) -> _Endpoint:
        async def guarded(request: Request) -> Response:
            try:
                if not is_same_origin(request):
                    raise Forbidden("Another site's page may not press buttons here.")
                return await endpoint(request)
            except GallaError as error:
                status = 404 if isinstance(error, NotFound) else 409
                if isinstance(error, InvalidField | Forbidden):
                    status = 422 if isinstance(error, InvalidField) else 403
                return self.page(request, "problem.html", {"problem": str(error)}, status)

        return guarded

    async def front(self, request: Request) -> Response:
        return self.page(
            request,
            "front.html",
            {
                "demo_mid": DEMO_MID,
                "demo_key": DEMO_KEY,
                "base": f"{request.url.scheme}://{request.url.netloc}",
                "paths": [(path, route.operation) for path, route in ROUTES.items()],
                "kinds": list(MEANING.items()),
                "operations": OPERATIONS,
                "outcomes": list(Outcome),
                "phone_outcomes": list(PhoneOutcome),
                "default_ms": DEFAULT_LENGTH_MS,
                "is_local": is_local(request),
                **self._happenings(),
            },
        )

    async def front_live(self, request: Request) -> Response:
        return self.fragment(request, "happenings.html", self._happenings())

    async def machines(self, request: Request) -> Response:
        return self.page(request, "machines.html", {"machines": self._machines()})

    async def machines_live(self, request: Request) -> Response:
        return self.fragment(request, "machines_live.html", {"machines": self._machines()})

    async def machine(self, request: Request) -> Response:
        return self.page(request, "machine.html", self._one(request.path_params["tid"]))

    async def machine_live(self, request: Request) -> Response:
        return self.fragment(request, "machine_live.html", self._one(request.path_params["tid"]))

    async def act(self, request: Request) -> Response:
        form = await form_of(request)
        tid = request.path_params["tid"]
        try:
            action = Action(request.path_params["action"])
        except ValueError:
            raise NotFound("There is no such button.", param="action") from None
        self._sandbox.act(tid, action, card=form.get("card", "visa_credit"))
        return _back(form, f"/terminals/{tid}")

    async def type_code(self, request: Request) -> Response:
        form = await form_of(request)
        tid = request.path_params["tid"]
        self._sandbox.type_code(tid, form.get("code", ""))
        return _back(form, f"/terminals/{tid}")

    async def add_fault(self, request: Request) -> Response:
        form = await _local_form(request)
        try:
            kind = Kind(form.get("kind", ""))
            times = int(form.get("times") or 1)
            after_ms = int(form.get("after_ms") or 0)
        except ValueError:
            raise InvalidField("Choose a failure, and write whole numbers.", param="kind") from None
        fault = Fault(
            kind=kind,
            operation=form.get("operation") or None,
            times=times,
            after_ms=after_ms if kind in TIMED else 0,
        )
        self._sandbox.add_fault(fault)
        return _back(form, "/")

    async def clear_faults(self, request: Request) -> Response:
        form = await _local_form(request)
        self._sandbox.clear_faults()
        return _back(form, "/")

    async def play(self, request: Request) -> Response:
        form = await _local_form(request)
        if outcome := form.get("outcome"):
            self._sandbox.play(_after_s(form), outcome)
        else:
            self._sandbox.stop_play()
        return _back(form, "/")

    async def play_phone(self, request: Request) -> Response:
        form = await _local_form(request)
        if outcome := form.get("outcome"):
            self._sandbox.play_phone(_after_s(form), outcome)
        else:
            self._sandbox.stop_phone_play()
        return _back(form, "/")

    def _machines(self) -> list[Machine]:
        with self._sandbox.lock:
            self._sandbox.settle()
            return [self._view(tid) for tid in sorted(self._sandbox.terminals)]

    def _view(self, tid: str) -> Machine:
        terminal = self._sandbox.terminals.get(tid)
        if terminal is None:
            raise NotFound(f"There is no machine {tid} in the sandbox.", param="tid")
        shop = self._sandbox.merchants[terminal.mid].name
        return machine_view(terminal, shop, self._sandbox.clock.now())

    def _one(self, tid: str) -> dict[str, object]:
        with self._sandbox.lock:
            self._sandbox.settle()
            newest = reversed(self._sandbox.charges.values())
            charges = islice((charge for charge in newest if charge.tid == tid), LISTED)
            return {
                "machine": self._view(tid),
                "sales": [row(charge) for charge in charges],
            }

    def _happenings(self) -> dict[str, object]:
        with self._sandbox.lock:
            self._sandbox.settle()
            sandbox = self._sandbox
            calls = sandbox.wire.calls()[: -LISTED - 1 : -1]
            charges = islice(reversed(sandbox.charges.values()), LISTED)
            orders = islice(reversed(sandbox.orders.values()), LISTED)
            sales = [(charge.received_at, row(charge)) for charge in charges]
            sales += [(order.made_at, order_row(order)) for order in orders]
            newest = sorted(sales, key=lambda sale: sale[0], reverse=True)[:LISTED]
            posts = (*sandbox.outbox.waiting[::-1], *sandbox.outbox.ended[::-1])[:LISTED]
            open_prompts = [each for each in sandbox.prompts.values() if each.step in OPEN]
            return {
                "machines": self._machines(),
                "phones": [
                    (phone, sum(prompt.phone == phone.id for prompt in open_prompts))
                    for phone in sandbox.phones.values()
                ],
                "phone_play": sandbox.phone_play,
                "posts": [told(post) for post in posts],
                "sales": [sale for _, sale in newest],
                "calls": [(call, f"{call.at.astimezone(IST):%H:%M:%S}") for call in calls],
                "call_count": len(sandbox.wire),
                "faults": [(fault, MEANING[fault.kind]) for fault in sandbox.faults.waiting],
                "autoplay": sandbox.autoplay,
            }

    def page(self, request: Request, template: str, values: dict[str, object], status: int = 200) -> Response:
        """Render a whole page."""
        html = self._templates.get_template(template).render(
            here=request.url.path,
            version=self._sandbox.version,
            now=self._now(),
            ahead_s=self._sandbox.clock.ahead_s,
            **values,
        )
        return HTMLResponse(html, status, headers=HEADERS)

    def fragment(self, request: Request, template: str, values: dict[str, object]) -> Response:
        """Render a part of a page, or nothing when there is no news."""
        version = str(self._sandbox.version)
        headers = HEADERS | {"x-sandbox-version": version, "x-sandbox-now": self._now()}
        if request.query_params.get("since") == version:
            return Response(status_code=204, headers=headers)
        html = self._templates.get_template(template).render(**values)
        return HTMLResponse(html, headers=headers)

    def _now(self) -> str:
        return f"{self._sandbox.clock.now().astimezone(IST):%d %b %Y, %H:%M}"


async def _local_form(request: Request) -> dict[str, str]:
    if not is_local(request):
        raise Forbidden("Failures are rehearsed from the computer the sandbox runs on.")
    return await form_of(request)


def _after_s(form: dict[str, str]) -> float:
    try:
        return float(form.get("after_s") or 2)
    except ValueError:
        raise InvalidField("Write the delay in seconds.", param="after_s") from None


def _back(form: dict[str, str], otherwise: str) -> Response:
    """Return to the page the button was on."""
    here = form.get("here", "")
    is_ours = here.startswith("/") and not here.startswith(("//", "/\\"))
    return RedirectResponse(here if is_ours else otherwise, 303)
