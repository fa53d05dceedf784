"""Whether a page offers to send a request to a customer's UPI id; if not, the sentence that says why and what else.

What is allowed is decided by `galla.service.offering`; here it is only asked and put into words.
"""

from __future__ import annotations

import msgspec

from galla.service.offering import collect_here
from galla.service.till import Principal, Till

ONLY_IPHONES = "A customer who pays on an iPhone may still be asked."


class CollectOffer(msgspec.Struct, frozen=True, kw_only=True):
    """What the counter shows. With `needs_iphone` only customers with one can be asked; `why` says so, or why not."""

    is_offered: bool
    needs_iphone: bool = False
    why: str = ""


async def collect_offer(till: Till, principal: Principal) -> CollectOffer:
    """Return what the counter may offer, where nobody knows the customer's phone before asking."""
    anyone = await collect_here(till, principal.merchant_id)
    if anyone.is_allowed:
        return CollectOffer(is_offered=True)
    iphone = await collect_here(till, principal.merchant_id, "ios")
    if not iphone.is_allowed:
        return CollectOffer(is_offered=False, why=anyone.message)
    return CollectOffer(is_offered=True, needs_iphone=True, why=f"{anyone.message} {ONLY_IPHONES}")
