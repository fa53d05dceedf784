"""Who speaks: the merchant's identity, key and clock, which every client of this package holds.

The words of any one API are not here, and nothing is sent.
"""

from __future__ import annotations

from typing import Final

from galla.clock import Clock
from galla.errors import ConfigError, InvalidField
from galla.protocol.message import MerchantKey


class Merchant:
    """One merchant in one environment. Any number of them live side by side; they share nothing.

    Raises:
        ConfigError: the MID is missing, or the key has a length that no key has.
    """

    def __init__(
        self, *, mid: str, key: str | MerchantKey, channel_id: str, environment: str, clock: Clock
    ) -> None:
        if not mid:
            raise ConfigError("The merchant's MID is missing: Paytm issues it with the key.", setting="mid")
        self.mid: Final = mid
        self.environment: Final = environment
        self.channel_id: Final = channel_id
        self._key = MerchantKey(key) if isinstance(key, str) else key
        self._clock = clock

    def __repr__(self) -> str:
        return f"{type(self).__name__}(mid={self.mid!r}, key='****', environment={self.environment!r})"

    def _ends_s(self, timeout_s: float, every_s: float) -> float:
        """Return when a wait that begins now ends, on the clock's monotonic scale."""
        for name, seconds in (("timeout_s", timeout_s), ("every_s", every_s)):
            if not seconds > 0:
                raise InvalidField(f"`{name}` must be more than zero seconds.", param=name)
        return self._clock.monotonic() + timeout_s

    def _limit_s(self, ends_s: float, timeout_s: float) -> float:
        """Return how long one call of that wait may take."""
        return max(0.001, min(timeout_s, ends_s - self._clock.monotonic()))
