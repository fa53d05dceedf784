"""galla: Paytm payments, followed to a proven end.

These are the library's public names, and the only ones promised to stay. Each is loaded when first used, so
that `import galla` costs little. No server, no database and no logic belongs here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from galla.client.address import Addresses, addresses
    from galla.client.edc import AsyncPaytmEDC, PaytmEDC, is_final
    from galla.client.online import Collect, Intent, is_settled
    from galla.client.queue import AsyncPaytmQueue, PaytmQueue
    from galla.client.queue_flow import is_over
    from galla.client.transport import AsyncTransport, SyncTransport
    from galla.client.upi import AsyncPaytm, Paytm
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
        WebhookNotVerified,
    )
    from galla.ids import paytm_id
    from galla.money import format_inr, parse_rupees
    from galla.protocol.codes import Kind, ResultInfo
    from galla.protocol.edc import SaleReply, StatusReply, VoidReply
    from galla.protocol.link import UpiLink, build_link, parse_link
    from galla.protocol.message import MerchantKey, Request, Response
    from galla.protocol.notify import EdcNotice, PaymentNotice, RefundNotice, read_notice
    from galla.protocol.order import OrderListReply, OrderStatusReply
    from galla.protocol.pg_codes import PgResult
    from galla.protocol.pg_envelope import TxnToken
    from galla.protocol.qr import QrReply
    from galla.protocol.queue import (
        QueueAttempt,
        QueueCancelReply,
        QueueCreateReply,
        QueueState,
        QueueStatusReply,
    )
    from galla.protocol.refund import RefundReply, RefundStatusReply
    from galla.protocol.theia import InitiateReply, OptionsReply
    from galla.protocol.vpa import VpaReply, is_vpa, masked_vpa

    __version__: str

__all__ = [
    "Addresses",
    "AmountNotAllowed",
    "AsyncPaytm",
    "AsyncPaytmEDC",
    "AsyncPaytmQueue",
    "AsyncTransport",
    "ChecksumMismatch",
    "Collect",
    "ConfigError",
    "EdcNotice",
    "GallaError",
    "InitiateReply",
    "Intent",
    "InvalidField",
    "Kind",
    "LocalProtocolError",
    "MerchantKey",
    "NoReply",
    "NotSent",
    "OptionsReply",
    "OrderListReply",
    "OrderStatusReply",
    "PaymentError",
    "PaymentNotice",
    "Paytm",
    "PaytmEDC",
    "PaytmError",
    "PaytmQueue",
    "PgResult",
    "ProtocolError",
    "QrReply",
    "QueueAttempt",
    "QueueCancelReply",
    "QueueCreateReply",
    "QueueState",
    "QueueStatusReply",
    "RefundNotice",
    "RefundReply",
    "RefundStatusReply",
    "Refused",
    "RemoteProtocolError",
    "Request",
    "Response",
    "ResultInfo",
    "SaleReply",
    "StatusReply",
    "SyncTransport",
    "TransportError",
    "TxnToken",
    "UpiLink",
    "VoidReply",
    "VpaReply",
    "WebhookNotVerified",
    "__version__",
    "addresses",
    "build_link",
    "format_inr",
    "is_final",
    "is_over",
    "is_settled",
    "is_vpa",
    "masked_vpa",
    "parse_link",
    "parse_rupees",
    "paytm_id",
    "read_notice",
]

_HOMES = {
    "galla.client.address": ("Addresses", "addresses"),
    "galla.client.edc": ("AsyncPaytmEDC", "PaytmEDC", "is_final"),
    "galla.client.online": ("Collect", "Intent", "is_settled"),
    "galla.client.queue": ("AsyncPaytmQueue", "PaytmQueue"),
    "galla.client.queue_flow": ("is_over",),
    "galla.client.transport": ("AsyncTransport", "SyncTransport"),
    "galla.client.upi": ("AsyncPaytm", "Paytm"),
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
        "WebhookNotVerified",
    ),
    "galla.ids": ("paytm_id",),
    "galla.money": ("format_inr", "parse_rupees"),
    "galla.protocol.codes": ("Kind", "ResultInfo"),
    "galla.protocol.edc": ("SaleReply", "StatusReply", "VoidReply"),
    "galla.protocol.link": ("UpiLink", "build_link", "parse_link"),
    "galla.protocol.message": ("MerchantKey", "Request", "Response"),
    "galla.protocol.notify": ("EdcNotice", "PaymentNotice", "RefundNotice", "read_notice"),
    "galla.protocol.order": ("OrderListReply", "OrderStatusReply"),
    "galla.protocol.pg_codes": ("PgResult",),
    "galla.protocol.pg_envelope": ("TxnToken",),
    "galla.protocol.qr": ("QrReply",),
    "galla.protocol.queue": (
        "QueueAttempt",
        "QueueCancelReply",
        "QueueCreateReply",
        "QueueState",
        "QueueStatusReply",
    ),
    "galla.protocol.refund": ("RefundReply", "RefundStatusReply"),
    "galla.protocol.theia": ("InitiateReply", "OptionsReply"),
    "galla.protocol.vpa": ("VpaReply", "is_vpa", "masked_vpa"),
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
