"""What the pretend Paytm still has to tell merchants: callbacks that wait for their time, and for an answer.

What a callback says is chosen in `callback.py`; carrying it over the network is `courier.py`'s.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec
from msgspec.structs import replace

RETRY_AFTER_S = (60, 300, 1_800, 7_200, 21_600, 86_400)
"""When a callback that was not taken is sent again: seconds after each try."""

KEPT = 500
HELD_S = 60.0


class Subject(StrEnum):
    """What a callback is about."""

    PAYMENT = "payment"
    REFUND_ACCEPTED = "refund_accepted"
    REFUND_DONE = "refund_done"
    SALE = "sale"


class Post(msgspec.Struct, frozen=True, kw_only=True):
    """One HTTP POST to a merchant. `about` is the order's id; `due_at` an aware instant.

    `tries` counts the failed ones; `is_held` lets a later one about the same order pass first. `ended` says how
    it ended, once it has.
    """

    number: int = 0
    subject: Subject
    about: str
    url: str
    content_type: str
    body: bytes
    due_at: datetime
    tries: int = 0
    is_held: bool = False
    ended: str | None = None


class Outbox:
    """Callbacks not yet taken, in the order they fall due, and the latest that ended."""

    def __init__(self) -> None:
        self._waiting: list[Post] = []
        self._ended: list[Post] = []
        self._count = 0

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._waiting)

    def __iter__(self) -> Iterator[Post]:
        """Go through those that wait, the first due first."""
        return iter(self.waiting)

    def __getitem__(self, place: int) -> Post:
        """Return one that waits, counted in the order they fall due."""
        return self.waiting[place]

    @property
    def waiting(self) -> tuple[Post, ...]:
        """Those not yet taken, the first due first."""
        return tuple(sorted(self._waiting, key=lambda post: (post.due_at, post.number)))

    @property
    def ended(self) -> tuple[Post, ...]:
        """The latest that were taken, refused or given up, oldest first."""
        return tuple(self._ended)

    def add(self, post: Post) -> Post:
        """Take a callback in and return it with its number; one held back for it falls due right after it."""
        self._count += 1
        new = replace(post, number=self._count)
        held = [each for each in self._waiting if each.is_held and each.about == new.about]
        for each in held:
            self._count += 1
            self._waiting.remove(each)
            self._waiting.append(replace(each, number=self._count, due_at=new.due_at, is_held=False))
        self._waiting.append(new)
        return new

    def due(self, now: datetime) -> tuple[Post, ...]:
        """Return those to be sent now, in order."""
        return tuple(post for post in self.waiting if post.due_at <= now)

    def answered(self, number: int, status: int | None, now: datetime) -> Post | None:
        """Note what a merchant answered (None: nothing), and return the callback as it is now.

        2xx takes it, 4xx refuses it for good, all else lets it be sent again until it is given up.
        """
        post = next((each for each in self._waiting if each.number == number), None)
        if post is None:
            return None
        self._waiting.remove(post)
        if status is not None and 200 <= status < 300:
            return self._end(post, "taken")
        if status is not None and 400 <= status < 500:
            return self._end(post, f"refused, HTTP {status}")
        if post.tries >= len(RETRY_AFTER_S):
            return self._end(post, "given up")
        later = now + timedelta(seconds=RETRY_AFTER_S[post.tries])
        again = replace(post, tries=post.tries + 1, due_at=later, is_held=False)
        self._waiting.append(again)
        return again

    def drop(self, number: int, why: str) -> None:
        """Give one up without sending it."""
        post = next((each for each in self._waiting if each.number == number), None)
        if post is not None:
            self._waiting.remove(post)
            self._end(post, why)

    def _end(self, post: Post, how: str) -> Post:
        done = replace(post, ended=how)
        self._ended = [*self._ended[-KEPT + 1 :], done]
        return done
