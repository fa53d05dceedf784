"""Many real connections that speak in the same instant: for races that must have one outcome.

Each connection of its own has sent all of its request but the last byte, and waits at a barrier; then every last byte
leaves at once. Nothing here knows what is asked for.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec

READY_S = 30.0


class Shot(msgspec.Struct, frozen=True, kw_only=True):
    """One request of a storm: a POST with a JSON body; `key` is the caller's API key, `headers` any others."""

    path: str
    body: dict[str, Any]
    key: str
    headers: dict[str, str] = {}


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """What a shot was answered: the HTTP status, the JSON body, and the headers by their names in small letters."""

    status: int
    body: dict[str, Any]
    headers: dict[str, str] = {}

    @property
    def code(self) -> str | None:
        """The machine word of a refusal."""
        return self.body.get("code")


async def storm(addresses: Sequence[str], shots: Sequence[Shot]) -> list[Hit]:
    """Fire every shot on a connection of its own, all released together; return their answers in the same order.

    Args:
        addresses: where the processes listen, such as `http://127.0.0.1:8700`; the shots are dealt round.
        shots: 2 to 64 requests.
    """
    assert 2 <= len(shots) <= 64
    barrier = asyncio.Barrier(len(shots))
    firing = (_fire(addresses[number % len(addresses)], shot, barrier) for number, shot in enumerate(shots))
    return list(await asyncio.gather(*firing))


async def _fire(address: str, shot: Shot, barrier: asyncio.Barrier) -> Hit:
    where = urlsplit(address)
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    try:
        message = _message(where.netloc, shot)
        writer.write(message[:-1])
        await writer.drain()
        async with asyncio.timeout(READY_S):
            await barrier.wait()
        writer.write(message[-1:])
        await writer.drain()
        return _hit(await reader.read())
    finally:
        writer.close()


def _message(host: str, shot: Shot) -> bytes:
    body = json.dumps(shot.body).encode()
    headers = {
        "Host": host,
        "Authorization": f"Bearer {shot.key}",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "Connection": "close",
        **shot.headers,
    }
    lines = "".join(f"{name}: {text}\r\n" for name, text in headers.items())
    return f"POST {shot.path} HTTP/1.1\r\n{lines}\r\n".encode() + body


def _hit(answer: bytes) -> Hit:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"chunked" not in head.lower()
    lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): text for name, _, text in (line.partition(": ") for line in lines[1:])}
    return Hit(status=int(lines[0].split(" ", 2)[1]), body=json.loads(body), headers=headers)
