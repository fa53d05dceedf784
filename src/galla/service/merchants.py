"""Merchants: the shops galla takes money for. A merchant's key goes in and never comes out."""

from __future__ import annotations

import re
from typing import Any

import msgspec
from sqlalchemy import Connection, Row

from galla.clock import from_millis, rfc3339
from galla.errors import ConfigError, InvalidField, NotFound
from galla.money import MAX_PAISE
from galla.payments.voiding import is_cutoff
from galla.protocol.message import MerchantKey
from galla.service.setup import make_merchant
from galla.service.till import Principal, Till
from galla.service.words import clean
from galla.store import merchants as stored
from galla.store.journal import Note, record

_MID = re.compile(r"[A-Za-z0-9]{4,20}", re.ASCII)


class NewMerchant(msgspec.Struct, frozen=True, kw_only=True):
    """What is needed to take money for a shop. `key` is Paytm's merchant key; it never shows itself."""

    name: str
    mid: str
    key: str
    website: str | None = None
    client_id: str | None = None
    channel_id: str | None = None
    mcc: str | None = None
    upi_limit: int | None = None
    collect_allowed: bool | None = None
    void_cutoff: str | None = None
    refund_limit: int | None = None

    def __repr__(self) -> str:
        return f"NewMerchant(name={self.name!r}, mid={self.mid!r})"


async def create(till: Till, new: NewMerchant) -> dict[str, Any]:
    """Add a merchant.

    Raises:
        InvalidField: a field cannot be used, or the MID is there already.
    """
    if _MID.fullmatch(new.mid) is None:
        raise InvalidField("`mid` is Paytm's merchant id: up to twenty letters and digits.", param="mid")
    try:
        key = MerchantKey(new.key)
    except ConfigError as error:
        raise InvalidField(str(error), param="key") from None
    values: dict[str, Any] = {
        "name": clean(new.name, "name", limit=80, is_required=True),
        "mid": new.mid,
        "website": clean(new.website, "website", limit=30) or "DEFAULT",
        "client_id": clean(new.client_id, "client_id", limit=20),
        "channel_id": clean(new.channel_id, "channel_id", limit=32) or "EDC",
        "mcc": clean(new.mcc, "mcc", limit=4),
    }
    if new.upi_limit is not None:
        values["upi_limit_paise"] = new.upi_limit
    if new.collect_allowed is not None:
        values["collect_allowed"] = int(new.collect_allowed)
    values |= _giving_back({"void_cutoff": new.void_cutoff, "refund_limit": new.refund_limit})
    return await till.database.write(_create, till, values, key)


async def change(till: Till, principal: Principal, merchant_id: str, changes: dict[str, Any]) -> dict[str, Any]:
    """Change how a merchant gives money back: `void_cutoff`, and `refund_limit` in paise (None: no limit).

    A sale keeps the cut-off that was in force when it was made.

    Raises:
        NotFound: no such merchant.
        InvalidField: a value cannot be used.
    """
    values = _giving_back(changes)
    if "refund_limit" in changes:
        values["refund_limit_paise"] = changes["refund_limit"]
    changed = await till.database.write(_change, till, principal, merchant_id, values)
    till.forget(merchant_id)
    return changed


async def find(till: Till) -> list[dict[str, Any]]:
    """Return every merchant, oldest first."""
    rows = await till.database.read(stored.all_merchants)
    return [_view(row) for row in rows]


async def get(till: Till, merchant_id: str) -> dict[str, Any]:
    """Return one merchant.

    Raises:
        NotFound: no such merchant.
    """
    row = await till.database.read(stored.get_merchant, merchant_id)
    if row is None:
        raise NotFound(f"There is no merchant {merchant_id[:60]}.")
    return _view(row)


def _giving_back(given: dict[str, Any]) -> dict[str, Any]:
    """Return the columns of what was given, checked; what is None is left as it is."""
    values: dict[str, Any] = {}
    cutoff, limit = given.get("void_cutoff"), given.get("refund_limit")
    if cutoff is not None:
        if not is_cutoff(cutoff):
            raise InvalidField("`void_cutoff` must be a time in India such as 00:05.", param="void_cutoff")
        values["void_cutoff"] = cutoff
    if limit is not None:
        if type(limit) is not int or not 0 <= limit <= MAX_PAISE:
            raise InvalidField("`refund_limit` must be whole paise, zero or more.", param="refund_limit")
        values["refund_limit_paise"] = limit
    return values


def _change(
    connection: Connection, till: Till, principal: Principal, merchant_id: str, values: dict[str, Any]
) -> dict[str, Any]:
    before = stored.get_merchant(connection, merchant_id)
    if before is None:
        raise NotFound(f"There is no merchant {merchant_id[:60]}.")
    stored.change_merchant(connection, merchant_id, values)
    note = Note(
        actor=principal.actor,
        origin=principal.origin,
        action="merchant.changed",
        object_id=merchant_id,
        detail={name: {"before": getattr(before, name), "after": value} for name, value in values.items()},
    )
    record(connection, merchant_id, till.clock.now(), note)
    return _view(stored.get_merchant(connection, merchant_id) or before)


def _create(connection: Connection, till: Till, values: dict[str, Any], key: MerchantKey) -> dict[str, Any]:
    if stored.merchant_with_mid(connection, values["mid"], till.settings.environment) is not None:
        raise InvalidField(f"The MID {values['mid']} is there already.", param="mid", code="merchant_exists")
    row = stored.get_merchant(connection, make_merchant(connection, till, values, key))
    if row is None:
        raise NotFound("The merchant was not kept.")
    return _view(row)


def _view(row: Row[Any]) -> dict[str, Any]:
    return {
        "id": row.id,
        "object": "merchant",
        "name": row.name,
        "mid": row.mid,
        "website": row.website,
        "client_id": row.client_id,
        "channel_id": row.channel_id,
        "mcc": row.mcc,
        "upi_limit": row.upi_limit_paise,
        "collect_allowed": row.collect_allowed == 1,
        "void_cutoff": row.void_cutoff,
        "refund_limit": row.refund_limit_paise,
        "environment": row.environment,
        "callback_url": f"/v1/callbacks/paytm/{row.callback_token}",
        "created_at": rfc3339(from_millis(row.created_at)),
    }
