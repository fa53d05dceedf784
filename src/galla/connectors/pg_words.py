"""The counter's words for what Paytm's online API answers."""

from __future__ import annotations

from galla.payments.model import Reason
from galla.protocol.pg import Reply
from galla.protocol.pg_codes import explain_pg


def pg_reason(code: str, reply: Reply) -> Reason:
    """Return the counter's words for a reply."""
    row = explain_pg(reply.operation, reply.result)
    return Reason(
        code=code,
        message=row.message,
        hint=row.hint,
        paytm_code=reply.result.code or None,
        paytm_message=reply.result.message or None,
    )


def pg_unclear(reply: Reply) -> Reason:
    """Return the counter's words for a reply that decides nothing."""
    row = explain_pg(reply.operation, reply.result)
    return Reason(
        code="unclear",
        message=f"Paytm gave an answer that decides nothing. {row.message}",
        hint="We keep asking. Do not take this payment again.",
        paytm_code=reply.result.code or None,
        paytm_message=reply.result.message or None,
    )
