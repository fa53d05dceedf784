"""Carries the pretend Paytm's callbacks over the network while the sandbox is served.

It goes to this computer only, unless it is told otherwise: a sandbox must never write to a stranger. What is
sent, when, and how often is `outbox.py`'s.
"""

from __future__ import annotations

import asyncio
from ipaddress import ip_address
from itertools import groupby
from urllib.parse import urlsplit

import aiohttp

from galla.sandbox.outbox import Post
from galla.sandbox.sandbox import Sandbox

LOOKS_EVERY_S = 0.05
TIMEOUT_S = 10.0
IDLE_S = 2.0
"""How long a connection is kept for the next callback: less than servers keep theirs (five seconds are common), since
one that they close in the moment it is used loses the callback until its next try, a minute later."""


async def carry(sandbox: Sandbox, *, is_remote_allowed: bool = False) -> None:
    """Deliver callbacks as they fall due, those of one order in turn, until cancelled; no order waits for another."""
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    kept = aiohttp.TCPConnector(limit=0, keepalive_timeout=IDLE_S)
    under_way: set[str] = set()

    async def deliver(session: aiohttp.ClientSession, order: str, posts: list[Post]) -> None:
        try:
            await _in_turn(session, sandbox, posts, is_remote_allowed)
        finally:
            under_way.discard(order)

    async with aiohttp.ClientSession(timeout=timeout, connector=kept) as session, asyncio.TaskGroup() as going:
        while True:
            due = sorted(sandbox.due_posts(), key=lambda post: post.about)  # a stable sort: turns are kept
            for order, posts in groupby(due, key=lambda post: post.about):
                if order not in under_way:
                    under_way.add(order)
                    going.create_task(deliver(session, order, list(posts)))
            await asyncio.sleep(LOOKS_EVERY_S)


async def _in_turn(
    session: aiohttp.ClientSession, sandbox: Sandbox, posts: list[Post], is_remote_allowed: bool
) -> None:
    for post in posts:
        if is_remote_allowed or is_this_computer(post.url):
            sandbox.posted(post.number, await _send(session, post))
        else:
            sandbox.drop_post(post.number, "not sent: another computer")


async def _send(session: aiohttp.ClientSession, post: Post) -> int | None:
    """Send one callback and return the HTTP status of the answer, or None."""
    headers = {"Content-Type": post.content_type}
    try:
        async with session.post(post.url, data=post.body, headers=headers, allow_redirects=False) as answer:
            return answer.status
    except (aiohttp.ClientError, TimeoutError, ValueError, OSError):
        return None


def is_this_computer(url: str) -> bool:
    """Whether a URL leads to this computer by name or loopback address."""
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
