"""Which language a page speaks, and how templates and wording say things in it.

The language is the browser's: what somebody chose there (a cookie), else what the browser asks for, else English. It
is set once for each request, and whatever draws a piece of a page, a live stream too, speaks it. The API is English.
"""

from __future__ import annotations

from contextvars import ContextVar
from http.cookies import CookieError, SimpleCookie

from markupsafe import Markup
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from galla.web.catalog import catalog_of

LANGUAGES = {"en": "English", "hi": "हिन्दी"}
"""Every language, by its own name."""

COOKIE = "galla_language"
DEFAULT = "en"
_CURRENT: ContextVar[str] = ContextVar("language", default=DEFAULT)


def language() -> str:
    """Return the language of whoever looks, as in `LANGUAGES`."""
    return _CURRENT.get()


def message(text: str, **values: object) -> Markup:
    """Return a message of a template, with its values escaped; this is the `_` of `marking.py`."""
    written = Markup(catalog_of(language()).message(text))  # noqa: S704 - a template's own text, or its translation
    return written.format(**values) if values else written


def said(text: str | None) -> str:
    """Return an English sentence of galla's, its values in it, as it is said here; empty for None."""
    return catalog_of(language()).said(str(text)) if text is not None else ""


def others() -> list[tuple[str, str]]:
    """Return the languages that a page may be switched to, each with its own name."""
    return [(name, called) for name, called in LANGUAGES.items() if name != language()]


def chosen(cookies: str, accepted: str) -> str:
    """Return the language of a request, from its Cookie and its Accept-Language header.

    Example:
        >>> chosen("", "hi-IN,hi;q=0.9,en;q=0.8")
        'hi'
        >>> chosen("galla_language=en", "hi")
        'en'
    """
    try:
        kept = SimpleCookie(cookies).get(COOKIE)
    except CookieError:
        kept = None
    if kept is not None and kept.value in LANGUAGES:
        return kept.value
    wanted = sorted(map(_weighed, accepted.split(",")), key=lambda pair: -pair[1])
    return next((name for name, weight in wanted if name in LANGUAGES and weight > 0), DEFAULT)


def _weighed(part: str) -> tuple[str, float]:
    tag, _, weight = part.partition(";")
    try:
        return tag.strip().lower().partition("-")[0], float(weight.strip().removeprefix("q=") or 1)
    except ValueError:
        return "", 0.0


class Speaking:
    """Sets the language of each request, and says on each page which it is and what it was chosen by."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request in its language."""
        if scope["type"] != "http" or scope["path"].startswith("/v1/"):
            await self._app(scope, receive, send)
            return
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        before = _CURRENT.set(chosen(headers.get(b"cookie", ""), headers.get(b"accept-language", "")))

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = list(message.get("headers", []))
                if any(name.lower() == b"content-type" and value.startswith(b"text/html") for name, value in given):
                    by = (b"vary", b"Cookie, Accept-Language"), (b"content-language", language().encode())
                    message = {**message, "headers": [*given, *by]}
            await send(message)

        try:
            await self._app(scope, receive, told)
        finally:
            _CURRENT.reset(before)
