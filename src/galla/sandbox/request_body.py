"""Reading what a person or a test sends to the sandbox itself: small JSON bodies and forms.

Requests to the pretend Paytm are not read here: that is the protocol's.
"""

from __future__ import annotations

from typing import TypeVar
from urllib.parse import parse_qsl

import msgspec
from starlette.requests import Request

from galla.errors import InvalidField

MAX_BODY_BYTES = 65_536

B = TypeVar("B")


async def json_body(request: Request, kind: type[B]) -> B:
    """Read a JSON body as a value of this kind; an empty one is an empty object.

    Raises:
        InvalidField: it is too large, not JSON, or not of this kind.
    """
    data = await _read(request)
    try:
        return msgspec.json.decode(data or b"{}", type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidField(f"The body cannot be used: {error}.") from None


async def form(request: Request) -> dict[str, str]:
    """Read a form; of a name that is there twice the last counts.

    Raises:
        InvalidField: it is too large.
    """
    return dict(parse_qsl((await _read(request)).decode("utf-8", "replace")))


async def _read(request: Request) -> bytes:
    data = b""
    async for chunk in request.stream():
        data += chunk
        if len(data) > MAX_BODY_BYTES:
            raise InvalidField("The body is larger than 64 KiB.")
    return data
