"""Where Paytm's hosts are, per environment, and the refusal to mix environments.

A wrong pairing of host and merchant looks like a wrong key, or rehearses with real money: so it is found
here, before any I/O. Nothing is sent from this module.
"""

from __future__ import annotations

from typing import assert_never
from urllib.parse import urlsplit

import msgspec

from galla.errors import ConfigError
from galla.protocol.message import Host

SANDBOX_URL = "http://127.0.0.1:8701"
_PRODUCTION_HOSTS = frozenset(
    {
        "secure.paytmpayments.com",
        "securegw.paytm.in",
        "securegw-edc.paytm.in",
    }
)
_REHEARSAL_MARKS = ("stage", "staging", "pguat", "sandbox", "localhost")
_LOOPBACK = ("127.", "localhost", "::1")


class Addresses(msgspec.Struct, frozen=True, kw_only=True):
    """The base URLs of Paytm's three hosts, without a closing slash.

    Source: paytmpayments.com and business.paytm.com documentation. The production host of the payment-request
    queue is not published; the one below is the card machines' own, to be confirmed with Paytm.
    """

    edc: str
    queue: str
    pg: str

    def url(self, host: Host | str) -> str:
        """Return the base URL of a host; that of a provider outside Paytm is its own."""
        if not isinstance(host, Host):
            return host  # checked when the request was made
        match host:
            case Host.EDC:
                return self.edc
            case Host.QUEUE:
                return self.queue
            case Host.PG:
                return self.pg
            case _:
                assert_never(host)


ADDRESSES = {
    "sandbox": Addresses(edc=SANDBOX_URL, queue=SANDBOX_URL, pg=SANDBOX_URL),
    "staging": Addresses(
        edc="https://securegw-stage.paytm.in",
        queue="https://securegw-stage.paytm.in",
        pg="https://securestage.paytmpayments.com",
    ),
    "production": Addresses(
        edc="https://securegw-edc.paytm.in",
        queue="https://securegw-edc.paytm.in",
        pg="https://secure.paytmpayments.com",
    ),
}


def addresses(
    environment: str, *, edc: str | None = None, queue: str | None = None, pg: str | None = None
) -> Addresses:
    """Return an environment's addresses, with some of them replaced by your own.

    Raises:
        ConfigError: the environment is unknown, or an address cannot belong to it.

    Example:
        >>> addresses("staging", edc="http://127.0.0.1:8701/").edc
        'http://127.0.0.1:8701'
    """
    usual = ADDRESSES.get(environment)
    if usual is None:
        raise ConfigError(
            f"The environment `{environment}` is not known: write sandbox, staging or production.",
            setting="GALLA_PAYTM_ENVIRONMENT",
        )
    return Addresses(
        edc=_checked(edc, environment, "GALLA_EDC_URL") or usual.edc,
        queue=_checked(queue, environment, "GALLA_QUEUE_URL") or usual.queue,
        pg=_checked(pg, environment, "GALLA_PG_URL") or usual.pg,
    )


def _checked(url: str | None, environment: str, setting: str) -> str | None:
    """Return the URL without its closing slash if it is one, and one that this environment may talk to."""
    if url is None:
        return None
    try:
        parts = urlsplit(url)
        name, _ = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        raise ConfigError(f"{setting} is not a web address.", setting=setting) from None
    if parts.scheme not in ("http", "https") or not name:
        raise ConfigError(f"{setting} must be a web address such as {SANDBOX_URL}.", setting=setting)
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise ConfigError(
            f"{setting} must hold only scheme, host and port: no user, password, query or fragment.",
            setting=setting,
        )
    if reason := _mixing(environment, parts.scheme, name):
        raise ConfigError(f"{setting} leads to {name}, but {reason}", setting=setting)
    return url.rstrip("/")


def _mixing(environment: str, scheme: str, name: str) -> str | None:
    """Return why this host cannot belong to the environment, or None when it can."""
    is_loopback = name.startswith(_LOOPBACK)
    if environment == "production":
        if scheme != "https":
            return "production speaks https only: correct the address, or the environment."
        if is_loopback or any(mark in name for mark in _REHEARSAL_MARKS):
            return "that is a host for rehearsal: correct the address, or the environment."
        return None
    if name in _PRODUCTION_HOSTS:
        return f"that host moves real money and the environment is {environment}: correct one of the two."
    if scheme != "https" and not is_loopback and environment == "staging":
        return "only this machine may be spoken to without https: write https."
    return None
