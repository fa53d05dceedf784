"""The remote control under `/_sandbox/`: JSON for tests, demos and rehearsals.

Nothing here pretends to be Paytm. It answers only this computer unless the app was made with
`is_control_open`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from ipaddress import ip_address
from typing import Any, Literal

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from galla.clock import rfc3339
from galla.errors import ConfigError, Forbidden, GallaError, IllegalTransition, InvalidField, NotFound
from galla.sandbox import phone_control
from galla.sandbox.autoplay import Outcome
from galla.sandbox.faults import Fault, Kind
from galla.sandbox.instrument import CARDS
from galla.sandbox.request_body import json_body
from galla.sandbox.sandbox import Sandbox
from galla.sandbox.terminal import Action, Terminal, possible
from galla.sandbox.world import SandboxMerchant

PREFIX = "/_sandbox"

_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})
_STATUSES: tuple[tuple[type[GallaError], int], ...] = (
    (NotFound, 404),
    (Forbidden, 403),
    (IllegalTransition, 409),
    (InvalidField, 422),
    (ConfigError, 422),
)


class _Act(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    card: str = "visa_credit"


class _Typed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    code: str


class _NewFault(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    kind: Kind
    operation: str | None = None
    times: int | None = 1
    skip: int = 0
    after_ms: int = 0
    retry_after_s: int = 1
    tid: str | None = None
    paytm_id: str | None = None


class _Clock(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    advance_s: float | None = None
    set: datetime | None = None


class _NewMerchant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    mid: str
    key: str
    name: str = "Sandbox shop"
    channel_id: str = "EDC"
    is_blocked: bool = False
    upi_limit_paise: int = 10_000_000
    collect_allowed: bool = False
    callback_url: str | None = None


class _NewTerminal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    tid: str
    mid: str | None = None
    label: str | None = None
    is_active: bool = True


class _NewPlay(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    after_s: float = 2.0
    outcome: Outcome = Outcome.CARD
    tids: frozenset[str] | None = None


class _Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    operator_expiry_s: float | msgspec.UnsetType | None = msgspec.UNSET
    token_life_s: float | msgspec.UnsetType = msgspec.UNSET
    intent_expiry_s: float | msgspec.UnsetType = msgspec.UNSET
    collect_expiry_s: float | msgspec.UnsetType = msgspec.UNSET
    qr_expiry_s: float | msgspec.UnsetType = msgspec.UNSET
    refund_delay_s: float | msgspec.UnsetType = msgspec.UNSET
    queue_life_s: float | msgspec.UnsetType = msgspec.UNSET
    queue_repeat: Literal["another", "same", "refused"] | msgspec.UnsetType = msgspec.UNSET
    queue_hashes: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET


def routes(sandbox: Sandbox, *, is_open: bool = False) -> list[Route]:
    """Return the control routes of a sandbox; `is_open` lets other computers use them."""
    control = _Control(sandbox, is_open)
    table: tuple[tuple[str, str, _Handle], ...] = (
        ("GET", "/state", control.state),
        ("GET", "/wire", control.wire),
        ("POST", "/terminals", control.add_terminal),
        ("POST", "/terminals/{tid}/code", control.type_code),
        ("POST", "/terminals/{tid}/{action}", control.act),
        ("POST", "/merchants", control.add_merchant),
        ("POST", "/faults", control.add_fault),
        ("DELETE", "/faults", control.clear_faults),
        ("DELETE", "/faults/{number:int}", control.clear_faults),
        ("POST", "/autoplay", control.play),
        ("DELETE", "/autoplay", control.stop_play),
        ("POST", "/clock", control.move_clock),
        ("POST", "/settings", control.change_settings),
        ("POST", "/reset", control.reset),
        *phone_control.handlers(sandbox),
    )
    return [Route(PREFIX + path, control.guarded(handle), methods=[verb]) for verb, path, handle in table]


_Handle = Callable[[Request], Awaitable[Any]]


class _Control:
    def __init__(self, sandbox: Sandbox, is_open: bool) -> None:
        self._sandbox = sandbox
        self._is_open = is_open

    def guarded(self, handle: _Handle) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            try:
                if not (self._is_open or is_local(request)):
                    raise Forbidden("The sandbox's control answers this computer only.")
                if not is_same_origin(request):
                    raise Forbidden("Another site's page may not control the sandbox.")
                return as_json(await handle(request))
            except GallaError as error:
                status = next((status for kind, status in _STATUSES if isinstance(error, kind)), 400)
                return as_json(problem(error), status)

        return endpoint

    async def state(self, request: Request) -> Any:
        return whole_state(self._sandbox)

    async def wire(self, request: Request) -> Any:
        query = request.query_params
        return self._sandbox.wire.calls(paytm_id=query.get("id"), operation=query.get("operation"))

    async def act(self, request: Request) -> Any:
        body = await json_body(request, _Act)
        try:
            action = Action(request.path_params["action"])
        except ValueError:
            raise NotFound(
                f"There is no such action. Choose from {', '.join(Action)}.", param="action"
            ) from None
        return terminal_state(self._sandbox.act(request.path_params["tid"], action, card=body.card))

    async def type_code(self, request: Request) -> Any:
        body = await json_body(request, _Typed)
        return terminal_state(self._sandbox.type_code(request.path_params["tid"], body.code))

    async def add_terminal(self, request: Request) -> Any:
        new = await json_body(request, _NewTerminal)
        mid = new.mid or next(iter(self._sandbox.merchants), "")
        return terminal_state(
            self._sandbox.add_terminal(new.tid, mid, label=new.label, is_active=new.is_active)
        )

    async def add_merchant(self, request: Request) -> Any:
        new = await json_body(request, _NewMerchant)
        return merchant_state(
            self._sandbox.add_merchant(
                new.mid,
                new.key,
                name=new.name,
                channel_id=new.channel_id,
                is_blocked=new.is_blocked,
                upi_limit_paise=new.upi_limit_paise,
                collect_allowed=new.collect_allowed,
                callback_url=new.callback_url,
            )
        )

    async def add_fault(self, request: Request) -> Any:
        new = await json_body(request, _NewFault)
        return self._sandbox.add_fault(Fault(**msgspec.structs.asdict(new)))

    async def clear_faults(self, request: Request) -> Any:
        self._sandbox.clear_faults(request.path_params.get("number"))
        return self._sandbox.faults.waiting

    async def play(self, request: Request) -> Any:
        new = await json_body(request, _NewPlay)
        return self._sandbox.play(new.after_s, new.outcome, tids=new.tids)

    async def stop_play(self, request: Request) -> Any:
        self._sandbox.stop_play()
        return None

    async def move_clock(self, request: Request) -> Any:
        move = await json_body(request, _Clock)
        if move.advance_s is not None:
            self._sandbox.clock.advance(move.advance_s)
        if move.set is not None:
            self._sandbox.clock.move_to(move.set)
        self._sandbox.settle()
        return {"now": rfc3339(self._sandbox.clock.now()), "ahead_s": self._sandbox.clock.ahead_s}

    async def change_settings(self, request: Request) -> Any:
        settings = await json_body(request, _Settings)
        for name in settings.__struct_fields__:
            value = getattr(settings, name)
            if value is not msgspec.UNSET:
                setattr(self._sandbox, name, value)
        return settings_state(self._sandbox)

    async def reset(self, request: Request) -> Any:
        self._sandbox.reset()
        return whole_state(self._sandbox)


def is_local(request: Request) -> bool:
    """Whether the request comes from this computer, to this computer's own name."""
    host = request.headers.get("host", "")
    name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
    if name not in _LOCAL_NAMES or request.client is None:
        return False
    try:
        return ip_address(request.client.host).is_loopback
    except ValueError:
        return False


def is_same_origin(request: Request) -> bool:
    """Whether no other site's page has sent the request."""
    origin = request.headers.get("origin")
    return origin is None or origin.partition("://")[2] == request.headers.get("host")


def whole_state(sandbox: Sandbox) -> dict[str, Any]:
    """Return everything the sandbox knows, for JSON; keys of merchants are left out."""
    with sandbox.lock:
        sandbox.settle()
        return {
            "now": rfc3339(sandbox.clock.now()),
            "ahead_s": sandbox.clock.ahead_s,
            "version": sandbox.version,
            "merchants": [merchant_state(merchant) for merchant in sandbox.merchants.values()],
            "terminals": [terminal_state(terminal) for terminal in sandbox.terminals.values()],
            "cards": list(CARDS.values()),
            "charges": list(sandbox.charges.values()),
            "queue": [
                {**msgspec.to_builtins(entry), "state": sandbox.state_of(entry, sandbox.clock.now())}
                for entry in sandbox.entries.values()
            ],
            "faults": sandbox.faults.waiting,
            "autoplay": sandbox.autoplay,
            **settings_state(sandbox),
            **phone_control.online_state(sandbox),
            "wire": sandbox.wire.calls(),
        }


def terminal_state(terminal: Terminal) -> dict[str, Any]:
    """Return a machine and what can be done to it now."""
    state: dict[str, Any] = msgspec.to_builtins(terminal)
    return state | {"possible": list(possible(terminal))}


def merchant_state(merchant: SandboxMerchant) -> dict[str, Any]:
    """Return a merchant without its key."""
    return {
        "mid": merchant.mid,
        "name": merchant.name,
        "channel_id": merchant.channel_id,
        "is_blocked": merchant.is_blocked,
        "upi_limit_paise": merchant.upi_limit_paise,
        "collect_allowed": merchant.collect_allowed,
        "callback_url": merchant.callback_url,
    }


def settings_state(sandbox: Sandbox) -> dict[str, Any]:
    """Return what can be set: times in seconds, and the dialect of the queue."""
    return {name: getattr(sandbox, name) for name in _Settings.__struct_fields__}


def problem(error: GallaError) -> dict[str, Any]:
    """Return what went wrong, for JSON."""
    return {
        "code": getattr(error, "code", "config_error"),
        "detail": str(error),
        "param": getattr(error, "param", None),
    }


def as_json(value: Any, status: int = 200) -> Response:
    """Return a value as a JSON response."""
    return Response(msgspec.json.encode(value), status, media_type="application/json")
