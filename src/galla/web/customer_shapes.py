"""What requests and answers about customers hold, as `requests.py` and `answers.py`."""

from __future__ import annotations

from typing import Literal

from galla.web.answers import Listed, Shown
from galla.web.requests import PageQuery, Search


class CustomersQuery(PageQuery):
    """Which customers."""

    q: Search | None = None


class Known(Shown):
    """A customer; all but the id and the instants is null once they are erased."""

    id: str
    object: Literal["customer"]
    name: str | None
    phone: str | None
    external_id: str | None
    created_at: str
    erased_at: str | None


class CustomerInFull(Known):
    """A customer with their money, in paise; cancelled bills are left out."""

    billed: int
    paid: int
    due: int
    advance: int


class Customers(Listed):
    """A page of customers."""

    data: list[Known]
