"""Posting to an address that a shop has typed in, without being led into the shop's own network.

The name is looked up for every post, each address it leads to must be on the public internet, and exactly those are
connected to: there is no second look-up that could say something else. No redirect is followed, no proxy of the
environment used. What is posted and why is not known here; Paytm's own addresses are in `address.py`.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from functools import cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any
from urllib.parse import urlsplit

import msgspec

from galla.client.failure import why
from galla.errors import InvalidField

TIMEOUT_S = 15.0
ANSWER_MAX = 65_536
PORTS = (443, 8443)
_ADDRESS_MAX = 1000
_NAT64 = IPv6Network("64:ff9b::/96")
_NEVER = tuple(ip_network(each) for each in ("192.88.99.0/24", "64:ff9b:1::/48", "2001::/32"))
"""Relays and tunnels that `ipaddress` calls global: what lies behind such an address cannot be told."""


class Posted(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a post. `status` None: nothing was answered, and `said` is why; else the answer's own beginning."""

    status: int | None
    said: str
    retry_after: str | None = None


class NotPublic(Exception):
    """A name leads to an address that is not on the public internet."""


async def post(
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    to_private: bool = False,
    timeout_s: float = TIMEOUT_S,
    resolver: Any = None,
    tls: ssl.SSLContext | None = None,
) -> Posted:
    """Post once, and return what came of it; nothing is raised for what the other side does.

    Args:
        url: where to, checked again here.
        headers: ASCII lines.
        body: the bytes to post.
        to_private: whether http and addresses of private networks will do, for rehearsals.
        timeout_s: bounds looking up, connecting, sending and reading together.
        resolver: looks up names in place of the operating system (aiohttp's `AbstractResolver`).
        tls: whom to trust, instead of the computer's own roots.
    """
    from galla.client.connection import Pool, put_in_writing, spoken

    try:
        check_url(url, to_private=to_private)
    except InvalidField as error:
        return Posted(status=None, said=f"Nothing was sent. {error}")
    origin, target = _split(url)
    pool = Pool(asyncio.get_running_loop(), tls or _trust(), _guarded(resolver, to_private=to_private))
    try:
        async with asyncio.timeout(timeout_s):
            host = pool.host(origin)
            message = put_in_writing(host, "POST", target, headers, body)
            answer = await spoken(await pool.connected(host), message, most=ANSWER_MAX)
    except NotPublic:
        return Posted(
            status=None, said="Nothing was sent: the address does not lead to the public internet, as it must."
        )
    except Exception as error:
        return Posted(status=None, said=f"No answer came ({why(error)}).")
    finally:
        await pool.close()
    return Posted(
        status=answer.status,
        said=answer.body.decode("utf-8", "replace"),
        retry_after=answer.headers.get("Retry-After"),
    )


def check_url(url: str, *, to_private: bool = False) -> None:
    """Check what can be told of an address before it is looked up.

    Raises:
        InvalidField: it is not one that may be posted to.
    """
    try:
        parts = urlsplit(url)
        name, port = parts.hostname or "", parts.port
    except ValueError:
        raise _wrong("is not a web address.") from None
    if len(url) > _ADDRESS_MAX or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise _wrong(f"must be of at most {_ADDRESS_MAX} visible ASCII characters.")
    if parts.scheme != "https" and not (to_private and parts.scheme == "http"):
        raise _wrong("must begin with https://.")
    if not name or "@" in parts.netloc or parts.fragment:
        raise _wrong("must have a host, and neither a user nor a fragment.")
    if to_private:
        return
    if port not in (None, *PORTS):
        raise _wrong(f"must be on port {PORTS[0]} or {PORTS[1]}.")
    if name == "localhost" or (_is_literal(name) and not is_public(name)):
        raise _wrong("must lead to the public internet, not into a network of your own.")


def is_public(address: str) -> bool:
    """Return whether an address, of either family, is one on the public internet.

    Example:
        >>> is_public("93.184.215.14"), is_public("10.0.0.1"), is_public("::ffff:127.0.0.1"), is_public("100.64.0.1")
        (True, False, False, False)
    """
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if any(found in network for network in _NEVER):
        return False
    if isinstance(found, IPv6Address):
        inner = _inner(found)
        if inner is not None:
            return is_public(str(inner))
        if found.is_site_local:
            return False
    return found.is_global and not (found.is_multicast or found.is_reserved or found.is_unspecified)


def _inner(address: IPv6Address) -> IPv4Address | None:
    """Return the address of the older family that an address of the newer one stands for."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    return IPv4Address(int(address) & 0xFFFFFFFF) if address in _NAT64 else None


def _is_literal(name: str) -> bool:
    try:
        ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return True


def _split(url: str) -> tuple[str, str]:
    """Return scheme, host and port of a checked address, and its path with query."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}", (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


@cache
def _trust() -> ssl.SSLContext:
    """Return the computer's own roots, TLS 1.2 at least; read once, which takes time."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _guarded(resolver: Any, *, to_private: bool) -> Any:
    """Return a resolver that answers with public addresses only, made where aiohttp is loaded anyway."""
    from aiohttp.abc import AbstractResolver

    from galla.client.connection import Names
    from galla.client.lookup import OUTWARD

    inner = resolver if resolver is not None else Names(OUTWARD)

    class Guard(AbstractResolver):
        async def resolve(self, host: str, port: int = 0, family: Any = 0) -> Any:
            found = await inner.resolve(host, port, family)
            if not to_private and not all(is_public(each["host"]) for each in found):
                raise NotPublic(host)  # one private address among them is one too many
            return found

        async def close(self) -> None:
            await inner.close()

    return Guard()


def _wrong(what: str) -> InvalidField:
    return InvalidField(f"`url` {what}", param="url")
