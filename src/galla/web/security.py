"""Who is asking, and may they: API keys, sessions, CSRF, scopes.

A route says which scope it needs by `needs(...)`; a route that says nothing cannot be mounted. The answers of
keys and sessions themselves come from `galla.service.access`.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Coroutine
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import Depends, Request
from fastapi.routing import APIRoute
from starlette.responses import Response

from galla.service import access
from galla.service.access import Session
from galla.service.till import Principal, Till
from galla.web.body import is_json, read_json
from galla.web.problem import Problem

SCOPE_KEY = "x-galla-scope"
OPEN = "none"
IMPLIED = {
    "read": frozenset({"read", "collect", "refund", "admin"}),
    "collect": frozenset({"collect"}),
    "refund": frozenset({"refund"}),
    "admin": frozenset({"admin"}),
}
"""Which scopes satisfy a need: everyone may look at what they handle; `admin` manages and moves no money."""

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def needs(scope: str) -> dict[str, Any]:
    """Return the `openapi_extra` that says which scope a route needs (`none`: open to all)."""
    return {SCOPE_KEY: scope}


def may(principal: Principal, scope: str) -> bool:
    """Return whether a principal holds a scope, itself or by implication."""
    return bool(IMPLIED[scope] & principal.scopes)


class StrictRequest(Request):
    """A request whose JSON is read strictly, once."""

    _value: Any = None
    _is_read = False

    async def json(self) -> Any:
        """Return the body's JSON value.

        Raises:
            Problem: see `galla.web.body.read_json`.
        """
        if not self._is_read:
            self._value, self._is_read = read_json(await self.body()), True
        return self._value


class GuardedRoute(APIRoute):
    """A JSON route that knows its caller before it reads a byte of the body."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        if SCOPE_KEY not in (self.openapi_extra or {}):
            raise TypeError(f"{self.path} does not say which scope it needs.")

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler with the guard before it."""
        handle = super().get_route_handler()
        scope = str((self.openapi_extra or {}).get(SCOPE_KEY))

        takes_body = self.body_field is not None

        async def guarded(request: Request) -> Response:
            strict = StrictRequest(request.scope, request.receive)
            if scope != OPEN:
                await _admit(strict, scope)
            if strict.method not in _SAFE:
                await _read_strictly(strict, takes_body=takes_body)
            return await handle(strict)

        return guarded


def till_of(request: Request) -> Till:
    """Return the till this application serves."""
    till: Till = request.app.state.till
    return till


def public_address(request: Request) -> str:
    """Return where customers reach galla: the setting if there is one, else where this request came in."""
    return till_of(request).settings.public_url.rstrip("/") or str(request.base_url).rstrip("/")


def principal_of(request: Request) -> Principal:
    """Return the caller whom the guard admitted."""
    principal: Principal = request.state.principal
    return principal


def address_of(request: Request) -> str:
    """Return the address of the computer that asks."""
    return request.client.host if request.client else "unknown"


async def _till(request: Request) -> Till:
    """Hand a route the till; a plain function would be called on a thread, which takes longer than all else here."""
    return till_of(request)


async def _caller(request: Request) -> Principal:
    """Hand a route its caller."""
    return principal_of(request)


TillHere = Annotated[Till, Depends(_till)]
Caller = Annotated[Principal, Depends(_caller)]


async def _admit(request: Request, scope: str) -> None:
    till = till_of(request)
    header = request.headers.get("authorization")
    principal: Principal | None = None
    if header is not None:
        principal = await access.principal_for_key(till, bearer(header))
    else:
        session = await session_of(request)
        if session is not None:
            if request.method not in _SAFE:
                check_origin(request)
                check_csrf(session, request.headers.get("x-csrf-token"))
            principal = session.principal
    if principal is None:
        raise Problem(
            401,
            "unauthenticated",
            "Send an API key of galla's as `Authorization: Bearer <key>`, or sign in.",
            headers={"WWW-Authenticate": 'Bearer realm="galla"'},
        )
    if not may(principal, scope):
        raise Problem(403, "forbidden", f"This needs the scope `{scope}`, which this key or session does not have.")
    request.state.principal = principal


def bearer(header: str) -> str:
    """Return the key in an Authorization header, or an empty text when there is none."""
    kind, _, key = header.partition(" ")
    key = key.strip()
    return key if kind.lower() == "bearer" and key.isascii() and key.isprintable() and len(key) <= 512 else ""


async def _read_strictly(request: StrictRequest, *, takes_body: bool) -> None:
    """Parse the body here, before FastAPI does: it would word every failure as the same 400."""
    if not await request.body():
        return
    if not is_json(request.headers.get("content-type")):
        raise Problem(415, "unsupported_media_type", "Send the body as `Content-Type: application/json`.")
    value = await request.json()
    if not takes_body and value != {}:
        param = next(iter(value), None) if isinstance(value, dict) else None
        raise Problem(422, "unknown_field", "This address takes no body; leave it out.", param=param)


# Sessions of the pages.


def cookie_name(request: Request) -> str:
    """Return the session cookie's name: bound to host and https where there is https."""
    return "__Host-galla" if request.url.scheme == "https" else "galla"


async def session_of(request: Request) -> Session | None:
    """Return the session of the request's cookie, if it stands."""
    token = request.cookies.get(cookie_name(request))
    if not token or not token.isascii() or not token.isprintable() or len(token) > 256:
        return None
    is_used = not request.url.path.endswith(("/live", "/stream"))  # a page left open is nobody at work
    return await access.session(till_of(request), token, is_used=is_used)


def set_session(request: Request, response: Response, token: str) -> None:
    """Give the browser its session."""
    response.set_cookie(
        cookie_name(request), token, httponly=True, samesite="lax", secure=request.url.scheme == "https", path="/"
    )


def clear_session(request: Request, response: Response) -> None:
    """Take the session from the browser."""
    response.delete_cookie(
        cookie_name(request), httponly=True, samesite="lax", secure=request.url.scheme == "https", path="/"
    )


def check_csrf(session: Session, token: str | None) -> None:
    """Compare a CSRF token with the session's own.

    Raises:
        Problem: 403 `csrf` when it is missing or another's.
    """
    if token is None or not hmac.compare_digest(token.encode("utf-8", "replace"), session.csrf.encode()):
        raise Problem(403, "csrf", "This form is from an older page. Load the page again and repeat the step.")


def check_origin(request: Request) -> None:
    """Refuse what a browser says comes from another site: the second line behind the CSRF token.

    Raises:
        Problem: 403 `csrf`.
    """
    site = request.headers.get("sec-fetch-site")
    if site is None:  # an older browser: its Origin says the same, less surely behind a proxy
        origin = request.headers.get("origin")
        is_own = origin is None or urlsplit(origin).netloc == request.headers.get("host")
    else:
        is_own = site in ("same-origin", "none")
    if not is_own:
        raise Problem(403, "csrf", "The request came from another site. Open galla itself and repeat the step there.")


def local_path(text: str | None) -> str:
    """Return where to go after signing in: a path of this site, or the counter when the text is anything else."""
    if text is None or not text.startswith("/") or text.startswith("//") or "\\" in text or not text.isprintable():
        return "/counter"
    return text
