"""Merchants: the shops galla takes money for. A merchant's key goes in and never comes out."""

from __future__ import annotations

import re
from typing import Any

import msgspec
from sqlalchemy import Connection, Row

from galla.clock import from_millis, rfc3339
from galla.errors import ConfigError, InvalidField, NotFound
from galla.protocol.message import MerchantKey
from galla.service.setup import make_merchant
from galla.service.till import Till
from galla.service.words import clean
from galla.store import merchants as stored

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
    return await till.database.write(_create, till, values, key)


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
        "environment": row.environment,
        "callback_url": f"/v1/callbacks/paytm/{row.callback_token}",
        "created_at": rfc3339(from_millis(row.created_at)),
    }
