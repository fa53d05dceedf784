"""The form above the office's list of payments, as typed into an address, and what of it cannot be used. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from urllib.parse import urlencode

import msgspec

from galla.clock import midnight
from galla.errors import AmountNotAllowed
from galla.money import parse_rupees
from galla.service.listing import Listing
from galla.web.pages.days import after, days_called, days_of, name_of_days, offered_days
from galla.web.pages.entry import Faults

STATES = {
    "paid": "Paid",
    "not_paid": "Not paid",
    "waiting": "Waiting",
    "checking": "Checking",
    "person": "Needs a person",
    "given_back": "Given back, all or a part",
}
_LONGEST = 100


class ListingForm(msgspec.Struct, frozen=True, kw_only=True):
    """What the list is narrowed to, as typed: days in India time, amounts in rupees; an empty text narrows nothing."""

    state: str = ""
    method: str = ""
    terminal: str = ""
    by: str = ""
    since: str = ""
    until: str = ""
    least: str = ""
    most: str = ""
    q: str = ""

    @property
    def query(self) -> str:
        """The form as a piece of an address; the days are always in it, or the list would begin at today again."""
        values = msgspec.structs.asdict(self)
        return urlencode({name: text for name, text in values.items() if text or name in ("since", "until")})

    def kept_query(self, today: date) -> str:
        """Return the form as it is kept under a name: *today* is then whichever day it is looked at."""
        values = {name: text for name, text in msgspec.structs.asdict(self).items() if text}
        days = name_of_days(self.since, self.until, today)
        if days is not None:
            values = {"days": days, **{name: text for name, text in values.items() if name not in ("since", "until")}}
        return urlencode(values)

    @property
    def is_narrow(self) -> bool:
        """Whether anything but the days narrows the list."""
        return any(text for name, text in msgspec.structs.asdict(self).items() if name not in ("since", "until"))

    def on_days(self, since: date | None, until: date | None) -> ListingForm:
        """Return the form for other days."""
        first = since.isoformat() if since else ""
        last = until.isoformat() if until else ""
        return msgspec.structs.replace(self, since=first, until=last)


def listing_form(query: Mapping[str, str], today: date) -> ListingForm:
    """Return the form of an address: today's payments when it names no day at all."""
    names = ListingForm.__struct_fields__
    form = ListingForm(**{name: query.get(name, "").strip()[:_LONGEST] for name in names})
    if (days := days_called(query.get("days", ""), today)) is not None:
        return form.on_days(*days)
    return form if "since" in query or "until" in query else form.on_days(today, today)


def spans(form: ListingForm, today: date) -> list[tuple[str, str, bool]]:
    """Return the days most asked for: a name, the query that shows them, and whether they are shown now."""
    found = [(name, form.on_days(since, until)) for name, since, until in offered_days(today, has_all=True)]
    return [(name, other.query, other == form) for name, other in found]


def listing_of(form: ListingForm) -> Listing:
    """Return what the form asks for.

    Raises:
        Faults: a day, an amount or a choice cannot be read; by field.
    """
    wrong: dict[str, str] = {}
    since, until = days_of(form.since, form.until, wrong)
    least, most = _amount(form.least, "least", wrong), _amount(form.most, "most", wrong)
    if least is not None and most is not None and least > most:
        wrong["most"] = "This is less than the least amount."
    if form.state and form.state not in STATES:
        wrong["state"] = "Choose one of the states."
    if wrong:
        raise Faults(wrong)
    return Listing(
        state=form.state or None,
        method=form.method or None,
        terminal_id=form.terminal or None,
        actor=form.by or None,
        begun_from=midnight(since) if since else None,
        begun_until=midnight(after(until)) if until else None,
        least_paise=least,
        most_paise=most,
        text=form.q or None,
    )


def _amount(text: str, name: str, wrong: dict[str, str]) -> int | None:
    if not text:
        return None
    try:
        return parse_rupees(text.replace(",", "").removeprefix("₹").strip())
    except AmountNotAllowed:
        wrong[name] = "Write rupees, such as 2500 or 2500.50."
        return None
