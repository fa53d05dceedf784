"""The remote control of the online half: phones, merchants' callbacks and their times, as JSON.

Who may use it is decided in `control.py`, which mounts it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from starlette.requests import Request

from galla.clock import rfc3339
from galla.sandbox.order import Order
from galla.sandbox.outbox import Post
from galla.sandbox.phone import Prompt, possible
from galla.sandbox.phoneplay import PhoneOutcome
from galla.sandbox.phones import DEMO_VPA
from galla.sandbox.request_body import json_body
from galla.sandbox.sandbox import Sandbox

Handle = Callable[[Request], Awaitable[Any]]


class _Open(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    link: str
    vpa: str = DEMO_VPA


class _NewPhone(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    vpa: str
    name: str = "A customer"
    bank: str = "State Bank of India"


class _NewPlay(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    after_s: float = 2.0
    outcome: PhoneOutcome = PhoneOutcome.APPROVE


class _Answered(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    status: int | None = None


def handlers(sandbox: Sandbox) -> tuple[tuple[str, str, Handle], ...]:
    """Return verb, path and handler of each control route of the online half."""
    control = _PhoneControl(sandbox)
    return (
        ("POST", "/phones", control.add_phone),
        ("POST", "/phone/open", control.open_link),
        ("POST", "/phone/{prompt}/{tap}", control.tap),
        ("POST", "/phone-autoplay", control.play),
        ("DELETE", "/phone-autoplay", control.stop_play),
        ("GET", "/outbox", control.outbox),
        ("POST", "/outbox/{number:int}", control.posted),
    )


class _PhoneControl:
    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    async def add_phone(self, request: Request) -> Any:
        new = await json_body(request, _NewPhone)
        return self._sandbox.add_phone(new.vpa, name=new.name, bank=new.bank)

    async def open_link(self, request: Request) -> Any:
        body = await json_body(request, _Open)
        return prompt_state(self._sandbox.open_link(body.link, vpa=body.vpa))

    async def tap(self, request: Request) -> Any:
        path = request.path_params
        return prompt_state(self._sandbox.tap(path["prompt"], path["tap"]))

    async def play(self, request: Request) -> Any:
        new = await json_body(request, _NewPlay)
        return self._sandbox.play_phone(new.after_s, new.outcome)

    async def stop_play(self, request: Request) -> Any:
        self._sandbox.stop_phone_play()
        return None

    async def outbox(self, request: Request) -> Any:
        self._sandbox.settle()
        return outbox_state(self._sandbox)

    async def posted(self, request: Request) -> Any:
        body = await json_body(request, _Answered)
        post = self._sandbox.posted(request.path_params["number"], body.status)
        return None if post is None else post_state(post)


def online_state(sandbox: Sandbox) -> dict[str, Any]:
    """Return what the sandbox knows of online payments, for JSON; tokens are left out."""
    return {
        "orders": [order_state(order) for order in sandbox.orders.values()],
        "links": list(sandbox.links.values()),
        "phones": list(sandbox.phones.values()),
        "prompts": [prompt_state(prompt) for prompt in sandbox.prompts.values()],
        "refunds": list(sandbox.refunds.values()),
        "phone_autoplay": sandbox.phone_play,
        "outbox": outbox_state(sandbox),
    }


def order_state(order: Order) -> dict[str, Any]:
    """Return an order without its token."""
    state: dict[str, Any] = msgspec.to_builtins(order)
    return {name: value for name, value in state.items() if name not in ("token", "params")}


def prompt_state(prompt: Prompt) -> dict[str, Any]:
    """Return a request on a phone and what can be done to it now."""
    state: dict[str, Any] = msgspec.to_builtins(prompt)
    return state | {"possible": list(possible(prompt))}


def outbox_state(sandbox: Sandbox) -> dict[str, Any]:
    """Return the callbacks that wait and the latest that ended."""
    outbox = sandbox.outbox
    return {
        "waiting": [post_state(post) for post in outbox.waiting],
        "ended": [post_state(post) for post in outbox.ended],
    }


def post_state(post: Post) -> dict[str, Any]:
    """Return a callback without its body, which carries a checksum."""
    return {
        "number": post.number,
        "subject": post.subject.value,
        "about": post.about,
        "url": post.url,
        "content_type": post.content_type,
        "due_at": rfc3339(post.due_at),
        "tries": post.tries,
        "ended": post.ended,
    }
