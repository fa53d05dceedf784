"""galla: Paytm payments, followed to a proven end.

These are the library's public names, and the only ones promised to stay. Each is loaded when first used, so
that `import galla` costs little. No server, no database and no logic belongs here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from galla.client.address import Addresses, addresses
    from galla.client.edc import AsyncPaytmEDC, PaytmEDC, is_final
    from galla.client.transport import AsyncTransport, SyncTransport
    from galla.errors import (
        AmountNotAllowed,
        ChecksumMismatch,
        ConfigError,
        GallaError,
        InvalidField,
        LocalProtocolError,
        NoReply,
        NotSent,
        PaymentError,
        PaytmError,
        ProtocolError,
        Refused,
        RemoteProtocolError,
        TransportError,
    )
    from galla.ids import paytm_id
    from galla.money import format_inr, parse_rupees
    from galla.protocol.codes import Kind, ResultInfo
    from galla.protocol.edc import SaleReply, StatusReply, VoidReply
    from galla.protocol.message import MerchantKey, Request, Response

    __version__: str

__all__ = [
    "Addresses",
    "AmountNotAllowed",
    "AsyncPaytmEDC",
    "AsyncTransport",
    "ChecksumMismatch",
    "ConfigError",
    "GallaError",
    "InvalidField",
    "Kind",
    "LocalProtocolError",
    "MerchantKey",
    "NoReply",
    "NotSent",
    "PaymentError",
    "PaytmEDC",
    "PaytmError",
    "ProtocolError",
    "Refused",
    "RemoteProtocolError",
    "Request",
    "Response",
    "ResultInfo",
    "SaleReply",
    "StatusReply",
    "SyncTransport",
    "TransportError",
    "VoidReply",
    "__version__",
    "addresses",
    "format_inr",
    "is_final",
    "parse_rupees",
    "paytm_id",
]

_HOMES = {
    "galla.client.address": ("Addresses", "addresses"),
    "galla.client.edc": ("AsyncPaytmEDC", "PaytmEDC", "is_final"),
    "galla.client.transport": ("AsyncTransport", "SyncTransport"),
    "galla.errors": (
        "AmountNotAllowed",
        "ChecksumMismatch",
        "ConfigError",
        "GallaError",
        "InvalidField",
        "LocalProtocolError",
        "NoReply",
        "NotSent",
        "PaymentError",
        "PaytmError",
        "ProtocolError",
        "Refused",
        "RemoteProtocolError",
        "TransportError",
    ),
    "galla.ids": ("paytm_id",),
    "galla.money": ("format_inr", "parse_rupees"),
    "galla.protocol.codes": ("Kind", "ResultInfo"),
    "galla.protocol.edc": ("SaleReply", "StatusReply", "VoidReply"),
    "galla.protocol.message": ("MerchantKey", "Request", "Response"),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Load a public name from where it lives."""
    if name == "__version__":
        from importlib.metadata import version

        value: Any = version("galla")
    elif name in _HOME:
        from importlib import import_module

        value = getattr(import_module(_HOME[name]), name)
    else:
        raise AttributeError(f"galla has no public name `{name}`; galla.__all__ lists them.")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names."""
    return list(__all__)
