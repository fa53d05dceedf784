"""Tasks about an endpoint of webhooks, inside the commit that causes them. No money depends on these."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Connection, Row

from galla.payments.task import TaskKind, Words
from galla.service.tasking import Closing, close, open_about
from galla.service.till import Till
from galla.store import tasks


def gone(connection: Connection, till: Till, endpoint: Row[Any]) -> None:
    """The receiver has said that it is there no more: nothing is sent until a person switches it on again."""
    message = (
        f"{_name(endpoint)} answered that it is gone (410), so galla sends it nothing more. No money is affected: "
        "payments go on, and that system does not hear of them."
    )
    words = Words(
        message, "Correct the address on the page Webhooks, and switch it on: what it missed is sent then.", None
    )
    open_about(connection, till, TaskKind.WEBHOOK_GONE, words, endpoint.merchant_id, endpoint.id)


def failed(connection: Connection, till: Till, endpoint: Row[Any], tries: int) -> None:
    """An event was given up after the last try."""
    message = (
        f"{_name(endpoint)} did not take an event in {tries} tries over days, so galla has given it up. No money is "
        "affected: the payment stands as it is here, and that system may not know of it."
    )
    words = Words(message, "Have that system looked at, then send again what failed on the page Webhooks.", None)
    open_about(connection, till, TaskKind.WEBHOOK_FAILED, words, endpoint.merchant_id, endpoint.id)


def settled(connection: Connection, till: Till, endpoint: Row[Any], kind: TaskKind, said: Closing) -> None:
    """What a task was about is over."""
    for task in tasks.open_of(connection, endpoint.merchant_id, endpoint.id):
        if task.kind is kind:
            close(connection, till, task, said)


def _name(endpoint: Row[Any]) -> str:
    return str(endpoint.description or urlsplit(endpoint.url).netloc)
