"""Triggers and the reporting view: what constraints cannot say, in both dialects.

- Evidence, events, audit and ledger are append-only.
- An entry is weighed when it is written: its lines must sum to zero, and none can be added afterwards.
- A paid payment stays paid, and a payment's identity never changes.
"""

from __future__ import annotations

from collections.abc import Iterator

from galla.store.receipt_tables import prints, receipts
from galla.store.record_tables import audit, callbacks, entries, events, postings
from galla.store.shift_tables import drawer_movements, shift_lines
from galla.store.tables import attachments, exchanges, proofs

APPEND_ONLY = (
    proofs, exchanges, events, audit, entries, postings, callbacks, attachments, receipts, prints, shift_lines,
    drawer_movements,
)
"""Tables whose rows are never changed and never deleted."""



REPORT_VIEW = """
CREATE VIEW paytm_transaction_report AS
SELECT p.id AS payment_id, p.merchant_id, p.paytm_id AS merchant_transaction_id, p.mid, p.tid, p.method,
       p.created_at, p.amount_paise, p.status, p.rrn, f.transaction_id AS paytm_transaction_id, f.data AS proof,
       b.number AS invoice_number, b.total_paise AS invoice_paise, b.customer_name AS patient_name,
       p.actor AS cashier, p.counter, p.reference
FROM payments p
LEFT JOIN bills b ON b.merchant_id = p.merchant_id AND b.id = p.bill_id
LEFT JOIN proofs f ON f.merchant_id = p.merchant_id AND f.payment_id = p.id
"""

_FROZEN = (
    "id",
    "merchant_id",
    "mid",
    "paytm_id",
    "amount_paise",
    "tendered_paise",
    "currency",
    "method",
    "environment",
)
_PAID_STAYS = "OLD.status = 'paid' AND NEW.status <> 'paid'"
_LATE_ONLY = "OLD.status = 'not_paid' AND NEW.status NOT IN ('not_paid', 'paid')"
_IDENTITY = " OR ".join(f"OLD.{name} <> NEW.{name}" for name in _FROZEN)
_FENCE = "NEW.fence < OLD.fence"

_RULES = (
    ("payments_paid_stays", "payments", "UPDATE", _PAID_STAYS, "a paid payment stays paid"),
    ("payments_late_only", "payments", "UPDATE", _LATE_ONLY, "a payment that is not paid can only become paid"),
    ("payments_identity", "payments", "UPDATE", _IDENTITY, "the identity of a payment never changes"),
    ("payments_fence", "payments", "UPDATE", _FENCE, "a fencing token never goes back"),
    ("payments_kept", "payments", "DELETE", "1 = 1", "a payment is never deleted"),
    ("shifts_frozen", "shifts", "UPDATE", "OLD.closed_at IS NOT NULL", "a closed shift never changes"),
    ("shifts_kept", "shifts", "DELETE", "1 = 1", "a shift is never deleted"),
    ("refunds_kept", "refunds", "DELETE", "1 = 1", "a refund is never deleted"),
    (
        "refunds_identity",
        "refunds",
        "UPDATE",
        "OLD.id <> NEW.id OR OLD.ref_id <> NEW.ref_id OR OLD.amount_paise <> NEW.amount_paise"
        " OR OLD.payment_id <> NEW.payment_id OR (OLD.status = 'done' AND NEW.status <> 'done')",
        "the identity of a refund never changes, and a done refund stays done",
    ),
    (
        "refunds_void_is_whole",
        "refunds",
        "INSERT",
        "NEW.kind = 'void' AND NEW.amount_paise <> (SELECT amount_paise FROM payments"
        " WHERE merchant_id = NEW.merchant_id AND id = NEW.payment_id)",
        "a void gives back the whole payment",
    ),
    (
        "entries_balance",
        "entries",
        "INSERT",
        "(SELECT count(*) FROM postings WHERE merchant_id = NEW.merchant_id AND entry_id = NEW.id) < 2"
        " OR (SELECT sum(amount_paise) FROM postings"
        " WHERE merchant_id = NEW.merchant_id AND entry_id = NEW.id) <> 0",
        "an entry needs two lines or more that sum to zero",
    ),
    (
        "postings_sealed",
        "postings",
        "INSERT",
        "EXISTS (SELECT 1 FROM entries WHERE merchant_id = NEW.merchant_id AND id = NEW.entry_id)",
        "an entry that is written takes no more lines",
    ),
)


def statements(dialect: str) -> Iterator[str]:
    """Yield the DDL for `sqlite` or `postgresql`, to be run once after the tables exist."""
    make = _sqlite_trigger if dialect == "sqlite" else _postgresql_trigger
    for table in APPEND_ONLY:
        for verb in ("UPDATE", "DELETE"):
            yield from make(
                f"{table.name}_kept_{verb.lower()}", table.name, verb, "1 = 1", f"{table.name} is append-only"
            )
    for name, table_name, verb, condition, message in _RULES:
        yield from make(name, table_name, verb, condition, message)
    yield REPORT_VIEW


def _sqlite_trigger(name: str, table: str, verb: str, condition: str, message: str) -> Iterator[str]:
    yield (
        f"CREATE TRIGGER {name} BEFORE {verb} ON {table} WHEN {condition} "
        f"BEGIN SELECT RAISE(ABORT, 'galla: {message}'); END"
    )


def _postgresql_trigger(name: str, table: str, verb: str, condition: str, message: str) -> Iterator[str]:
    """A WHEN clause may not hold a subquery in PostgreSQL, so the condition goes into the function."""
    result = "OLD" if verb == "DELETE" else "NEW"
    yield (
        f"CREATE FUNCTION galla_{name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF {condition} THEN RAISE EXCEPTION 'galla: {message}' USING ERRCODE = 'integrity_constraint_violation'; "
        f"END IF; RETURN {result}; END $$"
    )
    yield (
        f"CREATE TRIGGER {name} BEFORE {verb} ON {table} FOR EACH ROW EXECUTE FUNCTION galla_{name}()"
    )
