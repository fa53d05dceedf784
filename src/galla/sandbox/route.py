"""What one path of the pretend Paytm does. The tables of paths are with the handlers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from galla.protocol.message import Request, Response

if TYPE_CHECKING:
    from galla.sandbox.phones import Phones

Handle = Callable[["Phones", Request, datetime], Response]


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """The operation a path belongs to, for faults and the wire log, and what answers it."""

    operation: str
    handle: Handle
    methods: frozenset[str] = frozenset({"POST"})
