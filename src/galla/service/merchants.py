"""Merchants: the shops galla takes money for. A merchant's key goes in and never comes out."""

from __future__ import annotations

import re
from typing import Any

import msgspec
from sqlalchemy import Connection, Row

from galla.clock import from_millis, rfc3339
from galla.errors import ConfigError, InvalidField, NotFound
from galla.ledger.gst import is_gstin
from galla.money import MAX_PAISE
from galla.payments.voiding import is_cutoff
from galla.protocol.message import MerchantKey
from galla.service.setup import make_merchant
from galla.service.till import Principal, Till
from galla.service.words import clean
from galla.store import merchants as stored
from galla.store.journal import Note, record

_MID = re.compile(r"[A-Za-z0-9]{4,20}", re.ASCII)
_MCC = re.compile(r"[0-9]{4}", re.ASCII)
_TEXTS = (
    ("name", 80, True),
    ("website", 30, True),
    ("client_id", 20, False),
    ("channel_id", 32, True),
    ("mcc", 4, False),
    ("gstin", 15, False),
)
"""Each text of a merchant's, how long it may be, and whether there must be one."""


class NewMerchant(msgspec.Struct, frozen=True, kw_only=True):
    """What is needed to take money for a shop. `key` is Paytm's merchant key; it never shows itself."""

    name: str
    mid: str
    key: str
    website: str | None = None
    client_id: str | None = None
    channel_id: str | None = None
    mcc: str | None = None
    gstin: str | None = None
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
    given = {name: value for name in NewMerchant.__struct_fields__ if (value := getattr(new, name)) is not None}
    values = {"mid": new.mid, **_changed({"name": new.name, **given})}
    key = _key(new.key)
    return await till.database.write(_create, till, values, key)


async def change(till: Till, principal: Principal, merchant_id: str, changes: dict[str, Any]) -> dict[str, Any]:
    """Change what `NewMerchant` names, but the MID; None takes away `client_id`, `mcc`, `gstin` and
    `refund_limit`.

    A sale keeps the cut-off that was in force when it was made. What is sent to Paytm from now on is signed with the
    new key.

    Raises:
        NotFound: no such merchant.
        InvalidField: a value cannot be used, or the key is the setting's to change.
    """
    values = _changed(changes)
    key = _key(changes["key"]) if "key" in changes else None
    done = await till.database.write(_change, till, principal, merchant_id, values, key)
    till.forget(merchant_id)
    return done


def key_setting(till: Till, mid: str) -> str | None:
    """Return the setting that holds a merchant's key, where galla takes the key from there when it starts."""
    return "GALLA_PAYTM_KEY" if till.settings.mid == mid else None


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


def _changed(given: dict[str, Any]) -> dict[str, Any]:
    """Return the columns of what is to be changed, checked.

    Raises:
        InvalidField: a value cannot be used, or is missing where there must be one.
    """
    values: dict[str, Any] = {}
    for name, limit, is_required in _TEXTS:
        if name in given:
            values[name] = clean(given[name], name, limit=limit, is_required=is_required)
    if values.get("mcc") is not None and _MCC.fullmatch(values["mcc"]) is None:
        raise InvalidField("`mcc` is the merchant category code: four digits.", param="mcc")
    if values.get("gstin") is not None and not is_gstin(values["gstin"]):
        said = "`gstin` must be the shop's GSTIN, fifteen letters and digits as on its registration; one seems wrong."
        raise InvalidField(said, param="gstin")
    if "upi_limit" in given:
        values["upi_limit_paise"] = _paise(given["upi_limit"], "upi_limit", least=1)
    if "collect_allowed" in given:
        if type(given["collect_allowed"]) is not bool:
            raise InvalidField("`collect_allowed` must be true or false.", param="collect_allowed")
        values["collect_allowed"] = int(given["collect_allowed"])
    if "void_cutoff" in given:
        if not isinstance(given["void_cutoff"], str) or not is_cutoff(given["void_cutoff"]):
            raise InvalidField("`void_cutoff` must be a time in India such as 00:05.", param="void_cutoff")
        values["void_cutoff"] = given["void_cutoff"]
    if "refund_limit" in given:
        limit_paise = given["refund_limit"]
        values["refund_limit_paise"] = None if limit_paise is None else _paise(limit_paise, "refund_limit", least=0)
    return values


def _paise(amount: object, param: str, *, least: int) -> int:
    if type(amount) is not int or not least <= amount <= MAX_PAISE:
        said = "zero or more" if least == 0 else "more than zero"
        raise InvalidField(f"`{param}` must be whole paise, {said}.", param=param)
    return amount


def _key(text: object) -> MerchantKey:
    if not isinstance(text, str):
        raise InvalidField("`key` must be a text.", param="key")
    try:
        return MerchantKey(text)
    except ConfigError as error:
        raise InvalidField(str(error), param="key") from None


def _change(
    connection: Connection,
    till: Till,
    principal: Principal,
    merchant_id: str,
    values: dict[str, Any],
    key: MerchantKey | None,
) -> dict[str, Any]:
    before = stored.get_merchant(connection, merchant_id)
    if before is None:
        raise NotFound(f"There is no merchant {merchant_id[:60]}.")
    values = {name: value for name, value in values.items() if getattr(before, name) != value}
    if values:
        stored.change_merchant(connection, merchant_id, values)
        detail = {name: {"before": getattr(before, name), "after": value} for name, value in values.items()}
        _note(connection, till, principal, "merchant.changed", merchant_id, detail)
    if key is not None and till.vault.open(before.sealed_key) != key:
        setting = key_setting(till, before.mid)
        if setting is not None:
            said = f"This key comes from {setting}. Change it there: galla takes it anew whenever it starts."
            raise InvalidField(said, param="key")
        stored.change_merchant(connection, merchant_id, {"sealed_key": till.vault.seal(key)})
        _note(connection, till, principal, "merchant.key_changed", merchant_id, {})
    return _view(stored.get_merchant(connection, merchant_id) or before)


def _note(
    connection: Connection, till: Till, principal: Principal, action: str, merchant_id: str, detail: dict[str, Any]
) -> None:
    note = Note(actor=principal.actor, origin=principal.origin, action=action, object_id=merchant_id, detail=detail)
    record(connection, merchant_id, till.clock.now(), note)


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
        "gstin": row.gstin,
        "upi_limit": row.upi_limit_paise,
        "collect_allowed": row.collect_allowed == 1,
        "void_cutoff": row.void_cutoff,
        "refund_limit": row.refund_limit_paise,
        "environment": row.environment,
        "callback_url": f"/v1/callbacks/paytm/{row.callback_token}",
        "created_at": rfc3339(from_millis(row.created_at)),
    }
