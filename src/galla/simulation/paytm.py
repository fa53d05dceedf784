"""What Paytm does wrong: spoiled answers, late truths, callbacks forged, doubled and out of order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from galla.errors import InvalidField
from galla.sandbox.faults import STARTS, Fault, Kind
from galla.simulation.pick import pick

if TYPE_CHECKING:
    from galla.simulation.run import Run

SPOILED = (
    Kind.HTTP_500, Kind.HTML, Kind.TRUNCATED_JSON, Kind.UNKNOWN_STATUS, Kind.WRONG_AMOUNT, Kind.WRONG_MID,
    Kind.WRONG_ID, Kind.BAD_SIGNATURE, Kind.INTERNAL_0012, Kind.SYSTEM_501, Kind.NO_CHECKSUM,
)
BAD_ROADS = (
    Kind.DROP_BEFORE, Kind.DROP_AFTER, Kind.DROP_AFTER, Kind.REFUSE_CONNECTION, Kind.DUPLICATE, Kind.RATE_LIMITED,
)
TOLD_LATE = (Kind.LATE_SUCCESS, Kind.LATE_SUCCESS_AFTER_FAILURE, Kind.NOT_FOUND_WINDOW)
BAD_CALLBACKS = (
    Kind.WRONG_AMOUNT, Kind.BAD_SIGNATURE, Kind.OUT_OF_ORDER, Kind.DUPLICATE, Kind.JSON_STYLE, Kind.WRONG_ID,
)
CALLS = (None, "sale", "status", "order_status", "process", "refund", "void", "queue", "queue_status")
LATE_MS = (3_000, 40_000, 400_000, 2_000_000, 5_000_000, 50_000_000)
NEVER_MS = 900_000_000
DELAYS_MS = (200, 3_000, 6_000, 14_000, 16_000, 31_000)
MOST_FAULTS = 3


def spoil(run: Run, a: int, b: int, c: int) -> None:
    """An answer will be spoiled."""
    _fault(run, Fault(kind=SPOILED[c % len(SPOILED)], operation=CALLS[a + c % 4], times=1 + b))


def bad_road(run: Run, a: int, b: int, c: int) -> None:
    """A request or an answer will be lost, refused or doubled."""
    kind = BAD_ROADS[c % len(BAD_ROADS)]
    _fault(run, Fault(kind=kind, operation=CALLS[a + b % 4], times=1 + b % 3, retry_after_s=5))


def delay(run: Run, a: int, b: int, c: int) -> None:
    """An answer will come late, perhaps later than anybody waits."""
    _fault(run, Fault(kind=Kind.DELAY, operation=CALLS[b + c % 4], after_ms=DELAYS_MS[a]))


def told_late(run: Run, a: int, b: int, c: int) -> None:
    """The next payment will be told late, wrongly or not at all for a while."""
    fault = told_so(TOLD_LATE[b % 3], 6 * c + a)
    _fault(run, msgspec.structs.replace(fault, operation=STARTS[c % len(STARTS)]))


def told_so(kind: Kind, which: int) -> Fault:
    """Return the fault of being told late; what is pending may be so until nobody waits for Paytm any more."""
    lengths = (*LATE_MS, *[NEVER_MS] * 3) if kind is Kind.LATE_SUCCESS else LATE_MS
    return Fault(kind=kind, after_ms=lengths[which % len(lengths)])


def bad_refund(run: Run, a: int, b: int, c: int) -> None:
    """The bank will reject the next refunds in the end."""
    _fault(run, Fault(kind=Kind.REFUND_FAILS, operation="refund", times=1 + a % 2))


def bad_callback(run: Run, a: int, b: int, c: int) -> None:
    """A callback will be forged, misordered or in another form."""
    _fault(run, Fault(kind=BAD_CALLBACKS[a], operation="callback"))


def callbacks(run: Run, a: int, b: int, c: int) -> None:
    """Callbacks that are due are delivered, or lost, or delivered in the wrong order."""
    posts = list(run.stage.box.due_posts())
    run.stage.posts = (run.stage.posts + posts)[-20:]
    for post in reversed(posts) if a == 1 else posts:
        if a != 0:
            run.tell(post)
        run.stage.box.posted(post.number, 200)


def callback_again(run: Run, a: int, b: int, c: int) -> None:
    """An old callback comes again, from Paytm or from somebody who has listened; perhaps with another digit."""
    if not run.stage.posts:
        return
    post = pick(run.stage.posts, c)
    body = post.body
    places = [place for place in _signed(body) if 48 <= body[place] <= 57] if b % 2 else []
    if places:
        place = places[(a * 64 + c) * 7 % len(places)]
        body = body[:place] + (b"9" if body[place] != 57 else b"1") + body[place + 1 :]
    run.tell(post, body, is_forged=body != post.body)


def _signed(body: bytes) -> list[int]:
    """Return the places of a callback that its signature covers.

    A JSON head, with the time in it, is not signed; nor is the result of a card machine's, as its rule leaves out what
    is nested. So such a callback can say another result: it stays a hint, and galla asks Paytm whatever it says.
    """
    start, head = body.find(b'"body":'), body.find(b'"head":')
    places = range(max(start, 0), head if head > start >= 0 else len(body))
    inner = body.find(b'"resultInfo":{') if b'"checksum":' in body else -1
    nested = range(inner, body.index(b"}", inner)) if inner >= 0 else range(0)
    return [place for place in places if place not in nested]


def _fault(run: Run, fault: Fault) -> None:
    if len(run.stage.box.faults.waiting) >= MOST_FAULTS:
        run.stage.box.clear_faults()
    try:
        run.stage.box.add_fault(fault)
    except InvalidField:
        return
