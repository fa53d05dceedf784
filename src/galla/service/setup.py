"""First run: the merchant, machines and key that the settings name. Running it again changes nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from galla import ids
from galla.clock import to_millis
from galla.ledger.accounts import FIXED, clearing
from galla.payments.voiding import CUTOFF
from galla.protocol.message import MerchantKey
from galla.service.till import Till
from galla.store import access, journal, ledger
from galla.store import merchants as stored

SCOPES = ("read", "collect", "refund", "admin")


async def prepare(till: Till) -> None:
    """Make or update the first merchant, its machines and its admin key."""
    settings = till.settings
    if not settings.mid:
        return
    merchant_id = await till.database.write(_first_merchant, till)
    for number, tid in enumerate(settings.tids, start=1):
        await till.database.write(_terminal, till, merchant_id, tid, f"Counter {number}")
    if settings.api_key:
        await till.database.write(_admin_key, till, merchant_id, settings.api_key.reveal())


def make_merchant(
    connection: Connection, till: Till, values: dict[str, Any], key: MerchantKey, actor: str = "galla"
) -> str:
    """Write a merchant with its chart of accounts and its journal; return its id."""
    now = till.clock.now()
    merchant_id = ids.new_id("mer", now)
    row = {
        "id": merchant_id,
        "website": "DEFAULT",
        "client_id": None,
        "channel_id": "EDC",
        "mcc": None,
        "upi_limit_paise": till.settings.upi_limit_paise,
        "collect_allowed": int(till.settings.collect_allowed),
        "void_cutoff": CUTOFF,
        "refund_limit_paise": None,
        "environment": till.settings.environment,
        "callback_token": ids.token(256),
        "created_at": to_millis(now),
        "sealed_key": till.vault.seal(key),
        **values,
    }
    stored.insert_merchant(connection, row)
    journal.open_journal(connection, merchant_id)
    for account in (*FIXED, clearing(row["mid"])):
        ledger.add_account(connection, merchant_id, account)
    detail = {"name": row["name"], "mid": row["mid"]}
    note = journal.Note(actor=actor, origin="setup", action="merchant.created", object_id=merchant_id, detail=detail)
    journal.record(connection, merchant_id, now, note)
    return merchant_id


def digest(secret: str) -> str:
    """Return how a key or token is kept: its SHA-256."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _first_merchant(connection: Connection, till: Till) -> str:
    settings = till.settings
    key = MerchantKey(settings.key.reveal())
    found = stored.merchant_with_mid(connection, settings.mid, settings.environment)
    if found is not None:
        if till.vault.open(found.sealed_key) != key:
            stored.change_merchant(connection, found.id, {"sealed_key": till.vault.seal(key)})
            note = journal.Note(actor="galla", origin="setup", action="merchant.key_changed", object_id=found.id)
            journal.record(connection, found.id, till.clock.now(), note)
        return str(found.id)
    values = {
        "name": settings.shop_name or settings.mid,
        "mid": settings.mid,
        "website": settings.website,
        "client_id": settings.client_id or None,
        "channel_id": settings.channel_id,
    }
    return make_merchant(connection, till, values, key)


def _terminal(connection: Connection, till: Till, merchant_id: str, tid: str, label: str) -> None:
    if stored.get_terminal(connection, merchant_id, tid) is not None:
        return
    now = till.clock.now()
    terminal_id = ids.new_id("term", now)
    detail = {"tid": tid, "label": label}
    note = journal.Note(actor="galla", origin="setup", action="terminal.created", object_id=terminal_id, detail=detail)
    journal.record(connection, merchant_id, now, note)
    stored.insert_terminal(
        connection,
        {
            "merchant_id": merchant_id,
            "id": terminal_id,
            "tid": tid,
            "label": label,
            "branch": "Main",
            "is_active": 1,
            "created_at": to_millis(now),
        },
    )


def _admin_key(connection: Connection, till: Till, merchant_id: str, secret: str) -> None:
    if access.key_with_digest(connection, digest(secret)) is not None:
        return
    add_key(connection, till, merchant_id, secret, "from GALLA_API_KEY", SCOPES, "galla")


def add_key(
    connection: Connection,
    till: Till,
    merchant_id: str,
    secret: str,
    label: str,
    scopes: Sequence[str],
    actor: str,
) -> str:
    """Keep the digest of an API key, and that it was made; return its id."""
    now = till.clock.now()
    key_id = ids.new_id("key", now)
    access.insert_key(
        connection,
        {
            "merchant_id": merchant_id,
            "id": key_id,
            "digest": digest(secret),
            "prefix": secret[:10],
            "label": label,
            "scopes": " ".join(scopes),
            "created_at": to_millis(now),
            "revoked_at": None,
        },
    )
    detail = {"label": label, "scopes": list(scopes)}
    note = journal.Note(actor=actor, origin="access", action="key.created", object_id=key_id, detail=detail)
    journal.record(connection, merchant_id, now, note)
    return key_id
