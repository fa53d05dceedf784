"""How often somebody may try a password, a key or a link. Kept in memory, and bounded there.

An account is slowed down only for computers from which nobody has signed in to it: whoever guesses at a name from
elsewhere cannot keep its owner out. Each process counts for itself.
"""

from __future__ import annotations

from collections import OrderedDict

from galla.clock import Clock
from galla.errors import TooSoon

Account = tuple[str, str]
"""A merchant's id and a sign-in name, known or not."""


class Throttle:
    """Counts by key and says when there were too many lately."""

    def __init__(self, clock: Clock, *, most: int, within_s: float, keys: int = 10_000) -> None:
        self._clock = clock
        self._most = most
        self._within_s = within_s
        self._keys = keys
        self._seen: OrderedDict[object, list[float]] = OrderedDict()

    def wait_s(self, key: object) -> int:
        """Return the seconds to wait before the next try; 0 when there is no need."""
        recent = self._recent(key)
        if len(recent) < self._most:
            return 0
        return max(1, round(recent[0] + self._within_s - self._clock.monotonic()))

    def count(self, key: object) -> None:
        """Count one try."""
        self._seen[key] = [*self._recent(key), self._clock.monotonic()]
        self._seen.move_to_end(key)
        while len(self._seen) > self._keys:
            self._seen.popitem(last=False)

    def forget(self, key: object) -> None:
        """Take the latest try back: it was right."""
        if seen := self._seen.get(key):
            seen.pop()

    def _recent(self, key: object) -> list[float]:
        since = self._clock.monotonic() - self._within_s
        return [moment for moment in self._seen.get(key, []) if moment > since]


class Attempts:
    """Tries at signing in: by address, by account, and how many of the failed ones are written down."""

    def __init__(self, clock: Clock) -> None:
        self._by_address = Throttle(clock, most=10, within_s=60)
        self._by_account = Throttle(clock, most=10, within_s=900)
        self._by_owner = Throttle(clock, most=10, within_s=300)
        self._rows = Throttle(clock, most=60, within_s=3600)
        self._owners: OrderedDict[tuple[Account, str], None] = OrderedDict()
        self._unwritten: dict[str, int] = {}

    def begin(self, address: str, account: Account | None = None) -> None:
        """Count a try before it is looked at, so that many at once are not more than many in turn.

        Raises:
            TooSoon: there were too many.
        """
        wait_s = self._by_address.wait_s(address)
        if wait_s:
            self._leave_out(account)
            raise TooSoon(
                f"Too many attempts from this computer. Wait {wait_s} seconds, then try again.", retry_after_s=wait_s
            )
        if account is not None:
            throttle, key = self._of(account, address)
            wait_s = throttle.wait_s(key)
            if wait_s:
                self._leave_out(account)
                raise TooSoon(
                    f"Too many attempts for this name. Wait {-(-wait_s // 60)} min, sign in on a computer where you "
                    "have signed in before, or ask an admin for a one-time link.",
                    retry_after_s=wait_s,
                )
            throttle.count(key)
        self._by_address.count(address)

    def passed(self, address: str, account: Account | None = None) -> None:
        """Take a try back because it was right, and remember the computer as its owner's."""
        if account is not None:
            throttle, key = self._of(account, address)
            throttle.forget(key)
            self._owners[account, address] = None
            self._owners.move_to_end((account, address))
            while len(self._owners) > 10_000:
                self._owners.popitem(last=False)
        self._by_address.forget(address)

    def written(self, merchant_id: str) -> int | None:
        """Return how many failed tries the audit trail leaves out since its last row, or None: leave this one out too.

        At most sixty rows an hour are written for a merchant, whoever is guessing.
        """
        if self._rows.wait_s(merchant_id):
            self._leave_out((merchant_id, ""))
            return None
        self._rows.count(merchant_id)
        return self._unwritten.pop(merchant_id, 0)

    def _of(self, account: Account, address: str) -> tuple[Throttle, object]:
        if (account, address) in self._owners:
            return self._by_owner, (account, address)
        return self._by_account, account

    def _leave_out(self, account: Account | None) -> None:
        if account is not None and account[0]:
            self._unwritten[account[0]] = self._unwritten.get(account[0], 0) + 1
