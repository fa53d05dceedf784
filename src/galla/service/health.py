"""Whether galla can take money now, and the figures an operator watches."""

from __future__ import annotations

from typing import Any

from prometheus_client import CollectorRegistry, Gauge, generate_latest
from sqlalchemy import Connection, text

from galla.errors import StoreError
from galla.service.tasks import unexplained
from galla.service.till import Till
from galla.store import payments
from galla.store.claims import next_due_at


async def readiness(till: Till) -> dict[str, Any]:
    """Return `status` (ok or failing) and what was checked."""
    checks = {"database": "ok"}
    try:
        await till.database.write(_touch)
    except StoreError as error:
        checks["database"] = str(error)
    is_ok = all(value == "ok" for value in checks.values())
    return {"status": "ok" if is_ok else "failing", "environment": till.settings.environment, "checks": checks}


async def metrics(till: Till) -> bytes:
    """Return the figures in Prometheus text."""
    registry = CollectorRegistry()
    counts = await till.database.read(payments.count_by_status)
    live = Gauge("galla_payments_open", "Payments that are live or need a person", ["status"], registry=registry)
    for status in ("created", "pending", "in_doubt", "paid", "not_paid"):
        live.labels(status).set(counts.get(status, 0))
    doubt = Gauge("galla_unexplained", "Open tasks, and what is past its ladder without one", registry=registry)
    doubt.set(await unexplained(till))
    late = Gauge("galla_overdue_seconds", "How late the most overdue inquiry is", registry=registry)
    due_at = await till.database.read(next_due_at)
    late.set(max(0.0, (till.clock.now() - due_at).total_seconds()) if due_at is not None else 0.0)
    away = Gauge("galla_provider_unreachable", "1 while a host does not answer", ["host"], registry=registry)
    for host, is_open in till.breakers.seen().items():
        away.labels(host).set(is_open)
    return generate_latest(registry)


def _touch(connection: Connection) -> None:
    connection.execute(text("SELECT 1"))


