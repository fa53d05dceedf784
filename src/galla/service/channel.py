"""One reader of the event feed for all listeners of a merchant in this process.

Two hundred open screens ask the database once for what was committed, not two hundred times. What is handed round is
only what a commit has written; a listener that falls behind reads the rest from the database itself.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from sqlalchemy import Row

from galla.service.bell import Bell
from galla.service.views import event_view
from galla.store import journal
from galla.store.database import Database

LOOK_EVERY_S = 0.5  # the bell of another process may be missed
GATHER_S = 0.01  # what is committed within this time is read together
PAGE = 200
BACKLOG_MAX = 1_000


class Inbox:
    """What one listener has not read yet; `payment` and `bill` narrow it to one of them."""

    def __init__(self, payment: str | None = None, bill: str | None = None) -> None:
        self.payment = payment
        self.bill = bill
        self.is_behind = False
        self._events: deque[dict[str, Any]] = deque()
        self._error: Exception | None = None
        self._changed = asyncio.Event()

    async def next(self, timeout_s: float) -> dict[str, Any] | None:
        """Return the next event; None when there was none for so long, or when this listener has fallen behind.

        Raises:
            Exception: the reader's own, which ends the channel for all its listeners.
        """
        if not self._events and not self.is_behind and self._error is None:
            self._changed.clear()
            try:
                async with asyncio.timeout(timeout_s):
                    await self._changed.wait()
            except TimeoutError:
                return None
        if self._error is not None:
            raise self._error
        return self._events.popleft() if self._events else None

    def put(self, event: dict[str, Any]) -> None:
        """Add an event; too many unread ones are thrown away, to be read from the database."""
        if len(self._events) >= BACKLOG_MAX:
            self._events.clear()
            self.is_behind = True
        elif not self.is_behind:
            self._events.append(event)
        self._changed.set()

    def forget(self) -> None:
        """Throw away what is unread: the listener looks at everything anyway."""
        self._events.clear()
        self.is_behind = False

    def fail(self, error: Exception) -> None:
        """Let the listener hear that nothing more will come."""
        self._error = error
        self._changed.set()


class Channel:
    """Reads one merchant's feed for as long as somebody listens."""

    def __init__(self, database: Database, bell: Bell, merchant_id: str) -> None:
        self._database = database
        self._bell = bell
        self._merchant_id = merchant_id
        self._inboxes: dict[str | None, set[Inbox]] = {}
        self._reading: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()
        self._position = 0

    async def join(self, inbox: Inbox) -> None:
        """Let a listener in: what is committed after this returns is put into its inbox.

        Raises:
            Unavailable: the database does not answer.
        """
        self._inboxes.setdefault(inbox.payment or inbox.bill, set()).add(inbox)
        if self._reading is None:
            self._ready.clear()
            self._reading = asyncio.create_task(self._read())
        await self._ready.wait()

    def leave(self, inbox: Inbox) -> None:
        """Let a listener go; the reader ends with the last one."""
        key = inbox.payment or inbox.bill
        if held := self._inboxes.get(key):
            held.discard(inbox)
            if not held:
                del self._inboxes[key]
        if not self._inboxes and self._reading is not None:
            self._reading.cancel()
            self._reading = None

    async def _read(self) -> None:
        try:
            self._position = await self._database.read(journal.last_position, self._merchant_id)
            self._ready.set()
            while True:
                count = self._bell.count
                rows = await self._database.read(journal.events_after, self._merchant_id, self._position, PAGE)
                for row in rows:
                    self._hand_round(row)
                if rows:
                    await asyncio.sleep(GATHER_S)
                if len(rows) < PAGE:
                    await self._bell.wait(LOOK_EVERY_S, count)
        except Exception as error:
            self._reading = None
            for inbox in [each for held in self._inboxes.values() for each in held]:
                inbox.fail(error)
            self._inboxes.clear()
            self._ready.set()

    def _hand_round(self, row: Row[Any]) -> None:
        self._position = row.position
        event = event_view(row)
        for key in dict.fromkeys((None, row.object_id, row.bill_id)):
            for inbox in self._inboxes.get(key, ()):
                if inbox.payment in (None, row.object_id) and inbox.bill in (None, row.bill_id):
                    inbox.put(event)
